import math
import re

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import Cell, ZoneoutRNN, zoneout_backward, zoneout_forward


def two_states(*shape, dtype=np.float64):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.7, 1.0])
def test_every_unit_is_the_new_one_where_the_update_is_kept_and_else_the_last(p):
    previous, current = two_states(4, 5)
    mask = bernoulli_mask((4, 5), p, np.random.default_rng(1))
    for options in ({"mask": mask}, {"rng": np.random.default_rng(1)}):
        state, _ = zoneout_forward(previous, current, p, **options)
        np.testing.assert_array_equal(state[mask], current[mask])
        np.testing.assert_array_equal(state[~mask], previous[~mask])


@pytest.mark.parametrize("p", [0.05, 0.2, 0.9])
def test_out_of_training_it_is_the_mean_over_masks(p):
    previous, current = two_states(3, 2)
    n = 20_000
    many = [np.broadcast_to(state, (n, 3, 2)) for state in (previous, current)]
    passes, _ = zoneout_forward(*many, p, np.random.default_rng(1))
    expected, _ = zoneout_forward(previous, current, p, training=False)
    errors = np.abs(current - previous) * math.sqrt(p * (1 - p) / n)
    assert (np.abs(passes.mean(axis=0) - expected) < 5 * errors).all()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_backward_matches_central_differences_for_both_states(p, training, central_differences):
    previous, current = two_states(2, 3)
    mask, grad_out = bernoulli_mask((2, 3), p, np.random.default_rng(1)), np.random.default_rng(2).normal(size=(2, 3))

    def forward():
        return zoneout_forward(previous, current, p, mask=mask, training=training)

    gradients = zoneout_backward(grad_out, forward()[1])
    for gradient, state in zip(gradients, (previous, current), strict=True):
        numerical = central_differences(lambda: (forward()[0] * grad_out).sum(), state)
        np.testing.assert_allclose(gradient, numerical, atol=1e-8)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept_and_nothing_is_modified(dtype, training):
    states = two_states(4, 5, dtype=dtype)
    state, cache = zoneout_forward(*states, 0.3, np.random.default_rng(1), training=training)
    assert {array.dtype for array in (state, *zoneout_backward(state, cache))} == {np.dtype(dtype)}
    np.testing.assert_array_equal(states, two_states(4, 5, dtype=dtype))


@pytest.mark.parametrize(
    ("states", "options", "error", "text"),
    [
        (
            (np.ones(3), np.ones(2)),
            {},
            ValueError,
            "the state before and after a step has one shape; got (3,) and (2,)",
        ),
        ((np.ones(3, int), np.ones(3)), {}, TypeError, "previous must hold floats"),
        (
            (np.ones(3), np.ones(3)),
            {"mask": np.ones(2, bool)},
            ValueError,
            "mask must have the shape of the state, (3,)",
        ),
        ((np.ones(3), np.ones(3)), {"rng": 7}, TypeError, "np.random.default_rng(7)"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(states, options, error, text):
    with pytest.raises(error, match=re.escape(text)):
        zoneout_forward(*states, 0.2, **options)


def test_an_lstm_makes_its_new_h_from_the_memory_before_zoneout():
    rng = np.random.default_rng(3)
    cell, x, start = Cell("lstm", 3, 5, rng, dtype=np.float64), rng.normal(size=(2, 1, 3)), tuple(two_states(2, 5))
    masks = [bernoulli_mask((2, 1, 5), 0.5, np.random.default_rng(seed)) for seed in (1, 2)]
    _, (h, c) = ZoneoutRNN(cell, 0.5, rng).forward(x, start, mask=masks[0], memory_mask=masks[1])
    new_h, new_c = cell.step(x[:, 0], start, weight_hh=cell.weight_hh)[0]
    np.testing.assert_array_equal(h, np.where(masks[0][:, 0], new_h, start[0]))
    np.testing.assert_array_equal(c, np.where(masks[1][:, 0], new_c, start[1]))


@pytest.mark.parametrize("training", [True, False])
def test_at_one_the_state_never_changes(training):
    rng = np.random.default_rng(3)
    start = tuple(two_states(2, 5))
    outputs, state = ZoneoutRNN(Cell("lstm", 3, 5, rng), 1.0, rng).forward(np.ones((2, 4, 3)), start, training=training)
    np.testing.assert_array_equal(outputs, np.repeat(start[0][:, np.newaxis], 4, axis=1))
    np.testing.assert_array_equal(state, start)


def test_the_memory_has_a_rate_of_its_own_that_must_be_a_probability():
    rng = np.random.default_rng(3)
    with pytest.raises(ValueError, match=re.escape("p_memory")):
        ZoneoutRNN(Cell("lstm", 3, 5, rng), 0.1, rng, p_memory=1.2)
    assert repr(ZoneoutRNN(Cell("gru", 3, 5, rng), 0.1, rng)) == "ZoneoutRNN(Cell('gru', 3, 5), p=0.1, p_memory=0.1)"
