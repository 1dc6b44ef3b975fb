"""Dropout whose p follows a schedule."""

from __future__ import annotations

import torch

from dropout_lab.schedules import Schedule, require_schedule
from dropout_lab.torch_layers.dropout import Dropout


class ScheduledDropout(Dropout):
    """Dropout with a p that :meth:`step` takes from a schedule.

    The module stays a dropout layer while p is 0: one that turns into the identity there would never wake up. The
    number of steps is part of the ``state_dict()``, so training goes on from a checkpoint with the p it had.

    Parameters
    ----------
    schedule : function of the step, such as those of :mod:`dropout_lab.schedules`
        Gives the probability that a unit is *dropped* at each step, from 0 on.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.

    Raises
    ------
    TypeError, ValueError
        For a number in the place of the schedule, or a schedule that gives no drop probability.

    Examples
    --------
    >>> from dropout_lab.schedules import Late
    >>> layer = ScheduledDropout(Late(0.2, 2))
    >>> layer.step(), layer.step()
    (0.0, 0.2)
    >>> layer
    ScheduledDropout(p=0.2, schedule=Late(p=0.2, n_steps=2), n_steps=2)
    """

    def __init__(self, schedule: Schedule, generator: torch.Generator | None = None) -> None:
        super().__init__(require_schedule(schedule)(0), generator)
        self.schedule, self.n_steps = schedule, 0

    def step(self) -> float:
        """Go on to the next step and return its p; call it once after every step of the optimiser."""
        self.p = self.schedule(self.n_steps + 1)
        self.n_steps += 1
        return self.p

    def get_extra_state(self) -> torch.Tensor:
        """The number of steps, for ``state_dict()``."""
        return torch.tensor(self.n_steps)

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Go to the step, and its p, that ``load_state_dict()`` found."""
        self.n_steps = int(state.item())
        self.p = self.schedule(self.n_steps)

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p}, schedule={self.schedule}, n_steps={self.n_steps}"
