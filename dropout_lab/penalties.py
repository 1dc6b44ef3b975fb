"""What dropout on the inputs of a linear model adds to its loss on average: penalties, exact or to second order.

Throughout, z_n = w · x_n is the linear predictor of example n, and z̃_n = w · (m x_n / q) the same behind inverted
dropout, with a coin of its own for each example and feature. E[z̃_n] = z_n, and Var[z̃_n] = (p/q) Σ_j w_j² x_nj².
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_survivors
from dropout_lab.moments import linear_variance

Array = NDArray[np.floating]


def linear_penalty(x: Array, w: Array, p: float) -> float:
    """What dropout adds to the summed squared error Σ_n (y_n - z_n)² on average, (p/q) Σ_j w_j² Σ_n x_nj².

    It is exact: the mean of the squared error under dropout is the squared error plus this. The labels do not matter.

    Parameters
    ----------
    x : array (N, D), the inputs without dropout
    w : array (D,), in units of the label over those of the feature
    p : float in [0, 1), probability that an *input* is dropped

    Returns
    -------
    penalty : float, in the label's units squared; summed over the examples, not averaged

    Raises
    ------
    TypeError, ValueError
        At p = 1, or for shapes that do not fit.

    Examples
    --------
    >>> linear_penalty(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1.0, 2.0]), 0.2)
    6.5

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout: A Simple Way to Prevent Neural Networks
    from Overfitting, JMLR 15, section 9.1.
    """
    return float(_noise(x, w, p).sum())


def dropout_ridge(x: Array, y: Array, p: float) -> Array:
    """Weights of linear regression under dropout, the solution of (XᵀX + (p/q) diag(XᵀX)) w = Xᵀy.

    They minimise Σ_n (y_n - w·x_n)² plus :func:`linear_penalty`: ridge regression in which each feature pays in
    proportion to its own sum of squares. There is no intercept.

    Parameters
    ----------
    x : array (N, D)
    y : array (N,)
    p : float in [0, 1), probability that an *input* is dropped

    Returns
    -------
    w : array (D,)
        Where the solution is not unique (a feature that is always 0, or p = 0 with fewer examples than features), the
        shortest of the solutions.

    Raises
    ------
    TypeError, ValueError
        At p = 1, or for shapes that do not fit.

    Examples
    --------
    >>> dropout_ridge(np.array([[2.0, 0.0], [0.0, 30.0]]), np.array([2.0, 60.0]), 0.2)
    array([0.8, 1.6])

    References
    ----------
    Srivastava et al. (2014), as for :func:`linear_penalty`, section 9.1.
    """
    p = require_survivors(p)
    _require_design(x)
    require_float_array(y, "y")
    if y.shape != x.shape[:1]:
        raise ValueError(f"x is (N, D) and y (N,); got x {x.shape} and y {y.shape}.")
    # least squares with D more rows: √(p/q) ‖x_j‖ w_j = 0 has the penalty of feature j as its squared error
    rows = np.diag(np.sqrt(p / (1 - p) * (x**2).sum(axis=0))).astype(x.dtype)
    solution = np.linalg.lstsq(np.vstack([x, rows]), np.append(y, np.zeros(len(rows), y.dtype)), rcond=None)
    return np.asarray(solution[0])


def glm_penalty(x: Array, w: Array, p: float, curvature: Array) -> float:
    """What dropout adds to a generalised linear model's summed loss, to second order: ½ Σ_n A″(z_n) Var[z̃_n].

    The loss of an example is A(z) - y z. Since E[z̃] = z, dropout adds E[A(z̃)] - A(z) to it, whatever the label is; A
    expanded at z to second order makes that ½ A″(z) Var[z̃]. It is exact where A is a parabola (linear regression,
    A = z²/2), and good where A″ changes little over the range of the noise.

    Parameters
    ----------
    x : array (N, D), the inputs without dropout
    w : array (D,)
    p : float in [0, 1), probability that an *input* is dropped
    curvature : array (N,)
        A″(z_n): π(1-π) in logistic regression, exp(z) in Poisson regression, 1 in linear regression.

    Returns
    -------
    penalty : float, in nats where the loss is; summed over the examples

    Raises
    ------
    TypeError, ValueError
        At p = 1, or for shapes that do not fit.

    Examples
    --------
    >>> glm_penalty(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1.0, 2.0]), 0.2, np.ones(2))
    3.25

    References
    ----------
    Wager, Wang, Liang (2013), Dropout Training as Adaptive Regularization, NIPS 26, section 2.
    """
    noise = _noise(x, w, p)
    require_float_array(curvature, "curvature")
    if curvature.shape != noise.shape:
        raise ValueError(f"curvature is (N,), A″ of each example, here {noise.shape}; got shape {curvature.shape}.")
    return float(curvature @ noise / 2)


def logistic_penalty(x: Array, w: Array, p: float) -> float:
    """What dropout adds to the summed logistic loss, to second order: ½ (p/q) Σ_j w_j² Σ_n π_n(1-π_n) x_nj².

    π_n = 1/(1 + exp(-z_n)). Σ_n π_n(1-π_n) x_nj² is the Fisher information about w_j: a feature pays for the examples
    in which it is large *and* the model is undecided. Parameters as in :func:`glm_penalty`.

    Examples
    --------
    >>> logistic_penalty(np.array([[1.0, 2.0], [3.0, 0.0]]), np.zeros(2), 0.2)
    0.0
    >>> round(logistic_penalty(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([2.0, -1.0]), 0.2), 4)
    0.2611

    References
    ----------
    Wager, Wang, Liang (2013), as for :func:`glm_penalty`.
    """
    noise = _noise(x, w, p)  # its checks come before x @ w
    return float(logistic_curvature(x @ w) @ noise / 2)


def logistic_curvature(z: Array) -> Array:
    """Second derivative of log(1 + exp(z)), π(1-π) with π = 1/(1 + exp(-z)); ¼ at z = 0, fading as exp(-|z|).

    Examples
    --------
    >>> logistic_curvature(np.array([0.0, 2.0])).round(3)
    array([0.25 , 0.105])
    """
    fading = np.exp(-np.abs(require_float_array(z, "z")))  # π(1-π) is even in z
    return np.asarray(fading / (1 + fading) ** 2)


def _noise(x: Array, w: Array, p: float) -> Array:
    """Var[z̃_n] of every example, (N,)."""
    p = require_survivors(p)
    _require_design(x)
    require_float_array(w, "w")
    if w.shape != x.shape[1:]:
        raise ValueError(f"x is (N, D) and w (D,); got x {x.shape} and w {w.shape}.")
    return linear_variance(w[None], x, p)[:, 0]


def _require_design(x: Array) -> None:
    if require_float_array(x, "x").ndim != 2:
        raise ValueError(f"x is (N, D), one example a row; got shape {x.shape}.")
