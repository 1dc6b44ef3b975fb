import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.torch_layers import bernoulli_mask, fast_bernoulli_mask, raw_bits
from dropout_lab.torch_layers.raw_bits import fast_dropout_noise, has_raw_bits

RATES = (1 / 128, 0.05, 0.1, 0.25, 0.5, 0.9, 127 / 128)  # 0.25 and 0.5 take 8 bits, 0.1 takes 16


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("p", RATES)
def test_the_kept_share_of_a_fast_mask_is_one_minus_p_within_five_standard_errors(p):
    n = 4_000_000  # enough to see a threshold that is off by one part in 256, and by 2⁻¹¹ at p = 0.5
    share = fast_bernoulli_mask(n, p, generator()).double().mean().item()
    assert abs(share - (1 - p)) < 5 * math.sqrt(p * (1 - p) / n) + 2**-17


@pytest.mark.parametrize("p", [0.25, 0.3])
@pytest.mark.parametrize("lag", [1, 2, 3, 4, 7, 8, 16])  # lanes of one word, and of the next ones
def test_the_units_of_a_fast_mask_are_uncorrelated(p, lag):
    kept = fast_bernoulli_mask(1_000_000, p, generator(1)).double() - (1 - p)
    products = kept[lag:] * kept[:-lag]
    assert abs(products.mean().item()) < 5 * p * (1 - p) / math.sqrt(len(products)) + 2**-17


@pytest.mark.parametrize(("lane", "p"), [(torch.int8, 0.25), (torch.int16, 0.3)])
def test_the_threshold_drops_exactly_the_rounded_share_of_all_lanes(monkeypatch, lane, p):
    every = torch.arange(torch.iinfo(lane).min, torch.iinfo(lane).max + 1).to(lane).view(torch.int64)
    words = iter(every.split(2**12))  # two masks of 2¹⁴ lanes of 16 bits each, or one of all lanes of 8 bits
    monkeypatch.setattr(raw_bits, "_words", lambda n, _: next(words))
    n = 2 ** torch.iinfo(lane).bits
    dropped = sum(int((~fast_bernoulli_mask(min(n, 2**14), p)).sum()) for _ in range(-(-n // 2**14)))
    assert dropped == round(p * n)


@given(shape=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple), p=st.floats(0, 1))
def test_a_fast_mask_has_the_asked_shape_and_noise_is_zero_or_one_over_one_minus_p(shape, p):
    mask = fast_bernoulli_mask(shape, p, generator())
    assert (mask.shape, mask.dtype) == (shape, torch.bool)
    if has_raw_bits(p):
        values = fast_dropout_noise(torch.Size(shape), p, generator(), torch.float64)
        assert torch.equal(values, mask.double() * (1 / (1 - p)))


@pytest.mark.parametrize("p", [0.0, 0.001, 0.999, 1.0])
def test_near_the_ends_of_the_range_the_coins_are_the_exact_ones(p):
    assert torch.equal(fast_bernoulli_mask(500, p, generator()), bernoulli_mask(500, p, generator()))


def test_a_fast_mask_shares_axes_and_moves_the_injected_generator_and_no_other():
    source, before = generator(3), torch.get_rng_state()
    mask = fast_bernoulli_mask((6, 5, 4), 0.4, source, shared_axes=(2,))
    assert bool((mask == mask[:, :, :1]).all())
    assert torch.equal(mask, fast_bernoulli_mask((6, 5, 4), 0.4, generator(3), shared_axes=(-1,)))
    assert not torch.equal(mask, fast_bernoulli_mask((6, 5, 4), 0.4, source, shared_axes=(2,)))
    assert torch.equal(before, torch.get_rng_state())


def test_another_device_and_a_transform_take_the_exact_coins():
    assert fast_bernoulli_mask((3,), 0.3, device="meta").device.type == "meta"
    rows = torch.func.vmap(lambda h: h * fast_bernoulli_mask(h.shape, 0.3), randomness="different")(torch.ones(20, 50))
    assert not torch.equal(rows, rows[:1].expand(20, 50))


def test_a_fast_mask_refuses_what_bernoulli_mask_refuses():
    for arguments, error in [(((2, 0), 0.3), ValueError), (((2,), 1.2), ValueError), (((2,), 0.3, 7), TypeError)]:
        with pytest.raises(error):
            fast_bernoulli_mask(*arguments)
