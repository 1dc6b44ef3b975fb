import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.masks import normal_noise
from dropout_lab.numpy_layers import variational_linear_forward

sizes = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))


@given(sizes, st.integers(0, 2**32))
def test_an_output_is_its_mean_plus_its_standard_deviation_times_the_noise(size, seed):
    (n, k, d), rng = size, np.random.default_rng(seed)
    h, weight, log_variance, bias = rng.normal(size=(n, d)), *rng.normal(size=(2, k, d)), rng.normal(size=k)
    noise = normal_noise((n, k), np.random.default_rng(1))
    out, _ = variational_linear_forward(h, weight, log_variance, bias, np.random.default_rng(1))
    for row in range(n):
        for unit in range(k):
            variance = sum(math.exp(log_variance[unit, i]) * h[row, i] ** 2 for i in range(d))
            expected = weight[unit] @ h[row] + bias[unit] + math.sqrt(variance) * noise[row, unit]
            assert out[row, unit] == pytest.approx(expected, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"h": np.ones((2, 4))}, ValueError, "got weight (2, 3), log_variance (2, 3) and h (2, 4)"),
        ({"log_variance": np.ones((1, 3))}, ValueError, "log_variance (1, 3)"),
        ({"h": np.ones((2, 3), int)}, TypeError, "use h.astype(float)"),
        ({"noise": np.ones(2)}, ValueError, "(4, 2); got (2,)"),
        ({"rng": None}, TypeError, "Make one with np.random.default_rng"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, error, words):
    arguments = {"h": np.ones((4, 3)), "weight": np.ones((2, 3)), "log_variance": np.ones((2, 3)), "bias": 0.0}
    with pytest.raises(error, match=re.escape(words)):
        variational_linear_forward(**arguments | {"rng": np.random.default_rng(0)} | change)
