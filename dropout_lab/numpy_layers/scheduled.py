"""Dropout whose p follows a schedule, on arrays."""

from __future__ import annotations

import numpy as np

from dropout_lab.arguments import require_probability
from dropout_lab.numpy_layers.dropout import Dropout
from dropout_lab.schedules import Schedule, require_schedule


class ScheduledDropout(Dropout):
    """Dropout with a p that :meth:`step` takes from a schedule.

    The layer stays a dropout layer while p is 0: one that turns into the identity there would never wake up.

    Parameters
    ----------
    schedule : function of the step, such as those of :mod:`dropout_lab.schedules`
        Gives the probability that a unit is *dropped* at each step, from 0 on.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.

    Raises
    ------
    TypeError, ValueError
        For a number in the place of the schedule, or a schedule that gives no drop probability.

    Examples
    --------
    >>> from dropout_lab.schedules import Late
    >>> layer = ScheduledDropout(Late(0.2, 2), np.random.default_rng(0))
    >>> layer.step(), layer.step()
    (0.0, 0.2)
    >>> layer
    ScheduledDropout(p=0.2, schedule=Late(p=0.2, n_steps=2), n_steps=2)
    """

    def __init__(self, schedule: Schedule, rng: np.random.Generator) -> None:
        self.schedule, self.n_steps = require_schedule(schedule), 0
        super().__init__(schedule(0), rng)

    def step(self) -> float:
        """Go on to the next step and return its p; call it once after every step of the optimiser."""
        self.p = require_probability(self.schedule(self.n_steps + 1))
        self.n_steps += 1
        return self.p

    def __repr__(self) -> str:
        return f"ScheduledDropout(p={self.p}, schedule={self.schedule}, n_steps={self.n_steps})"
