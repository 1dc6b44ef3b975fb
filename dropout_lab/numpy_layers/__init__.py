"""Layers on NumPy arrays, forward and backward, one file per concept; the torch layers have the same names."""

from dropout_lab.numpy_layers.alpha import (
    AlphaDropout,
    FeatureAlphaDropout,
    alpha_dropout_forward,
    feature_alpha_dropout_forward,
)
from dropout_lab.numpy_layers.attention import attention_backward, attention_forward
from dropout_lab.numpy_layers.dense import Linear, ReLU
from dropout_lab.numpy_layers.depth import DropPath, drop_path_forward
from dropout_lab.numpy_layers.dropblock import DropBlock2d, block_mask, drop_blocks, dropblock2d_forward
from dropout_lab.numpy_layers.dropconnect import DropConnectLinear, dropconnect_backward, dropconnect_forward
from dropout_lab.numpy_layers.dropout import Dropout, dropout_backward, dropout_forward
from dropout_lab.numpy_layers.embedding import embedding_dropout_backward, embedding_dropout_forward
from dropout_lab.numpy_layers.gaussian import GaussianDropout, gaussian_dropout_backward, gaussian_dropout_forward
from dropout_lab.numpy_layers.layer import Layer, Sequential
from dropout_lab.numpy_layers.locked import LockedDropout, locked_dropout_forward
from dropout_lab.numpy_layers.loss import softmax, softmax_cross_entropy
from dropout_lab.numpy_layers.max_norm import max_norm_
from dropout_lab.numpy_layers.optimisers import SGD, Adam
from dropout_lab.numpy_layers.scheduled import ScheduledDropout
from dropout_lab.numpy_layers.shared import shared_dropout_forward
from dropout_lab.numpy_layers.spatial import SpatialDropout, spatial_dropout_forward
from dropout_lab.numpy_layers.variational import (
    VariationalLinear,
    variational_linear_backward,
    variational_linear_forward,
)

__all__ = [
    "SGD",
    "Adam",
    "AlphaDropout",
    "DropBlock2d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "Layer",
    "Linear",
    "LockedDropout",
    "ReLU",
    "ScheduledDropout",
    "Sequential",
    "SpatialDropout",
    "VariationalLinear",
    "alpha_dropout_forward",
    "attention_backward",
    "attention_forward",
    "block_mask",
    "drop_blocks",
    "drop_path_forward",
    "dropblock2d_forward",
    "dropconnect_backward",
    "dropconnect_forward",
    "dropout_backward",
    "dropout_forward",
    "embedding_dropout_backward",
    "embedding_dropout_forward",
    "feature_alpha_dropout_forward",
    "gaussian_dropout_backward",
    "gaussian_dropout_forward",
    "locked_dropout_forward",
    "max_norm_",
    "shared_dropout_forward",
    "softmax",
    "softmax_cross_entropy",
    "spatial_dropout_forward",
    "variational_linear_backward",
    "variational_linear_forward",
]
