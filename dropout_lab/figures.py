"""How every figure of the course looks and is shown: palette, style, alt text, and plots of more than one lesson."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from dropout_lab.arguments import require_mask

# Okabe and Ito (2008), Color Universal Design: distinct with every common colour blindness; no red beside the green.
PALETTE = {
    "kept": "#0072B2",
    "dropped": "#E69F00",
    "reference": "#000000",
    "second": "#009E73",
    "third": "#CC79A7",
}
DASHES = {"kept": "-", "dropped": "--", "reference": ":", "second": "-.", "third": (0, (6, 1, 1, 1, 1, 1))}
MARKERS = {"kept": "o", "dropped": "x", "reference": "s", "second": "^", "third": "D"}

MAX_PNG_BYTES = 40_000
MIN_ALT_CHARACTERS = 20
DPI = 96


def use_style() -> None:
    """Set matplotlib's rcParams to the style of the course; importing this module changes none of them.

    A line without a style of its own gets the next colour of :data:`PALETTE` *and* the next dash.
    """
    mpl.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=list(PALETTE.values()), linestyle=list(DASHES.values())),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "figure.constrained_layout.use": True,
            "figure.dpi": DPI,
            "figure.figsize": (6.4, 3.2),
            "font.size": 10,
            "image.cmap": "cividis",
            "legend.frameon": False,
        }
    )


def line_style(role: str) -> dict[str, Any]:
    """Keyword arguments of a line: the colour of `role` in :data:`PALETTE` and its dash, the second cue."""
    return {"color": PALETTE[_require_role(role)], "linestyle": DASHES[role]}


def marker_style(role: str) -> dict[str, Any]:
    """Keyword arguments of points: the colour of `role` in :data:`PALETTE` and its marker, the second cue."""
    return {"color": PALETTE[_require_role(role)], "marker": MARKERS[role], "linestyle": "none"}


def show(fig: Figure, *, alt: str) -> None:
    """Display `fig` as a PNG with `alt` as its text, and close it.

    The alt text is the output's text/plain, which the notebook check compares and which appears where no image can. It
    is the image's `alt` metadata as well, which nbconvert's classic template writes into the page (JupyterLab 4.6 does
    not read it yet). In a plain script the text is printed.

    Parameters
    ----------
    fig : matplotlib Figure
    alt : str
        A sentence that states what the figure shows, at least 20 characters. White space is collapsed.

    Raises
    ------
    TypeError, ValueError
        If `alt` is not a sentence, or the PNG is larger than 40 kB.
    """
    try:
        alt = _require_sentence(alt)
        image = png_bytes(fig)
    finally:
        plt.close(fig)
    shell = _ipython_shell()
    if shell is None:
        print(alt)
        return
    bundle = {"image/png": base64.b64encode(image).decode("ascii"), "text/plain": alt}
    shell.display_pub.publish(bundle, metadata={"image/png": {"alt": alt}})


def png_bytes(fig: Figure) -> bytes:
    """The figure as a PNG file of 256 colours without software metadata: drawn again, it is the same bytes.

    Raises
    ------
    ValueError
        If it is larger than 40 kB: the notebooks are committed with their outputs.
    """
    drawn, packed = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=DPI)
    # 256 colours are a third of the size; maximum coverage moves no channel by more than a few of its 255 steps
    colours = Image.open(drawn).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    colours.save(packed, "PNG", optimize=True)
    image = packed.getvalue()
    if len(image) > MAX_PNG_BYTES:
        width, height = fig.get_size_inches()
        raise ValueError(
            f"the figure is {len(image) / 1000:.1f} kB as a PNG ({width:g} × {height:g} inches), more than the "
            f"{MAX_PNG_BYTES / 1000:g} kB a figure may have: make it smaller, or draw fewer points or panels."
        )
    return image


def direct_label(ax: Axes, x: float, y: float, text: str, *, role: str) -> None:
    """Write `text` at the right of the point (x, y), in a dark shade of the colour of `role`."""
    # the palette's orange on white has a contrast of 2.2 to 1; a darker shade is legible as text
    shade = tuple(0.6 * channel for channel in to_rgb(PALETTE[_require_role(role)]))
    ax.annotate(
        text, (x, y), xytext=(6, 0), textcoords="offset points", va="center", color=shade, annotation_clip=False
    )


def line_with_band(ax: Axes, x: ArrayLike, mean: ArrayLike, sd: ArrayLike, *, label: str, role: str = "kept") -> None:
    """Draw a mean with a band of ± one standard deviation, labelled at the line's right end.

    Parameters
    ----------
    ax : matplotlib Axes
    x, mean, sd : arrays (N,)
        `sd` in the units of `mean`, never negative.
    label : str
        What the line is; written beside its last point.
    role : str, default "kept"
        Key of :data:`PALETTE`: colour and dash.
    """
    x, mean, sd = np.asarray(x), np.asarray(mean), np.asarray(sd)
    if x.ndim != 1 or not x.shape == mean.shape == sd.shape:
        raise ValueError(f"x, mean and sd have one axis and one length; got {x.shape}, {mean.shape} and {sd.shape}.")
    if (sd < 0).any():
        raise ValueError(f"sd is a standard deviation, so never negative; got {sd.min():g}.")
    ax.plot(x, mean, **line_style(role))
    ax.fill_between(x, mean - sd, mean + sd, color=PALETTE[role], alpha=0.25, linewidth=0)
    direct_label(ax, x[-1], mean[-1], label, role=role)


def mask_panel(ax: Axes, mask: NDArray[np.bool_], *, title: str = "") -> None:
    """Draw a keep-mask: a kept unit is a dark square, a dropped one a light square with a cross.

    Parameters
    ----------
    ax : matplotlib Axes
    mask : bool array (rows, columns), True where a unit is kept
    title : str, optional
    """
    if require_mask(mask, np.shape(mask)).ndim != 2:
        raise ValueError(f"mask is drawn as rows and columns, so it has two axes; got shape {mask.shape}.")
    ax.imshow(mask, cmap=ListedColormap([PALETTE["dropped"], PALETTE["kept"]]), vmin=0, vmax=1, interpolation="nearest")
    y, x = np.nonzero(~mask)
    centres = np.stack([x, y], axis=-1)[:, None, :]
    for diagonal in ([[-1, -1], [1, 1]], [[-1, 1], [1, -1]]):
        ax.add_collection(LineCollection(list(centres + 0.25 * np.array(diagonal)), colors="black", linewidths=0.8))
    ax.set(title=title, xticks=[], yticks=[], xlabel="× dropped")
    ax.spines[:].set_visible(False)


def _ipython_shell() -> Any:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:  # the package is usable without the notebook's packages
        return None
    return get_ipython()


def _require_role(role: str) -> str:
    if role not in PALETTE:
        raise ValueError(f"role is one of {', '.join(PALETTE)}; got {role!r}.")
    return role


def _require_sentence(alt: object) -> str:
    meaning = "alt is a sentence that says what the figure shows, for readers who cannot see it"
    if not isinstance(alt, str):
        raise TypeError(f"{meaning}; got {alt!r}.")
    sentence = " ".join(alt.split())
    if len(sentence) < MIN_ALT_CHARACTERS or " " not in sentence:
        raise ValueError(f"{meaning}, at least {MIN_ALT_CHARACTERS} characters; got {alt!r}.")
    return sentence
