"""A watched pass shows who drew, over what, and whether it came to anything."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from dropout_lab.audit.randomness import Randomness
from dropout_lab.audit.recording import record

P = 0.3


class Three(nn.Module):
    """A module, a function and a decision that draw; a function whose result is dropped on the floor."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(5, 32), nn.Dropout(P), nn.Linear(32, 2)

    def forward(self, x):
        h = self.drop(self.first(x).relu())
        h = F.dropout(h, 0.1, self.training)
        F.dropout(h, 0.2, self.training)
        if torch.rand(()) < 2:
            h = h + 1
        return self.last(h)


@pytest.fixture
def model():
    return Three()


@pytest.fixture
def watch(model, rows):
    """A watched pass from one fixed random state."""

    def run(**options):
        randomness = Randomness(model, [rows])
        randomness.seed(0)
        try:
            return record(model, (rows,), randomness, **options)
        finally:
            randomness.restore()

    return run


def named(recording):
    return {origin.text or origin.path: activity for origin, activity in recording.activities.items()}


def test_draws_come_in_the_order_of_forward(watch):
    names = [draw.origin.name for draw in watch().draws]
    assert names == ["Dropout", "F.dropout", "F.dropout", "forward"]


def test_a_mask_is_laid_over_the_tensor_that_was_given(watch, model, rows):
    application = named(watch())["drop"].applications[0]
    h = model.first(rows).relu()
    assert application.h.shape == (16, 32)
    assert application.h.mean == pytest.approx(h.mean().item(), rel=1e-6)
    assert application.h_dropped.zeros > application.h.zeros
    assert (application.on_input, application.in_place, application.after_affine) == (False, False, False)


def test_what_reaches_the_output_is_told_from_what_does_not(watch):
    reaches = {text: (seen.reaches_output, seen.decides) for text, seen in named(watch()).items()}
    assert reaches == {
        "drop": (True, False),
        "h = F.dropout(h, 0.1, self.training)": (True, False),
        "F.dropout(h, 0.2, self.training)": (False, False),
        "if torch.rand(()) < 2:": (True, True),
    }


def test_drawing_again_changes_the_coins_of_one_origin_alone(watch):
    usual = watch()
    origin = usual.draws[1].origin
    again = watch(again=origin)
    pairs = zip(usual.draws, again.draws, strict=True)
    assert [a.first == b.first for a, b in pairs] == [True, False, True, True]
    assert not torch.equal(usual.outputs[0], again.outputs[0])


def test_nothing_is_drawn_by_dropout_in_eval_mode(watch, model):
    model.eval()
    seen = watch()
    assert [draw.origin.kind for draw in seen.draws] == ["draw"]
    assert named(seen)["drop"].calls == 1


def test_outputs_are_those_of_a_pass_that_nobody_watches(watch, model, rows):
    model.eval()
    torch.testing.assert_close(watch().outputs[0], model(rows).detach(), rtol=0, atol=0)


def test_an_operator_that_may_draw_and_does_not_is_no_draw(rows):
    h = torch.randn(2, 1, 4, 8)
    model = nn.Module()
    model.forward = lambda h: F.scaled_dot_product_attention(h, h, h)
    assert record(model, (h,), Randomness(model, [h])).draws == []
