import torch
from torch import nn

from dropout_lab.uncertainty.inputs import require_call


def test_the_rows_of_a_call_are_the_first_axis_that_all_tensors_have():
    model = nn.Identity()
    assert require_call(model, torch.ones(4, 2)).n_rows == 4
    assert require_call(model, (torch.ones(4, 2), torch.ones(4), 0.5, None)).n_rows == 4
    assert require_call(model, {"first": torch.ones(4), "second": torch.ones(3)}).n_rows is None
    assert require_call(model, (torch.ones(4), [torch.ones(4)])).n_rows is None  # a list may hold rows as well


def test_fewer_rows_are_taken_of_every_tensor_and_of_nothing_else():
    call = require_call(nn.Identity(), {"h": torch.arange(4), "scale": 2.0}).first_rows(2)
    assert call.kwargs["h"].tolist() == [0, 1]
    assert call.kwargs["scale"] == 2.0
    assert require_call(nn.Identity(), torch.arange(4)).first_row_twice().args[0].tolist() == [0, 0]
