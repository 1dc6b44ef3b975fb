"""The mutation study: every planted wrong answer is caught by name, every right one passes, on many seeds."""

import torch

from dropout_lab.checks.api import find
from dropout_lab.checks.diagnose import diagnose
from dropout_lab.checks.probes_values import draws_nothing
from dropout_lab.checks.run import run_guarded

SEEDS = 1000
REPEATS = 20  # of checks whose probes draw nothing


def label(case):
    """Exercise and, for a wrong answer, slug: the id of a test."""
    return "-".join(part for part in case if isinstance(part, str))


def names_given(exercise_id, answers):
    """The slug that the check gives each answer; "passed" or "unnamed" where it gives none."""
    exercise = find(exercise_id)
    found = [run_guarded(lambda a=a: diagnose(exercise, exercise.adapt(a)), 60) for a in answers]
    return ["passed" if d is None else d.misconception.slug if d.misconception else "unnamed" for d in found]


def false_alarms(exercise_id, answer):
    """Seeds on which a right answer fails the first draw and the second; fewer where no probe draws anything."""
    exercise = find(exercise_id)
    seeds = REPEATS if draws_nothing(exercise) else SEEDS
    subject = exercise.adapt(answer)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return run_guarded(lambda: [s for s in range(seeds) if diagnose(exercise, subject, (s, s + seeds))], 600)
    finally:
        torch.set_num_threads(threads)
