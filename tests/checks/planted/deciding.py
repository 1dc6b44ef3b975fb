"""Answers to 18-a, 18-b, 18-c and 18-d."""

import heapq
import math

import numpy as np
import torch


def risks_walked(doubt, loss):
    rows = sorted(range(len(doubt)), key=lambda n: float(doubt[n]))
    return torch.tensor([sum(float(loss[n]) for n in rows[:k]) / k for k in range(1, len(rows) + 1)])


def risks_in_arrays(doubt, loss):
    ordered = loss.numpy()[np.argsort(doubt.numpy())].astype(float)
    return np.add.accumulate(ordered) / (1 + np.arange(len(ordered)))


def risks_by_thresholds(doubt, loss):
    return torch.stack([loss[doubt <= limit].mean() for limit in doubt.sort().values])


def risks_running(doubt, loss):
    mean, out = 0.0, []
    for k, value in enumerate(loss[torch.sort(doubt).indices].tolist(), start=1):
        mean += (value - mean) / k
        out.append(mean)
    return np.array(out)


def risks_by_a_table(doubt, loss):
    answered = (doubt <= doubt.sort().values[:, None]).float()
    return answered @ loss / answered.sum(1)


def in_order(doubt, loss):
    return loss[torch.sort(doubt).indices]


def ks(loss):
    return torch.arange(len(loss)) + 1


def auc_walked(familiar, strange):
    total = 0.0
    for s in strange.tolist():
        for f in familiar.tolist():
            total += 1.0 if s > f else 0.5 if s == f else 0.0
    return total / (len(familiar) * len(strange))


def auc_by_signs(familiar, strange):
    return 0.5 + 0.5 * torch.sign(strange[:, None] - familiar[None]).mean()


def auc_by_ranks(familiar, strange):
    both = np.concatenate([strange.numpy(), familiar.numpy()])
    ranks = np.array([(both < v).sum() + ((both == v).sum() + 1) / 2 for v in both])
    m = len(strange)
    return (ranks[:m].sum() - m * (m + 1) / 2) / (m * len(familiar))


def auc_by_search(familiar, strange):
    f = np.sort(familiar.numpy())
    low, high = np.searchsorted(f, strange.numpy(), "left"), np.searchsorted(f, strange.numpy(), "right")
    return (low + high).mean() / 2 / len(f)


def auc_by_trapezes(familiar, strange):
    limits = sorted(set(familiar.tolist() + strange.tolist()), reverse=True)
    hit = [0.0] + [float((strange >= limit).float().mean()) for limit in limits]
    false = [0.0] + [float((familiar >= limit).float().mean()) for limit in limits]
    return np.trapezoid(hit, false)


def h(p):
    return torch.distributions.Categorical(probs=p).entropy()


def bald_walked(logits):
    scores = []
    for n in range(logits.shape[1]):
        p = [torch.softmax(one[n], 0).double().numpy() for one in logits]
        entropies = [-sum(v * np.log(v) for v in row if v > 0) for row in p]
        mean = sum(p) / len(p)
        scores.append(-sum(v * np.log(v) for v in mean if v > 0) - np.mean(entropies))
    return np.array(scores)


def bald_by_divergence(logits):
    p = logits.double().softmax(2)
    mean = p.mean(0, keepdim=True)
    return torch.where(p > 0, p * (p.clamp(min=1e-300) / mean).log(), 0.0).sum(2).mean(0)


def bald_by_log_softmax(logits):
    log_p = torch.log_softmax(logits, dim=2)
    log_mean = torch.logsumexp(log_p, dim=0) - math.log(len(logits))
    return (log_p.exp() * log_p).sum(2).mean(0) - (log_mean.exp() * log_mean).sum(1)


def nats(p):
    return torch.special.entr(p).sum(-1)


def rank_of(n, alpha):
    return math.ceil((n + 1) * (1 - alpha))


def taken(scores, rank):
    return sorted(scores.tolist())[int(rank) - 1]


def threshold_counted(scores, alpha):
    for score in sorted(scores.tolist()):
        if (scores <= score).sum() >= (len(scores) + 1) * (1 - alpha):
            return score
    return float("inf")


def threshold_by_padding(scores, alpha):
    return torch.cat([scores, torch.tensor([math.inf])]).sort().values[rank_of(len(scores), alpha) - 1]


def threshold_by_quantile(scores, alpha):
    level = rank_of(len(scores), alpha) / len(scores)
    return np.inf if level > 1 else np.quantile(scores.numpy(), level, method="inverted_cdf")


def threshold_by_heap(scores, alpha):
    rank = rank_of(len(scores), alpha)
    return heapq.nsmallest(rank, scores.tolist())[-1] if rank <= len(scores) else math.inf


def threshold_by_kth(scores, alpha):
    rank = -int(-(len(scores) + 1) * (1 - alpha) // 1)
    return torch.kthvalue(scores, rank).values if rank <= scores.numel() else torch.tensor(torch.inf)


RIGHT = (
    ("18-a", (risks_walked, risks_in_arrays, risks_by_thresholds, risks_running, risks_by_a_table)),
    ("18-b", (auc_walked, auc_by_signs, auc_by_ranks, auc_by_search, auc_by_trapezes)),
    (
        "18-c",
        (
            bald_walked,
            bald_by_divergence,
            bald_by_log_softmax,
            lambda z: h(z.softmax(-1).mean(0)) - h(z.softmax(-1)).mean(0),
            lambda z: nats(torch.softmax(z, 2).sum(0) / len(z)) - nats(torch.softmax(z, 2)).sum(0) / len(z),
        ),
    ),
    (
        "18-d",
        (threshold_counted, threshold_by_padding, threshold_by_quantile, threshold_by_heap, threshold_by_kth),
    ),
)
WRONG = (
    (
        "18-a",
        "least-sure-first",
        (
            lambda d, e: risks_walked(-d, e),
            lambda d, e: e[torch.argsort(d, descending=True)].cumsum(0) / ks(e),
        ),
    ),
    (
        "18-a",
        "divided-by-all",
        (
            lambda d, e: in_order(d, e).cumsum(0) / len(e),
            lambda d, e: np.cumsum(in_order(d, e).numpy()) / d.numel(),
        ),
    ),
    (
        "18-a",
        "order-ignored",
        (lambda d, e: e.cumsum(0) / ks(e), lambda d, e: torch.stack([e[:k].mean() for k in ks(e)])),
    ),
    (
        "18-a",
        "sorted-by-loss",
        (
            lambda d, e: torch.sort(e).values.cumsum(0) / ks(e),
            lambda d, e: np.cumsum(np.sort(e.numpy())) / ks(e).numpy(),
        ),
    ),
    (
        "18-a",
        "rank-for-order",
        (
            lambda d, e: e[torch.argsort(torch.argsort(d))].cumsum(0) / ks(e),
            lambda d, e: e[[int((d < v).sum()) for v in d]].cumsum(0) / ks(e),
        ),
    ),
    (
        "18-a",
        "handed-over",
        (
            lambda d, e: torch.stack([in_order(d, e)[k:].mean() for k in ks(e)]),
            lambda d, e: torch.stack([e[d >= limit].mean() for limit in d.sort().values]),
        ),
    ),
    (
        "18-a",
        "sum-for-mean",
        (lambda d, e: in_order(d, e).cumsum(0), lambda d, e: risks_walked(d, e) * ks(e)),
    ),
    (
        "18-a",
        "accuracy-for-risk",
        (lambda d, e: 1 - risks_walked(d, e), lambda d, e: (1 - in_order(d, e)).cumsum(0) / ks(e)),
    ),
    (
        "18-b",
        "sign-reversed",
        (lambda f, s: auc_walked(s, f), lambda f, s: (f > s[:, None]).float().mean()),
    ),
    (
        "18-b",
        "ties-lost",
        (lambda f, s: (s > f[:, None]).float().mean(), lambda f, s: np.mean([a > b for a in s for b in f])),
    ),
    (
        "18-b",
        "ties-won",
        (lambda f, s: (s >= f[:, None]).float().mean(), lambda f, s: 1 - np.mean([a < b for a in s for b in f])),
    ),
    (
        "18-b",
        "sum-for-mean",
        (
            lambda f, s: auc_walked(f, s) * len(f) * len(s),
            lambda f, s: sum(float(a > b) for a in s for b in f),
        ),
    ),
    (
        "18-b",
        "means-compared",
        (
            lambda f, s: np.mean(s.numpy() > f.numpy().mean()),
            lambda f, s: (s > torch.median(f)).float().sum() / len(s),
        ),
    ),
    (
        "18-b",
        "pairs-per-row",
        (
            lambda f, s: auc_walked(f, s) * len(f),
            lambda f, s: ((s[:, None] > f).float() + (s[:, None] == f) / 2).sum(0).mean(),
        ),
    ),
    (
        "18-c",
        "total-for-epistemic",
        (lambda z: h(z.softmax(-1).mean(0)), lambda z: nats(torch.softmax(z, 2).mean(0))),
    ),
    (
        "18-c",
        "aleatoric-for-epistemic",
        (lambda z: h(z.softmax(-1)).mean(0), lambda z: nats(torch.softmax(z, 2)).sum(0) / len(z)),
    ),
    (
        "18-c",
        "mutual-information-swapped",
        (
            lambda z: -bald_by_log_softmax(z),
            lambda z: (h(z.softmax(-1)) - h(z.softmax(-1).mean(0))).mean(0),
            lambda z: (
                (z.softmax(2) * z.softmax(2).log()).sum(2).mean(0)
                - (z.softmax(2).mean(0) * z.softmax(2).mean(0).log()).sum(1)
            ),
        ),
    ),
    (
        "18-c",
        "logits-averaged",
        (
            lambda z: h(torch.softmax(z.mean(0), -1)) - h(z.softmax(-1)).mean(0),
            lambda z: nats((z.sum(0) / len(z)).softmax(1)) - nats(z.softmax(2)).mean(0),
        ),
    ),
    (
        "18-c",
        "labels-averaged",
        (
            lambda z: nats(torch.stack([(z.argmax(2) == k).float().mean(0) for k in range(z.shape[2])], -1)),
            lambda z: h(torch.eye(3)[z.max(-1).indices].mean(0)),
        ),
    ),
    (
        "18-c",
        "variance-for-information",
        (lambda z: z.softmax(-1).var(0).sum(1), lambda z: np.var(z.softmax(-1).numpy(), axis=0).mean(-1)),
    ),
    (
        "18-c",
        "bits-not-nats",
        (lambda z: bald_by_log_softmax(z) / math.log(2), lambda z: bald_walked(z) * np.log2(np.e)),
    ),
    (
        "18-d",
        "no-finite-sample",
        (
            lambda s, a: taken(s, math.ceil(len(s) * (1 - a))),
            lambda s, a: np.quantile(s.numpy(), 1 - a),
            lambda s, a: s.sort().values[int(len(s) * (1 - a)) - 1],
            lambda s, a: torch.quantile(s, 1 - a, interpolation="higher"),
        ),
    ),
    (
        "18-d",
        "quantile-interpolated",
        (
            lambda s, a: np.quantile(s.numpy(), min(1.0, rank_of(len(s), a) / len(s))),
            lambda s, a: torch.quantile(s, min(1.0, (1 + 1 / len(s)) * (1 - a))),
        ),
    ),
    (
        "18-d",
        "rank-rounded-down",
        (
            lambda s, a: taken(s, (len(s) + 1) * (1 - a) // 1),
            lambda s, a: s.sort().values[int((len(s) + 1) * (1 - a)) - 1],
        ),
    ),
    (
        "18-d",
        "wrong-tail",
        (
            lambda s, a: taken(s, max(1, math.ceil((len(s) + 1) * a))),
            lambda s, a: np.quantile(s.numpy(), a),
            lambda s, a: sorted(s.tolist(), reverse=True)[min(rank_of(len(s), a), len(s)) - 1],
        ),
    ),
    (
        "18-d",
        "two-sided",
        (
            lambda s, a: threshold_by_padding(s, a / 2),
            lambda s, a: taken(s, min(len(s), math.ceil((len(s) + 1) * (1 - a / 2)))),
        ),
    ),
    (
        "18-d",
        "off-by-one",
        (
            lambda s, a: s.sort().values[min(rank_of(len(s), a), len(s) - 1)],
            lambda s, a: [*sorted(s.tolist()), math.inf, math.inf][rank_of(len(s), a)],
        ),
    ),
    (
        "18-d",
        "too-few-rows",
        (
            lambda s, a: taken(s, min(len(s), rank_of(len(s), a))),
            lambda s, a: np.quantile(s.numpy(), min(1.0, rank_of(len(s), a) / len(s)), method="inverted_cdf"),
        ),
    ),
)
