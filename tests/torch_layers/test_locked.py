import math
import re

import pytest
import torch

from dropout_lab.torch_layers import Dropout, LockedDropout, bernoulli_mask, locked_dropout

RATES = (0.05, 0.2, 0.5, 0.9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("time_axis", [0, 1, -2])
@pytest.mark.parametrize("p", [0.0, 0.2, 0.7, 1.0])
def test_the_drawn_mask_is_the_bernoulli_mask_that_shares_the_time_axis(p, time_axis):
    h = torch.randn(5, 6, 7, generator=generator())
    mask = bernoulli_mask(h.shape, p, generator(1), shared_axes=(time_axis,))
    drawn = locked_dropout(h, p, generator=generator(1), time_axis=time_axis)
    assert torch.equal(drawn, locked_dropout(h, p, mask=mask, time_axis=time_axis))
    assert torch.equal(drawn, h * mask * (1 / (1 - p) if p < 1 else 0))


@pytest.mark.parametrize("p", RATES)
def test_mean_and_share_of_dropped_units_stay_within_five_standard_errors(p):
    # a coin for each of n units: Var[share] = p q / n, and E[m / q] = 1 with variance p / (q n)
    units = locked_dropout(torch.ones(300, 3, 400), p, generator=generator(1))[:, 0].double()
    n = units.numel()
    assert abs((units == 0).double().mean().item() - p) < 5 * math.sqrt(p * (1 - p) / n)
    assert abs(units.mean().item() - 1) < 5 * math.sqrt(p / (1 - p) / n)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", RATES)
def test_examples_and_units_flip_coins_of_their_own(p, axis, binomial_variance_error):
    kept = locked_dropout(torch.ones(400, 2, 300), p, generator=generator(2))[:, 0] > 0
    counts, n = kept.double().sum(dim=axis), kept.shape[axis]
    assert abs(counts.var().item() - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


@pytest.mark.parametrize("p", [0.1, 0.3])
def test_a_unit_survives_all_steps_with_the_keep_probability_and_not_with_its_power(p):
    n, steps = 40_000, 10
    h = torch.ones(n // 100, steps, 100)
    for layer, survival in [(LockedDropout(p, generator()), 1 - p), (Dropout(p, generator()), (1 - p) ** steps)]:
        share = (layer(h) > 0).all(dim=1).double().mean().item()
        assert abs(share - survival) < 5 * math.sqrt(survival * (1 - survival) / n)


@pytest.mark.parametrize(("p", "factor"), [(0.0, 1), (1.0, 0)])
def test_the_ends_of_the_range_are_finite_with_their_gradient(p, factor):
    h = torch.randn(2, 3, 4, generator=generator()).requires_grad_()
    h_dropped = LockedDropout(p)(h)
    h_dropped.sum().backward()
    assert torch.equal(h_dropped, factor * h)
    assert torch.equal(h.grad, torch.full_like(h, factor))


def test_the_layer_shows_and_uses_its_time_axis():
    layer = LockedDropout(0.3, generator(6), time_axis=0)
    h_dropped = layer(torch.ones(4, 5, 6))
    assert repr(layer) == "LockedDropout(p=0.3, time_axis=0)"
    assert torch.equal(h_dropped, h_dropped[:1].expand_as(h_dropped))
    assert not torch.equal(h_dropped, h_dropped[:, :1].expand_as(h_dropped))


@pytest.mark.parametrize("training", [True, False])
def test_a_packed_sequence_is_an_error_that_says_how_to_pad_it(training):
    packed = torch.nn.utils.rnn.pack_sequence([torch.ones(3, 5), torch.ones(2, 5)])
    with pytest.raises(TypeError, match=r"got a PackedSequence.*pad_packed_sequence"):
        LockedDropout(0.2).train(training)(packed)


@pytest.mark.parametrize("training", [True, False])
def test_a_sequence_without_batch_axis_is_an_error_in_both_modes(training):
    with pytest.raises(ValueError, match=re.escape("A single sequence (L, D) needs its batch axis, h[None]")):
        LockedDropout(0.2).train(training)(torch.ones(5, 4))


def test_a_mask_that_changes_over_time_is_an_error():
    with pytest.raises(ValueError, match=r"shared_axes=\(1,\)"):
        locked_dropout(torch.ones(3, 4, 5), 0.4, mask=bernoulli_mask((3, 4, 5), 0.4, generator()))


def test_a_time_axis_that_is_no_int_is_an_error_when_the_layer_is_made():
    with pytest.raises(TypeError, match="time_axis is the axis of the time steps"):
        LockedDropout(0.2, time_axis="time")
