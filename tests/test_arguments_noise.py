import re

import numpy as np
import pytest

from dropout_lab.arguments_noise import (
    require_block_size,
    require_gamma_rule,
    require_gaussian_p,
    require_inference,
    require_map_axes,
    require_noise,
    require_shared_mask,
)


@pytest.mark.parametrize(
    ("shape", "n_spatial", "axes"),
    [((2, 3, 4), None, (2,)), ((2, 3, 4, 5), 2, (2, 3)), ((1,) * 5, 3, (2, 3, 4))],
)
def test_the_spatial_axes_are_all_after_batch_and_channels(shape, n_spatial, axes):
    assert require_map_axes(shape, n_spatial) == axes


@pytest.mark.parametrize(
    ("shape", "n_spatial", "wanted"),
    [
        ((), None, "at least 1 spatial axis"),
        ((3, 4), None, "at least 1 spatial axis"),
        ((3, 4, 5), 2, "2 spatial axes"),
        ((2, 3, 4, 5), 1, "1 spatial axis"),
    ],
)
def test_maps_with_another_number_of_axes_are_refused(shape, n_spatial, wanted):
    words = f"h must be feature maps (N, C, *) with {wanted}; got {shape}. Unbatched maps (C, *) need their batch axis"
    with pytest.raises(ValueError, match=re.escape(words)):
        require_map_axes(shape, n_spatial)


def test_a_shared_mask_that_fits_comes_back_itself():
    mask = np.array([[[True, True]], [[False, False]]])
    assert require_shared_mask(mask, (2, 1, 2), (2,)) is mask


@pytest.mark.parametrize(
    ("mask", "error", "words"),
    [
        (np.array([[True, False]]), ValueError, "constant along the axes (1,), which share one coin; it changes"),
        (np.ones((2, 1), bool), ValueError, "the shape of h, (1, 2); got (2, 1)"),
        (np.ones((1, 2)), TypeError, "got float64"),
    ],
)
def test_a_mask_whose_coins_are_not_shared_or_do_not_fit_is_refused(mask, error, words):
    with pytest.raises(error, match=re.escape(words)):
        require_shared_mask(mask, (1, 2), (1,))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_noise_that_fits_comes_back_itself(dtype):
    noise = np.ones((2, 3), dtype)
    assert require_noise(noise, (2, 3)) is noise


@pytest.mark.parametrize(
    ("noise", "error", "words"),
    [
        (np.ones((2, 3), bool), TypeError, "noise is an array of floats, one real number for each unit; got bool"),
        ([[1.0] * 3] * 2, TypeError, "got list"),
        (np.ones((3, 2)), ValueError, "(2, 3); got (3, 2)"),
    ],
)
def test_what_is_no_noise_is_refused(noise, error, words):
    with pytest.raises(error, match=re.escape(words)):
        require_noise(noise, (2, 3))


def test_every_p_below_one_has_gaussian_noise_and_one_has_not():
    assert require_gaussian_p(np.float32(0.25)) == 0.25
    with pytest.raises(ValueError, match=re.escape("its variance p/(1-p) would be infinite. Pass p below 1")):
        require_gaussian_p(1)
    with pytest.raises(ValueError, match="pass p = 1 - q"):
        require_gaussian_p(1.2)


@pytest.mark.parametrize(("inference", "p"), [("mean", 0.2), ("mean", 1.0), ("moments", 0.2)])
def test_the_two_kinds_of_inference_come_back_themselves(inference, p):
    assert require_inference(inference, p) == inference


@pytest.mark.parametrize(
    ("inference", "p", "words"),
    [("Mean", 0.2, "got 'Mean'"), (None, 0.2, "got None"), ("moments", 1.0, "p = 1 has no Gaussian noise")],
)
def test_another_inference_or_moments_without_a_variance_are_refused(inference, p, words):
    with pytest.raises(ValueError, match=words):
        require_inference(inference, p)


def test_a_block_fits_up_to_the_smaller_side_of_the_map():
    assert require_block_size(np.int64(5), 5, 7) == 5
    for height, width in ((5, 7), (7, 5)):
        with pytest.raises(ValueError, match=f"a block of 6×6 does not fit a map of {height}×{width}"):
            require_block_size(6, height, width)
    with pytest.raises(TypeError, match="block_size is a whole number of at least 1; got True"):
        require_block_size(True, 5, 7)


def test_there_are_two_rules_for_gamma():
    assert [require_gamma_rule(rule) for rule in ("solved", "paper")] == ["solved", "paper"]
    with pytest.raises(ValueError, match=re.escape('gamma is "solved" (a share of p is dropped) or "paper"')):
        require_gamma_rule(0.1)
