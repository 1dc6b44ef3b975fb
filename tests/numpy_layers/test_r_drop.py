import re

import numpy as np
import pytest

from dropout_lab.numpy_layers import r_drop_loss, softmax, softmax_cross_entropy


def two_passes(n=4, k=3):
    return np.random.default_rng(0).normal(size=(2, n, k)), np.random.default_rng(1).integers(k, size=n)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 5.0])
def test_the_loss_is_two_cross_entropies_and_half_alpha_times_both_divergences(alpha):
    (first, second), labels = two_passes()
    p, q = softmax(first), softmax(second)
    divergences = (p * np.log(p / q)).sum(axis=1).mean() + (q * np.log(q / p)).sum(axis=1).mean()
    right = softmax_cross_entropy(first, labels)[0] + softmax_cross_entropy(second, labels)[0]
    np.testing.assert_allclose(r_drop_loss(first, second, labels, alpha=alpha)[0], right + alpha / 2 * divergences)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 5.0])
def test_the_gradients_match_central_differences(alpha, central_differences):
    passes, labels = two_passes()
    _, *gradients = r_drop_loss(*passes, labels, alpha=alpha)
    numerical = central_differences(lambda: r_drop_loss(*passes, labels, alpha=alpha)[0], passes)
    np.testing.assert_allclose(gradients, numerical, atol=1e-8)


def test_logits_far_apart_do_not_overflow():
    loss, *gradients = r_drop_loss(np.array([[800.0, -800.0]]), np.array([[-800.0, 800.0]]), np.array([0]), alpha=1.0)
    assert loss == 1600 + 3200 / 2
    assert np.isfinite(gradients).all()


def test_the_dtype_is_kept():
    passes, labels = two_passes()
    _, *gradients = r_drop_loss(*passes.astype(np.float32), labels, alpha=1.0)
    assert {gradient.dtype for gradient in gradients} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"second": np.ones((4, 2))}, ValueError, "logits of both passes are (N, K); got (4, 3) and (4, 2)"),
        ({"labels": np.ones(3, int)}, ValueError, "labels (N,); got (4, 3) and (3,)"),
        ({"alpha": -1.0}, ValueError, "weight of the disagreement, a number of at least 0; got -1.0"),
        ({"alpha": "much"}, TypeError, "got 'much'"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(change, error, text):
    (first, second), labels = two_passes()
    given = {"first": first, "second": second, "labels": labels, "alpha": 1.0, **change}
    with pytest.raises(error, match=re.escape(text)):
        r_drop_loss(given["first"], given["second"], given["labels"], alpha=given["alpha"])
