import math

import pytest
import torch
from torch import nn

from dropout_lab.uncertainty.model_state import ModelState, preserved


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.3))


def test_modes_are_put_back_one_by_one():
    model = network()
    model[2].eval()
    with preserved(model) as state:
        state.set_modes({model[2]})
        assert [module.training for module in model.modules()] == [False, False, False, True]
    assert [module.training for module in model.modules()] == [True, True, True, False]


def test_a_changed_tensor_is_named_and_put_back_bit_by_bit():
    model = network()
    model[1].running_var[0] = math.nan  # NaN is not equal to itself, its bits are
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with preserved(model) as state:
        assert state.changed_tensors() == []
        with torch.no_grad():
            model[0].weight.add_(1)
        model[1].running_mean = torch.ones(4)
        assert state.changed_tensors() == ["0.weight", "1.running_mean"]
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0, equal_nan=True)


def test_the_same_objects_come_back():
    model = network()
    before = [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    with preserved(model):
        model[1].running_mean = torch.ones(4)
        model[0].weight = nn.Parameter(torch.ones(4, 3))
        model.extra = nn.Linear(2, 2)
    assert before == [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    assert len(model) == 3


def test_what_has_not_changed_is_not_written_to():
    model = network()
    versions = [tensor._version for tensor in (*model.parameters(), *model.buffers())]
    with preserved(model):
        pass
    assert versions == [tensor._version for tensor in (*model.parameters(), *model.buffers())]


def test_gradients_are_set_aside_and_come_back():
    model = network()
    model(torch.ones(5, 3)).sum().backward()
    grad = model[0].weight.grad
    before = grad.clone()
    with preserved(model):
        model(torch.ones(5, 3)).sum().backward()
        model[0].bias.requires_grad_(False)
    assert model[0].weight.grad is grad
    assert torch.equal(grad, before)
    assert model[0].bias.requires_grad


def test_a_gradient_that_was_not_there_is_gone_afterwards():
    model = network()
    with preserved(model):
        model(torch.ones(5, 3)).sum().backward()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_everything_comes_back_after_an_interrupt():
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def interrupted():
        with preserved(model) as state:
            state.set_modes(())
            model[1].running_mean.add_(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert all(module.training for module in model.modules())
    assert torch.equal(model[1].running_mean, before["1.running_mean"])


def test_a_mode_changed_from_inside_is_an_error_that_names_the_module():
    model = network()
    with preserved(model) as state:
        state.set_modes({model[2]})
        state.require_modes({model[2]})
        model[2].eval()
        with pytest.raises(RuntimeError, match=r"changed the mode of 2 \(Dropout\(p=0.3, inplace=False\)\)"):
            state.require_modes({model[2]})


def test_a_new_submodule_is_an_error():
    model = network()
    with preserved(model) as state:
        state.set_modes(())
        model.extra = nn.Linear(2, 2).eval()
        with pytest.raises(RuntimeError, match="submodules"):
            state.require_modes(())


def test_a_lazy_module_without_parameters_is_an_error():
    with pytest.raises(ValueError, match=r"0\.weight belongs to a lazy module"):
        ModelState(nn.Sequential(nn.LazyLinear(3)))


@pytest.mark.parametrize("buffer", [torch.eye(3).to_sparse(), torch.eye(3, device="meta")])
def test_a_buffer_without_plain_values_is_left_alone(buffer):
    model = network()
    model.register_buffer("adjacency", buffer)
    with preserved(model) as state:
        assert state.changed_tensors() == []
