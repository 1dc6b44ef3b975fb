import re

import numpy as np
import pytest

from dropout_lab.numpy_layers import Cell, VariationalRNN


def net(p, p_state=None):
    return VariationalRNN(Cell("lstm", 3, 4, np.random.default_rng(0)), p, np.random.default_rng(1), p_state=p_state)


def test_an_input_that_is_dropped_is_dropped_at_every_step():
    h, mask = np.random.default_rng(2).normal(size=(1, 6, 3)), np.array([[True, False, True]])
    options = {"input_mask": mask, "state_mask": np.ones((1, 4), bool)}
    outputs, _ = net(0.5).forward(h, **options)
    grad = net(0.5)
    grad.forward(h, **options)
    assert not grad.backward(np.ones((1, 6, 4)))[:, :, 1].any()
    changed = h.copy()
    changed[:, :, 1] = 100
    np.testing.assert_array_equal(net(0.5).forward(changed, **options)[0], outputs)


def test_the_two_rates_are_told_apart():
    assert repr(net(0.2, 0.4)) == "VariationalRNN(Cell('lstm', 3, 4), p=0.2, p_state=0.4)"
    layer = net(0.0, 1.0)
    layer.forward(np.ones((2, 5, 3)))
    assert (layer.of_input == 1).all()
    assert (layer.of_state == 0).all()
    with pytest.raises(ValueError, match=re.escape("p_state")):
        net(0.2, -0.1)
