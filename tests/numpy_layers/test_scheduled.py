import copy

import numpy as np
import pytest

from dropout_lab.numpy_layers import Dropout, ScheduledDropout, Sequential
from dropout_lab.schedules import Annealed, Curriculum, Early, Late


@pytest.mark.parametrize("schedule", [Early, Late, Curriculum, Annealed])
def test_after_each_step_the_layer_is_dropout_with_the_scheduled_p(schedule):
    rule, h = schedule(0.3, 4), np.random.default_rng(0).normal(size=(8, 9))
    layer = ScheduledDropout(rule, np.random.default_rng(1))
    for step in range(8):
        assert layer.p == rule(step)
        plain = Dropout(rule(step), np.random.default_rng(2))
        layer.rng = np.random.default_rng(2)
        np.testing.assert_array_equal(layer.forward(h), plain.forward(h))
        np.testing.assert_array_equal(layer.backward(h), plain.backward(h))
        layer.step()


def test_it_wakes_up_after_p_was_zero():
    layer = ScheduledDropout(Late(0.3, 2), np.random.default_rng(0))
    net, h = Sequential([layer]), np.ones((10, 10))
    np.testing.assert_array_equal(net.forward(h), h)
    layer.step()
    np.testing.assert_array_equal(net.forward(h), h)
    layer.step()
    assert (net.forward(h) == 0).any()


@pytest.mark.parametrize(("p", "factor"), [(0.0, 1), (1.0, 0)])
def test_the_ends_of_the_range_are_finite(p, factor):
    layer = ScheduledDropout(Early(p, 3), np.random.default_rng(0))
    np.testing.assert_array_equal(layer.forward(np.ones((3, 4))), factor)


def test_a_copy_goes_on_by_itself():
    layer = ScheduledDropout(Early(0.3, 1), np.random.default_rng(0))
    again = copy.deepcopy(layer)
    again.step()
    assert (layer.p, again.p) == (0.3, 0.0)


def test_a_schedule_that_leaves_the_range_is_refused_and_the_last_p_stays():
    layer = ScheduledDropout(lambda step: 0.6 * (step + 1), np.random.default_rng(0))
    with pytest.raises(ValueError, match="number in \\[0, 1\\]"):
        layer.step()
    assert (layer.p, layer.n_steps) == (0.6, 0)


def test_a_number_in_the_place_of_a_schedule_is_refused():
    with pytest.raises(TypeError, match=r"write Constant\(0.2\)"):
        ScheduledDropout(0.2, np.random.default_rng(0))
