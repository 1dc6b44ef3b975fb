"""What all tests share: Hypothesis without deadlines or chance, and the standard error of a Binomial's variance."""

import math

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("lab", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("lab")


@pytest.fixture(scope="session")
def binomial_variance_error():
    """Standard error of the sample variance of `repeats` independent Binomial(n, p) counts."""

    def standard_error(n, p, repeats):
        pq = p * (1 - p)
        variance, fourth = n * pq, n * pq * (1 + 3 * (n - 2) * pq)
        return math.sqrt((fourth - variance**2 * (repeats - 3) / (repeats - 1)) / repeats)

    return standard_error


class ZeroGenerator(np.random.Generator):
    """A generator whose uniform numbers are all exactly 0.0, the boundary that `>` in place of `>=` would drop."""

    def random(self, size=None, dtype=np.float64, out=None):
        return np.zeros(size, dtype)


@pytest.fixture
def zero_generator():
    return ZeroGenerator(np.random.PCG64(0))


@pytest.fixture
def assert_global_state_untouched():
    """Call a function and fail if it moved NumPy's global random state."""

    def check(function):
        before = np.random.get_state()  # noqa: NPY002
        function()
        after = np.random.get_state()  # noqa: NPY002
        np.testing.assert_equal(after, before)

    return check
