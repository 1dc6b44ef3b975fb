"""Standardised splits: the training part's own mean and deviation, also for the test rows."""

import numpy as np
import torch

from dropout_lab.replications.standardised import standardised
from dropout_lab.replications.uci import UCISet, split_rows


def test_training_parts_have_mean_0_and_deviation_1_and_tests_are_seen_on_their_scale(tmp_path):
    rng = np.random.default_rng(0)
    table = np.column_stack([5 + 3 * rng.standard_normal((50, 2)), np.full(50, 7.0), rng.standard_normal(50)])
    np.savetxt(tmp_path / "mine.txt", table)
    found = standardised(UCISet("mine", "mine.txt", 3, 3, 0.1, 1.0, 0.1), tmp_path, [2, 0])
    varying = found.inputs[..., :2]
    torch.testing.assert_close(varying.mean(dim=1), torch.zeros(2, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(varying.std(dim=1, correction=0), torch.ones(2, 2))
    assert not found.inputs[..., 2].any()  # the third column does not vary: centred, and divided by nothing
    train, test = split_rows(50, 3)[2]
    own = table[train][:, 0]
    np.testing.assert_allclose(found.tests[0][:, 0], (table[test][:, 0] - own.mean()) / own.std(), rtol=1e-5)
    np.testing.assert_allclose(found.answers[0], table[test][:, 3])
    assert found.scales[0] == (table[train][:, 3].mean(), table[train][:, 3].std())
