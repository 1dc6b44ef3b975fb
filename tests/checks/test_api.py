import importlib

import numpy as np
import pytest
import torch

from dropout_lab.checks import check, exercise_ids, hint, lessons, solution, solution_source
from dropout_lab.checks.api import find


def stub(*arguments, **options):
    raise NotImplementedError


@pytest.mark.parametrize(
    "exercise", ["00-a", "01-a", "01-b", "01-c", "02-a", "05-a", "05-c", "06-a", "06-c", "15-a", "15-b"]
)
def test_a_stub_is_not_attempted(exercise):
    verdict = check(exercise, stub)
    assert (verdict.status, verdict.diagnosis, str(verdict)) == (
        "not attempted",
        None,
        f"{exercise}  not attempted yet",
    )


@pytest.mark.parametrize("exercise", exercise_ids())
def test_an_empty_answer_is_not_attempted(exercise):
    assert check(exercise, None).status == check(exercise, ...).status == "not attempted"


def test_the_exercises_that_are_listed_are_those_that_there_are():
    for lesson, letters in lessons.LETTERS.items():
        module = importlib.import_module(f"dropout_lab.checks.lessons.lesson_{lesson}")
        assert [exercise.id for exercise in module.EXERCISES] == [f"{lesson}-{letter}" for letter in letters]


def test_an_unknown_exercise_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match="01-a, 01-b"):
        check("99-z", 1)


def test_every_hint_comes_once_and_the_last_one_stays():
    hints = find("02-a").hints
    given = [str(hint("02-a")) for _ in range(len(hints) + 1)]
    assert [text.partition(": ")[2] for text in given] == [*hints, hints[-1]]


@pytest.mark.parametrize("exercise", exercise_ids())
def test_a_solution_is_code_without_annotations(exercise):
    source = solution_source(exercise)
    assert source.startswith(("def ", "class "))
    assert ") ->" not in source
    assert str(solution(exercise)) == source


def wrong_name(shape, p, rng):
    return rng.rand(shape) >= p


def test_an_exception_in_the_answer_names_the_line_and_shows_no_traceback():
    verdict = check("01-a", wrong_name)
    assert verdict.status == "failed"
    assert "`return rng.rand(shape) >= p`" in verdict.message
    assert "no attribute 'rand'" in verdict.message
    assert "Traceback" not in str(verdict)


@pytest.mark.parametrize(
    ("exercise", "answer", "part"),
    [
        ("01-a", lambda shape, p: np.ones(shape), "takes 2 positional arguments but 3 were given"),
        ("02-a", lambda h, p, rng: h, "Expected: inverted_dropout(h, p, rng, training=True)"),
        ("01-a", lambda shape, p, rng: None, "Is the `return` missing?"),
        ("01-a", lambda shape, p, rng: (rng.random(shape) >= p).astype(int), "I expected bool"),
        ("01-a", lambda shape, p, rng: rng.random(shape[1:]) >= p, "shape"),
        ("01-a", np.ones(3, bool), "I expected a function"),
        ("02-a", lambda h, p, rng, training=True: h.tolist(), "list"),
        ("05-a", lambda h, p, rng, training=True: h, "two things, (out, cache)"),
        ("05-b", lambda h: h, "the pair (dropout_forward, dropout_backward)"),
        ("06-a", torch.nn.Dropout(0.2), "I expected the class"),
        ("06-a", lambda p: 3, "subclass of nn.Module"),
        ("06-a", type("Bare", (torch.nn.Module,), {"__init__": lambda self, p: None}), "super().__init__()"),
        ("06-b", lambda p: torch.nn.Linear(8, 3), "8 to 32 and 32 to 3"),
        ("15-a", lambda model, x, n_samples: x, "shape (N, K) = (7, 3)"),
        ("00-b", "two hundred", "I expected a number"),
        ("15-e", lambda p: p.mean(0), "an array of shape (3,)"),
        ("15-e", lambda p: p.mean(0).max(-1), "take .values"),
    ],
)
def test_a_wrong_type_or_shape_is_told_in_words(exercise, answer, part):
    verdict = check(exercise, answer)
    assert verdict.status == "failed"
    assert part in verdict.message
    assert "Reread: lesson" in verdict.message


@pytest.mark.parametrize(
    ("exercise", "answer", "slug"),
    [
        ("01-a", lambda shape, p, rng: rng.random(shape[1:]) >= p, "one-mask-for-the-batch"),
        ("01-a", lambda shape, p, rng: rng.random((1, shape[1])) >= p, "one-mask-for-the-batch"),
        ("01-a", lambda shape, p, rng: rng.random((shape[0], 1)) >= p, "one-coin-per-example"),
        ("01-a", lambda shape, p, rng: np.array(rng.random() >= p), "one-coin-for-all"),
        ("01-c", lambda shape, p, rng: rng.random((*shape[:2], 1, 1)) >= p, None),
        ("01-a", lambda shape, p, rng: rng.random((shape[0] + 1, shape[1])) >= p, None),
    ],
)
def test_a_shape_that_broadcasting_would_repeat_has_a_name(exercise, answer, slug):
    verdict = check(exercise, answer)
    assert (verdict.status, verdict.diagnosis) == ("failed", slug)


def test_a_check_writes_nothing_beside_its_verdict(capfd):
    check("02-a", lambda h, p, rng, training=True: h * (rng.random(h.shape) < p) / p)
    assert capfd.readouterr() == ("", "")


def test_an_answer_that_runs_forever_gets_a_message(monkeypatch):
    monkeypatch.setattr("dropout_lab.checks.run.TIME_LIMIT", 0.3)
    monkeypatch.setattr(check.__globals__["run_guarded"], "__defaults__", (0.3,))

    def endless(shape, p, rng):
        while True:
            pass

    verdict = check("01-a", endless)
    assert "still running after 0.3 seconds" in verdict.message


def test_a_check_leaves_the_global_random_states_alone():
    before = (np.random.get_state()[1].copy(), torch.get_rng_state())  # noqa: NPY002
    check("06-a", find("06-a").solution)
    check("15-a", find("15-a").solution)
    check("02-a", lambda h, p, rng, training=True: h * (rng.random(h.shape) < p))
    assert np.array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before[1], torch.get_rng_state())
