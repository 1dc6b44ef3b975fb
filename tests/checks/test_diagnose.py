import numpy as np
import pytest

from dropout_lab.checks import check
from dropout_lab.checks.api import exercise_ids, find
from dropout_lab.checks.diagnose import diagnose, failures, fingerprints


@pytest.mark.parametrize("exercise", exercise_ids())
def test_every_wrong_version_of_the_bank_is_named_on_other_seeds_too(exercise):
    exercise = find(exercise)
    for row in exercise.bank:
        for version in row.versions:
            found = diagnose(exercise, version, (5, 77))
            assert found is not None
            assert found.misconception is not None
            assert found.misconception.slug == row.slug


@pytest.mark.parametrize("exercise", exercise_ids())
def test_every_wrong_version_fails_somewhere(exercise):
    for print_ in fingerprints(find(exercise)):
        assert any(map(failures, print_.stages)), print_.row.slug


def test_several_slips_are_named_one_after_the_other():
    def unscaled_and_always_on(h, p, rng, training=True):
        return h * (rng.random(h.shape) >= p)

    verdict = check("02-a", unscaled_and_always_on)
    assert verdict.diagnosis == "not-scaled"
    assert "There may be more" in verdict.message


def test_two_slips_of_one_stage_give_the_first_that_matters():
    def unscaled_and_fixed(h, p, rng, training=True):
        if not training:
            return h
        mask = rng.permutation(h.size).reshape(h.shape) >= round(p * h.size)
        return h * mask

    verdict = check("02-a", unscaled_and_fixed)
    assert verdict.diagnosis == "not-scaled"
    assert "There may be more" in verdict.message


@pytest.mark.parametrize(
    "answer",
    [
        lambda h, p, rng, training=True: np.where(rng.random(h.shape) >= p * p, h / (1 - p * p), 0) if training else h,
        lambda h, p, rng, training=True: h * (rng.random(h.shape) >= p) * 2 if training else h,
        lambda h, p, rng, training=True: np.zeros_like(h),
        lambda h, p, rng, training=True: np.abs(h) * (rng.random(h.shape) >= p) / (1.0000001 - p) if training else h,
    ],
)
def test_a_wrong_answer_that_fits_no_row_is_not_given_a_name(answer):
    verdict = check("02-a", answer)
    assert verdict.status == "failed"
    assert verdict.diagnosis is None
    assert "Seen:" in verdict.message
    assert "Expected:" in verdict.message


def test_a_first_draw_that_was_bad_luck_is_drawn_again():
    exercise, draws = find("01-a"), []

    def unlucky_once(shape, p, rng):
        draws.append(0)
        return rng.random(shape) >= (p + 0.3 if len(draws) < 5 else p)

    assert diagnose(exercise, exercise.adapt(unlucky_once)) is None
