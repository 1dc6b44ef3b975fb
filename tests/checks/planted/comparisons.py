"""Answers to 07-a, 07-b, 07-c and 07-d."""

import copy
import math
import statistics

import numpy as np
import torch


def with_evaluation_mode(model, loss_fn, train, validation):
    was = model.training
    model.eval()
    out = loss_fn(model(validation[0]), validation[1]) - loss_fn(model(train[0]), train[1])
    model.train(was)
    return out.item()


def on_a_twin(model, loss_fn, train, validation):
    twin = copy.deepcopy(model).eval()
    return torch.sub(*(loss_fn(twin(x), y) for x, y in (validation, train)))


def switched_off_by_hand(model, loss_fn, train, validation):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with torch.inference_mode():
        return loss_fn(model(validation[0]), validation[1]).numpy() - loss_fn(model(train[0]), train[1]).numpy()


def one_by_one(model, loss_fn, train, validation):
    model.train(False)
    means = []
    for x, y in (train, validation):
        rows = [float(loss_fn(model(x[i : i + 1]), y[i : i + 1])) for i in range(len(x))]
        means.append(sum(rows) / len(rows))
    return np.float64(means[1] - means[0])


def together(model, loss_fn, train, validation):
    logits = model.eval()(torch.cat([train[0], validation[0]])).detach()
    return float(loss_fn(logits[len(train[0]) :], validation[1]) - loss_fn(logits[: len(train[0])], train[1]))


def late_eval(model, loss_fn, train, validation):
    before = loss_fn(model(train[0]), train[1])
    model.eval()
    return float(loss_fn(model(validation[0]), validation[1]) - before)


def eval_for_one(model, loss_fn, train, validation):
    losses = {}
    for name, (x, y) in (("train", train), ("validation", validation)):
        model.train(name == "train")
        losses[name] = loss_fn(model(x), y).item()
    return losses["validation"] - losses["train"]


def only_no_grad(model, loss_fn, train, validation):
    with torch.no_grad():
        return loss_fn(model(validation[0]), validation[1]) - loss_fn(model(train[0]), train[1])


def as_it_came(model, loss_fn, train, validation):
    a, b = (loss_fn(model(x), y).item() for x, y in (train, validation))
    return b - a


def in_a_loop(errors, rates):
    stats = [
        (statistics.mean(row), statistics.stdev(row) / math.sqrt(len(row)), p)
        for row, p in zip(errors.tolist(), rates, strict=True)
    ]
    best = min(stats)
    return sorted(p for mean, _, p in stats if mean <= best[0] + best[1])[0]


def sorted_first(errors, rates):
    order = np.argsort(rates)
    errors, rates = errors[order], np.array(rates)[order]
    m = errors.mean(-1)
    k = int(np.argmin(m))
    return rates[np.argmax(m <= m[k] + errors[k].std(ddof=1) / errors.shape[1] ** 0.5)]


def with_variance(errors, rates):
    m, v = np.mean(errors, axis=1), np.var(errors, axis=1, ddof=1)
    k = m == m.min()
    return np.min(np.asarray(rates)[m <= m[k][0] + np.sqrt(v[k][0] / len(errors[0]))])


def with_infinity(errors, rates):
    m = errors.mean(1)
    limit = m.min() + np.linalg.norm(errors[m.argmin()] - m.min()) / math.sqrt(errors.shape[1] * (errors.shape[1] - 1))
    return np.where(m > limit, np.inf, rates).min()


def walked_down(errors, rates):
    table = torch.tensor(errors)
    m, s = table.mean(1), table.std(1) / table.shape[1] ** 0.5
    line, answer = m.min() + s[m.argmin()], None
    for p, mean in sorted(zip(rates, m, strict=True), reverse=True):
        if mean <= line:
            answer = p
    return answer


def within(margin, pick=min, take=slice(None)):
    """An answer to 07-b whose margin is made of the seeds' table and the row of the best."""

    def answer(errors, rates):
        errors = errors[:, take]
        m = errors.mean(1)
        k = m.argmin()
        ok = m <= m[k] + margin(errors, k)
        return pick([p for p, good in zip(rates, ok, strict=True) if good])

    return answer


def se(a):
    return np.std(a, ddof=1, axis=-1) / math.sqrt(a.shape[-1])


def covariance(a, b):
    c = np.cov(a, b)
    return math.sqrt((c[0, 0] + c[1, 1] - 2 * c[0, 1]) / len(a))


def by_hand(a, b):
    d = [x - y for x, y in zip(a, b, strict=True)]
    mean = sum(d) / len(d)
    return math.sqrt(sum((e - mean) ** 2 for e in d) / (len(d) - 1) / len(d))


def looked_up(v, t):
    return dict(zip(map(float, v.mean(1)), map(float, t.mean(1)), strict=True))[float(v.mean(1).min())]


def row_by_row(v, t):
    best, answer = math.inf, None
    for measured, tested in zip(v, t, strict=True):
        if measured.sum() < best:
            best, answer = measured.sum(), tested.sum() / len(tested)
    return answer


RIGHT = (
    ("07-a", (with_evaluation_mode, on_a_twin, switched_off_by_hand, one_by_one, together)),
    ("07-b", (in_a_loop, sorted_first, with_variance, with_infinity, walked_down)),
    (
        "07-c",
        (
            by_hand,
            covariance,
            lambda a, b: se(np.asarray(b) - np.asarray(a)),
            lambda a, b: statistics.stdev((a - b).tolist()) / len(a) ** 0.5,
            lambda a, b: float(torch.tensor(a - b).var().div(len(a)).sqrt()),
        ),
    ),
    (
        "07-d",
        (
            looked_up,
            row_by_row,
            lambda v, t: t[np.argsort(v.sum(axis=1))[0]].mean(),
            lambda v, t: t.mean(1)[v.mean(1) == v.mean(1).min()].item(),
            lambda v, t: min(zip(v.mean(1), t.mean(1), strict=True))[1],
        ),
    ),
)
WRONG = (
    ("07-a", "train-mode-accuracy", (late_eval, eval_for_one)),
    ("07-a", "validated-with-dropout", (only_no_grad, as_it_came)),
    (
        "07-a",
        "gap-swapped",
        (
            lambda m, f, t, v: -with_evaluation_mode(m, f, t, v),
            lambda m, f, t, v: float(f(m.eval()(t[0]), t[1]) - f(m(v[0]), v[1])),
        ),
    ),
    (
        "07-a",
        "gap-as-ratio",
        (
            lambda m, f, t, v: float(f(m.eval()(v[0]), v[1]) / f(m(t[0]), t[1])),
            lambda m, f, t, v: with_evaluation_mode(m, f, t, v) / f(m.eval()(t[0]), t[1]).item(),
        ),
    ),
    (
        "07-b",
        "lowest-taken",
        (
            lambda errors, rates: rates[errors.mean(1).argmin()],
            lambda errors, rates: min(zip(errors.sum(1), rates, strict=True))[1],
        ),
    ),
    (
        "07-b",
        "sd-for-standard-error",
        (
            within(lambda e, k: e[k].std(ddof=1)),
            within(lambda e, k: math.sqrt(np.var(e[k]))),
            within(lambda e, k: e[k].std()),
        ),
    ),
    (
        "07-b",
        "largest-within",
        (within(lambda e, k: se(e[k]), max), lambda errors, rates: -in_a_loop(errors, [-p for p in rates])),
    ),
    (
        "07-b",
        "first-in-the-list",
        (
            within(lambda e, k: se(e[k]), lambda ps: next(iter(ps))),
            lambda errors, rates: rates[
                np.flatnonzero(errors.mean(1) <= errors.mean(1).min() + se(errors)[errors.mean(1).argmin()])[0]
            ],
        ),
    ),
    (
        "07-b",
        "own-band",
        (
            within(lambda e, k: se(e)),
            lambda errors, rates: np.array(rates)[errors.mean(1) - se(errors) <= min(errors.mean(1))].min(),
        ),
    ),
    (
        "07-b",
        "band-of-both",
        (within(lambda e, k: se(e) + se(e[k])), within(lambda e, k: np.sqrt(se(e) ** 2 + se(e[k]) ** 2))),
    ),
    (
        "07-b",
        "biased-variance",
        (
            within(lambda e, k: e[k].std() / e.shape[1] ** 0.5),
            within(lambda e, k: math.sqrt(np.var(e[k]) / e.shape[1])),
        ),
    ),
    (
        "07-b",
        "one-seed",
        (
            lambda errors, rates: rates[int(errors[:, 0].argmin())],
            lambda errors, rates: min(zip(errors.T[0], rates, strict=True))[1],
        ),
    ),
    (
        "07-c",
        "unpaired",
        (
            lambda a, b: math.sqrt(se(a) ** 2 + se(b) ** 2),
            lambda a, b: np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a)),
            lambda a, b: se(a) + se(b),
        ),
    ),
    ("07-c", "difference-of-errors", (lambda a, b: se(a) - se(b), lambda a, b: abs(se(b) - se(a)))),
    (
        "07-c",
        "sd-for-standard-error",
        (
            lambda a, b: np.std(a - b, ddof=1),
            lambda a, b: statistics.stdev((b - a).tolist()),
            lambda a, b: np.std(a - b),
        ),
    ),
    (
        "07-c",
        "biased-variance",
        (lambda a, b: np.std(a - b) / math.sqrt(len(a)), lambda a, b: math.sqrt(np.var(b - a) / len(b))),
    ),
    (
        "07-c",
        "divided-by-n",
        (lambda a, b: np.std(a - b, ddof=1) / len(a), lambda a, b: by_hand(a, b) / math.sqrt(len(a))),
    ),
    ("07-c", "variance-for-error", (lambda a, b: by_hand(a, b) ** 2, lambda a, b: np.var(a - b, ddof=1))),
    (
        "07-d",
        "chosen-on-test",
        (
            lambda v, t: np.min(np.mean(t, axis=1)),
            lambda v, t: t[t.sum(1).argmin()].mean(),
            lambda v, t: t[np.concatenate([v, t], axis=1).mean(1).argmin()].mean(),
        ),
    ),
    ("07-d", "validation-reported", (lambda v, t: min(v.mean(axis=-1)), lambda v, t: v[v.sum(1).argmin()].mean())),
    (
        "07-d",
        "rate-for-each-seed",
        (
            lambda v, t: np.mean([t[v[:, r].argmin(), r] for r in range(v.shape[1])]),
            lambda v, t: t[np.argmin(v, axis=0), np.arange(3)].mean(),
            lambda v, t: np.amin(t, axis=0).mean(),
        ),
    ),
    (
        "07-d",
        "one-seed",
        (lambda v, t: t.mean(1)[v[:, 0].argmin()], lambda v, t: t[list(v[:, 0]).index(min(v[:, 0])), 0]),
    ),
    (
        "07-d",
        "lucky-network",
        (
            lambda v, t: t.ravel()[v.ravel().argmin()],
            lambda v, t: t[np.argwhere(v == v.min())[0][0]].mean(),
            lambda v, t: np.min(t),
        ),
    ),
)
