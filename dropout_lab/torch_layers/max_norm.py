"""Max-norm: after a step, the incoming weights of no unit are longer than c."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments import require_axes, require_positive
from dropout_lab.torch_layers.arguments import require_float_tensor


def max_norm_(parameter: Tensor, c: float, *, axis: int = 0) -> Tensor:
    """Shrink, in place, the weights of every unit whose Euclidean norm is above c, w ← w c / ‖w‖; return the parameter.

    The direction is kept, shorter weights are not touched, and autograd does not see it. Call it after each
    ``optimizer.step()``, on weights and not on biases.

    Parameters
    ----------
    parameter : float tensor with at least 2 axes
        Weights, (K, D) of a linear layer or (K, C, *) of a convolution; changed in place.
    c : float > 0
        Longest norm allowed; Srivastava et al. report values of 3 to 4.
    axis : int, default 0
        Axis of the units; 1 for weights that are stored as (D, K).

    Returns
    -------
    parameter : the same tensor

    Raises
    ------
    TypeError, ValueError
        For what is no float tensor, for a bias, for a c that is not positive and finite, for an axis that is not there.

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 2, bias=False)
    >>> layer.weight.data = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    >>> max_norm_(layer.weight, 2.0).detach()
    tensor([[1.2000, 1.6000],
            [0.3000, 0.4000]])

    References
    ----------
    Srivastava et al. (2014), JMLR 15, section 5.1.
    """
    require_float_tensor(parameter, "parameter")
    c = require_positive(c, "c")
    if parameter.dim() < 2:
        repair = "A bias has no incoming weights: leave it alone."
        raise ValueError(f"parameter is (K, D) or (K, C, *), a row a unit; got {tuple(parameter.shape)}. {repair}")
    (unit,) = require_axes((axis,), parameter.dim(), "axis")
    others = tuple(other for other in range(parameter.dim()) if other != unit)
    wide = torch.promote_types(parameter.dtype, torch.float32)  # as in NumPy, where 256² overflows float16
    with torch.no_grad():
        norms = torch.linalg.vector_norm(parameter, dim=others, keepdim=True, dtype=wide)
        parameter.mul_(torch.where(norms > c, c / norms, 1.0))
    return parameter
