"""Many networks trained as one stack: each must be what it would have been alone."""

import copy

import pytest
import torch
from torch import nn

from dropout_lab.training.trials import Trials, _relu_times, cross_entropies, evaluate, fit_trials


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def trials_of(p=(0.0, 0.3), seeds=3, **options):
    return Trials((4, 8, 6, 5), p, seeds, generator=seeded(), **options)


def alone(trials, s, r):
    """The network of rate s and seed r as an ordinary module, without dropout."""
    layers = []
    for weight, bias in zip(trials.weights, trials.biases, strict=True):
        layer = nn.Linear(weight.shape[2], weight.shape[1])
        at = s * trials.n_seeds + r
        layer.load_state_dict({"weight": weight[at].detach(), "bias": bias[at, 0].detach()})
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.fixture
def data():
    return torch.randn(3, 40, 4, generator=seeded(1)), torch.randint(5, (3, 40), generator=seeded(2))


def test_in_eval_mode_each_network_is_the_ordinary_one_with_its_weights(data):
    trials, (x, _) = trials_of().eval(), data
    logits = trials(x)
    assert logits.shape == (2, 3, 40, 5)
    for s in range(2):
        for r in range(3):
            torch.testing.assert_close(logits[s, r], alone(trials, s, r)(x[r]))


def test_networks_of_one_seed_start_alike_and_seeds_start_differently():
    weight = trials_of().weights[0].unflatten(0, (2, 3))
    assert torch.equal(weight[0], weight[1])
    assert not torch.isclose(weight[0, 0], weight[0, 1]).any()


def test_starting_weights_have_the_variance_two_over_the_inputs():
    weights = Trials((50, 400, 4, 2), [0.0], 10, generator=seeded()).weights[0]
    variance, n = 2 / 50, weights.numel()
    assert abs(weights.var() - variance) < 5 * variance * (2 / n) ** 0.5


@pytest.mark.parametrize("p", [0.1, 0.7])
def test_units_are_dropped_with_their_p_and_survivors_scaled(p):
    trials = Trials((4, 8, 6, 5), [0.0, p], 3, generator=seeded()).train()
    features, h, _ = trials._noise(500)
    assert features is None
    h = h.unflatten(0, (2, 3))
    assert torch.equal(h[0], torch.ones(3, 500, 8))
    torch.testing.assert_close(h[1].unique(), torch.tensor([0.0, 1 / (1 - p)]))
    n = h[1].numel()
    assert abs((h[1] == 0).float().mean() - p) < 5 * (p * (1 - p) / n) ** 0.5


def test_noise_behind_a_relu_in_one_factor_has_the_values_and_the_gradient_of_the_two():
    h = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).requires_grad_()
    xi, grad = torch.tensor([1.25, 0.0, 1.25, 1.25, 0.0]), torch.arange(1.0, 6.0)
    one, two = _relu_times(h, xi), h.relu() * xi
    assert torch.equal(one, two)
    assert torch.equal(*(torch.autograd.grad(out, h, grad)[0] for out in (one, two)))


def test_input_dropout_acts_on_the_features_of_every_network(data):
    x = data[0]
    plain, dropped = trials_of(p=(0.0,)).train(), trials_of(p=(0.0,), p_input=0.5).train()
    assert torch.equal(plain(x), plain(x))
    assert not torch.isclose(dropped(x), dropped(x)).all(dim=(2, 3)).any()
    assert torch.equal(dropped.eval()(x), plain(x))


@pytest.mark.parametrize("max_norm", [None, 0.8])
def test_training_without_dropout_is_that_of_each_network_alone(data, max_norm):
    trials, (x, y) = trials_of(p=(0.0, 0.0)), data
    twins = [[copy.deepcopy(alone(trials, s, r)) for r in range(3)] for s in range(2)]
    fit_trials(trials, x, y, epochs=3, batch_size=40, lr=0.05, max_norm=max_norm)
    for s in range(2):
        for r in range(3):
            optimiser = torch.optim.Adam(twins[s][r].parameters(), lr=0.05)
            for _ in range(3):  # one batch holds all rows, so that their order does not matter
                optimiser.zero_grad()
                nn.functional.cross_entropy(twins[s][r](x[r]), y[r]).backward()
                optimiser.step()
                for layer in (twins[s][r][0], twins[s][r][2]) if max_norm else ():
                    norms = layer.weight.data.norm(dim=1, keepdim=True)
                    layer.weight.data *= (max_norm / norms).clamp(max=1)
            for mine, theirs in zip(alone(trials, s, r).parameters(), twins[s][r].parameters(), strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_every_row_is_used_once_an_epoch_and_the_reported_loss_is_the_mean_over_rows(data):
    trials, (x, y) = trials_of(p=(0.0,)), data
    right = cross_entropies(trials, x, y).mean(dim=-1)
    losses = fit_trials(trials, x, y, epochs=1, batch_size=7, lr=1e-12)
    torch.testing.assert_close(losses[0], right.detach(), rtol=1e-4, atol=1e-5)


def test_a_run_repeats_itself_and_leaves_the_global_generator_alone(data):
    state = torch.random.get_rng_state()
    runs = [fit_trials(trials_of(), *data, epochs=2, batch_size=10, lr=0.01) for _ in range(2)]
    assert torch.equal(*runs)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_after_each_epoch_the_function_sees_the_networks_in_eval_mode(data):
    seen = []
    trials = trials_of()
    fit_trials(trials, *data, epochs=3, batch_size=20, lr=0.01, after_epoch=lambda it: seen.append((it, it.training)))
    assert seen == [(trials, False)] * 3
    assert not trials.training


def test_evaluation_turns_dropout_off_and_agrees_with_a_count(data):
    trials, (x, y) = trials_of().train(), data
    error, loss = evaluate(trials, x, y)
    logits = trials.eval()(x).detach()
    torch.testing.assert_close(error, (logits.argmax(-1) != y).double().mean(-1).float())
    expected = [[nn.functional.cross_entropy(logits[s, r], y[r]) for r in range(3)] for s in range(2)]
    torch.testing.assert_close(loss, torch.tensor(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"p": [1.0]}, ValueError),
        ({"p": [float("nan")]}, ValueError),
        ({"p_input": 1.0}, ValueError),
        ({"sizes": (4, 0, 4, 2)}, ValueError),
        ({"n_seeds": 2.0}, TypeError),
        ({"generator": 3}, TypeError),
        ({"generator": None}, TypeError),
    ],
)
def test_bad_arguments_are_refused(change, error):
    arguments = {"sizes": (4, 8, 6, 5), "p": [0.2], "n_seeds": 2, "generator": seeded()} | change
    with pytest.raises(error):
        Trials(**arguments)


def test_data_without_an_axis_of_seeds_are_refused(data):
    x, y = data
    with pytest.raises(ValueError, match="a training set for each of R = 3 seeds"):
        fit_trials(trials_of(), x[0], y[0], epochs=1, batch_size=4, lr=0.1)
    with pytest.raises(ValueError, match="lr"):
        fit_trials(trials_of(), x, y, epochs=1, batch_size=4, lr=0.0)
