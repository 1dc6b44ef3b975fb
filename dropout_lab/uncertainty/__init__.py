"""Uncertainty from dropout: Monte-Carlo samples of a model's output, and what they say."""

from dropout_lab.uncertainty.decomposition import (
    average_probabilities,
    expected_entropy,
    model_precision,
    mutual_information,
    predictive_entropy,
    predictive_mean,
    predictive_variance,
)
from dropout_lab.uncertainty.engine import mc_predict

__all__ = [
    "average_probabilities",
    "expected_entropy",
    "mc_predict",
    "model_precision",
    "mutual_information",
    "predictive_entropy",
    "predictive_mean",
    "predictive_variance",
]
