import copy
import math
import re

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import LayerDrop, bernoulli_mask


class Counter(nn.Module):
    """Adds 10^position, so that the output says which layers ran."""

    def __init__(self, position):
        super().__init__()
        self.position = position
        self.step = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, h):
        return h + self.step * 10.0**self.position


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stack(p, source=None, n=3):
    return LayerDrop([Counter(position) for position in range(n)], p, source)


def zeros(*shape):
    return torch.zeros(shape, dtype=torch.float64)


@pytest.mark.parametrize("kept", [(), (1,), (0, 2), (0, 1, 2)])
def test_exactly_the_kept_layers_run_unscaled_and_for_the_whole_batch(kept):
    mask = torch.tensor([position in kept for position in range(3)])
    assert torch.equal(stack(0.2)(zeros(4, 2), mask), zeros(4, 2) + sum(10.0**position for position in kept))


def test_after_eval_every_layer_runs():
    layers = stack(0.9, generator()).eval()
    before = layers.generator.get_state()
    assert torch.equal(layers(zeros(2)), zeros(2) + 111)
    assert torch.equal(layers(zeros(2), torch.tensor([True, False, False])), zeros(2) + 111)
    assert torch.equal(before, layers.generator.get_state())


@pytest.mark.parametrize("p", [0.05, 0.2, 0.9])
def test_each_layer_is_skipped_with_probability_p_by_a_coin_of_its_own(p):
    layers, n = stack(p, generator(1)), 3000
    with torch.no_grad():
        digits = torch.stack([layers(zeros(1)) for _ in range(n)]).squeeze().long()
    kept = torch.stack([digits // 10**position % 10 for position in range(3)]).double()
    assert bool(((1 - kept.mean(dim=1) - p).abs() < 5 * math.sqrt(p * (1 - p) / n)).all())
    both = (kept[0] * kept[1]).mean().item()
    joint = (1 - p) ** 2
    assert abs(both - joint) < 5 * math.sqrt(joint * (1 - joint) / n)


@pytest.mark.parametrize(("p", "total"), [(0.0, 111), (1.0, 0)])
def test_at_zero_all_run_and_at_one_none(p, total):
    assert torch.equal(stack(p)(zeros(2)), zeros(2) + total)


def test_the_drawn_mask_is_the_bernoulli_mask_of_the_layers():
    mask = bernoulli_mask((3,), 0.4, generator(2))
    assert torch.equal(stack(0.4, generator(2))(zeros(2)), stack(0.4)(zeros(2), mask))


def test_a_skipped_layer_learns_nothing():
    layers = stack(0.3)
    layers(zeros(2), torch.tensor([True, False, True])).sum().backward()
    assert [layer.step.grad is not None for layer in layers.layers] == [True, False, True]
    h, mask = (
        torch.randn(3, 2, dtype=torch.float64, generator=generator()).requires_grad_(),
        torch.tensor([True, False]),
    )
    two = LayerDrop([nn.Linear(2, 2).double(), nn.Tanh()], 0.3)
    assert torch.autograd.gradcheck(lambda h: two(h, mask), (h,))


def test_two_calls_differ_and_the_default_generator_is_left_alone():
    layers, before = stack(0.4, generator(1), n=15), torch.get_rng_state()
    first = layers(zeros(1))
    assert not torch.equal(first, layers(zeros(1)))
    assert torch.equal(first, stack(0.4, generator(1), n=15)(zeros(1)))
    assert torch.equal(before, torch.get_rng_state())


def test_copy_state_print_and_a_new_p():
    layers = stack(0.3, generator(1))
    again = copy.deepcopy(layers)
    assert repr(again).splitlines()[1].strip() == "p=0.3"
    assert torch.equal(layers(zeros(2)), again(zeros(2)))
    with torch.no_grad():
        again.layers[1].step.fill_(5)
    layers.load_state_dict(again.state_dict())
    assert torch.equal(layers.eval()(zeros(1)), zeros(1) + 151)
    with pytest.raises(ValueError, match="pass p = 1 - q"):
        layers.p = 1.2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype):
    assert LayerDrop([nn.Tanh()], 0.3)(torch.ones(2, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: stack(1.2), ValueError, "pass p = 1 - q"),
        (lambda: stack(True), TypeError, "training"),
        (lambda: stack(0.2, n=0), ValueError, "layers is empty"),
        (lambda: LayerDrop([torch.tanh], 0.2), TypeError, "Module"),
        (lambda: LayerDrop([nn.Tanh()], 0.2, 0), TypeError, "manual_seed(0)"),
        (lambda: stack(0.2)(torch.ones(2).long()), TypeError, "real floats"),
        (lambda: stack(0.2)(zeros(2), torch.ones(2).bool()), ValueError, "a bool for each layer, (3,); got (2,)"),
        (lambda: stack(0.2)(zeros(2), torch.ones(3)), TypeError, "mask is a bool tensor"),
        (lambda: LayerDrop([nn.Linear(2, 3)], 0.0)(torch.ones(4, 2)), ValueError, "gave (4, 3) for (4, 2)"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wanted(make, error, words):
    with pytest.raises(error, match=re.escape(words)):
        make()
