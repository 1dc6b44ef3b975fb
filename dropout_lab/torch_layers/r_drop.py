"""R-Drop: two passes under dropout are both trained to be right, and to agree."""

from __future__ import annotations

from torch import Tensor, nn

from dropout_lab.arguments_noise import require_disagreement_weight
from dropout_lab.torch_layers.arguments import require_float_tensor


def r_drop_loss(first: Tensor, second: Tensor, labels: Tensor, *, alpha: float) -> Tensor:
    """Loss of two passes over one batch, CE(z) + CE(z') + α (KL(P ‖ P') + KL(P' ‖ P)) / 2 in nats, mean over examples.

    Parameters
    ----------
    first, second : float tensors (N, K)
        Logits z and z' of two passes in training mode, whose masks differ; P and P' are their softmax.
    labels : int64 tensor (N,)
        Classes from 0 to K - 1.
    alpha : float ≥ 0
        Weight of the disagreement; at 0 nothing but the two cross-entropies is left. Code that takes their mean in the
        place of their sum needs half the α for a gradient of the same direction.

    Returns
    -------
    loss : tensor ()

    Raises
    ------
    TypeError, ValueError
        For logits that hold no floats or differ in shape, labels that do not fit, an alpha that is negative or no
        finite number.

    Examples
    --------
    >>> import torch
    >>> logits, labels = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    >>> twice = 2 * nn.functional.cross_entropy(logits, labels)
    >>> torch.allclose(r_drop_loss(logits, logits, labels, alpha=5.0), twice)
    True

    References
    ----------
    Liang, Wu, Li, Wang, Meng, Qin, Chen, Zhang, Liu (2021), R-Drop: Regularized Dropout for Neural Networks, NeurIPS,
    section 2.
    """
    first, second = require_float_tensor(first, "first"), require_float_tensor(second, "second")
    _require_fit(first, second, labels, alpha)
    log_p, log_q = first.log_softmax(dim=1), second.log_softmax(dim=1)
    right = nn.functional.nll_loss(log_p, labels) + nn.functional.nll_loss(log_q, labels)
    # KL(P ‖ P') + KL(P' ‖ P) = Σ_k (P_k - P'_k) (log P_k - log P'_k)
    disagreement = ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(dim=1).mean()
    return right + alpha / 2 * disagreement


def _require_fit(first: Tensor, second: Tensor, labels: object, alpha: object) -> None:
    if first.dim() != 2 or first.shape != second.shape:
        raise ValueError(f"logits of both passes are (N, K); got {tuple(first.shape)} and {tuple(second.shape)}.")
    if not isinstance(labels, Tensor) or labels.is_floating_point():
        kind = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise TypeError(f"labels are classes from 0 to K - 1, an int64 tensor (N,); got {kind}.")
    if labels.shape != first.shape[:1]:
        raise ValueError(f"labels are (N,) for logits (N, K); got {tuple(labels.shape)} for {tuple(first.shape)}.")
    require_disagreement_weight(alpha)
