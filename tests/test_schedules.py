import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.schedules import Annealed, Constant, Curriculum, Early, Late, linear_depth_rates, require_schedule

RATES = st.floats(0, 1)
TIMED = (Early, Late, Curriculum, Annealed)


@given(RATES, st.integers(1, 50), st.sampled_from(TIMED), st.integers(0, 10**6))
def test_every_schedule_gives_a_probability_of_at_most_p(p, n_steps, schedule, step):
    assert 0 <= schedule(p, n_steps)(step) <= p


@given(RATES, st.integers(1, 50))
def test_each_schedule_begins_and_ends_as_its_name_says(p, n_steps):
    starts = [schedule(p, n_steps)(0) for schedule in TIMED]
    ends = [schedule(p, n_steps)(10 * n_steps) for schedule in TIMED]
    assert starts == [p, 0, 0, p]
    assert ends == pytest.approx([0, p, p, 0], rel=1e-12)
    assert Constant(p)(0) == Constant(p)(10 * n_steps) == p


@given(RATES, st.integers(1, 50), st.integers(0, 100))
def test_early_and_late_share_the_training_between_them(p, n_steps, step):
    assert {Early(p, n_steps)(step), Late(p, n_steps)(step)} == {0, p}
    assert (Early(p, n_steps)(step) == p) == (step < n_steps or p == 0)


@given(RATES, st.integers(1, 50), st.integers(0, 100))
def test_the_curriculum_is_the_formula_of_its_paper(p, n_steps, step):
    keep_limit, gamma = 1 - p, 10 / n_steps
    keep_prob = (1 - keep_limit) * math.exp(-gamma * step) + keep_limit
    assert Curriculum(p, n_steps)(step) == pytest.approx(1 - keep_prob, abs=1e-12)


@given(RATES, st.integers(1, 50), st.integers(0, 100))
def test_annealing_falls_in_a_straight_line_to_zero(p, n_steps, step):
    assert Annealed(p, n_steps)(step) == pytest.approx(p * max(0, 1 - step / n_steps), abs=1e-12)


@given(st.integers(1, 60), RATES)
def test_depth_rates_rise_in_equal_steps_to_the_last(n_blocks, p):
    rates = linear_depth_rates(n_blocks, p)
    assert len(rates) == n_blocks
    assert rates[-1] == p
    assert rates == pytest.approx([p * block / n_blocks for block in range(1, n_blocks + 1)])
    kept = n_blocks - p * (n_blocks + 1) / 2
    assert sum(1 - rate for rate in rates) == pytest.approx(kept, abs=1e-9)


@pytest.mark.parametrize("schedule", TIMED)
@pytest.mark.parametrize(
    ("p", "n_steps", "error", "words"),
    [
        (1.2, 10, ValueError, "pass p = 1 - q"),
        (math.nan, 10, ValueError, "nan"),
        ("half", 10, TypeError, "'half'"),
        (0.2, 0, ValueError, "n_steps is a whole number of at least 1; got 0"),
        (0.2, 1.5, TypeError, "n_steps is a whole number"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_when_it_is_made(schedule, p, n_steps, error, words):
    with pytest.raises(error, match=re.escape(words)):
        schedule(p, n_steps)


@pytest.mark.parametrize("schedule", [Constant(0.2), *(schedule(0.2, 5) for schedule in TIMED)])
@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_a_step_counts_from_zero_in_whole_numbers(schedule, step, error):
    with pytest.raises(error, match="step is a whole number of at least 0"):
        schedule(step)


@pytest.mark.parametrize(("n_blocks", "p", "words"), [(0, 0.2, "n_blocks"), (3, 1.2, "p_last"), (3, -0.1, "p_last")])
def test_depth_rates_refuse_no_blocks_and_no_probability(n_blocks, p, words):
    with pytest.raises(ValueError, match=words):
        linear_depth_rates(n_blocks, p)


def test_a_constant_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="nan"):
        Constant(math.nan)


def test_a_number_in_the_place_of_a_schedule_is_refused_with_the_repair():
    with pytest.raises(TypeError, match=re.escape("For one p at every step write Constant(0.2).")):
        require_schedule(0.2)
    with pytest.raises(TypeError, match="such as Early"):
        require_schedule("early")


def test_a_schedule_that_gives_no_probability_is_refused():
    with pytest.raises(ValueError, match=re.escape("got 1.5")):
        require_schedule(lambda step: 1.5)
