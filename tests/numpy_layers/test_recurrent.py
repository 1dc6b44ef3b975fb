import re

import numpy as np
import pytest

from dropout_lab.numpy_layers import Cell


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_step_backward_matches_central_differences(kind, central_differences):
    rng = np.random.default_rng(0)
    cell, x = Cell(kind, 3, 2, rng, dtype=np.float64), rng.normal(size=(4, 3))
    state = tuple(rng.normal(size=(4, 2)) for _ in range(2 if kind == "lstm" else 1))
    grads = tuple(rng.normal(size=(4, 2)) for _ in state)
    noise = {"seen": rng.normal(size=(4, 2)), "candidate": rng.normal(size=(4, 2))}

    def loss():
        after, _ = cell.step(x, state, weight_hh=cell.weight_hh, **noise)
        return sum((part * grad).sum() for part, grad in zip(after, grads, strict=True))

    _, step = cell.step(x, state, weight_hh=cell.weight_hh, **noise)
    grad_x, grad_state, gradients = cell.step_backward(grads, step, weight_hh=cell.weight_hh)
    arrays = [x, *state, *cell.parameters()]
    for gradient, array in zip([grad_x, *grad_state, *gradients], arrays, strict=True):
        np.testing.assert_allclose(gradient, central_differences(loss, array), atol=1e-7)


@pytest.mark.parametrize(("kind", "rows"), [("lstm", 16), ("gru", 12)])
def test_weights_are_shaped_as_pytorchs_and_uniform_within_one_over_root_h(kind, rows):
    shapes = [array.shape for array in Cell(kind, 3, 4, np.random.default_rng(0)).parameters()]
    assert shapes == [(rows, 3), (rows, 4), (rows,), (rows,)]
    weight = Cell(kind, 100, 100, np.random.default_rng(0)).weight_hh
    assert weight.dtype == np.float32
    assert 0.099 < weight.max() <= 0.1
    assert -0.1 <= weight.min() < -0.099


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("rnn", 3, 4, np.random.default_rng(0)), ValueError, 'kind is "lstm" or "gru"; got \'rnn\''),
        (("gru", 0, 4, np.random.default_rng(0)), ValueError, "input_size is a whole number of at least 1; got 0"),
        (("gru", 3, 4.0, np.random.default_rng(0)), TypeError, "hidden_size"),
        (("gru", 3, 4, 7), TypeError, "np.random.default_rng(7)"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(arguments, error, text):
    with pytest.raises(error, match=re.escape(text)):
        Cell(*arguments)
