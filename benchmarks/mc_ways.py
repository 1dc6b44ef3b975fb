"""The ways to get T stochastic passes that benchmarks/mc_dropout.py compares, and the guard that each must pass.

A way takes a network, its inputs and T and returns a function without arguments that gives the samples (T, N, …);
what a user does once for a network (wrapping, patching, cutting) is not timed. One that cannot do a network raises
UnfitError.
"""

from __future__ import annotations

import copy
import importlib.util
import warnings
from collections.abc import Callable
from importlib import metadata
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from dropout_lab.uncertainty import mc_predict
from mc_modules import AnyNet

Sampler = Callable[[], Tensor]
Way = Callable[[AnyNet, Tensor, int], Sampler]
CHUNKS = (1, 2, 5, 10, 20, 50, 100)  # the floor takes the best of these


class UnfitError(Exception):
    """The way cannot do this network; the message says why."""


def active(net: AnyNet) -> AnyNet:
    """The network with dropout on and all else in eval mode, as a careful person switches it on by hand."""
    for module in net.modules():
        if isinstance(module, (_DropoutNd, nn.LSTM, nn.MultiheadAttention, nn.TransformerEncoderLayer)):
            module.training = True
    return net


def ours(net: AnyNet, x: Tensor, n_samples: int) -> Sampler:
    generator = torch.Generator().manual_seed(0)
    return lambda: mc_predict(net, x, n_samples=n_samples, generator=generator)


def loop(net: AnyNet, x: Tensor, n_samples: int) -> Sampler:
    active(net)
    return lambda: torch.stack([net(x) for _ in range(n_samples)])


def replicated(net: AnyNet, x: Tensor, n_samples: int) -> Sampler:
    active(net)
    return lambda: net(x.repeat(n_samples, *[1] * (x.ndim - 1))).unflatten(0, (n_samples, len(x)))


def vmapped(net: AnyNet, x: Tensor, n_samples: int) -> Sampler:
    active(net)
    passes = torch.vmap(lambda _: net(x), randomness="different")

    def run() -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="There is a performance drop")
            return passes(torch.empty(n_samples))

    return run


def cached_loop(net: AnyNet, x: Tensor, n_samples: int) -> Sampler:
    if not net.has_prefix:
        raise UnfitError("nothing lies before the first dropout that can be cut off")
    active(net)

    def run() -> Tensor:
        handed = net.prefix(x)
        return torch.stack([net.rest(*handed) for _ in range(n_samples)])

    return run


def torch_uncertainty(net: AnyNet, x: Tensor, n_samples: int) -> Sampler:
    wrapped = _torch_uncertainty().mc_dropout(net, num_estimators=n_samples).eval()
    return lambda: wrapped(x).unflatten(0, (n_samples, len(x)))


def baal(net: AnyNet, x: Tensor, n_samples: int) -> Sampler:
    return _baal(net, x, n_samples, replicate=True)


def baal_caching(net: AnyNet, x: Tensor, n_samples: int) -> Sampler:
    return _baal(net, x, n_samples, replicate=False)


def floor(net: AnyNet, x: Tensor, n_samples: int, chunk: int) -> Sampler:
    """The network without dropout: the prefix once, its output replicated once, the rest as often as it takes."""
    net = net.without_dropout()

    def run() -> Tensor:
        handed = [part.repeat(chunk, *[1] * (part.ndim - 1)) for part in net.prefix(x)]
        return torch.cat([net.rest(*handed).unflatten(0, (chunk, len(x))) for _ in range(n_samples // chunk)])

    return run


WAYS: dict[str, Way] = {
    "mc_predict": ours,
    "Python loop": loop,
    "replicated batch": replicated,
    "torch.vmap": vmapped,
    "loop, cached prefix": cached_loop,
    "torch-uncertainty": torch_uncertainty,
    "baal": baal,
    "baal, caching": baal_caching,
}


def absent() -> dict[str, str]:
    """Ways that cannot be had here, each with what their import said."""
    found = {}
    for load, names in ((_torch_uncertainty, ["torch-uncertainty"]), (_import_baal, ["baal", "baal, caching"])):
        try:
            load()
        except Exception as error:  # an import may fail in any way
            reason = str(error).partition("\n")[0]
            found.update(dict.fromkeys(names, f'not here: {reason} (pip install -e ".[torch,benchmarks]")'))
    return found


def guard(samples: Tensor, reference: Tensor) -> None:
    """Raise UnfitError unless the samples have the loop's mean and variance within six standard errors, and a spread.

    Rows of a batch are independent, so their scatter gives the errors; those of a way that shares its masks between
    rows are too small, and it is refused as it should be.
    """
    if samples.shape != reference.shape:
        raise UnfitError(f"gives the shape {tuple(samples.shape)} in the place of {tuple(reference.shape)}")
    first, second = (values.double().flatten(2) for values in (samples, reference))  # (T, N, K)
    if not (first.var(dim=0).mean() > 1e-4 * second.var(dim=0).mean()):
        raise UnfitError("drops nothing: all passes are the same")
    if (first.var(dim=0).mean(dim=1) <= 1e-4 * second.var(dim=0).mean()).any():
        raise UnfitError("drops nothing in some rows")
    difference = (first.var(dim=0) - second.var(dim=0)).mean(dim=1)  # (N,)
    if difference.mean().abs() > 6 * difference.std() / len(difference) ** 0.5:
        ratio = (first.var(dim=0).mean() / second.var(dim=0).mean()).sqrt()
        raise UnfitError(f"misses dropout: {ratio:.2f} times the loop's spread")

    error = ((first.var(dim=0) + second.var(dim=0)) / len(first)).sqrt()
    z = (first.mean(dim=0) - second.mean(dim=0)) / error.clamp_min(1e-12)  # (N, K), about N(0, 1) each
    if z.abs().max() > 6.5:  # of 10 000 normal numbers one is above 6.5 once in a million runs
        raise UnfitError("has another mean than the loop")


def _torch_uncertainty() -> Any:
    # its own file, because the package imports torchvision, lightning and timm, and this wrapper needs none of them
    file = metadata.distribution("torch-uncertainty").locate_file("torch_uncertainty/methods/mc_dropout.py")
    spec = importlib.util.spec_from_file_location("torch_uncertainty_mc_dropout", str(file))
    if spec is None or spec.loader is None:
        raise ImportError(f"no module in {file}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _import_baal() -> tuple[Any, Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from baal import modelwrapper
        from baal.bayesian import caching_utils, dropout
    return modelwrapper, caching_utils, dropout


def _baal(net: AnyNet, x: Tensor, n_samples: int, *, replicate: bool) -> Sampler:
    modelwrapper, caching_utils, dropout = _import_baal()
    patched = dropout.MCDropoutModule(copy.deepcopy(net)).eval()
    if not replicate:
        patched = caching_utils.MCCachingModule(patched).eval()
    arguments = modelwrapper.TrainingArgs(use_cuda=False, replicate_in_memory=replicate)
    wrapper = modelwrapper.ModelWrapper(patched, arguments)
    caches = [module for module in patched.modules() if isinstance(module, caching_utils.LRUCacheModule)]

    def run() -> Tensor:
        for cache in caches:  # as for new inputs, so that what lies before the first coin is computed once a run
            cache._memory_input = None
        return wrapper.predict_on_batch(x, n_samples).movedim(-1, 0)

    return run
