import copy
import io

import pytest
import torch
from torch import nn

from dropout_lab.schedules import Annealed, Curriculum, Early, Late
from dropout_lab.torch_layers import ScheduledDropout, dropout


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("schedule", [Early, Late, Curriculum, Annealed])
def test_after_each_step_the_module_is_dropout_with_the_scheduled_p(schedule):
    rule, h = schedule(0.3, 4), torch.randn(8, 9, generator=generator())
    layer = ScheduledDropout(rule)
    for step in range(8):
        assert layer.p == rule(step)
        layer.generator = generator(2)
        assert torch.equal(layer(h), dropout(h, rule(step), generator=generator(2)))
        layer.step()


def test_it_wakes_up_after_p_was_zero():
    net, h = nn.Sequential(ScheduledDropout(Late(0.3, 1), generator())), torch.ones(10, 10)
    assert torch.equal(net(h), h)
    net[0].step()
    assert bool((net(h) == 0).any())
    assert net.eval()(h) is h


@pytest.mark.parametrize(("p", "factor"), [(0.0, 1), (1.0, 0)])
def test_the_ends_of_the_range_are_finite(p, factor):
    assert torch.equal(ScheduledDropout(Early(p, 3))(torch.ones(3, 4)), torch.full((3, 4), float(factor)))


def test_a_checkpoint_goes_on_with_the_p_it_had():
    layer, saved = ScheduledDropout(Late(0.3, 2)), io.BytesIO()
    layer.step(), layer.step()
    torch.save(layer.state_dict(), saved)
    saved.seek(0)
    again = ScheduledDropout(Late(0.3, 2))
    again.load_state_dict(torch.load(saved))
    assert (again.n_steps, again.p) == (2, 0.3)


def test_a_copy_goes_on_by_itself():
    layer = ScheduledDropout(Early(0.3, 1))
    again = copy.deepcopy(layer)
    again.step()
    assert (layer.p, again.p) == (0.3, 0.0)


def test_a_schedule_that_leaves_the_range_is_an_error_and_the_last_p_stays():
    layer = ScheduledDropout(lambda step: 0.6 * (step + 1))
    with pytest.raises(ValueError, match="number in \\[0, 1\\]"):
        layer.step()
    assert (layer.p, layer.n_steps) == (0.6, 0)


def test_a_number_in_the_place_of_a_schedule_is_an_error():
    with pytest.raises(TypeError, match=r"write Constant\(0.2\)"):
        ScheduledDropout(0.2)
