"""The torch loop: it learns, it repeats itself exactly and leaves PyTorch's global generator as it was."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from dropout_lab.training.torch_loop import fit, seeded


def _problem(n=40):
    x = torch.linspace(-1, 1, n)[:, None]
    return x, x**2


def _trained(seed, **options):
    generator = torch.Generator().manual_seed(seed)
    with seeded(generator):
        net = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
    settings = {"loss_fn": mse_loss, "epochs": 5, "batch_size": 16, "lr": 0.01, "generator": generator} | options
    return net, fit(net, *_problem(), **settings)


class Recorder(nn.Module):
    """A module that passes its input through a linear unit and remembers the rows, and the mode it was called in."""

    def __init__(self) -> None:
        super().__init__()
        self.unit, self.seen, self.modes = nn.Linear(1, 1), [], []

    def forward(self, x):
        self.seen.append(x)
        self.modes.append(self.training)
        return self.unit(x)


@pytest.mark.parametrize("batch_size", [None, 16])
def test_the_loss_falls_on_a_smooth_curve(batch_size):
    _, losses = _trained(0, epochs=200, batch_size=batch_size)
    assert len(losses) == 200
    assert losses[-1] < losses[0] / 4


def test_classes_are_told_apart_on_a_separable_problem():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 2
    x = torch.randn(60, 2, generator=generator) + 8.0 * y[:, None]
    with seeded(generator):
        net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
    fit(net, x, y, loss_fn=cross_entropy, epochs=50, batch_size=20, lr=0.02, generator=generator)
    assert (net(x).argmax(dim=1) == y).float().mean() > 0.98


def test_the_same_seed_gives_exactly_the_same_weights_and_losses():
    (net, losses), (twin, same) = _trained(1), _trained(1)
    assert losses == same
    for (name, tensor), other in zip(net.state_dict().items(), twin.state_dict().values(), strict=True):
        assert torch.equal(tensor, other), name


def test_another_seed_gives_other_weights():
    (net, _), (other, _) = _trained(1), _trained(2)
    assert not torch.equal(net[0].weight, other[0].weight)


def test_the_result_does_not_depend_on_the_global_generator_nor_move_it():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        state = torch.get_rng_state()
        net, _ = _trained(1)
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(6)
        twin, _ = _trained(1)
    assert torch.equal(net[0].weight, twin[0].weight)


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (10, [10]), (30, [10]), (None, [10])])
def test_every_row_is_used_once_an_epoch_in_training_mode_the_short_last_batch_included(batch_size, sizes):
    recorder, (x, y) = Recorder().eval(), _problem(10)
    generator = torch.Generator().manual_seed(0)
    fit(recorder, x, y, loss_fn=mse_loss, epochs=2, batch_size=batch_size, lr=0.01, generator=generator)
    assert [len(rows) for rows in recorder.seen] == sizes * 2
    torch.testing.assert_close(torch.cat(recorder.seen[: len(sizes)]).sort(dim=0).values, x)
    assert all(recorder.modes)


def test_every_epoch_orders_the_rows_anew_and_a_full_batch_keeps_their_order():
    generator = torch.Generator().manual_seed(0)
    (x, y), orders = _problem(50), {}
    for batch_size in (50, None):
        recorder = Recorder()
        fit(recorder, x, y, loss_fn=mse_loss, epochs=2, batch_size=batch_size, lr=0.01, generator=generator)
        orders[batch_size] = recorder.seen
    assert not torch.equal(*orders[50])
    assert torch.equal(orders[None][0], x)


def test_the_loss_of_an_epoch_is_the_mean_over_rows_and_not_over_batches():
    def loss_of_row_number(output, y):
        return y.mean() + 0 * output.sum()

    y = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])[:, None]
    for batch_size in (2, 3, None):
        generator = torch.Generator().manual_seed(0)
        options = {"epochs": 1, "batch_size": batch_size, "lr": 0.01, "generator": generator}
        [loss] = fit(Recorder(), torch.ones(5, 1), y, loss_fn=loss_of_row_number, **options)
        assert loss == pytest.approx(0.2)


def test_weight_decay_pulls_the_weights_towards_zero():
    free, _ = _trained(1, epochs=100)
    decayed, _ = _trained(1, epochs=100, weight_decay=0.1)
    assert decayed[0].weight.norm() < 0.5 * free[0].weight.norm()


def test_the_module_comes_back_in_eval_mode():
    net, _ = _trained(1)
    assert not any(module.training for module in net.modules())


def test_an_interrupted_module_is_in_eval_mode_and_the_global_generator_as_it_was():
    def interrupt(output, y):
        torch.rand(3)
        raise KeyboardInterrupt

    recorder, (x, y), state = Recorder(), _problem(10), torch.get_rng_state()
    options = {"epochs": 1, "batch_size": None, "lr": 0.01, "generator": torch.Generator()}
    with pytest.raises(KeyboardInterrupt):
        fit(recorder, x, y, loss_fn=interrupt, **options)
    assert not recorder.training
    assert torch.equal(torch.get_rng_state(), state)


def test_seeded_draws_depend_on_the_generator_alone_and_differ_from_one_use_to_the_next():
    generator, twin = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    draws = []
    for source in (generator, generator, twin):
        with seeded(source):
            draws.append(torch.rand(4))
    assert torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[1])


def test_seeded_restores_the_global_state_after_an_exception():
    state = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded(torch.Generator()):
        torch.rand(3) / (1 // 0)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("generator", [0, None])
def test_a_seed_in_the_place_of_the_generator_is_refused_with_the_repair(generator):
    with pytest.raises(TypeError, match=r"torch\.Generator\(\)"):
        _trained(1, generator=generator)
    with pytest.raises(TypeError, match=r"torch\.Generator\(\)"), seeded(generator):
        pass


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"epochs": 0}, ValueError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": 2.5}, TypeError),
        ({"lr": 0.0}, ValueError),
        ({"lr": float("nan")}, ValueError),
        ({"weight_decay": -1.0}, ValueError),
    ],
)
def test_bad_options_are_refused(options, error):
    with pytest.raises(error):
        _trained(1, **options)


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        (torch.ones(4, 1).numpy(), torch.ones(4, 1), TypeError),
        (torch.ones(4, 1), [1.0, 1.0, 1.0, 1.0], TypeError),
        (torch.ones(4, 1), torch.ones(3, 1), ValueError),
        (torch.ones(0, 1), torch.ones(0, 1), ValueError),
        (torch.tensor(1.0), torch.tensor(1.0), ValueError),
    ],
)
def test_bad_data_are_refused(x, y, error):
    with pytest.raises(error, match=r"tensor|one row for each example"):
        fit(nn.Linear(1, 1), x, y, loss_fn=mse_loss, epochs=1, batch_size=2, lr=0.1, generator=torch.Generator())
