import pytest
import torch

from dropout_lab.torch_layers.arguments_sequence import require_sequence_tensor, require_token_tensor


def test_a_tensor_of_floats_passes_as_it_is():
    h = torch.ones(2, 3, 4)
    assert require_sequence_tensor(h) is h


def test_a_packed_sequence_is_refused_with_the_call_that_pads_it():
    with pytest.raises(TypeError, match="pad_packed_sequence"):
        require_sequence_tensor(torch.nn.utils.rnn.pack_sequence([torch.ones(3, 5)]))


def test_what_holds_no_floats_is_refused_as_for_every_layer():
    with pytest.raises(TypeError, match="real floats"):
        require_sequence_tensor(torch.ones(2, 3, 4).long())


def test_tokens_are_whole_numbers_with_the_axes_that_are_asked_for():
    tokens = torch.ones(2, 3).int()
    assert require_token_tensor(tokens, ndim=2) is tokens
    with pytest.raises(ValueError, match="tokens must have 1 axes"):
        require_token_tensor(tokens, ndim=1)
    with pytest.raises(TypeError, match=r"got torch.float32"):
        require_token_tensor(tokens.float())
