import copy
import math
import re

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import EmbeddingDropout, bernoulli_mask, embedding_dropout

RATES = (0.05, 0.2, 0.5, 0.9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def words(n=4, length=30, types=10):
    return torch.randint(types, (n, length), generator=generator())


def layer(p, source=None):
    with torch.random.fork_rng():
        torch.manual_seed(6)
        return EmbeddingDropout(10, 3, p, source).double()


def test_after_eval_it_is_the_embedding_of_torch():
    module, tokens = layer(0.3).eval(), words()
    mask = bernoulli_mask((4, 10), 0.3, generator())
    for out in (module(tokens), module(tokens, mask)):
        assert torch.equal(out, nn.functional.embedding(tokens, module.weight))


@pytest.mark.parametrize("p", [0.0, 0.2, 0.7])
def test_a_word_is_dropped_wherever_it_stands_in_its_sequence_and_scaled_elsewhere(p):
    module, tokens = layer(p), words()
    mask = bernoulli_mask((4, 10), p, generator(1))
    out = module(tokens, mask)
    for n in range(4):
        for position in range(30):
            kept = mask[n, tokens[n, position]]
            torch.testing.assert_close(out[n, position], module.weight[tokens[n, position]] * kept * (1 / (1 - p)))


@pytest.mark.parametrize("p", RATES)
def test_mean_and_share_of_dropped_types_stay_within_five_standard_errors(p):
    tokens = torch.arange(300).expand(400, 300)
    out = embedding_dropout(tokens, torch.ones(300, 1), p, generator=generator(1)).double()
    n = out.numel()
    assert abs((out == 0).double().mean().item() - p) < 5 * math.sqrt(p * (1 - p) / n)
    assert abs(out.mean().item() - 1) < 5 * math.sqrt(p / (1 - p) / n)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", RATES)
def test_sequences_and_types_flip_coins_of_their_own(p, axis, binomial_variance_error):
    tokens = torch.arange(300).expand(400, 300)
    kept = embedding_dropout(tokens, torch.ones(300, 1), p, generator=generator(2))[..., 0] > 0
    counts, n = kept.double().sum(dim=axis), kept.shape[axis]
    assert abs(counts.var().item() - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


def test_the_derivative_agrees_with_central_differences_and_the_weight_is_left_alone():
    module, tokens, mask = layer(0.3), words(2, 5), bernoulli_mask((2, 10), 0.3, generator())
    before = module.weight.detach().clone()
    assert torch.autograd.gradcheck(lambda weight: embedding_dropout(tokens, weight, 0.3, mask=mask), (module.weight,))
    module(tokens).sum().backward()
    assert torch.equal(module.weight, before)


@pytest.mark.parametrize(("p", "factor"), [(0.0, 1), (1.0, 0)])
def test_the_ends_of_the_range_are_finite(p, factor):
    assert torch.equal(layer(p)(words()), factor * layer(p).eval()(words()))


def test_two_calls_differ_the_same_state_agrees_and_the_default_generator_is_left_alone():
    module, before = layer(0.3, generator(1)), torch.get_rng_state()
    first = module(words())
    assert not torch.equal(first, module(words()))
    assert torch.equal(first, layer(0.3, generator(1))(words()))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype):
    assert layer(0.3).to(dtype)(words()).dtype == dtype


def test_copy_state_and_print():
    module, again = layer(0.3, generator(4)), layer(0.1)
    clone = copy.deepcopy(module)
    assert repr(clone) == "EmbeddingDropout(10, 3, p=0.3)"
    assert torch.equal(module(words()), clone(words()))
    with torch.no_grad():
        again.weight.zero_()
    again.load_state_dict(module.state_dict())
    assert torch.equal(again.eval()(words()), module.eval()(words()))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda tokens: tokens.double(), TypeError, "tokens is a tensor of whole numbers"),
        (lambda tokens: tokens.tolist(), TypeError, "got list"),
        (lambda tokens: tokens[:0], ValueError, "tokens is empty"),
        (lambda tokens: tokens[0], ValueError, "sequences (N, L); got (30,)"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_tokens_that_are_none_are_an_error_in_both_modes(change, error, text, training):
    with pytest.raises(error, match=re.escape(text)):
        layer(0.3).train(training)(change(words()))


def test_a_mask_of_another_shape_and_a_p_out_of_range_are_errors():
    with pytest.raises(ValueError, match=re.escape("a coin for each sequence and word type, (4, 10); got (4, 30)")):
        layer(0.3)(words(), torch.ones(4, 30).bool())
    with pytest.raises(ValueError, match="pass p = 1 - q"):
        layer(1.2)
    with pytest.raises(TypeError, match="num_embeddings is a whole number"):
        EmbeddingDropout(2.5, 3, 0.2)


def test_a_weight_that_is_no_table_is_an_error():
    with pytest.raises(ValueError, match=re.escape("weight is (V, D), a row for each word type; got shape (10,)")):
        embedding_dropout(words(), torch.ones(10), 0.3)
