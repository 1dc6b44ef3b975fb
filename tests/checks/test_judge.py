import pytest

from dropout_lab.checks import check, judge
from dropout_lab.checks.api import find


def test_code_that_is_not_an_answer_is_judged_as_one_and_leaves_the_progress_alone(progress_file):
    def swapped(shape, p, rng):
        return rng.random(shape) < p

    assert judge("01-a", swapped).diagnosis == "keep-drop-swapped"
    assert not progress_file.exists()
    assert str(judge("01-a", swapped)) == str(check("01-a", swapped))
    assert progress_file.exists()


def test_an_unknown_exercise_is_an_error():
    with pytest.raises(ValueError, match="no exercise"):
        judge("99-z", 1)


@pytest.mark.parametrize("letter", "abcdef")
def test_a_solution_of_the_bugs_in_the_wild_passes(letter):
    assert judge(f"08-{letter}", find(f"08-{letter}").solution).status == "passed"
