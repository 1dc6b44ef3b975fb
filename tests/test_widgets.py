"""The sliders without a browser, and the figures that stand in for them."""

import base64
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from dropout_lab import figures, widgets

MASK_LABEL = re.compile(r"p=(\d\.\d\d) kept (\d\.\d\d) of 400 units \(expected (\d\.\d\d)\)")
SCALE_LABEL = re.compile(
    r"p=(\d\.\d\d) masked: mean (\d\.\d\d) variance (\d\.\d\d), scaled: mean (\d\.\d\d) variance (\d\.\d\d)"
)
BOTH = pytest.mark.parametrize("explore", [widgets.explore_mask, widgets.explore_scale])


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture(autouse=True)
def _no_figure_left_open():
    with mpl.rc_context():
        figures.use_style()
        yield
    assert plt.get_fignums() == []


def _image(explorer) -> bytes:
    return base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', explorer.picture.value)[1])


@pytest.mark.parametrize("p", [0.0, 0.05, 0.2, 0.35, 0.7, 0.9, 1.0])
def test_the_mask_label_states_p_the_kept_share_and_the_expected_share(p, rng):
    explorer = widgets.explore_mask(rng)
    explorer.slider.value = p
    stated, kept, expected = map(float, MASK_LABEL.fullmatch(explorer.label.value).groups())
    assert stated == p
    assert expected == pytest.approx(1 - p)
    assert abs(kept - (1 - p)) <= 5 * np.sqrt(p * (1 - p) / 400) + 0.005  # rounded to two digits


@pytest.mark.parametrize("p", [0.05, 0.2, 0.35, 0.7, 0.9])
def test_the_scale_label_states_means_and_variances_of_both_ways(p, rng):
    explorer = widgets.explore_scale(rng)
    explorer.slider.value = p
    stated, *values = map(float, SCALE_LABEL.fullmatch(explorer.label.value).groups())
    q, n = 1 - p, widgets.N_COINS
    variance = p * q
    # Var[s²] = (μ₄ - σ⁴) / n to first order, with μ₄ = pq (p³ + q³) for a coin
    se_mean, se_variance = np.sqrt(variance / n), np.sqrt((variance * (p**3 + q**3) - variance**2) / n)
    expected = np.array([q, variance, 1, p / q])
    bounds = 5 * np.array([se_mean, se_variance, se_mean / q, se_variance / q**2])
    assert stated == p
    assert (np.abs(np.array(values) - expected) <= bounds + 0.005).all()


@BOTH
def test_moving_the_slider_changes_picture_and_label_and_moving_it_back_shows_the_same_again(explore, rng):
    explorer = explore(rng)
    first = explorer.label.value, _image(explorer)
    explorer.slider.value = 0.7
    second = explorer.label.value, _image(explorer)
    assert second[0] != first[0]
    assert second[1] != first[1]
    explorer.slider.value = float(re.match(r"p=(\d\.\d\d)", first[0])[1])
    assert (explorer.label.value, _image(explorer)) == first


@BOTH
def test_every_step_of_the_slider_shows_a_small_png(explore, rng):
    explorer = explore(rng)
    assert explorer.slider.min == 0
    assert explorer.slider.step == 0.05
    for p in np.arange(explorer.slider.min, explorer.slider.max + 0.001, 0.1):
        explorer.slider.value = p
        assert _image(explorer).startswith(b"\x89PNG")


def test_the_mask_slider_reaches_from_keeping_all_to_dropping_all(rng):
    explorer = widgets.explore_mask(rng)
    for p, kept in ((0.0, "1.00"), (1.0, "0.00")):
        explorer.slider.value = p
        assert explorer.label.value == f"p={p:.2f} kept {kept} of 400 units (expected {kept})"


@BOTH
def test_the_alt_text_of_the_picture_is_the_label(explore, rng):
    explorer = explore(rng)
    explorer.slider.value = 0.8
    assert f'alt="{explorer.label.value}"' in explorer.picture.value


@BOTH
def test_the_plain_text_of_an_explorer_is_the_same_every_time_and_holds_no_ids(explore, rng):
    bundles = [explore(rng)._repr_mimebundle_() for _ in range(2)]
    assert bundles[0]["text/plain"] == bundles[1]["text/plain"]
    assert re.fullmatch(rf"Slider: ({MASK_LABEL.pattern}|{SCALE_LABEL.pattern})", bundles[0]["text/plain"])
    assert "application/vnd.jupyter.widget-view+json" in bundles[0]


@BOTH
def test_an_explorer_leaves_the_generator_as_it_was(explore, rng):
    state = rng.bit_generator.state
    explore(rng).slider.value = 0.8
    assert rng.bit_generator.state == state


@BOTH
def test_a_seed_in_the_place_of_the_generator_is_refused(explore):
    with pytest.raises(TypeError, match=r"default_rng\(0\)"):
        explore(0)


@BOTH
def test_without_ipywidgets_a_message_says_what_is_missing(explore, rng, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert explore(rng) is None
    assert "The slider needs ipywidgets" in capsys.readouterr().out


def test_importing_widgets_imports_neither_ipywidgets_nor_torch():
    code = "import sys, dropout_lab.widgets; sys.exit(bool({'ipywidgets', 'torch'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_higher_p_drops_more_units_of_the_same_coins(rng):
    fig = widgets.mask_strip([0.2, 0.7], rng)
    few, many = (ax.images[0].get_array().data for ax in fig.axes)
    plt.close(fig)
    assert few[many].all()
    assert many.sum() < few.sum()


def test_the_static_mask_is_the_one_that_the_slider_shows(rng):
    explorer = widgets.explore_mask(rng)
    explorer.slider.value = 0.7
    fig = widgets.mask_strip([0.7], rng)
    assert figures.png_bytes(fig) == _image(explorer)
    plt.close(fig)


def test_the_curves_are_the_closed_forms_and_the_points_are_measured(rng):
    fig = widgets.moment_curves([0.2, 0.8], rng)
    p = np.linspace(0, 0.9, 91)
    laws = [(1 - p, np.ones(91)), (p * (1 - p), p / (1 - p))]
    for column, (ax, (masked, scaled)) in enumerate(zip(fig.axes, laws, strict=True)):
        np.testing.assert_allclose(ax.lines[0].get_ydata(), masked, atol=1e-12)
        np.testing.assert_allclose(ax.lines[2].get_ydata(), scaled, atol=1e-12)
        points = [widgets.sample_moments(p, rng)[:, column] for p in (0.2, 0.8)]
        np.testing.assert_array_equal([ax.lines[1].get_ydata(), ax.lines[3].get_ydata()], np.transpose(points))
    plt.close(fig)


def test_at_p_of_one_nothing_is_left_to_scale(rng):
    np.testing.assert_array_equal(widgets.sample_moments(1.0, rng), np.zeros((2, 2)))
