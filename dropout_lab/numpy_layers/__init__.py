"""Layers on NumPy arrays, forward and backward, one file per concept; the torch layers have the same names."""

from dropout_lab.numpy_layers.alpha import (
    AlphaDropout,
    FeatureAlphaDropout,
    alpha_dropout_forward,
    feature_alpha_dropout_forward,
)
from dropout_lab.numpy_layers.attention import attention_backward, attention_forward
from dropout_lab.numpy_layers.concrete import concrete_dropout_backward, concrete_dropout_forward, concrete_kl
from dropout_lab.numpy_layers.dense import Linear, ReLU
from dropout_lab.numpy_layers.depth import DropPath, drop_path_forward
from dropout_lab.numpy_layers.dropblock import DropBlock2d, block_mask, drop_blocks, dropblock2d_forward
from dropout_lab.numpy_layers.dropconnect import DropConnectLinear, dropconnect_backward, dropconnect_forward
from dropout_lab.numpy_layers.dropout import Dropout, dropout_backward, dropout_forward
from dropout_lab.numpy_layers.embedding import embedding_dropout_backward, embedding_dropout_forward
from dropout_lab.numpy_layers.gaussian import GaussianDropout, gaussian_dropout_backward, gaussian_dropout_forward
from dropout_lab.numpy_layers.layer import Layer, Sequential
from dropout_lab.numpy_layers.layer_drop import LayerDrop
from dropout_lab.numpy_layers.local_reparameterisation import variational_linear_backward, variational_linear_forward
from dropout_lab.numpy_layers.locked import LockedDropout, locked_dropout_forward
from dropout_lab.numpy_layers.loss import log_softmax, sigmoid, softmax, softmax_cross_entropy
from dropout_lab.numpy_layers.max_norm import max_norm_
from dropout_lab.numpy_layers.optimisers import SGD, Adam
from dropout_lab.numpy_layers.r_drop import r_drop_loss
from dropout_lab.numpy_layers.recurrent import Cell
from dropout_lab.numpy_layers.recurrent_dropout import RecurrentDropoutRNN
from dropout_lab.numpy_layers.scheduled import ScheduledDropout
from dropout_lab.numpy_layers.shared import shared_dropout_forward
from dropout_lab.numpy_layers.spatial import SpatialDropout, spatial_dropout_forward
from dropout_lab.numpy_layers.standout import Standout
from dropout_lab.numpy_layers.tokens import token_dropout
from dropout_lab.numpy_layers.variational import VariationalLinear
from dropout_lab.numpy_layers.variational_rnn import VariationalRNN
from dropout_lab.numpy_layers.weight_drop import WeightDropRNN
from dropout_lab.numpy_layers.zoneout import ZoneoutRNN, zoneout_backward, zoneout_forward

__all__ = [
    "SGD",
    "Adam",
    "AlphaDropout",
    "Cell",
    "DropBlock2d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "Layer",
    "LayerDrop",
    "Linear",
    "LockedDropout",
    "ReLU",
    "RecurrentDropoutRNN",
    "ScheduledDropout",
    "Sequential",
    "SpatialDropout",
    "Standout",
    "VariationalLinear",
    "VariationalRNN",
    "WeightDropRNN",
    "ZoneoutRNN",
    "alpha_dropout_forward",
    "attention_backward",
    "attention_forward",
    "block_mask",
    "concrete_dropout_backward",
    "concrete_dropout_forward",
    "concrete_kl",
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
    "log_softmax",
    "max_norm_",
    "r_drop_loss",
    "shared_dropout_forward",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "spatial_dropout_forward",
    "token_dropout",
    "variational_linear_backward",
    "variational_linear_forward",
    "zoneout_backward",
    "zoneout_forward",
]
