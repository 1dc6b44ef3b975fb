"""The NumPy loop: it learns, it repeats itself exactly, it uses every row once an epoch."""

import subprocess
import sys

import numpy as np
import pytest

from dropout_lab.data import two_blobs
from dropout_lab.numpy_layers import SGD, Adam, Dropout, Layer, Linear, ReLU, Sequential
from dropout_lab.training.numpy_loop import accuracy, fit, minibatches


def _net(rng, p=0.2) -> Sequential:
    return Sequential([Linear(2, 16, rng), ReLU(), Dropout(p, rng), Linear(16, 2, rng)])


def _trained(seed, **options):
    rng = np.random.default_rng(seed)
    x, y = two_blobs(100, rng)
    net = _net(rng)
    settings = {"optimiser": Adam(net, 0.01), "epochs": 5, "batch_size": 32, "rng": rng} | options
    return net, fit(net, x, y, **settings)


class Recorder(Layer):
    """A layer that passes its input on and remembers it, and the mode it was called in."""

    def __init__(self) -> None:
        self.seen, self.modes = [], []

    def forward(self, h, *, training=True):
        self.seen.append(h.copy())
        self.modes.append(training)
        return h

    def backward(self, grad_out):
        return grad_out


@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (12, 4), (3, 10), (1, 1)])
def test_the_batches_of_an_epoch_hold_every_row_once_and_only_the_last_is_short(n, batch_size):
    batches = list(minibatches(n, batch_size, np.random.default_rng(0)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert all(len(rows) == batch_size for rows in batches[:-1])
    assert len(batches[-1]) == (n - 1) % batch_size + 1


def test_every_epoch_orders_the_rows_anew():
    rng = np.random.default_rng(0)
    first, second = (np.concatenate(list(minibatches(50, 7, rng))) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0, 4), ValueError),
        ((10, 0), ValueError),
        ((10, 2.5), TypeError),
        (("10", 4), TypeError),
        ((10, True), TypeError),
    ],
)
def test_minibatches_refuse_bad_sizes_when_they_are_called(arguments, error):
    with pytest.raises(error):
        minibatches(*arguments, np.random.default_rng(0))


def test_minibatches_refuse_a_seed_in_the_place_of_the_generator():
    with pytest.raises(TypeError, match=r"default_rng\(3\)"):
        minibatches(10, 4, 3)


@pytest.mark.parametrize("optimiser", [lambda net: Adam(net, 0.01), lambda net: SGD(net, 0.1)])
def test_the_loss_falls_and_the_classes_are_told_apart_on_a_separable_problem(optimiser):
    rng = np.random.default_rng(0)
    x, y = two_blobs(200, rng, distance=8.0)
    net = _net(rng)
    losses = fit(net, x, y, optimiser=optimiser(net), epochs=30, batch_size=32, rng=rng)
    assert len(losses) == 30
    assert losses[-1] < losses[0] / 4
    assert accuracy(net, x, y) > 0.99


def test_the_same_seed_gives_exactly_the_same_weights_and_losses():
    (net, losses), (twin, same) = _trained(1), _trained(1)
    assert losses == same
    for array, other in zip(net.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(array, other)


def test_another_seed_gives_other_weights():
    (net, _), (other, _) = _trained(1), _trained(2)
    assert (net.parameters()[0] != other.parameters()[0]).any()


def test_training_keeps_float32():
    net, _ = _trained(1)
    assert {array.dtype for array in net.parameters()} == {np.dtype(np.float32)}


def test_every_row_is_used_once_an_epoch_in_training_mode_the_short_last_batch_included():
    rng = np.random.default_rng(0)
    x, y = two_blobs(10, rng)
    recorder = Recorder()
    net = Sequential([recorder, Linear(2, 2, rng)])
    fit(net, x, y, optimiser=SGD(net, 0.1), epochs=2, batch_size=4, rng=rng)
    assert [len(h) for h in recorder.seen] == [4, 4, 2] * 2
    np.testing.assert_array_equal(np.sort(np.concatenate(recorder.seen[:3]), axis=0), np.sort(x, axis=0))
    assert all(recorder.modes)


def test_the_loss_of_an_epoch_is_the_mean_over_rows_and_not_over_batches():
    # an optimiser that stands still and no dropout: every epoch's loss is the loss of the whole set
    class Still:
        def step(self) -> None:
            pass

    rng = np.random.default_rng(0)
    x, y = two_blobs(10, rng)
    net = Sequential([Linear(2, 2, rng)])
    whole = fit(net, x, y, optimiser=Still(), epochs=1, batch_size=10, rng=rng)
    parts = fit(net, x, y, optimiser=Still(), epochs=1, batch_size=4, rng=rng)
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


def test_accuracy_is_measured_with_dropout_off():
    rng = np.random.default_rng(0)
    x, y = two_blobs(50, rng)
    recorder = Recorder()
    accuracy(Sequential([recorder, Linear(2, 2, rng)]), x, y)
    assert recorder.modes == [False]


def test_accuracy_is_the_share_of_right_classes():
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [0.0, 5.0, 1.0], [0.1, 0.2, 0.3]])
    assert accuracy(Recorder(), logits, np.array([0, 2, 0, 2])) == 0.75


def test_training_changes_neither_the_data_nor_the_global_random_state():
    rng = np.random.default_rng(0)
    x, y = two_blobs(20, rng)
    before, state = (x.copy(), y.copy()), np.random.get_state()[1].copy()  # noqa: NPY002
    net = _net(rng)
    fit(net, x, y, optimiser=Adam(net, 0.01), epochs=2, batch_size=8, rng=rng)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_no_bar_is_written_where_no_terminal_is(capsys):
    _trained(1)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"epochs": 0}, ValueError),
        ({"epochs": 1.5}, TypeError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": None}, TypeError),
        ({"rng": 0}, TypeError),
    ],
)
def test_bad_options_are_refused(options, error):
    with pytest.raises(error):
        _trained(1, **options)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (np.ones((4, 2), dtype=int), np.zeros(4, int), TypeError, "x must hold floats"),
        (np.ones((0, 2)), np.zeros(0, int), ValueError, "x is empty"),
        (np.ones((4, 2)), np.zeros(3, int), ValueError, "one class for each row"),
        (np.ones((4, 2)), np.zeros((4, 2), int), ValueError, "one class for each row"),
        (np.ones((4, 2)), [0, 1, 0, 1], TypeError, "y is a NumPy array"),
    ],
)
def test_bad_data_are_refused(x, y, error, message):
    rng = np.random.default_rng(0)
    net = Sequential([Linear(2, 2, rng, dtype=np.float64)])
    with pytest.raises(error, match=message):
        fit(net, x, y, optimiser=SGD(net, 0.1), epochs=1, batch_size=2, rng=rng)
    with pytest.raises(error, match=message):
        accuracy(net, x, y)


def test_the_numpy_loop_imports_no_torch():
    code = "import sys, dropout_lab.training.numpy_loop; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
