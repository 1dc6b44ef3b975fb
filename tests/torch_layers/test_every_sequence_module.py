"""Function transforms, compilation and Monte-Carlo passes of the modules for tokens, sequences and stacks."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from dropout_lab.torch_layers import (
    AttentionDropout,
    EmbeddingDropout,
    LayerDrop,
    RecurrentDropoutRNN,
    Standout,
    TokenDropout,
    VariationalRNN,
    WeightDropRNN,
    ZoneoutRNN,
)
from dropout_lab.uncertainty import mc_predict

# torch.func scripts a helper on first use and Dynamo makes an instance of a Function: both warn of PyTorch code
torch_deprecates_itself = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Net(nn.Module):
    """A module that takes one tensor and gives one of floats, as mc_predict asks for."""

    def __init__(self, inner: nn.Module, run: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.run = inner, run

    def forward(self, h: Tensor) -> Tensor:
        return self.run(self.inner, h)


def itself(module, h):
    return module(h)


def outputs(module, h):
    return module(h)[0]


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], nn.Module]
    run: Callable[[nn.Module, Tensor], Tensor] = itself
    takes_tokens: bool = False

    def net(self) -> Net:
        with torch.random.fork_rng():
            torch.manual_seed(6)
            return Net(self.make(), self.run)

    def input(self) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        shape = (4, 7, 5)
        if self.takes_tokens:
            return torch.randint(2, 9, shape[:2], generator=generator)
        return torch.randn(shape, generator=generator)


CASES = [
    Case("AttentionDropout", lambda: AttentionDropout(0.3), lambda module, h: module(h, h, h)),
    Case("EmbeddingDropout", lambda: EmbeddingDropout(9, 5, 0.3), takes_tokens=True),
    Case("TokenDropout", lambda: nn.Sequential(TokenDropout(0.3, 1), nn.Embedding(9, 5)), takes_tokens=True),
    Case("Standout", lambda: Standout(nn.Linear(5, 8), activation=torch.tanh)),
    Case("VariationalRNN", lambda: VariationalRNN(nn.LSTMCell(5, 6), 0.3), outputs),
    Case("VariationalRNN of the state", lambda: VariationalRNN(nn.GRUCell(5, 6), 0.0, p_state=0.3), outputs),
    Case("RecurrentDropoutRNN", lambda: RecurrentDropoutRNN(nn.GRUCell(5, 6), 0.3), outputs),
    Case("ZoneoutRNN", lambda: ZoneoutRNN(nn.LSTMCell(5, 6), 0.3), outputs),
]
# torch.compile takes neither nn.LSTM nor coins that decide which layer runs, and vmap has no rule for either
OPAQUE_CASES = [
    Case("WeightDropRNN", lambda: WeightDropRNN(nn.LSTM(5, 6, batch_first=True), 0.3), outputs),
    Case("LayerDrop", lambda: LayerDrop([nn.Tanh() for _ in range(9)], 0.3)),
]
every_transparent_module = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_module = pytest.mark.parametrize("case", CASES + OPAQUE_CASES, ids=lambda case: case.name)


@every_module
def test_monte_carlo_passes_reach_it_and_leave_it_in_eval_mode(case):
    net, h = case.net().eval(), case.input()
    expected = net(h)
    generator = torch.Generator().manual_seed(2)
    samples = mc_predict(net, h, n_samples=30, generator=generator, stochastic_depth=True)
    assert samples.shape == (30, *expected.shape)
    assert bool((samples.std(dim=0)[:, 1:] > 0).any())
    assert not any(module.training for module in net.modules())
    assert torch.equal(net(h), expected)


@every_transparent_module
def test_vmap_draws_noise_for_every_batch_or_one_for_all(case):
    net, h = case.net(), case.input().expand(3, *case.input().shape)
    different = torch.func.vmap(net, randomness="different")(h)
    same = torch.func.vmap(net, randomness="same")(h)
    assert not torch.equal(different[0], different[1])
    torch.testing.assert_close(same, same[:1].expand_as(same))


@torch_deprecates_itself
@every_transparent_module
def test_the_compiled_module_draws_anew_and_notices_its_mode(case):
    net, h = case.net(), case.input()
    torch.compiler.reset()
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    assert not torch.equal(compiled(h), compiled(h))
    net.eval()
    torch.testing.assert_close(compiled(h), net(h))
