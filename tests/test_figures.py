"""Figures: style without import side effects, alt text, small reproducible PNGs, a second cue beside every colour."""

import base64
import io
import struct
import subprocess
import sys
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from dropout_lab import figures

ALT = "More passes give a steadier mean."


@pytest.fixture(autouse=True)
def _restored_style():
    with mpl.rc_context():
        yield
    plt.close("all")


@pytest.fixture
def published(monkeypatch):
    """The bundles that a notebook would receive."""
    bundles = []
    publish = SimpleNamespace(publish=lambda data, metadata: bundles.append((data, metadata)))
    monkeypatch.setattr(figures, "_ipython_shell", lambda: SimpleNamespace(display_pub=publish))
    return bundles


def _line_figure() -> Figure:
    fig, ax = plt.subplots()
    ax.plot([1, 2, 3], [1.0, 0.5, 0.3])
    return fig


def _luminance(rgb) -> float:
    """Relative luminance of WCAG 2."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_importing_figures_leaves_the_rc_parameters_alone():
    code = "import matplotlib as m; a = dict(m.rcParams); import dropout_lab.figures; assert a == dict(m.rcParams)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_style_gives_every_line_a_colour_and_a_dash_of_its_own():
    figures.use_style()
    _, ax = plt.subplots()
    lines = ax.plot(np.zeros((2, len(figures.PALETTE))))
    assert len({line.get_color() for line in lines}) == len(figures.PALETTE)
    assert len({str(line._dash_pattern) for line in lines}) == len(figures.PALETTE)


def test_the_style_makes_sequential_maps_cividis():
    figures.use_style()
    assert mpl.rcParams["image.cmap"] == "cividis"


def test_every_role_has_a_colour_a_dash_and_a_marker_of_its_own():
    for cues in (figures.PALETTE, figures.DASHES, figures.MARKERS):
        assert set(cues) == set(figures.PALETTE)
        assert len(set(cues.values())) == len(cues)


def test_kept_and_dropped_differ_in_lightness_and_not_in_hue_only():
    kept, dropped = (_luminance(to_rgb(figures.PALETTE[role])) for role in ("kept", "dropped"))
    assert (dropped + 0.05) / (kept + 0.05) > 2


@pytest.mark.parametrize("style", [figures.line_style, figures.marker_style])
def test_an_unknown_role_is_an_error_that_lists_the_roles(style):
    with pytest.raises(ValueError, match=r"kept, dropped, reference.*'red'"):
        style("red")


def test_show_publishes_a_png_with_the_alt_text_as_plain_text_and_as_metadata(published):
    figures.show(_line_figure(), alt=ALT)
    [(data, metadata)] = published
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == ALT
    assert metadata == {"image/png": {"alt": ALT}}


def test_show_publishes_once_and_closes_the_figure(published):
    fig = _line_figure()
    figures.show(fig, alt=ALT)
    assert len(published) == 1
    assert not plt.fignum_exists(fig.number)


def test_show_collapses_the_white_space_of_an_alt_text_of_several_lines(published):
    figures.show(_line_figure(), alt="More passes\n    give a steadier mean.")
    assert published[0][0]["text/plain"] == ALT


@pytest.mark.parametrize("alt", ["", "a plot", " " * 40, "x" * 40])
def test_an_alt_text_that_is_no_sentence_is_refused_and_the_figure_closed(alt, published):
    fig = _line_figure()
    with pytest.raises(ValueError, match="alt is a sentence"):
        figures.show(fig, alt=alt)
    assert not published
    assert not plt.fignum_exists(fig.number)


def test_an_alt_text_that_is_no_text_is_a_type_error():
    with pytest.raises(TypeError, match="alt is a sentence"):
        figures.show(_line_figure(), alt=None)


def test_a_figure_above_the_limit_is_refused_with_its_size_and_closed(published):
    fig, ax = plt.subplots(figsize=(6, 6))
    ax.imshow(np.random.default_rng(0).random((300, 300)), interpolation="nearest")
    with pytest.raises(ValueError, match=r"the figure is \d+\.\d kB as a PNG \(6 × 6 inches\), more than the 40 kB"):
        figures.show(fig, alt=ALT)
    assert not published
    assert not plt.fignum_exists(fig.number)


def test_in_a_plain_script_show_prints_the_alt_text():
    code = "import sys; sys.modules['IPython'] = None\nfrom dropout_lab import figures as f\n"
    code += f"f.show(f.plt.figure(), alt={ALT!r})"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == ALT + "\n"


def test_a_figure_drawn_twice_is_the_same_bytes_and_names_no_software():
    first, second = figures.png_bytes(_line_figure()), figures.png_bytes(_line_figure())
    assert first == second
    assert b"Software" not in first
    assert b"matplotlib" not in first.lower()


def test_packing_into_256_colours_is_invisible():
    figures.use_style()
    fig, ax = plt.subplots()
    ax.imshow(np.linspace(0, 1, 600).reshape(20, 30))
    fig.canvas.draw()
    exact = np.asarray(fig.canvas.buffer_rgba())[..., :3].astype(int)
    packed = np.asarray(Image.open(io.BytesIO(figures.png_bytes(fig))).convert("RGB"))
    assert packed.shape == exact.shape
    assert np.abs(packed - exact).max() <= 8


def test_the_default_size_suits_a_notebook_column():
    figures.use_style()
    width, height = struct.unpack(">II", figures.png_bytes(_line_figure())[16:24])
    assert (width, height) == (614, 307)


@pytest.mark.parametrize("role", list(figures.PALETTE))
def test_the_text_of_a_label_has_a_contrast_of_at_least_four_and_a_half_to_one(role):
    _, ax = plt.subplots()
    figures.direct_label(ax, 0, 0, "kept", role=role)
    assert 1.05 / (_luminance(to_rgb(ax.texts[0].get_color())) + 0.05) >= 4.5


def test_a_band_reaches_one_standard_deviation_to_both_sides_and_is_labelled_at_its_end():
    _, ax = plt.subplots()
    figures.line_with_band(ax, [0, 1, 2], [1.0, 2.0, 4.0], [0.5, 0.25, 1.0], label="scaled", role="second")
    vertices = {tuple(vertex) for vertex in ax.collections[0].get_paths()[0].vertices}
    assert {(0, 0.5), (0, 1.5), (1, 1.75), (1, 2.25), (2, 3.0), (2, 5.0)} <= vertices
    assert (ax.texts[0].get_text(), ax.texts[0].xy) == ("scaled", (2, 4.0))
    assert ax.lines[0].get_linestyle() == figures.DASHES["second"]


@pytest.mark.parametrize(("mean", "sd"), [([1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0]), ([[1.0, 2.0]], [[1.0, 1.0]])])
def test_a_band_of_other_lengths_than_its_line_is_refused(mean, sd):
    with pytest.raises(ValueError, match="x, mean and sd have one axis and one length"):
        figures.line_with_band(plt.subplots()[1], [0.0, 1.0], mean, sd, label="scaled")


def test_a_band_with_a_negative_standard_deviation_is_refused():
    with pytest.raises(ValueError, match="never negative; got -1"):
        figures.line_with_band(plt.subplots()[1], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0], label="scaled")


def test_a_mask_panel_shows_kept_and_dropped_in_the_colours_of_their_roles():
    _, ax = plt.subplots()
    figures.mask_panel(ax, np.array([[True, False], [True, True]]), title="one example")
    colours = ax.images[0].cmap(ax.images[0].norm(ax.images[0].get_array()))[..., :3]
    np.testing.assert_allclose(colours[0, 0], to_rgb(figures.PALETTE["kept"]))
    np.testing.assert_allclose(colours[0, 1], to_rgb(figures.PALETTE["dropped"]))
    assert ax.get_title() == "one example"


@pytest.mark.parametrize("mask", [np.ones((2, 3), bool), np.zeros((2, 3), bool)])
def test_a_mask_of_one_kind_has_the_same_colours_as_any_other(mask):
    _, ax = plt.subplots()
    figures.mask_panel(ax, mask)
    role = "kept" if mask.all() else "dropped"
    colour = ax.images[0].cmap(ax.images[0].norm(ax.images[0].get_array()))[0, 0, :3]
    np.testing.assert_allclose(colour, to_rgb(figures.PALETTE[role]))


def test_a_mask_panel_crosses_out_exactly_the_dropped_units():
    mask = np.random.default_rng(1).random((6, 9)) >= 0.3
    _, ax = plt.subplots()
    figures.mask_panel(ax, mask)
    for strokes in ax.collections:
        crossed = np.array([path.vertices.mean(axis=0) for path in strokes.get_paths()]).astype(int)
        np.testing.assert_array_equal(crossed[:, ::-1], np.argwhere(~mask))
    assert len(ax.collections) == 2


@pytest.mark.parametrize(
    ("mask", "error"), [(np.ones(4, bool), ValueError), (np.ones((2, 2)), TypeError), ([[True]], TypeError)]
)
def test_a_mask_panel_refuses_what_is_no_mask_of_rows_and_columns(mask, error):
    with pytest.raises(error, match="mask"):
        figures.mask_panel(plt.subplots()[1], mask)
