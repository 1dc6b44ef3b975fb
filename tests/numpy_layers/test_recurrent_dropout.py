import numpy as np

from dropout_lab.numpy_layers import Cell, RecurrentDropoutRNN


def test_a_dropped_update_leaves_the_memory_to_the_forget_gate():
    cell = Cell("lstm", 2, 3, np.random.default_rng(0), dtype=np.float64)
    cell.bias_ih[3:6] += 1e4  # the forget gate stays open
    memory = np.array([[1.0, -2.0, 3.0]])
    net = RecurrentDropoutRNN(cell, 0.5, np.random.default_rng(1))
    _, (_, c) = net.forward(np.ones((1, 50, 2)), (np.zeros((1, 3)), memory), mask=np.zeros((1, 50, 3), bool))
    np.testing.assert_array_equal(c, memory)


def test_at_one_a_gru_can_only_forget():
    cell = Cell("gru", 2, 3, np.random.default_rng(0), dtype=np.float64)
    start = np.ones((1, 3))
    outputs, _ = RecurrentDropoutRNN(cell, 1.0, np.random.default_rng(1)).forward(np.ones((1, 9, 2)), (start,))
    assert (np.diff(np.concatenate([start[:, None], outputs], axis=1), axis=1) < 0).all()
    assert (outputs > 0).all()
