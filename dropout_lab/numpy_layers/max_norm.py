"""Max-norm on arrays: after a step, the incoming weights of no unit are longer than c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_axes, require_float_array, require_positive

Array = NDArray[np.floating]


def max_norm_(parameter: Array, c: float, *, axis: int = 0) -> Array:
    """Shrink, in place, the weights of every unit whose Euclidean norm is above c, w ← w c / ‖w‖; return the array.

    The direction is kept, shorter weights are not touched. Call it after each step of the optimiser, on weights and not
    on biases.

    Parameters
    ----------
    parameter : float array with at least 2 axes
        Weights, (K, D) of a linear layer or (K, C, *) of a convolution; changed in place.
    c : float > 0
        Longest norm allowed; Srivastava et al. report values of 3 to 4.
    axis : int, default 0
        Axis of the units; 1 for weights that are stored as (D, K).

    Returns
    -------
    parameter : the same array

    Raises
    ------
    TypeError, ValueError
        For what is no float array, for a bias, for a c that is not positive and finite, for an axis that is not there.

    Examples
    --------
    >>> weight = np.array([[3.0, 4.0], [0.3, 0.4]])
    >>> max_norm_(weight, 2.0)
    array([[1.2, 1.6],
           [0.3, 0.4]])

    References
    ----------
    Srivastava et al. (2014), JMLR 15, section 5.1.
    """
    require_float_array(parameter, "parameter")
    c = require_positive(c, "c")
    if parameter.ndim < 2:
        repair = "A bias has no incoming weights: leave it alone."
        raise ValueError(f"parameter is (K, D) or (K, C, *), a row a unit; got {parameter.shape}. {repair}")
    (unit,) = require_axes((axis,), parameter.ndim, "axis")
    others = tuple(other for other in range(parameter.ndim) if other != unit)
    wide = np.result_type(parameter.dtype, np.float32)  # the square of 256 overflows float16
    norms = np.sqrt((parameter.astype(wide, copy=False) ** 2).sum(axis=others, keepdims=True))
    parameter *= np.divide(c, norms, out=np.ones_like(norms), where=norms > c)
    return parameter
