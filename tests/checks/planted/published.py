"""Answers to 19-b and 19-c."""

import math
import statistics

import numpy as np
import torch


def by_hand(ours, theirs):
    d = [value - theirs[split] for split, value in ours.items() if split in theirs]
    mean = sum(d) / len(d)
    return (sum((x - mean) ** 2 for x in d) / (len(d) * (len(d) - 1))) ** 0.5


def joined(ours, theirs):
    splits = sorted(set(ours).intersection(theirs))
    a, b = (np.array([side[s] for s in splits]) for side in (ours, theirs))
    c = np.cov(a, b)
    return np.sqrt((c[0, 0] + c[1, 1] - 2 * c[0, 1]) / len(splits))


def with_torch(ours, theirs):
    d = torch.tensor([theirs[s] - ours[s] for s in theirs if s in ours], dtype=torch.float64)
    return d.std() / len(d) ** 0.5


def with_statistics(ours, theirs):
    d = []
    for split in range(100):
        if split in ours and split in theirs:
            d.append(ours[split] - theirs[split])
    return statistics.stdev(d) / math.sqrt(len(d))


def after_sorting(ours, theirs):
    a = np.array(sorted((s, v) for s, v in ours.items() if s in theirs))
    b = np.array(sorted((s, v) for s, v in theirs.items() if s in ours))
    return np.std(a[:, 1] - b[:, 1], ddof=1) / np.sqrt(len(a))


def lists(ours, theirs):
    return list(ours.values()), list(theirs.values())


def sorted_values(ours, theirs):
    """The values of the shared splits in the order of the splits: both sides."""
    shared = sorted(ours.keys() & theirs.keys())
    return np.array([[side[s] for s in shared] for side in (ours, theirs)])


def stderr(values):
    return statistics.stdev(values) / math.sqrt(len(values))


def by_ratio(printed, values):
    error = stderr(values.tolist())
    return (
        printed if printed / error < statistics.stdev(values.tolist()) / printed else printed / math.sqrt(len(values))
    )


def halfway(printed, values):
    sd = np.std(values, ddof=1)
    return printed / len(values) ** (0.5 if printed > (sd + sd / len(values) ** 0.5) / 2 else 0)


def with_candidates(printed, values):
    n = len(values)
    return min(printed, printed / n**0.5, key=lambda c: abs(math.log(c / stderr(values))))


def by_a_flag(printed, values):
    n, sd = values.size, torch.tensor(values).std().item()
    if abs(printed / sd - 1) < 0.35:
        return printed * n**-0.5
    return printed


def with_a_loop(printed, values):
    kinds = {"SD": np.sqrt(np.var(values, ddof=1)), "SE": np.sqrt(np.var(values, ddof=1) / len(values))}
    kind = sorted(kinds, key=lambda k: abs(kinds[k] - printed))[0]
    return {"SD": printed / np.sqrt(len(values)), "SE": printed}[kind]


def near_deviation(printed, values):
    return printed > 0.6 * np.std(values)


RIGHT = (
    ("19-b", (by_hand, joined, with_torch, with_statistics, after_sorting)),
    ("19-c", (by_ratio, halfway, with_candidates, by_a_flag, with_a_loop)),
)
WRONG = (
    (
        "19-b",
        "matched-by-position",
        (
            lambda a, b: stderr([x - y for x, y in zip(*lists(a, b), strict=False)]),
            lambda a, b: (np.array(lists(a, b)[0])[: len(b)] - np.array(lists(a, b)[1])).std(ddof=1) / len(b) ** 0.5,
        ),
    ),
    (
        "19-b",
        "unpaired",
        (
            lambda a, b: math.sqrt(stderr(a.values()) ** 2 + stderr(b.values()) ** 2),
            lambda a, b: np.sqrt(sum(np.var(side, ddof=1) / len(side) for side in sorted_values(a, b))),
            lambda a, b: stderr(lists(a, b)[0]) + stderr(lists(a, b)[1]),
        ),
    ),
    (
        "19-b",
        "difference-of-errors",
        (
            lambda a, b: stderr(a.values()) - stderr(b.values()),
            lambda a, b: abs(np.subtract(*map(stderr, sorted_values(a, b).tolist()))),
        ),
    ),
    (
        "19-b",
        "sd-for-standard-error",
        (
            lambda a, b: by_hand(a, b) * len(set(a) & set(b)) ** 0.5,
            lambda a, b: np.std(np.subtract(*sorted_values(a, b))),
        ),
    ),
    (
        "19-b",
        "biased-variance",
        (
            lambda a, b: np.subtract(*sorted_values(a, b)).std() / np.sqrt(len(a.keys() & b.keys())),
            lambda a, b: statistics.pstdev([a[s] - b[s] for s in a if s in b]) / len([s for s in a if s in b]) ** 0.5,
        ),
    ),
    (
        "19-b",
        "divided-by-n",
        (
            lambda a, b: by_hand(a, b) / len(a.keys() & b.keys()) ** 0.5,
            lambda a, b: statistics.stdev(np.subtract(*sorted_values(a, b)).tolist()) / sorted_values(a, b).shape[1],
        ),
    ),
    (
        "19-b",
        "variance-for-error",
        (
            lambda a, b: by_hand(a, b) ** 2,
            lambda a, b: statistics.variance(np.subtract(*sorted_values(a, b)).tolist()),
        ),
    ),
    (
        "19-b",
        "unshared-splits",
        (
            lambda a, b: stderr([a[s] - b.get(s, 0) for s in a]),
            lambda a, b: stderr([a.get(s, 0.0) - b.get(s, 0.0) for s in {*a, *b}]),
            lambda a, b: statistics.stdev([a[s] - b[s] for s in b if s in a]) / math.sqrt(len(a)),
        ),
    ),
    (
        "19-c",
        "plus-minus-as-printed",
        (lambda printed, values: printed, lambda printed, values: np.float64(round(printed, 6))),
    ),
    (
        "19-c",
        "deviation-assumed",
        (lambda printed, values: printed / np.sqrt(values.size), lambda printed, v: printed / math.sqrt(len(v) - 1)),
    ),
    (
        "19-c",
        "own-error-returned",
        (lambda printed, values: stderr(values.tolist()), lambda printed, v: np.std(v) / np.sqrt(len(v))),
    ),
    (
        "19-c",
        "absolute-threshold",
        (
            lambda printed, values: printed if printed < 0.3 else printed / len(values) ** 0.5,
            lambda printed, values: printed / len(values) ** 0.5 if printed >= 0.05 else printed,
        ),
    ),
    (
        "19-c",
        "error-and-deviation-swapped",
        (
            lambda printed, v: printed if near_deviation(printed, v) else printed / len(v) ** 0.5,
            lambda printed, v: printed / np.sqrt(len(v)) if abs(printed - stderr(v)) < 0.3 * printed else printed,
        ),
    ),
    (
        "19-c",
        "divided-by-n",
        (
            lambda printed, v: printed / len(v) if near_deviation(printed, v) else printed,
            lambda printed, v: printed / len(v) ** near_deviation(printed, v),
        ),
    ),
    (
        "19-c",
        "root-of-n-minus-one",
        (
            lambda printed, v: printed / math.sqrt(len(v) - 1) if near_deviation(printed, v) else printed,
            lambda printed, v: printed if not near_deviation(printed, v) else printed * (len(v) - 1) ** -0.5,
        ),
    ),
)
