"""Each penalty is compared with the mean of the loss over all masks or over sampled ones, and with its own formula."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab import penalties
from dropout_lab.ensembles import all_masks, linear_subnetworks, mask_probabilities
from dropout_lab.masks import bernoulli_mask

X = np.array([[1.5, -2.0, 0.0, 3.0], [0.5, 1.0, -3.0, -1.5], [2.0, 0.0, 1.0, -1.0], [-1.0, 0.5, 0.5, 2.0]])
W = np.array([1.0, -0.5, 2.0, 0.25])
Y = np.array([2.0, -7.0, 3.0, 1.0])
X_TALL = np.vstack([X, -X + 0.5, 2 * X[::-1], X + np.array([0.3, -0.2, 0.1, 0.4])])
Y_TALL = np.tile(Y, 4) + np.arange(16) / 8

every_p = pytest.mark.parametrize("p", [0.0, 0.1, 0.2, 0.7, 0.95])


def mean_over_masks(loss, x, w, p):
    """Σ_n E[loss(n, z̃_n)] over all masks of the features, exactly."""
    chances = mask_probabilities(all_masks(x.shape[1]), p)
    return sum(chances @ loss(n, linear_subnetworks(w[None], row, p)[:, 0]) for n, row in enumerate(x))


def log_partition(z):
    return np.logaddexp(0, z)


@every_p
def test_dropout_adds_the_linear_penalty_to_the_squared_error_exactly(p):
    mean = mean_over_masks(lambda n, z: (Y[n] - z) ** 2, X, W, p)
    assert mean == pytest.approx(((Y - X @ W) ** 2).sum() + penalties.linear_penalty(X, W, p), rel=1e-12)


@every_p
def test_the_linear_penalty_weighs_each_squared_weight_with_the_diagonal_of_the_gram_matrix(p):
    expected = p / (1 - p) * W**2 @ np.diag(X.T @ X)
    assert penalties.linear_penalty(X, W, p) == pytest.approx(expected, rel=1e-12)


@every_p
def test_dropout_ridge_solves_its_normal_equations(p):
    gram = X_TALL.T @ X_TALL
    w = penalties.dropout_ridge(X_TALL, Y_TALL, p)
    np.testing.assert_allclose((gram + p / (1 - p) * np.diag(np.diag(gram))) @ w, X_TALL.T @ Y_TALL, rtol=1e-11)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.7])
def test_no_weights_near_those_of_dropout_ridge_have_a_smaller_mean_loss(p):
    def mean_loss(w):
        return mean_over_masks(lambda n, z: (Y_TALL[n] - z) ** 2, X_TALL, w, p)

    w = penalties.dropout_ridge(X_TALL, Y_TALL, p)
    for step in 1e-3 * np.vstack([np.eye(4), -np.eye(4)]):
        assert mean_loss(w + step) > mean_loss(w)


@pytest.mark.parametrize("p", [0.2, 0.7])
def test_least_squares_on_sampled_dropped_copies_approaches_dropout_ridge(p):
    rng, fits = np.random.default_rng(0), []
    for _ in range(40):
        copies = np.tile(X_TALL, (2_000, 1))
        copies = copies * bernoulli_mask(copies.shape, p, rng) / (1 - p)
        fits.append(np.linalg.lstsq(copies, np.tile(Y_TALL, 2_000), rcond=None)[0])
    error = np.std(fits, axis=0, ddof=1) / math.sqrt(len(fits))
    assert (abs(np.mean(fits, axis=0) - penalties.dropout_ridge(X_TALL, Y_TALL, p)) < 5 * error).all()


@every_p
def test_uncorrelated_features_shrink_to_the_keep_probability_of_least_squares(p):
    x = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]) * [1.0, 30.0]
    w = penalties.dropout_ridge(x, x @ [2.0, -0.1], p)
    np.testing.assert_allclose(w, (1 - p) * np.array([2.0, -0.1]), rtol=1e-12)


@given(hnp.arrays(np.float64, 4, elements=st.floats(0.01, 100)), st.floats(0.01, 0.95))
def test_another_unit_of_a_feature_changes_its_weight_and_no_prediction(units, p):
    w = penalties.dropout_ridge(X_TALL, Y_TALL, p)
    w_units = penalties.dropout_ridge(X_TALL * units, Y_TALL, p)
    np.testing.assert_allclose(w_units * units, w, rtol=1e-8, atol=1e-10)


def test_a_feature_that_is_always_0_gets_weight_0():
    x = np.column_stack([X_TALL, np.zeros(16)])
    w = penalties.dropout_ridge(x, Y_TALL, 0.2)
    np.testing.assert_allclose(w, [*penalties.dropout_ridge(X_TALL, Y_TALL, 0.2), 0], rtol=1e-10, atol=1e-14)


@every_p
def test_with_constant_curvature_the_glm_penalty_is_half_the_linear_one(p):
    assert penalties.glm_penalty(X, W, p, np.ones(4)) == pytest.approx(penalties.linear_penalty(X, W, p) / 2, rel=1e-12)


@every_p
def test_the_glm_penalty_is_half_the_curvature_times_the_variance_of_the_predictor(p):
    curvature = np.exp(X @ W)  # Poisson regression
    variance = [sum(p / (1 - p) * w**2 * x**2 for w, x in zip(W, row, strict=True)) for row in X]
    assert penalties.glm_penalty(X, W, p, curvature) == pytest.approx(curvature @ variance / 2, rel=1e-12)


@every_p
def test_the_logistic_penalty_weighs_each_squared_weight_with_the_fisher_information(p):
    pi = 1 / (1 + np.exp(-X @ W))
    information = (pi * (1 - pi)) @ X**2
    assert penalties.logistic_penalty(X, W, p) == pytest.approx(p / (1 - p) / 2 * W**2 @ information, rel=1e-12)


@pytest.mark.parametrize("labels", [np.zeros(4), np.ones(4), np.array([0.0, 1.0, 1.0, 0.0])])
def test_what_dropout_adds_to_the_logistic_loss_does_not_depend_on_the_labels(labels):
    with_dropout = mean_over_masks(lambda n, z: log_partition(z) - labels[n] * z, X, W, 0.2)
    without = (log_partition(X @ W) - labels * (X @ W)).sum()
    added = mean_over_masks(lambda n, z: log_partition(z) - log_partition(X[n] @ W), X, W, 0.2)
    assert with_dropout - without == pytest.approx(added, rel=1e-11)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.7])
def test_the_logistic_penalty_is_right_to_second_order_in_the_size_of_the_weights(p):
    def relative_error(w):
        exact = mean_over_masks(lambda n, z: log_partition(z) - log_partition(X[n] @ w), X, w, p)
        return abs(penalties.logistic_penalty(X, w, p) / exact - 1)

    assert relative_error(0.01 * W) < 5e-3
    assert relative_error(5 * W) > 0.1  # far from it, the expansion fails
    assert relative_error(0.01 * W) < 0.5 * relative_error(0.04 * W)


@given(hnp.arrays(np.float64, 5, elements=st.floats(-700, 700)))
def test_the_logistic_curvature_is_pi_times_one_minus_pi_without_overflow(z):
    pi = np.exp(-np.logaddexp(0, -z))
    np.testing.assert_allclose(penalties.logistic_curvature(z), pi * np.exp(-np.logaddexp(0, z)), rtol=1e-9)


CALLS = (
    lambda x, w, p: penalties.linear_penalty(x, w, p),
    lambda x, w, p: penalties.glm_penalty(x, w, p, np.ones(4)),
    lambda x, w, p: penalties.logistic_penalty(x, w, p),
    lambda x, w, p: penalties.dropout_ridge(x, Y, p),
)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("p", "error", "words"),
    [
        (math.nan, ValueError, "got nan"),
        (1.2, ValueError, "pass p = 1 - q"),
        ("half", TypeError, "got 'half'"),
        (1.0, ValueError, "nothing is left to scale by 1/(1-p)"),
    ],
)
def test_every_penalty_refuses_what_is_no_probability_below_one(call, p, error, words):
    with pytest.raises(error, match=re.escape(words)):
        call(X, W, p)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (X[0], ValueError, "x is (N, D), one example a row; got shape (4,)"),
        (X.astype(int), TypeError, "use x.astype(float)"),
        (X.tolist(), TypeError, "x is a NumPy array of floats; got list"),
    ],
)
def test_inputs_that_are_no_table_of_floats_are_refused(call, x, error, words):
    with pytest.raises(error, match=re.escape(words)):
        call(x, W, 0.2)


@pytest.mark.parametrize("call", CALLS[:3])
def test_weights_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError, match=re.escape("x is (N, D) and w (D,); got x (4, 4) and w (3,)")):
        call(X, W[:3], 0.2)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=re.escape("x is (N, D) and y (N,); got x (4, 4) and y (3,)")):
        penalties.dropout_ridge(X, Y[:3], 0.2)


def test_a_curvature_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=re.escape("A″ of each example, here (4,); got shape (4, 1)")):
        penalties.glm_penalty(X, W, 0.2, np.ones((4, 1)))


def test_no_argument_is_modified_and_the_weights_keep_their_dtype():
    x, y, w = X.astype(np.float32), Y.astype(np.float32), W.astype(np.float32)
    assert penalties.dropout_ridge(x, y, 0.2).dtype == np.float32
    for penalty in (penalties.linear_penalty, penalties.logistic_penalty):
        assert type(penalty(x, w, 0.2)) is float
    np.testing.assert_array_equal(x, X.astype(np.float32))
    np.testing.assert_array_equal(y, Y.astype(np.float32))
    np.testing.assert_array_equal(w, W.astype(np.float32))
