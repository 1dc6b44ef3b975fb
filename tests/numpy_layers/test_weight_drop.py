import numpy as np

from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import Cell, WeightDropRNN


def test_it_is_the_cell_with_the_dropped_matrix_and_the_stored_one_survives_any_number_of_passes():
    cell = Cell("gru", 2, 3, np.random.default_rng(0), dtype=np.float64)
    stored, h = cell.weight_hh.copy(), np.random.default_rng(1).normal(size=(2, 5, 2))
    mask = bernoulli_mask((9, 3), 0.5, np.random.default_rng(2))
    net = WeightDropRNN(cell, 0.5, np.random.default_rng(3))
    for _ in range(20):
        outputs, _ = net.forward(h, mask=mask)
        net.backward(outputs)
    np.testing.assert_array_equal(cell.weight_hh, stored)
    assert not cell.grads[1][~mask].any()
    cell.weight_hh = stored * mask * 2
    np.testing.assert_allclose(WeightDropRNN(cell, 0.0, np.random.default_rng(3)).forward(h)[0], outputs, rtol=1e-12)
