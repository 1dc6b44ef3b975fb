import math
import re

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import embedding_dropout_backward, embedding_dropout_forward

PROBABILITIES = (0.1, 0.2, 0.7)


def words():
    return np.random.default_rng(0).integers(10, size=(4, 30))


def weights(dtype=np.float64):
    return np.random.default_rng(1).normal(size=(10, 3)).astype(dtype)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.7, 1.0])
def test_a_word_is_dropped_wherever_it_stands_in_its_sequence_and_scaled_elsewhere(p):
    mask = bernoulli_mask((4, 10), p, np.random.default_rng(2))
    for options in ({"mask": mask}, {"rng": np.random.default_rng(2)}):
        out, _ = embedding_dropout_forward(words(), weights(), p, **options)
        scale = 1 / (1 - p) if p < 1 else 0
        for n, position in np.ndindex(4, 30):
            word = words()[n, position]
            np.testing.assert_allclose(out[n, position], weights()[word] * mask[n, word] * scale, rtol=1e-14)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_sequences_and_types_flip_coins_of_their_own(p, binomial_variance_error):
    tokens = np.broadcast_to(np.arange(300), (400, 300))
    kept = embedding_dropout_forward(tokens, np.ones((300, 1)), p, np.random.default_rng(3))[0][..., 0] > 0
    assert abs(1 - kept.mean() - p) < 5 * math.sqrt(p * (1 - p) / kept.size)
    for axis in (0, 1):
        counts, n = kept.sum(axis=axis), kept.shape[axis]
        assert abs(counts.var(ddof=1) - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("p", [0.0, 0.2, 0.7])
def test_backward_matches_central_differences_on_a_fixed_mask(p, training, central_differences):
    weight, rng = weights(), np.random.default_rng(4)
    mask, grad_out = bernoulli_mask((4, 10), p, rng), rng.normal(size=(4, 30, 3))

    def forward():
        return embedding_dropout_forward(words(), weight, p, mask=mask, training=training)

    gradient = embedding_dropout_backward(grad_out, forward()[1])
    numerical = central_differences(lambda: (forward()[0] * grad_out).sum(), weight)
    np.testing.assert_allclose(gradient, numerical, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept_and_nothing_is_modified(dtype):
    tokens, weight = words(), weights(dtype)
    out, cache = embedding_dropout_forward(tokens, weight, 0.3, np.random.default_rng(5))
    assert {out.dtype, embedding_dropout_backward(out, cache).dtype} == {np.dtype(dtype)}
    np.testing.assert_array_equal(tokens, words())
    np.testing.assert_array_equal(weight, weights(dtype))


def test_out_of_training_it_is_a_row_of_the_weight_for_each_token():
    out, _ = embedding_dropout_forward(words(), weights(), 0.3, training=False)
    np.testing.assert_array_equal(out, weights()[words()])


@pytest.mark.parametrize(
    ("tokens", "options", "error", "text"),
    [
        (words() + 0.5, {}, TypeError, "tokens is an array of whole numbers, one for each word; got float64"),
        (words().tolist(), {}, TypeError, "got list"),
        (words()[0], {}, ValueError, "sequences (N, L) with at least one word; got shape (30,)"),
        (words()[:0], {}, ValueError, "got shape (0, 30)"),
        (words() + 1, {}, ValueError, "tokens lie in 0 … 9, the rows of weight; got 1 to 10"),
        (words(), {"mask": np.ones((4, 30), bool)}, ValueError, "each sequence and word type, (4, 10); got (4, 30)"),
        (words(), {"rng": 7}, TypeError, "np.random.default_rng(7)"),
    ],
)
def test_bad_input_is_refused_with_what_is_wanted(tokens, options, error, text):
    with pytest.raises(error, match=re.escape(text)):
        embedding_dropout_forward(tokens, weights(), 0.3, **options)


def test_a_gradient_of_another_shape_is_refused():
    out, cache = embedding_dropout_forward(words(), weights(), 0.3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="grad_out must have the shape of the output"):
        embedding_dropout_backward(out[:1], cache)


def test_a_weight_that_is_no_table_is_refused():
    with pytest.raises(ValueError, match=re.escape("weight is (V, D), a row for each word type; got shape (10,)")):
        embedding_dropout_forward(words(), weights()[:, 0], 0.3, np.random.default_rng(0))
