"""Uncertainty from dropout: Monte-Carlo samples of a model's output, what they say, and what that is worth."""

from dropout_lab.uncertainty.acquisition import (
    Batch,
    bald,
    batch_bald,
)
from dropout_lab.uncertainty.calibration import (
    Reliability,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from dropout_lab.uncertainty.conformal import (
    CoverageLaw,
    conformal_half_width,
    conformal_sets,
    conformal_threshold,
    coverage_law,
)
from dropout_lab.uncertainty.decomposition import (
    average_probabilities,
    expected_entropy,
    model_precision,
    mutual_information,
    predictive_entropy,
    predictive_mean,
    predictive_variance,
)
from dropout_lab.uncertainty.deep_ensemble import (
    DeepEnsemble,
    StackedLinear,
    train_ensemble,
)
from dropout_lab.uncertainty.deterministic import moment_predict
from dropout_lab.uncertainty.engine import mc_predict
from dropout_lab.uncertainty.intervals import gaussian_coverage, interval_coverage
from dropout_lab.uncertainty.reduction import ClassSummary, MomentSummary
from dropout_lab.uncertainty.scores import (
    brier_score,
    crps_gaussian,
    crps_samples,
    log_likelihood,
    negative_log_likelihood,
)
from dropout_lab.uncertainty.selective import (
    RiskCoverage,
    area_under_risk_coverage,
    auroc,
    missed_rate,
    risk_coverage,
)

__all__ = [
    "Batch",
    "ClassSummary",
    "CoverageLaw",
    "DeepEnsemble",
    "MomentSummary",
    "Reliability",
    "RiskCoverage",
    "StackedLinear",
    "area_under_risk_coverage",
    "auroc",
    "average_probabilities",
    "bald",
    "batch_bald",
    "brier_score",
    "conformal_half_width",
    "conformal_sets",
    "conformal_threshold",
    "coverage_law",
    "crps_gaussian",
    "crps_samples",
    "expected_calibration_error",
    "expected_entropy",
    "fit_temperature",
    "gaussian_coverage",
    "interval_coverage",
    "log_likelihood",
    "mc_predict",
    "missed_rate",
    "model_precision",
    "moment_predict",
    "mutual_information",
    "negative_log_likelihood",
    "predictive_entropy",
    "predictive_mean",
    "predictive_variance",
    "reliability",
    "risk_coverage",
    "train_ensemble",
]
