from table import stored, table


def test_the_readme_says_what_the_study_finds():
    """The study itself finds names and false alarms; here they are as it demands."""
    assert stored() == table(lambda exercise, slug, answers: [slug] * len(answers), lambda exercise, answer: 0)
