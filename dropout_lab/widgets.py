"""Sliders for p, for a hand to move, and their static twins, for a page on which no kernel runs.

Every picture is drawn from a copy of the given generator, so one value of p always shows one picture, and a higher p
drops more units of the same coins. ipywidgets is imported only when a slider is made.
"""

from __future__ import annotations

import base64
import copy
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dropout_lab import figures, moments
from dropout_lab.arguments import require_rng
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import dropout_forward

ROWS, COLUMNS = 16, 25
N_COINS = 10_000
MAX_SCALE_P = 0.9


@dataclass(frozen=True)
class Explorer:
    """A slider with the picture and the label that follow it; displays itself in a notebook.

    The attributes are ipywidgets: `slider`, a FloatSlider; `picture`, the HTML of an image with alt text; `label`, a
    Label; `box`, which holds the three.
    """

    slider: Any
    picture: Any
    label: Any
    box: Any

    def __repr__(self) -> str:
        return f"Slider: {self.label.value}"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = self.box._repr_mimebundle_(**kwargs)
        return bundle | {"text/plain": repr(self)}


def explore_mask(rng: np.random.Generator) -> Explorer | None:
    """A slider for p from 0 to 1 with a keep-mask of 400 units and the share that was kept.

    Parameters
    ----------
    rng : numpy.random.Generator
        Copied for every picture, so its own state stays.

    Returns
    -------
    explorer : Explorer, or None where ipywidgets is not installed: a message says so
    """
    require_rng(rng)
    return _explorer(lambda p: mask_strip([p], rng), lambda p: mask_text(p, rng), p=0.3, largest=1.0)


def explore_scale(rng: np.random.Generator) -> Explorer | None:
    """A slider for p from 0 to 0.9 with mean and variance of a unit h = 1, masked only and scaled by 1 / (1 - p).

    Parameters and Returns as in :func:`explore_mask`.
    """
    require_rng(rng)
    return _explorer(lambda p: moment_curves([p], rng), lambda p: moment_text(p, rng), p=0.2, largest=MAX_SCALE_P)


def mask_strip(ps: Sequence[float], rng: np.random.Generator) -> Figure:
    """Keep-masks of 400 units side by side, one for each p of `ps`, all from the same coins: the twin of explore_mask.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fig = mask_strip([0.1, 0.7], rng)
    >>> [ax.get_title() for ax in fig.axes]
    ['p = 0.10, kept 0.90', 'p = 0.70, kept 0.36']
    >>> plt.close(fig)
    """
    width = 6.4 if len(ps) > 1 else 3.6
    size = (width, 1.0 + width / len(ps) * ROWS / COLUMNS)
    fig, axes = plt.subplots(1, len(ps), figsize=size, layout="constrained", squeeze=False)
    for ax, p in zip(axes[0], ps, strict=True):
        mask = _mask(p, rng)
        figures.mask_panel(ax, mask, title=f"p = {p:.2f}, kept {mask.mean():.2f}")
    return fig


def mask_text(p: float, rng: np.random.Generator) -> str:
    """The label of explore_mask: the share of units that was kept and the share to expect.

    Examples
    --------
    >>> mask_text(0.7, np.random.default_rng(0))
    'p=0.70 kept 0.36 of 400 units (expected 0.30)'
    """
    mask = _mask(p, rng)
    return f"p={p:.2f} kept {mask.mean():.2f} of {mask.size} units (expected {1 - p:.2f})"


def moment_curves(ps: Sequence[float], rng: np.random.Generator) -> Figure:
    """Mean and variance of a unit h = 1 against p, masked only and scaled: the twin of explore_scale.

    Lines are the closed forms of :mod:`dropout_lab.moments`, points the moments of 10 000 masks at each p of `ps`.
    """
    grid, h = np.linspace(0, MAX_SCALE_P, 91), np.ones(1)
    fig, axes = plt.subplots(1, 2, layout="constrained")
    laws_of = {
        "mean": (moments.masked_mean, moments.scaled_mean),
        "variance": (moments.masked_variance, moments.scaled_variance),
    }
    for column, (ax, (name, laws)) in enumerate(zip(axes, laws_of.items(), strict=True)):
        for row, (role, law) in enumerate(zip(("dropped", "kept"), laws, strict=True)):
            curve = np.array([law(h, p)[0] for p in grid])
            ax.plot(grid, curve, **figures.line_style(role))
            ax.plot(ps, [sample_moments(p, rng)[row, column] for p in ps], **figures.marker_style(role), clip_on=False)
            figures.direct_label(ax, grid[-1], curve[-1], ("masked", "scaled")[row], role=role)
        ax.set(xlabel="p, probability of dropping", ylabel=f"{name} of h̃", ylim=(0, None))
    axes[0].set_title("Scaling keeps the mean")
    axes[1].set_title("and raises the variance")
    return fig


def moment_text(p: float, rng: np.random.Generator) -> str:
    """The label of explore_scale: mean and variance of h = 1 over 10 000 masks.

    Examples
    --------
    >>> moment_text(0.2, np.random.default_rng(0))
    'p=0.20 masked: mean 0.80 variance 0.16, scaled: mean 0.99 variance 0.25'
    """
    (masked_mean, masked_variance), (scaled_mean, scaled_variance) = sample_moments(p, rng)
    masked = f"masked: mean {masked_mean:.2f} variance {masked_variance:.2f}"
    return f"p={p:.2f} {masked}, scaled: mean {scaled_mean:.2f} variance {scaled_variance:.2f}"


def sample_moments(p: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Mean and variance (columns) of a unit h = 1 over 10 000 masks, masked only and scaled by 1 / (1 - p) (rows)."""
    masked = bernoulli_mask(N_COINS, p, copy.deepcopy(rng)).astype(float)
    scaled, _ = dropout_forward(np.ones(N_COINS), p, copy.deepcopy(rng))
    return np.array([[h.mean(), h.var(ddof=1)] for h in (masked, scaled)])


def _mask(p: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    return bernoulli_mask((ROWS, COLUMNS), p, copy.deepcopy(rng))


def _explorer(
    draw: Callable[[float], Figure], describe: Callable[[float], str], *, p: float, largest: float
) -> Explorer | None:
    try:
        import ipywidgets
    except ImportError:
        print("The slider needs ipywidgets: pip install ipywidgets. The figure beside it shows the same for fixed p.")
        return None
    slider = ipywidgets.FloatSlider(value=p, min=0.0, max=largest, step=0.05, description="p", readout_format=".2f")
    picture, label = ipywidgets.HTML(), ipywidgets.Label()

    def update(_: object = None) -> None:
        value = round(slider.value, 2)
        label.value = describe(value)
        picture.value = _image_tag(draw(value), alt=label.value)

    slider.observe(update, names="value")
    update()
    return Explorer(slider, picture, label, ipywidgets.VBox([slider, picture, label]))


def _image_tag(fig: Figure, *, alt: str) -> str:
    try:
        image = base64.b64encode(figures.png_bytes(fig)).decode("ascii")
    finally:
        plt.close(fig)
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{image}">'
