"""DropConnect on arrays: a linear layer that drops weights, with a mask for every example."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dropout_lab.arguments import require_float_array, require_gradient, require_mask, require_probability, require_rng
from dropout_lab.arguments_noise import require_inference, require_noise
from dropout_lab.masks import bernoulli_mask, normal_noise
from dropout_lab.moments import linear_mean, linear_variance
from dropout_lab.numpy_layers.dense import Linear

Array = NDArray[np.floating]
Cache = tuple[Array, NDArray[np.bool_] | None, float]


def dropconnect_forward(
    h: Array,
    weight: Array,
    bias: Array | float,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, Cache]:
    """Drop weights and scale the others: u_nk = Σ_d m_nkd w_kd h_nd / (1 - p) + b_k in training, W h + b otherwise.

    Every example has a mask of its own, N·K·D coins of a byte each; nothing else of that size is made. `weight` is
    never modified. Biases are not dropped (Wan et al. drop them too), and survivors are scaled in training rather than
    weights at test time.

    Parameters
    ----------
    h : float array (N, D)
    weight : float array (K, D)
    bias : float array (K,) or number
    p : float in [0, 1]
        Probability that a *weight of an example* is dropped. At p = 1 the bias alone is left.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
    mask : bool array (N, K, D), optional
        The keep-mask to use in the place of a new one.

    Returns
    -------
    out : array (N, K)
    cache : what :func:`dropconnect_backward` needs, beside the weight

    Raises
    ------
    TypeError, ValueError
        For arrays that hold no floats or do not fit, a p outside [0, 1], no generator where one is needed.

    Examples
    --------
    >>> mask = np.array([[[True, True]], [[True, False]]])
    >>> out, _ = dropconnect_forward(np.array([[3.0, 4.0], [3.0, 4.0]]), np.array([[1.0, -1.0]]), 0.5, 0.2, mask=mask)
    >>> out
    array([[-0.75],
           [ 4.25]])

    References
    ----------
    Wan, Zeiler, Zhang, LeCun, Fergus (2013), Regularization of Neural Networks using DropConnect, ICML, section 3.
    """
    h, weight, p = require_float_array(h), require_float_array(weight, "weight"), require_probability(p)
    if weight.ndim != 2 or h.ndim != 2 or h.shape[1] != weight.shape[1]:
        raise ValueError(f"weight is (K, D) and h (N, D), a row an example; got weight {weight.shape} and h {h.shape}.")
    if not training:
        return h @ weight.T + bias, (h, None, 1.0)
    shape = (len(h), *weight.shape)
    if mask is None:
        mask = bernoulli_mask(shape, p, require_rng(rng))
    scale = 1 / (1 - p) if p < 1 else 0.0
    out = np.einsum("nkd,kd,nd->nk", require_mask(mask, shape, "a weight matrix for each example"), weight, h)
    return out * h.dtype.type(scale) + bias, (h, mask, scale)


def dropconnect_backward(grad_out: Array, weight: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Gradients of :func:`dropconnect_forward` for h, W and b, through the same mask.

    ∂L/∂h_nd = Σ_k g_nk m_nkd w_kd / (1 - p), ∂L/∂w_kd = Σ_n g_nk m_nkd h_nd / (1 - p), ∂L/∂b_k = Σ_n g_nk.

    Parameters
    ----------
    grad_out : float array (N, K)
        Gradient of the loss with respect to the output.
    weight : float array (K, D), as in the forward pass
    cache : as returned by :func:`dropconnect_forward`

    Returns
    -------
    grad_h, grad_weight, grad_bias : arrays (N, D), (K, D), (K,)
    """
    h, mask, scale = cache
    grad_out = require_gradient(grad_out, (len(h), len(weight)))
    if mask is None:
        return grad_out @ weight, grad_out.T @ h, grad_out.sum(axis=0)
    scaled = grad_out * grad_out.dtype.type(scale)
    grad_h = np.einsum("nk,nkd,kd->nd", scaled, mask, weight)
    grad_weight = np.einsum("nk,nkd,nd->kd", scaled, mask, h)
    return grad_h, grad_weight, grad_out.sum(axis=0)


class DropConnectLinear(Linear):
    """A linear layer that drops weights in training, a mask for each example, and starts as :class:`Linear` does.

    Parameters
    ----------
    in_features, out_features : int
        D and K; `weight` is (K, D) and `bias` (K,).
    p : float in [0, 1]
        Probability that a *weight of an example* is dropped.
    rng : numpy.random.Generator
        Draws the starting values, and noise at every forward pass that needs some.
    bias : bool, default True
    inference : {"mean", "moments"}
        Out of training, "mean" gives W h + b. "moments" gives one draw u ~ N(W h + b, p/(1-p) Σ_d w_kd² h_nd²), the
        Gaussian with the mean and the variance that masks would give, at the price of a second matrix product; average
        what the next non-linearity makes of several draws (Wan et al. 2013, section 3, inference). Needs p < 1.
    dtype : float dtype, default float32

    Examples
    --------
    >>> layer = DropConnectLinear(8, 3, 0.2, np.random.default_rng(0))
    >>> layer
    DropConnectLinear(8, 3, p=0.2)
    >>> layer.forward(np.ones((4, 8), dtype=np.float32)).shape
    (4, 3)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        p: float,
        rng: np.random.Generator,
        bias: bool = True,
        *,
        inference: str = "mean",
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(in_features, out_features, rng, dtype=dtype)
        self.p, self.rng, self.has_bias = require_probability(p), require_rng(rng), bias
        self.inference = require_inference(inference, self.p)
        self.cache: Cache | None = None
        if not bias:
            self.bias[:] = 0

    def forward(
        self,
        h: Array,
        mask: NDArray[np.bool_] | None = None,
        *,
        training: bool = True,
        noise: Array | None = None,
    ) -> Array:
        """Output (N, K); `mask` (N, K, D) serves training, `noise` (N, K), standard normal, the moments."""
        out, cache = dropconnect_forward(h, self.weight, self.bias, self.p, self.rng, training=training, mask=mask)
        if training or self.inference == "mean":
            self.cache = cache
            return out
        self.cache = None
        if noise is None:
            noise = normal_noise(out.shape, self.rng, dtype=out.dtype)
        mean, variance = self.moments(h)
        draw: Array = mean + np.sqrt(variance) * require_noise(noise, out.shape).astype(out.dtype, copy=False)
        return draw

    def moments(self, h: Array) -> tuple[Array, Array]:
        """Mean and variance (N, K) of the outputs over masks: the closed forms of :mod:`dropout_lab.moments`."""
        return linear_mean(self.weight, h, self.p, self.bias), linear_variance(self.weight, h, self.p)

    def backward(self, grad_out: Array) -> Array:
        """Gradient (N, D) for the input; those of weight and bias stay with the layer."""
        if self.cache is None:
            raise ValueError('backward needs a forward pass before it, in training or with inference="mean".')
        grad_h, self.weight_grad, self.bias_grad = dropconnect_backward(grad_out, self.weight, self.cache)
        return grad_h

    def parameters(self) -> list[Array]:
        """Weight (K, D) and, if there is one, bias (K,)."""
        return [self.weight, self.bias] if self.has_bias else [self.weight]

    def gradients(self) -> list[Array]:
        """Gradients of :meth:`parameters`."""
        return [self.weight_grad, self.bias_grad] if self.has_bias else [self.weight_grad]

    def __repr__(self) -> str:
        return f"DropConnectLinear({self.weight.shape[1]}, {self.weight.shape[0]}, p={self.p})"
