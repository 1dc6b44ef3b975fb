import math
import re

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import token_dropout


def words():
    return np.random.default_rng(0).integers(10, size=(20, 50))


@pytest.mark.parametrize("p", [0.0, 0.2, 1.0])
def test_dropped_tokens_are_replaced_and_protected_ones_stay(p):
    tokens, mask = words(), bernoulli_mask((20, 50), p, np.random.default_rng(1))
    for options in ({"mask": mask}, {"rng": np.random.default_rng(1)}):
        dropped = token_dropout(tokens, p, 99, protected=[0, 7], **options)
        safe = (tokens == 0) | (tokens == 7)
        np.testing.assert_array_equal(dropped, np.where(mask | safe, tokens, 99))
    np.testing.assert_array_equal(tokens, words())


@pytest.mark.parametrize("p", [0.1, 0.6])
def test_a_share_p_of_the_unprotected_tokens_is_replaced(p):
    tokens = words()
    replaced = (token_dropout(tokens, p, 99, np.random.default_rng(2), protected=[0]) == 99)[tokens != 0]
    assert abs(replaced.mean() - p) < 5 * math.sqrt(p * (1 - p) / replaced.size)


def test_out_of_training_the_tokens_themselves_come_back():
    tokens = words()
    assert token_dropout(tokens, 0.5, 1, training=False) is tokens


@pytest.mark.parametrize("dtype", [np.int16, np.int64])
def test_the_dtype_is_kept(dtype):
    assert token_dropout(words().astype(dtype), 0.5, 1, np.random.default_rng(0)).dtype == dtype


@pytest.mark.parametrize(
    ("tokens", "options", "error", "text"),
    [
        (words() + 0.5, {}, TypeError, "tokens is an array of whole numbers, one for each word; got float64"),
        (words().tolist(), {}, TypeError, "got list"),
        (words()[:0], {}, ValueError, "tokens is empty (shape (0, 50))"),
        (words(), {"replacement": -1}, ValueError, "replacement is a whole number of at least 0; got -1"),
        (words(), {"replacement": 1, "protected": [0.5]}, TypeError, "each protected token"),
        (words(), {"replacement": 1, "mask": np.ones(3, bool)}, ValueError, "mask must have the shape of tokens"),
        (words(), {"replacement": 1, "rng": 7}, TypeError, "np.random.default_rng(7)"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(tokens, options, error, text):
    with pytest.raises(error, match=re.escape(text)):
        token_dropout(tokens, 0.5, **{"replacement": 1, **options})
