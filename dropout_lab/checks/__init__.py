"""Check an answer, judge code that is not yours, ask for a hint, see a solution, look at the progress.

A check runs the answer under probes, compares what it observes with the wrong versions in the bank of misconceptions,
and says in words what was seen and what that usually means.
"""

from dropout_lab.checks.api import check, exercise_ids, hint, judge, progress, solution, solution_source
from dropout_lab.checks.verdict import Verdict

__all__ = ["Verdict", "check", "exercise_ids", "hint", "judge", "progress", "solution", "solution_source"]
