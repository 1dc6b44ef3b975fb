import pytest
import torch

from dropout_lab.torch_layers.arguments_sequence import require_sequence_tensor


def test_a_tensor_of_floats_passes_as_it_is():
    h = torch.ones(2, 3, 4)
    assert require_sequence_tensor(h) is h


def test_a_packed_sequence_is_refused_with_the_call_that_pads_it():
    with pytest.raises(TypeError, match="pad_packed_sequence"):
        require_sequence_tensor(torch.nn.utils.rnn.pack_sequence([torch.ones(3, 5)]))


def test_what_holds_no_floats_is_refused_as_for_every_layer():
    with pytest.raises(TypeError, match="real floats"):
        require_sequence_tensor(torch.ones(2, 3, 4).long())
