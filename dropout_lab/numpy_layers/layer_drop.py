"""LayerDrop on arrays: whole layers of a stack are skipped, so that a shallower net can be cut out of it later."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_gradient, require_mask, require_probability, require_rng
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.layer import Layer

Array = NDArray[np.floating]


class LayerDrop(Layer):
    """A stack of layers of which each is skipped with probability p in training, for the whole batch.

    A skipped layer is not computed, and the others are not scaled: each layer is expected to hold its own shortcut, so
    that skipping it leaves what came in. The backward pass skips what the forward pass skipped; a skipped layer's
    gradients are zero.

    Parameters
    ----------
    layers : iterable of Layer
        Each gives back the shape that it takes.
    p : float in [0, 1]
        Probability that a *layer* is skipped.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.

    Raises
    ------
    TypeError, ValueError
        For what is no layer, no layer at all, a p outside [0, 1]; in ``forward`` for a layer that changes the shape.

    Examples
    --------
    >>> from dropout_lab.numpy_layers import ReLU
    >>> stack = LayerDrop([ReLU(), ReLU()], 0.2, np.random.default_rng(0))
    >>> stack.forward(np.array([-1.0, 1.0]), np.array([False, True]))
    array([0., 1.])

    References
    ----------
    Fan, Grave, Joulin (2020), Reducing Transformer Depth on Demand with Structured Dropout, ICLR.
    """

    def __init__(self, layers: Iterable[Layer], p: float, rng: np.random.Generator) -> None:
        self.layers = list(layers)
        if not self.layers:
            raise ValueError("layers is empty: there is no layer to skip.")
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"layers are dropout_lab.numpy_layers.Layer objects; got {type(layer).__name__}.")
        self.p, self.rng = require_probability(p), require_rng(rng)
        self.kept: list[bool] | None = None
        self.shape: tuple[int, ...] = ()

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """Output of the layers that `mask` (one bool a layer) keeps; all of them out of training."""
        self.shape, n_layers = require_float_array(h).shape, len(self.layers)
        if not training:
            self.kept = [True] * n_layers
        elif mask is None:
            self.kept = bernoulli_mask((n_layers,), self.p, self.rng).tolist()
        else:
            self.kept = require_mask(mask, (n_layers,), "the stack, a bool for each layer").tolist()
        for layer in self._run():
            out = layer.forward(h, training=training)
            if out.shape != h.shape:
                found = f"{out.shape} for {h.shape}"
                raise ValueError(f"a layer that can be skipped gives back the shape it takes; {layer} gave {found}.")
            h = out
        return h

    def backward(self, grad_out: Array) -> Array:
        """Gradient for the input, through the layers of the last forward pass."""
        if self.kept is None:
            raise ValueError("backward needs a forward pass before it; call forward first.")
        grad_out = require_gradient(grad_out, self.shape)
        for layer in reversed(self._run()):
            grad_out = layer.backward(grad_out)
        return grad_out

    def parameters(self) -> list[Array]:
        """Arrays of all layers, skipped ones too."""
        return [array for layer in self.layers for array in layer.parameters()]

    def gradients(self) -> list[Array]:
        """Gradients of :meth:`parameters`; zero for a layer that the last forward pass skipped."""
        kept = self.kept or [False] * len(self.layers)
        pairs = zip(self.layers, kept, strict=True)
        return [grad if is_kept else np.zeros_like(grad) for layer, is_kept in pairs for grad in layer.gradients()]

    def _run(self) -> list[Layer]:
        return [layer for layer, is_kept in zip(self.layers, self.kept or (), strict=True) if is_kept]

    def __repr__(self) -> str:
        return f"LayerDrop({self.layers}, p={self.p})"
