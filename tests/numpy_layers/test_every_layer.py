"""Laws that hold for every noise layer, whatever it draws; what is special to one layer stands in that layer's file."""

import copy
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask, normal_noise
from dropout_lab.numpy_layers import (
    AlphaDropout,
    DropBlock2d,
    DropConnectLinear,
    DropPath,
    FeatureAlphaDropout,
    GaussianDropout,
    Layer,
    LockedDropout,
    ScheduledDropout,
    SpatialDropout,
    block_mask,
)
from dropout_lab.schedules import Constant

DTYPES = (np.float16, np.float32, np.float64)


@dataclass(frozen=True)
class Case:
    """A layer, the shape of an input with enough units for a coincidence to be out of the question, a noise for it."""

    name: str
    make: Callable[[float, np.random.Generator, type], Layer]
    shape: tuple[int, ...]
    given: Callable[[tuple[int, ...], float], dict[str, np.ndarray]]
    is_linear_in_eval: bool = False  # the others give their input back

    def layer(self, p, seed=0, dtype=np.float64):
        return self.make(p, np.random.default_rng(seed), dtype)

    def input(self, dtype=np.float64):
        return np.random.default_rng(1).normal(size=self.shape).astype(dtype)

    def noise(self, p):
        return self.given(self.shape, p)


def unit_mask(shape, p):
    return {"mask": bernoulli_mask(shape, p, np.random.default_rng(5))}


def map_mask(shape, p):
    return {"mask": bernoulli_mask(shape, p, np.random.default_rng(5), shared_axes=tuple(range(2, len(shape))))}


def blocks(shape, p):
    return {"mask": block_mask(shape, p / 4, 2, np.random.default_rng(5))}


def weight_mask(shape, p):
    return {"mask": bernoulli_mask((shape[0], 40, shape[1]), p, np.random.default_rng(5))}


def gaussian_noise(shape, p):
    return {"noise": 1 + (p / (1 - p)) ** 0.5 * normal_noise(shape, np.random.default_rng(5))}


def branch_mask(shape, p):
    return {"mask": bernoulli_mask(shape, p, np.random.default_rng(5), shared_axes=tuple(range(1, len(shape))))}


def step_mask(shape, p):
    return {"mask": bernoulli_mask(shape, p, np.random.default_rng(5), shared_axes=(1,))}


def without_weights(layer):
    return lambda p, rng, dtype: layer(p, rng)


def dropconnect(p, rng, dtype):
    return DropConnectLinear(3, 40, p, rng, dtype=dtype)


CASES = [
    Case("SpatialDropout", without_weights(SpatialDropout), (6, 40, 3, 4), map_mask),
    Case("DropConnectLinear", dropconnect, (6, 3), weight_mask, is_linear_in_eval=True),
    Case("GaussianDropout", without_weights(GaussianDropout), (20, 30), gaussian_noise),
    Case("DropBlock2d", lambda p, rng, dtype: DropBlock2d(p, 2, rng), (6, 5, 4, 3), blocks),
    Case("AlphaDropout", without_weights(AlphaDropout), (20, 30), unit_mask),
    Case("FeatureAlphaDropout", without_weights(FeatureAlphaDropout), (6, 40, 3, 4), map_mask),
    Case("DropPath", without_weights(DropPath), (40, 5, 3), branch_mask),
    Case("LockedDropout", without_weights(LockedDropout), (6, 7, 8), step_mask),
    Case("ScheduledDropout", lambda p, rng, dtype: ScheduledDropout(Constant(p), rng), (6, 9), unit_mask),
]
every_layer = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@every_layer
def test_out_of_training_the_input_itself_comes_back_or_what_a_linear_layer_makes_of_it(case):
    h, layer = case.input(), case.layer(0.3)
    grad_out = np.random.default_rng(9).normal(size=layer.forward(h).shape)
    for out in (layer.forward(h, training=False), layer.forward(h, **case.noise(0.3), training=False)):
        if case.is_linear_in_eval:
            np.testing.assert_array_equal(out, h @ layer.weight.T + layer.bias)
            np.testing.assert_array_equal(layer.backward(grad_out), grad_out @ layer.weight)
        else:
            assert out is h
            np.testing.assert_array_equal(layer.backward(grad_out), grad_out)


@every_layer
@pytest.mark.parametrize("p", [0.0, 0.2, 0.7])
def test_backward_matches_central_differences_on_fixed_noise(case, p, central_differences):
    rng, layer = np.random.default_rng(2), case.layer(p)
    shape = (2, 3, *case.shape[2:])  # few channels: every element costs two passes
    h, noise = rng.normal(size=shape), case.given(shape, p)
    grad_out = rng.normal(size=layer.forward(h, **noise).shape)
    numerical = central_differences(lambda: (layer.forward(h, **noise) * grad_out).sum(), h)
    np.testing.assert_allclose(layer.backward(grad_out), numerical, atol=1e-8)


@every_layer
def test_backward_of_a_layer_uses_the_noise_that_its_forward_drew(case):
    # every layer is affine in its input once the noise is drawn, so one difference quotient is exact
    layer, h = case.layer(0.3, seed=3), case.input()
    out = layer.forward(h)
    gradient = layer.backward(np.ones_like(out))
    again = case.layer(0.3, seed=3).forward(2 * h)
    np.testing.assert_allclose((gradient * h).sum(), (again - out).sum(), rtol=1e-9)


@every_layer
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_kept_and_the_values_are_those_of_float64_rounded(case, dtype):
    h, noise, layer = case.input(dtype), case.noise(0.3), case.layer(0.3, dtype=dtype)
    out = layer.forward(h, **noise)
    drawn = layer.forward(h)
    exact_layer = copy.copy(layer)
    for name in layer.__dict__.keys() & {"weight", "bias"}:
        setattr(exact_layer, name, getattr(layer, name).astype(float))
    exact = exact_layer.forward(h.astype(float), **noise)
    assert (out.dtype, drawn.dtype, layer.backward(drawn).dtype) == (dtype, dtype, dtype)
    np.testing.assert_allclose(out, exact, rtol=4 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps)


@every_layer
def test_the_input_the_noise_and_the_gradient_are_never_modified(case):
    h, noise, layer = case.input(), case.noise(0.3), case.layer(0.3)
    before = {name: array.copy() for name, array in noise.items()}
    out = layer.forward(h, **noise)
    out += 1
    grad_out = np.ones_like(out)
    layer.backward(grad_out)[:] = 7
    np.testing.assert_array_equal(h, case.input())
    np.testing.assert_array_equal(grad_out, 1)
    for name in noise:
        np.testing.assert_array_equal(noise[name], before[name])


@every_layer
def test_two_passes_differ_and_the_same_generator_state_agrees(case):
    layer, h = case.layer(0.3), case.input()
    first = layer.forward(h)
    assert (first != layer.forward(h)).any()
    np.testing.assert_array_equal(first, case.layer(0.3).forward(h))


@every_layer
def test_examples_have_noise_of_their_own(case):
    rows = case.layer(0.3).forward(np.repeat(case.input()[:1], len(case.input()), axis=0))
    assert (rows != rows[:1]).any()


@every_layer
def test_the_generator_moves_only_when_noise_is_drawn(case):
    rng = np.random.default_rng(4)
    layer = case.make(0.3, rng, float)
    before = rng.bit_generator.state
    layer.forward(case.input(), training=False)
    layer.forward(case.input(), **case.noise(0.3))
    assert rng.bit_generator.state == before


@every_layer
def test_the_global_random_state_is_untouched(case, assert_global_state_untouched):
    layer = case.layer(0.3)
    assert_global_state_untouched(lambda: layer.backward(layer.forward(case.input())))


@every_layer
def test_dropping_nothing_changes_nothing(case):
    h, layer = case.input(), case.layer(0.0)
    np.testing.assert_allclose(layer.forward(h), layer.forward(h, training=False), rtol=1e-14, atol=1e-15)


@every_layer
def test_the_layer_shows_its_p(case):
    printed = repr(case.layer(0.2))
    assert printed.startswith(f"{case.name}(")
    assert "p=0.2" in printed


@every_layer
@pytest.mark.parametrize(
    ("p", "error", "words"),
    [
        (math.nan, ValueError, "got nan"),
        (1.2, ValueError, "pass p = 1 - q"),
        ("half", TypeError, "got 'half'"),
        (True, TypeError, "`training` passed in the place of p"),
    ],
)
def test_a_p_that_is_no_drop_probability_is_refused_when_the_layer_is_made(case, p, error, words):
    with pytest.raises(error, match=re.escape(words)):
        case.layer(p)


@every_layer
def test_a_seed_in_the_place_of_a_generator_is_refused(case):
    with pytest.raises(TypeError, match=r"Make one with np.random.default_rng\(7\)"):
        case.make(0.3, 7, float)


@every_layer
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda h: h.astype(int), TypeError, "use h.astype(float)"),
        (lambda h: h.tolist(), TypeError, "Wrap it in np.array"),
        (lambda h: h[:0], ValueError, "is empty"),
    ],
)
def test_an_input_that_cannot_be_scaled_is_refused_in_both_modes(case, change, error, words, training):
    with pytest.raises(error, match=re.escape(words)):
        case.layer(0.3).forward(change(case.input()), training=training)


@every_layer
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda noise: noise.astype(int), TypeError, "got int64"),
        (lambda noise: noise.tolist(), TypeError, "got list"),
        (lambda noise: noise[:1], ValueError, "must have the shape of"),
    ],
)
def test_noise_that_does_not_fit_is_refused(case, change, error, words):
    noise = {name: change(array) for name, array in case.noise(0.3).items()}
    with pytest.raises(error, match=words):
        case.layer(0.3).forward(case.input(), **noise)


@every_layer
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda grad: grad[:1], ValueError, "grad_out must have the shape of the output"),
        (lambda grad: grad.astype(int), TypeError, "use grad_out.astype(float)"),
    ],
)
def test_backward_refuses_a_gradient_that_does_not_fit(case, change, error, words):
    layer = case.layer(0.3)
    out = layer.forward(case.input())
    with pytest.raises(error, match=re.escape(words)):
        layer.backward(change(out))
