import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.arguments import (
    require_axes,
    require_count,
    require_decay,
    require_finite,
    require_float_array,
    require_float_dtype,
    require_gradient,
    require_mask,
    require_positive,
    require_probability,
    require_rng,
    require_shape,
    require_survivors,
)


@given(st.floats(0, 1))
def test_every_number_from_0_to_1_is_a_probability(p):
    assert require_probability(p) == p


@given(st.floats(allow_nan=True).filter(lambda p: not 0 <= p <= 1))
def test_no_number_outside_0_to_1_is_a_probability(p):
    with pytest.raises(ValueError, match=re.escape("the probability that a unit is dropped, a number in [0, 1]")):
        require_probability(p)


@pytest.mark.parametrize("p", [0, 1, np.float32(0.25), np.float16(0.25), np.int64(1)])
def test_a_probability_comes_back_as_a_python_float(p):
    assert type(require_probability(p)) is float
    assert require_probability(p) == p


@pytest.mark.parametrize(
    ("p", "error", "words"),
    [
        (math.nan, ValueError, "got nan"),
        (1.2, ValueError, "got 1.2.*keep probability q, pass p = 1 - q"),
        (-0.1, ValueError, "got -0.1"),
        (math.inf, ValueError, "got inf"),
        (20, ValueError, "If it is a percentage, pass 0.2"),
        ("half", TypeError, "got 'half' of type str"),
        (True, TypeError, "got True.*`training` passed in the place of p"),
        (np.True_, TypeError, "`training` passed in the place of p"),
        (None, TypeError, "of type NoneType"),
        (np.array([0.2]), TypeError, "of type ndarray"),
        (0.2 + 0j, TypeError, "of type complex"),
    ],
)
def test_what_is_no_probability_is_refused_with_its_usual_slip(p, error, words):
    with pytest.raises(error, match=words):
        require_probability(p)


def test_the_error_calls_the_probability_by_its_name():
    with pytest.raises(ValueError, match=r"^input_p is .* pass input_p = 1 - q"):
        require_probability(1.2, "input_p")


def test_a_probability_of_one_leaves_nothing_to_scale():
    assert require_survivors(0.99) == 0.99
    with pytest.raises(ValueError, match=re.escape("nothing is left to scale by 1/(1-p)")):
        require_survivors(1)
    with pytest.raises(ValueError, match="got nan"):
        require_survivors(math.nan)


def test_a_generator_comes_back_itself():
    rng = np.random.default_rng(0)
    assert require_rng(rng) is rng


@pytest.mark.parametrize(
    ("rng", "repair"),
    [
        (7, "default_rng(7)"),
        (np.int64(7), "default_rng(7)"),
        (None, "default_rng(0)"),
        (True, "default_rng(0)"),
        (np.random, "default_rng(0)"),
    ],
)
def test_what_is_no_generator_is_refused_with_the_call_that_makes_one(rng, repair):
    with pytest.raises(TypeError, match=f"flips the coins.*Make one with np.random.{re.escape(repair)} and pass it on"):
        require_rng(rng)


@pytest.mark.parametrize(
    ("shape", "sizes"), [(3, (3,)), ([2, 3], (2, 3)), ((np.int64(2), 3), (2, 3)), ((), ()), (np.int32(4), (4,))]
)
def test_a_shape_comes_back_as_a_tuple_of_ints(shape, sizes):
    assert require_shape(shape) == sizes
    assert all(type(size) is int for size in require_shape(shape))


@pytest.mark.parametrize(
    ("shape", "error", "words"),
    [
        ((0, 3), ValueError, "at least 1; got .*there is no unit to drop"),
        ((2, -1), ValueError, "at least 1; got"),
        ((2, 3.0), TypeError, "such as h.shape"),
        (2.0, TypeError, "such as h.shape"),
        ("23", TypeError, "such as h.shape"),
        ((True, 2), TypeError, "such as h.shape"),
        (None, TypeError, "such as h.shape"),
        (np.ones((2, 3)), TypeError, "such as h.shape"),
    ],
)
def test_what_is_no_shape_is_refused(shape, error, words):
    with pytest.raises(error, match=words):
        require_shape(shape)


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(-n, n - 1), max_size=n))))
def test_axes_come_back_sorted_and_counted_from_the_start(case):
    ndim, axes = case
    positive = {axis % ndim for axis in axes}
    if len(positive) == len(axes):
        assert require_axes(tuple(axes), ndim) == tuple(sorted(positive))
    else:
        with pytest.raises(ValueError, match="each named once"):
            require_axes(tuple(axes), ndim)


@pytest.mark.parametrize(
    ("axes", "error", "words"),
    [
        (1, TypeError, "For a single axis write (1,)"),
        ("01", TypeError, "a tuple of axes of an array with 3 axes; got '01'"),
        (None, TypeError, "got None"),
        ((0.0,), TypeError, "got (0.0,)"),
        ((True,), TypeError, "got (True,)"),
        ((3,), ValueError, "each lies in [-3, 2]; got (3,)"),
        ((-4,), ValueError, "each lies in [-3, 2]; got (-4,)"),
        ((1, 1), ValueError, "each named once; got (1, 1)"),
        ((1, -2), ValueError, "each named once; got (1, -2)"),
    ],
)
def test_what_are_no_axes_is_refused(axes, error, words):
    with pytest.raises(error, match=re.escape(words)):
        require_axes(axes, 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_float_array_comes_back_itself(dtype):
    h = np.ones((2, 3), dtype)
    assert require_float_array(h) is h


@pytest.mark.parametrize(
    ("h", "error", "words"),
    [
        ([1.0, 2.0], TypeError, "got list. Wrap it in np.array(..., dtype=float)"),
        (1.0, TypeError, "got float. Wrap it in np.array(..., dtype=float)"),
        (np.arange(3), TypeError, "must hold floats; got dtype int64. Scaled units are not whole: use h.astype(float)"),
        (np.ones(3, bool), TypeError, "got dtype bool"),
        (np.ones(3, complex), TypeError, "got dtype complex128"),
        (np.empty((0, 3)), ValueError, "h is empty (shape (0, 3)): there is no unit to drop"),
    ],
)
def test_what_is_no_float_array_is_refused(h, error, words):
    with pytest.raises(error, match=re.escape(words)):
        require_float_array(h)


def test_a_float_dtype_is_one_that_holds_fractions():
    assert require_float_dtype("float16") == np.float16
    with pytest.raises(TypeError, match=r"such as np\.float32; got int64"):
        require_float_dtype(np.int64)


def test_a_gradient_has_the_shape_of_its_output():
    grad = np.ones((4, 3))
    assert require_gradient(grad, (4, 3)) is grad
    with pytest.raises(ValueError, match=re.escape("grad_out must have the shape of the output, (4, 3); got (4, 1)")):
        require_gradient(np.ones((4, 1)), (4, 3))
    with pytest.raises(TypeError, match="grad_out must hold floats; got dtype int64"):
        require_gradient(np.ones((4, 3), np.int64), (4, 3))


@pytest.mark.parametrize(
    ("mask", "error", "words"),
    [
        (np.ones((2, 3)), TypeError, "True where a unit is kept; got float64. Leave 1/(1-p) out of it"),
        (np.ones((2, 3), np.int64), TypeError, "got int64"),
        ([[True] * 3] * 2, TypeError, "got list"),
        (np.ones((3, 2), bool), ValueError, "the shape of h, (2, 3); got (3, 2)"),
        (np.ones(3, bool), ValueError, "the shape of h, (2, 3); got (3,)"),
    ],
)
def test_what_is_no_mask_is_refused(mask, error, words):
    with pytest.raises(error, match=re.escape(words)):
        require_mask(mask, (2, 3))


def test_a_mask_that_fits_comes_back_itself():
    mask = np.ones((2, 3), bool)
    assert require_mask(mask, (2, 3)) is mask


@pytest.mark.parametrize(
    ("n", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), ("2", TypeError), (True, TypeError)]
)
def test_a_count_is_a_whole_number_of_at_least_one(n, error):
    assert require_count(np.int64(3), "n_samples") == 3
    with pytest.raises(error, match="n_samples is a whole number of at least 1; got"):
        require_count(n, "n_samples")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        ("1", TypeError),
        (True, TypeError),
    ],
)
def test_a_positive_number_is_finite_and_above_zero(value, error):
    assert require_positive(2, "lr") == 2.0
    with pytest.raises(error, match=r"lr is a positive finite number \(ppm\); got"):
        require_positive(value, "lr", "ppm")


@pytest.mark.parametrize(
    ("value", "error"),
    [(1.0, ValueError), (-0.1, ValueError), (math.nan, ValueError), (None, TypeError), (True, TypeError)],
)
def test_a_decay_lies_below_one(value, error):
    assert require_decay(0, "betas[0]") == 0.0
    with pytest.raises(error, match=re.escape("a number in [0, 1); got")):
        require_decay(value, "betas[0]")


@pytest.mark.parametrize(
    ("value", "error"), [(math.nan, ValueError), (-math.inf, ValueError), ("1", TypeError), (True, TypeError)]
)
def test_a_finite_number_may_be_negative(value, error):
    assert require_finite(-2, "beta") == -2.0
    with pytest.raises(error, match="beta is a finite number; got"):
        require_finite(value, "beta")
    with pytest.raises(error, match="threshold is a logarithm, a finite number; got"):
        require_finite(value, "threshold", "a logarithm")
