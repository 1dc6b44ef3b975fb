"""What counts as a finding: one function a rule, from measurements to findings."""

from dropout_lab.audit.measurements import Measurements
from dropout_lab.audit.report import Finding
from dropout_lab.audit.rules.masks import mask_findings
from dropout_lab.audit.rules.modes import mode_findings
from dropout_lab.audit.rules.neighbours import neighbour_findings
from dropout_lab.audit.rules.probabilities import probability_findings
from dropout_lab.audit.rules.silence import silence_findings
from dropout_lab.audit.rules.wording import merged

__all__ = ["all_findings"]


def all_findings(found: Measurements, *, random_in_eval: bool) -> tuple[Finding, ...]:
    """Every finding, calls of one source line together; `random_in_eval` says that noise in eval mode is meant."""
    return merged(
        [
            *probability_findings(found),
            *mode_findings(found, random_in_eval=random_in_eval),
            *silence_findings(found),
            *mask_findings(found),
            *neighbour_findings(found),
        ]
    )
