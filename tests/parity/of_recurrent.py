"""Rows of recurrent nets: against nn.LSTM and nn.GRU, against the equations of the papers, and NumPy against torch."""

import numpy as np
import torch
from torch import nn

from dropout_lab import numpy_layers, torch_layers
from dropout_lab.masks import bernoulli_mask
from pairs import Pair, row

AGAINST_TORCH, AGAINST_PAPERS, EACH_OTHER = [], [], []
N, L, D, H = 3, 5, 2, 4
RATES = (0.0, 0.2, 0.7, 1.0)
CELLS, WHOLE = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}, {"lstm": nn.LSTM, "gru": nn.GRU}
NAMES = ("VariationalRNN", "RecurrentDropoutRNN", "ZoneoutRNN")
NETS = "`VariationalRNN`, `RecurrentDropoutRNN`, `ZoneoutRNN`"
KINDS, MODES = ("lstm", "gru"), (True, False)
DROPPED = "`torch.nn.LSTM`, `torch.nn.GRU` on the dropped matrix"
KEPT = "Krueger 2017: h with probability p, else h'; p h + (1 − p) h' in eval"


def of_one_weight(kind):
    """Our NumPy cell, PyTorch's cell and its whole recurrence, float64, all with the same weights."""
    ours = numpy_layers.Cell(kind, D, H, np.random.default_rng(0), dtype=np.float64)
    cell, whole = CELLS[kind](D, H).double(), WHOLE[kind](D, H, batch_first=True).double()
    with torch.no_grad():
        for array, *parameters in zip(ours.parameters(), cell.parameters(), whole.parameters(), strict=True):
            for parameter in parameters:
                parameter.copy_(torch.from_numpy(array))
    return ours, cell, whole


def inputs(seed=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, L, D)), rng.normal(size=(N, L, H))


def one_mask(shape, p, seed=1):
    return bernoulli_mask(shape, p, np.random.default_rng(seed))


def noise(kind, name, p):
    """Keep-masks by name of argument."""
    if name == "VariationalRNN":
        return {"input_mask": one_mask((N, D), p), "state_mask": one_mask((N, H), p, seed=2)}
    both = {"mask": one_mask((N, L, H), p)}
    return both | {"memory_mask": one_mask((N, L, H), p, seed=2)} if (name, kind) == ("ZoneoutRNN", "lstm") else both


def tensors(masks):
    return {name: torch.from_numpy(mask) for name, mask in masks.items()}


def of_each_step(name, out, state, grads, outputs, after, gradients):
    """Pairs of all outputs, the last state, and the gradients for input and weights; sums all of them."""
    yield Pair(name, "output", outputs, out, sums=True)
    for mine, other in zip(after, state, strict=True):
        yield Pair(name, "last state", mine, other, sums=True)
    for mine, other in zip(gradients, grads, strict=True):
        yield Pair(name, "gradient", mine, other, sums=True)


def differentiated(module, h, grad_out, parameters, **masks):
    """Output, last state and gradients for the input and the parameters of a module."""
    tensor = torch.from_numpy(h).requires_grad_()
    out, state = module(tensor, **masks)
    leaves = [tensor, *parameters]
    grads = torch.autograd.grad(out, leaves, torch.from_numpy(grad_out), allow_unused=True)
    filled = [torch.zeros_like(leaf) if grad is None else grad for leaf, grad in zip(leaves, grads, strict=True)]
    return out, state, filled


@row(AGAINST_TORCH, f"{NETS}, no noise", "`torch.nn.LSTM`, `torch.nn.GRU`", kind=KINDS, name=NAMES, training=MODES)
def without_noise(kind, name, training):
    ours, cell, whole = of_one_weight(kind)
    h, grad_out = inputs()
    p = 0.0 if training or name == "ZoneoutRNN" else 0.3  # in eval zoneout mixes states, it does not stop
    out, state, grads = differentiated(whole, h, grad_out, list(whole.parameters()))
    state = [part[0] for part in (state if isinstance(state, tuple) else (state,))]
    module = getattr(torch_layers, name)(cell, p).train(training)
    yield from of_each_step("torch", out, state, grads, *differentiated(module, h, grad_out, list(cell.parameters())))
    layer = getattr(numpy_layers, name)(ours, p, np.random.default_rng(0))
    outputs, after = layer.forward(h, training=training)
    yield from of_each_step("NumPy", out, state, grads, outputs, after, [layer.backward(grad_out), *layer.gradients()])


@row(AGAINST_TORCH, "`VariationalRNN`", "`torch.nn.LSTM` with masks on the columns of its weights", p=RATES)
def masks_on_columns(p):
    ours, cell, whole = of_one_weight("lstm")
    h, p_state = inputs()[0][:1], 0.4
    masks = {"input_mask": one_mask((1, D), p), "state_mask": one_mask((1, H), p_state)}
    with torch.no_grad():
        whole.weight_ih_l0.mul_(scaled(masks["input_mask"], p))
        whole.weight_hh_l0.mul_(scaled(masks["state_mask"], p_state))
    there = whole(torch.from_numpy(h))[0]
    module = torch_layers.VariationalRNN(cell, p, p_state=p_state)
    yield Pair("torch", "output", module(torch.from_numpy(h), **tensors(masks))[0], there, True)
    layer = numpy_layers.VariationalRNN(ours, p, np.random.default_rng(0), p_state=p_state)
    yield Pair("NumPy", "output", layer.forward(h, **masks)[0], there, True)


def scaled(mask, p):
    return torch.from_numpy(mask).double() / (1 - p if p < 1 else 1)


@row(AGAINST_TORCH, "`WeightDropRNN`", DROPPED, p=RATES, kind=KINDS)
def weight_drop(p, kind):
    ours, _, whole = of_one_weight(kind)
    h, grad_out = inputs(3)
    mask = one_mask((len(ours.bias_hh), H), p)
    dropped = numpy_layers.dropout_forward(ours.weight_hh, p, mask=mask)[0]
    thin = of_one_weight(kind)[2]
    with torch.no_grad():
        thin.weight_hh_l0.copy_(torch.from_numpy(dropped))
    out, _, grads = differentiated(thin, h, grad_out, list(thin.parameters()))
    grads[2] = numpy_layers.dropout_forward(grads[2].numpy(), p, mask=mask)[0]  # through the mask to the stored matrix
    module = torch_layers.WeightDropRNN(whole, p)
    masks = {"masks": {"weight_hh_l0": torch.from_numpy(mask)}}
    here, _, mine = differentiated(module, h, grad_out, list(whole.parameters()), **masks)
    layer = numpy_layers.WeightDropRNN(ours, p, np.random.default_rng(0))
    outputs = layer.forward(h, mask=mask)[0]
    yield from of_each_step("torch", out, [], grads, here, [], mine)
    yield from of_each_step("NumPy", out, [], grads, outputs, [], [layer.backward(grad_out), *layer.gradients()])


def lstm_step(cell, x, h, c):
    """Gates of an LSTM, PyTorch's order: forget gate times memory, input gate, update, output gate."""
    i, f, g, o = (x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh).chunk(4, dim=1)
    return f.sigmoid() * c, i.sigmoid(), g.tanh(), o.sigmoid()


@row(AGAINST_PAPERS, "`RecurrentDropoutRNN`", "Semeniuta 2016: c' = f c + i d(g)", p=RATES[:-1])
def recurrent_dropout(p):
    ours, cell, _ = of_one_weight("lstm")
    x, mask = torch.from_numpy(inputs()[0]), noise("lstm", "RecurrentDropoutRNN", p)["mask"]
    h, c, out = torch.zeros(N, H).double(), torch.zeros(N, H).double(), []
    for step in range(L):
        kept, i, g, o = lstm_step(cell, x[:, step], h, c)
        c = kept + i * g * torch.from_numpy(mask[:, step]) / (1 - p)
        h = o * c.tanh()
        out.append(h)
    there = torch.stack(out, dim=1)
    module = torch_layers.RecurrentDropoutRNN(cell, p)
    yield Pair("torch", "output", module(x, mask=torch.from_numpy(mask))[0], there, True)
    layer = numpy_layers.RecurrentDropoutRNN(ours, p, np.random.default_rng(0))
    yield Pair("NumPy", "output", layer.forward(x.numpy(), mask=mask)[0], there, True)


@row(AGAINST_PAPERS, "`ZoneoutRNN`", KEPT, p=RATES, training=MODES)
def zoneout(p, training):
    ours, cell, _ = of_one_weight("gru")
    x, mask = torch.from_numpy(inputs()[0]), noise("gru", "ZoneoutRNN", p)["mask"]
    h, out = torch.zeros(N, H).double(), []
    for step in range(L):
        new, taken = cell(x[:, step], h), torch.from_numpy(mask[:, step]).double() if training else 1 - p
        h = taken * new + (1 - taken) * h
        out.append(h)
    there, what = torch.stack(out, dim=1), "output" if training else "eval"
    module = torch_layers.ZoneoutRNN(cell, p).train(training)
    yield Pair("torch", what, module(x, **({"mask": torch.from_numpy(mask)} if training else {}))[0], there, True)
    layer = numpy_layers.ZoneoutRNN(ours, p, np.random.default_rng(0))
    yield Pair("NumPy", what, layer.forward(x.numpy(), mask=mask, training=training)[0], there, True)


@row(EACH_OTHER, NETS, "NumPy, LSTM and GRU", p=RATES, kind=KINDS, name=NAMES, training=MODES)
def nets_on_masks(p, kind, name, training):
    ours, cell, _ = of_one_weight(kind)
    masks, (h, grad_out) = noise(kind, name, p), inputs()
    layer = getattr(numpy_layers, name)(ours, p, np.random.default_rng(2))
    outputs, after = layer.forward(h, training=training, **masks)
    gradients = [layer.backward(grad_out), *layer.gradients()]
    module = getattr(torch_layers, name)(cell, p).train(training)
    given = tensors(masks) if training else {}
    here = differentiated(module, h, grad_out, list(cell.parameters()), **given)
    yield from of_each_step("torch", outputs, after, gradients, *here)
