"""The layers of `numpy_layers` for PyTorch, one file per concept, with the same names and the same argument order."""

from dropout_lab.torch_layers.dropout import Dropout, DropoutFunction, dropout
from dropout_lab.torch_layers.noise import bernoulli_mask

__all__ = ["Dropout", "DropoutFunction", "bernoulli_mask", "dropout"]
