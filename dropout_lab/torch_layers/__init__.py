"""The layers of `numpy_layers` for PyTorch, one file per concept, with the same names and the same argument order."""

from dropout_lab.torch_layers.alpha import AlphaDropout, FeatureAlphaDropout, alpha_dropout, feature_alpha_dropout
from dropout_lab.torch_layers.depth import DropPath, drop_path
from dropout_lab.torch_layers.dropblock import DropBlock2d, block_mask, drop_blocks, dropblock2d
from dropout_lab.torch_layers.dropconnect import DropConnectLinear, dropconnect_linear, dropconnect_moments
from dropout_lab.torch_layers.dropout import Dropout, DropoutFunction, dropout
from dropout_lab.torch_layers.gaussian import GaussianDropout, gaussian_dropout
from dropout_lab.torch_layers.locked import LockedDropout, locked_dropout
from dropout_lab.torch_layers.max_norm import max_norm_
from dropout_lab.torch_layers.noise import bernoulli_mask, normal_noise
from dropout_lab.torch_layers.scheduled import ScheduledDropout
from dropout_lab.torch_layers.shared import shared_dropout
from dropout_lab.torch_layers.spatial import SpatialDropout, spatial_dropout

__all__ = [
    "AlphaDropout",
    "DropBlock2d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "DropoutFunction",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "LockedDropout",
    "ScheduledDropout",
    "SpatialDropout",
    "alpha_dropout",
    "bernoulli_mask",
    "block_mask",
    "drop_blocks",
    "drop_path",
    "dropblock2d",
    "dropconnect_linear",
    "dropconnect_moments",
    "dropout",
    "feature_alpha_dropout",
    "gaussian_dropout",
    "locked_dropout",
    "max_norm_",
    "normal_noise",
    "shared_dropout",
    "spatial_dropout",
]
