"""What to do about each finding, and the lesson that explains it: data, one entry a slug."""

from __future__ import annotations

from typing import NamedTuple


class Advice(NamedTuple):
    """How to mend a finding, and where it is taught."""

    fix: str
    lesson: str


_PYTORCH = "06 Write the same layer in PyTorch"
_MASKS = "01 Flip a coin for every unit"
_BUGS = "08 Catch bugs in the wild"
_NORM = "14 Put dropout beside a norm, on a schedule, or away"

ADVICE: dict[str, Advice] = {
    "functional-always-on": Advice(
        "Pass training=self.training to the call, or make an nn.Dropout in __init__ as an attribute of the module, so "
        "that train() and eval() reach it. If the noise is meant (MC dropout), say audit(..., random_in_eval=True).",
        _PYTORCH,
    ),
    "sdpa-in-eval": Advice(
        "Write dropout_p=self.p if self.training else 0.0: this function has no training argument and never asks for "
        "the mode of the module.",
        _PYTORCH,
    ),
    "active-in-eval": Advice(
        "Draw and apply the mask only while self.training is set. If the noise is meant (MC dropout), say "
        "audit(..., random_in_eval=True).",
        _PYTORCH,
    ),
    "training-passed-as-p": Advice(
        "Name the argument: F.dropout(h, p, training=self.training). The second position is p.", _PYTORCH
    ),
    "p-out-of-range": Advice(
        "Set p to a number with 0 <= p < 1, the probability that a unit is dropped. Divide a percentage by 100; a keep "
        "probability q becomes p = 1 - q.",
        _PYTORCH,
    ),
    "lstm-one-layer": Advice(
        "Use num_layers=2 or more, or put an nn.Dropout after the layer; for the recurrent connections themselves use "
        "one mask for all time steps.",
        "12 Drop units of a recurrent net",
    ),
    "identity-at-zero": Advice(
        "Always build nn.Dropout(p), also for p = 0, where it costs nothing: then a schedule can raise p later.", _NORM
    ),
    "never-called": Advice("Call it in forward, or delete it, so that nobody believes it is at work.", _BUGS),
    "never-drops": Advice("Make the forward of the module drop while self.training is set.", _BUGS),
    "dropped-then-ignored": Advice("Pass the dropped tensor on: h = self.drop(h), and use that h from there.", _BUGS),
    "before-batch-norm": Advice(
        "Move the dropout behind the last batch norm of the model, or at least behind this one.",
        _NORM,
    ),
    "alpha-with-relu": Advice(
        "Keep the pairs together: nn.SELU with nn.AlphaDropout, every other activation with nn.Dropout.", _NORM
    ),
    "wrong-axes": Advice(
        "Give Dropout1d (N, C, L), Dropout2d (N, C, H, W) and Dropout3d (N, C, D, H, W): move the channels to axis 1 "
        "before and back after, or use nn.Dropout where there are no maps.",
        "09 Drop maps and blocks, not pixels",
    ),
    "same-mask-everywhere": Advice(
        "Never seed inside forward, and never start every layer's generator with one seed: let one generator run on "
        "through all layers.",
        _BUGS,
    ),
    "seeded-inside": Advice(
        "Take the seed out of forward: seed once, outside, or pass a generator whose state moves on.", _BUGS
    ),
    "one-mask-for-the-batch": Advice(
        "Draw the mask with the shape of the activations, batch axis included: torch.rand(h.shape), not h.shape[1:].",
        _MASKS,
    ),
    "dropout-on-output": Advice(
        "Drop before the last layer and let the last layer's output through. If this model is a block of a larger one, "
        "audit the whole.",
        "07 Find out whether it helps",
    ),
    "input-modified": Advice(
        "Leave out inplace=True in the first layer: the batch belongs to the caller.",
        "05 Write forward and backward in NumPy",
    ),
    "weights-overwritten": Advice(
        "Mask a copy and keep the parameter: F.linear(h, self.weight * mask), nothing assigned to self.weight.",
        "10 Drop weights, not units",
    ),
    "batch-norm-in-train": Advice(
        "Put the dropout modules in training mode, not the model: batch norm must stay in eval mode in MC passes.",
        "15 Ask a network how sure it is",
    ),
}
