"""The layers of `numpy_layers` for PyTorch, one file per concept, with the same names and the same argument order."""

from dropout_lab.torch_layers.dropblock import DropBlock2d, block_mask, drop_blocks, dropblock2d
from dropout_lab.torch_layers.dropconnect import DropConnectLinear, dropconnect_linear, dropconnect_moments
from dropout_lab.torch_layers.dropout import Dropout, DropoutFunction, dropout
from dropout_lab.torch_layers.gaussian import GaussianDropout, gaussian_dropout
from dropout_lab.torch_layers.noise import bernoulli_mask, normal_noise
from dropout_lab.torch_layers.spatial import SpatialDropout, spatial_dropout

__all__ = [
    "DropBlock2d",
    "DropConnectLinear",
    "Dropout",
    "DropoutFunction",
    "GaussianDropout",
    "SpatialDropout",
    "bernoulli_mask",
    "block_mask",
    "drop_blocks",
    "dropblock2d",
    "dropconnect_linear",
    "dropconnect_moments",
    "dropout",
    "gaussian_dropout",
    "normal_noise",
    "spatial_dropout",
]
