import math
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_lab.uncertainty import bald, batch_bald, mutual_information


def passes(t: int, n: int, k: int, seed: int = 0) -> torch.Tensor:
    return (2 * torch.randn(t, n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).softmax(-1)


def joint_information(probabilities: torch.Tensor, rows: list[int]) -> float:
    """Entropy of the labels of `rows` minus their mean entropy given the pass, summed over all combinations."""
    total, n_classes = 0.0, probabilities.shape[2]
    for labels in product(range(n_classes), repeat=len(rows)):
        each = torch.stack([probabilities[:, row, label] for row, label in zip(rows, labels, strict=True)]).prod(dim=0)
        total -= each.mean().item() * math.log(each.mean().item())
    given_pass = torch.special.entr(probabilities[:, rows]).sum(dim=(1, 2)).mean().item()
    return total - given_pass


def test_bald_is_the_mutual_information():
    probabilities = passes(6, 9, 4)
    assert torch.equal(bald(probabilities), mutual_information(probabilities))


@settings(max_examples=20)
@given(seed=st.integers(0, 500))
def test_the_information_of_a_batch_is_that_of_all_combinations_of_labels(seed):
    probabilities = passes(5, 6, 3, seed)
    batch = batch_bald(probabilities, 3)
    rows = batch.rows.tolist()
    for b in (1, 2, 3):
        assert math.isclose(batch.information[b - 1].item(), joint_information(probabilities, rows[:b]), abs_tol=1e-9)
    others = [joint_information(probabilities, [*rows[:2], row]) for row in range(6) if row not in rows]
    assert batch.information[2].item() >= max(others) - 1e-9


@given(seed=st.integers(0, 500))
def test_a_batch_knows_no_more_than_its_rows_apart_and_no_less_than_the_best(seed):
    probabilities = passes(8, 5, 3, seed)
    batch = batch_bald(probabilities, 4)
    scores = bald(probabilities)
    assert math.isclose(batch.information[0].item(), scores.max().item(), abs_tol=1e-12)
    assert len(set(batch.rows.tolist())) == 4
    apart = scores[batch.rows].cumsum(0)
    assert bool((batch.information <= apart + 1e-9).all())
    assert bool((batch.information.diff() >= -1e-9).all())
    assert batch.information[-1] <= math.log(8) + 1e-9


def test_the_same_question_is_not_asked_twice():
    generator = torch.Generator().manual_seed(1)
    sides = torch.randint(2, (20, 2), generator=generator).double()
    certain = torch.stack([sides, 1 - sides], dim=-1)  # passes are sure, and split about both rows
    mixed = torch.stack([certain[:, 0], certain[:, 0], 0.8 * certain[:, 1] + 0.1], dim=1)
    assert bald(mixed).topk(2).indices.sort().values.tolist() == [0, 1]
    assert batch_bald(mixed, 2).rows.tolist() == [0, 2]


def test_drawn_combinations_are_right_on_average():
    probabilities = passes(6, 4, 3, seed=2)
    exact = batch_bald(probabilities, 4).information[-1].item()
    draws = [
        batch_bald(probabilities, 4, max_configurations=9, generator=torch.Generator().manual_seed(seed))
        .information[-1]
        .item()
        for seed in range(300)
    ]
    values = torch.tensor(draws)
    # the greedy choice among noisy values may differ, but with four rows of four all are taken in the end
    assert values.std() > 0
    assert abs(values.mean().item() - exact) < 5 * values.std().item() / math.sqrt(300)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: bald(torch.randn(4, 5, 3)), ValueError, "logits"),
        (lambda: bald(passes(1, 5, 3)), ValueError, "at least two passes"),
        (lambda: batch_bald(passes(1, 5, 3), 2), ValueError, "at least two passes"),
        (lambda: batch_bald(passes(4, 5, 3) * 2, 2), ValueError, "logits|sum to 1"),
        (lambda: batch_bald(passes(4, 5, 3), 6), ValueError, "at most 5; got 6"),
        (lambda: batch_bald(passes(4, 5, 3), 0), ValueError, "size"),
        (lambda: batch_bald(passes(4, 5, 3), 3, max_configurations=3), TypeError, "pass a generator"),
        (lambda: batch_bald(passes(4, 5, 3) * math.nan, 2), ValueError, "NaN"),
    ],
)
def test_what_cannot_be_chosen_from_is_an_error(call, error, text):
    with pytest.raises(error, match=text):
        call()
