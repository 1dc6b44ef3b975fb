"""Answers to 06-b and 06-c."""

import torch
import torch.nn.functional as F
from torch import nn


def net(forward, layers=None):
    class Net(nn.Module):
        def __init__(self, p):
            super().__init__()
            self.p = p
            self.first = nn.Linear(8, 32)
            self.second = nn.Linear(32, 3)

        def forward(self, x):
            return forward(self, x)

    return Net


def hidden(drop):
    return net(lambda own, x: own.second(drop(own, F.relu(own.first(x)))))


class Listed(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 32), nn.Linear(32, 3)])
        self.act, self.rate = nn.ReLU(), p

    def forward(self, x):
        h = self.act(self.layers[0](x))
        return self.layers[1](torch.dropout(h, self.rate, self.training))


def weights(q, k):
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1)


def sdpa_branch(q, k, v, p, training):
    if training:
        return F.scaled_dot_product_attention(q, k, v, dropout_p=p)
    return F.scaled_dot_product_attention(q, k, v)


RIGHT = (
    (
        "06-b",
        (
            hidden(lambda own, h: F.dropout(h, own.p, own.training)),
            hidden(lambda own, h: F.dropout(h, p=own.p) if own.training else h),
            net(lambda own, x: own.second(F.relu(F.dropout(own.first(x), own.p, own.training)))),
            Listed,
            lambda p: nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(p), nn.Linear(32, 3)),
        ),
    ),
    (
        "06-c",
        (
            sdpa_branch,
            lambda q, k, v, p, training: F.scaled_dot_product_attention(q, k, v, dropout_p=p * training),
            lambda q, k, v, p, training: F.dropout(weights(q, k), p, training) @ v,
        ),
    ),
)
WRONG = (
    (
        "06-b",
        "functional-always-on",
        (hidden(lambda own, h: F.dropout(h, own.p)), hidden(lambda own, h: nn.Dropout(own.p)(h))),
    ),
    (
        "06-b",
        "training-passed-as-p",
        (
            hidden(lambda own, h: F.dropout(h, own.training)),
            hidden(lambda own, h: F.dropout(h, float(own.training), own.training)),
        ),
    ),
    (
        "06-b",
        "dropped-then-ignored",
        (hidden(lambda own, h: (F.dropout(h, own.p, own.training), h)[1]), hidden(lambda own, h: h)),
    ),
    ("06-b", "keep-drop-swapped", (hidden(lambda own, h: F.dropout(h, 1 - own.p, own.training)),)),
    ("06-b", "default-p", (hidden(lambda own, h: F.dropout(h, training=own.training)),)),
    (
        "06-b",
        "dropout-on-input",
        (net(lambda own, x: own.second(F.relu(own.first(F.dropout(x, own.p, own.training))))),),
    ),
    (
        "06-b",
        "dropout-on-output",
        (net(lambda own, x: F.dropout(own.second(F.relu(own.first(x))), own.p, own.training)),),
    ),
    (
        "06-c",
        "sdpa-in-eval",
        (
            lambda q, k, v, p, training: F.scaled_dot_product_attention(q, k, v, dropout_p=p),
            lambda q, k, v, p, training: F.dropout(weights(q, k), p) @ v,
        ),
    ),
    (
        "06-c",
        "training-passed-as-p",
        (
            lambda q, k, v, p, training: F.scaled_dot_product_attention(q, k, v, dropout_p=float(training)),
            lambda q, k, v, p, training: F.dropout(weights(q, k), float(training), True) @ v,
        ),
    ),
    (
        "06-c",
        "attention-sums-to-one",
        (
            lambda q, k, v, p, training: F.normalize(F.dropout(weights(q, k), p, training), p=1, dim=-1) @ v,
            lambda q, k, v, p, training: (
                (lambda w: w / w.sum(-1, keepdim=True))(F.dropout(weights(q, k), p, training)) @ v
            ),
        ),
    ),
    (
        "06-c",
        "attention-not-scaled",
        (lambda q, k, v, p, training: F.dropout(torch.softmax(q @ k.mT, -1), p, training) @ v,),
    ),
    ("06-c", "keep-drop-swapped", (lambda q, k, v, p, training: F.dropout(weights(q, k), 1 - p, training) @ v,)),
    ("06-c", "dropped-then-ignored", (lambda q, k, v, p, training: F.scaled_dot_product_attention(q, k, v),)),
    ("06-c", "only-in-evaluation", (lambda q, k, v, p, training: F.dropout(weights(q, k), p, not training) @ v,)),
    (
        "06-c",
        "not-scaled",
        (
            lambda q, k, v, p, training: (
                weights(q, k) * (torch.rand(20, 20) >= p if training and v.shape[-1] == 20 else 1) @ v
            ),
        ),
    ),
    ("06-c", "dropout-on-output", (lambda q, k, v, p, training: F.dropout(weights(q, k) @ v, p, training),)),
)
