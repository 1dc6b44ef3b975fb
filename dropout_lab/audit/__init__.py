"""Find dropout bugs in a PyTorch model by what it does.

In Python ``audit(model, inputs)``; in a shell ``python -m dropout_lab.audit package.module:build_model --input 9x3``.
"""

import sys
from types import ModuleType
from typing import Any

from dropout_lab.audit.examine import audit
from dropout_lab.audit.passes import AuditError
from dropout_lab.audit.report import Finding, Report
from dropout_lab.audit.sites import Site

__all__ = ["AuditError", "Finding", "Report", "Site", "audit"]


class _CallableModule(ModuleType):
    """The package under its own name: ``dropout_lab.audit(model, inputs)`` is the same call."""

    def __call__(self, model: object, *inputs: Any, **options: Any) -> Report:
        report: Report = self.audit(model, *inputs, **options)
        return report


sys.modules[__name__].__class__ = _CallableModule
