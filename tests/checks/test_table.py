from table import stored, table


def test_the_readme_says_what_the_study_finds():
    """False alarms are counted by the study itself; here they are zero, as it demands."""
    assert stored() == table(lambda exercise, answer: 0)
