"""R-Drop on arrays: two passes under dropout are both trained to be right, and to agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array
from dropout_lab.arguments_noise import require_disagreement_weight
from dropout_lab.numpy_layers.loss import log_softmax, softmax, softmax_cross_entropy

Array = NDArray[np.floating]


def r_drop_loss(
    first: Array, second: Array, labels: NDArray[np.integer], *, alpha: float
) -> tuple[float, Array, Array]:
    """Loss of two passes over one batch, CE(z) + CE(z') + α (KL(P ‖ P') + KL(P' ‖ P)) / 2 in nats, and its gradients.

    With d = log P - log P' and s = Σ_k P_k d_k = KL(P ‖ P'), the gradient of the disagreement for z_k is
    P_k (d_k - s) + P_k - P'_k, that for z'_k the same with the passes exchanged.

    Parameters
    ----------
    first, second : float arrays (N, K)
        Logits z and z' of two passes in training mode, whose masks differ; P and P' are their softmax.
    labels : int array (N,), classes from 0 to K - 1
    alpha : float ≥ 0
        Weight of the disagreement; at 0 nothing but the two cross-entropies is left.

    Returns
    -------
    loss : float
    grad_first, grad_second : arrays (N, K)

    Raises
    ------
    TypeError, ValueError
        As :func:`softmax_cross_entropy`; for passes that differ in shape, an alpha that is negative or not finite.

    Examples
    --------
    >>> logits, labels = np.array([[2.0, 0.0]]), np.array([0])
    >>> loss, grad_first, grad_second = r_drop_loss(logits, logits, labels, alpha=5.0)
    >>> loss == 2 * softmax_cross_entropy(logits, labels)[0]
    True

    References
    ----------
    Liang, Wu, Li, Wang, Meng, Qin, Chen, Zhang, Liu (2021), R-Drop: Regularized Dropout for Neural Networks, NeurIPS,
    section 2.
    """
    first, second = require_float_array(first, "first"), require_float_array(second, "second")
    if first.shape != second.shape:
        raise ValueError(f"logits of both passes are (N, K); got {first.shape} and {second.shape}.")
    alpha = require_disagreement_weight(alpha)
    (loss, grad_first), (other, grad_second) = (softmax_cross_entropy(z, labels) for z in (first, second))
    p, q = softmax(first), softmax(second)
    d = log_softmax(first) - log_softmax(second)
    disagreement = ((p - q) * d).sum(axis=1).mean()
    weight = first.dtype.type(alpha / 2 / len(first))
    grad_first = grad_first + weight * (p * (d - (p * d).sum(axis=1, keepdims=True)) + p - q)
    grad_second = grad_second + weight * (q * ((q * d).sum(axis=1, keepdims=True) - d) + q - p)
    return float(loss + other + alpha / 2 * disagreement), grad_first, grad_second
