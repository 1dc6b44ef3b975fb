"""The modules of PyTorch and of this package that bear dropout, and the attribute in which each keeps its p."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from dropout_lab.torch_layers.dropout import Dropout
from dropout_lab.torch_layers.rated import RatedModule

P_ATTRIBUTES: dict[type[nn.Module], str] = {
    _DropoutNd: "p",  # every dropout class of torch.nn, alpha dropout included
    Dropout: "p",
    RatedModule: "p",
    nn.RNNBase: "dropout",
    nn.MultiheadAttention: "dropout",
}


def p_attribute(module: nn.Module) -> str | None:
    """Name of the attribute that holds the drop probability of a module of these classes, None for any other.

    Examples
    --------
    >>> p_attribute(nn.Dropout2d(0.2)), p_attribute(nn.GRU(3, 4)), p_attribute(nn.Linear(3, 4))
    ('p', 'dropout', None)
    """
    return next((name for bearer, name in P_ATTRIBUTES.items() if isinstance(module, bearer)), None)
