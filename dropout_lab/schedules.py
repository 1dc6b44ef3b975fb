"""How much to drop, where and when: p as a function of the training step, and of the depth of a block."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from dropout_lab.arguments import require_count, require_probability

Schedule = Callable[[int], float]


def linear_depth_rates(n_blocks: int, p_last: float) -> list[float]:
    """Drop probability of each block, p_l = (l / L) p_L for l = 1 … L: early blocks feed all later ones, so they stay.

    Parameters
    ----------
    n_blocks : int
        Number L of blocks.
    p_last : float in [0, 1]
        Probability that the *branch of the last block* is dropped.

    Returns
    -------
    rates : list of L floats
        For :class:`DropPath`, first block first. The expected number of kept branches is their sum of 1 - p_l,
        L - p_L (L + 1) / 2.

    Raises
    ------
    TypeError, ValueError
        For a number of blocks below 1 or a p outside [0, 1].

    Examples
    --------
    >>> linear_depth_rates(4, 0.4)
    [0.1, 0.2, 0.30000000000000004, 0.4]

    References
    ----------
    Huang, Sun, Liu, Sedra, Weinberger (2016), Deep Networks with Stochastic Depth, ECCV, section 3 (linear decay of the
    survival probabilities, 1 - p_l).
    """
    n_blocks, p_last = require_count(n_blocks, "n_blocks"), require_probability(p_last, "p_last")
    return [block / n_blocks * p_last for block in range(1, n_blocks + 1)]


@dataclass(frozen=True)
class Constant:
    """The same p at every step.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped*.

    Examples
    --------
    >>> Constant(0.2)(100)
    0.2
    """

    p: float

    def __post_init__(self) -> None:
        require_probability(self.p)

    def __call__(self, step: int) -> float:
        """Drop probability at `step`, which counts from 0."""
        require_count(step, "step", least=0)
        return self.p


@dataclass(frozen=True)
class _Timed:
    p: float
    n_steps: int

    def __post_init__(self) -> None:
        require_probability(self.p)
        require_count(self.n_steps, "n_steps")

    def __call__(self, step: int) -> float:
        """Drop probability at `step`, which counts from 0."""
        return self._rate(require_count(step, "step", least=0))

    def _rate(self, step: int) -> float:
        raise NotImplementedError


class Early(_Timed):
    """Dropout against underfitting: p for the first `n_steps` steps, none afterwards.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped* early in training.
    n_steps : int
        Steps with dropout.

    Examples
    --------
    >>> [Early(0.2, 3)(step) for step in range(5)]
    [0.2, 0.2, 0.2, 0.0, 0.0]

    References
    ----------
    Liu, Xu, Jin, Shen, Darrell (2023), Dropout Reduces Underfitting, ICML.
    """

    def _rate(self, step: int) -> float:
        return self.p if step < self.n_steps else 0.0


class Late(_Timed):
    """Dropout against over-fitting alone: none for the first `n_steps` steps, p afterwards.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped* late in training.
    n_steps : int
        Steps without dropout.

    Examples
    --------
    >>> [Late(0.2, 3)(step) for step in range(5)]
    [0.0, 0.0, 0.0, 0.2, 0.2]

    References
    ----------
    Liu, Xu, Jin, Shen, Darrell (2023), Dropout Reduces Underfitting, ICML.
    """

    def _rate(self, step: int) -> float:
        return 0.0 if step < self.n_steps else self.p


class Curriculum(_Timed):
    """From nothing dropped to a share of p, p (1 - exp(-γ t)) with γ = 10 / `n_steps`.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped* in the limit; 1 - exp(-10) of it, .99995, is reached at `n_steps`.
    n_steps : int
        Steps of the whole training.

    Examples
    --------
    >>> [round(Curriculum(0.2, 100)(step), 3) for step in (0, 10, 50, 100)]
    [0.0, 0.126, 0.199, 0.2]

    References
    ----------
    Morerio, Cavazza, Volpi, Vidal, Murino (2017), Curriculum Dropout, ICCV: the keep probability is
    (1 - θ̄) exp(-γ t) + θ̄ with θ̄ = 1 - p.
    """

    def _rate(self, step: int) -> float:
        return self.p * (1 - math.exp(-10 * step / self.n_steps))


class Annealed(_Timed):
    """From p to nothing in a straight line, p max(0, 1 - t / `n_steps`).

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped* at the first step.
    n_steps : int
        Steps until nothing is dropped any more.

    Examples
    --------
    >>> [Annealed(0.2, 4)(step) for step in (0, 1, 2, 4, 9)]
    [0.2, 0.15000000000000002, 0.1, 0.0, 0.0]

    References
    ----------
    Rennie, Goel, Thomas (2014), Annealed Dropout Training of Deep Networks, IEEE SLT.
    """

    def _rate(self, step: int) -> float:
        return self.p * max(0.0, 1 - step / self.n_steps)


def require_schedule(schedule: object) -> Schedule:
    """Return `schedule` if it gives a drop probability for step 0; raise TypeError or ValueError otherwise."""
    if not callable(schedule):
        slip = f" For one p at every step write Constant({schedule!r})." if isinstance(schedule, (int, float)) else ""
        raise TypeError(
            f"schedule is a function of the step that gives p, such as Early(0.2, 1000); got {schedule!r}.{slip}"
        )
    require_probability(schedule(0))
    return schedule
