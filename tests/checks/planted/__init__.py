"""Answers as learners write them: right ones in many styles, wrong ones by the slug that must be named.

Each module has `RIGHT`, a tuple of (exercise id, answers), and `WRONG`, a tuple of (exercise id, slug, answers).
Wrong versions in the bank and answers here were written apart from each other, so that the study tests behaviour.
"""

import importlib
import pkgutil

MODULES = tuple(importlib.import_module(f"planted.{module.name}") for module in pkgutil.iter_modules(__path__))
RIGHT = tuple(case for module in MODULES for case in module.RIGHT)
WRONG = tuple(case for module in MODULES for case in module.WRONG)
