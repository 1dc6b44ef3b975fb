"""The layers of `numpy_layers` for PyTorch, one file per concept, with the same names and the same argument order."""

from dropout_lab.torch_layers.alpha import AlphaDropout, FeatureAlphaDropout, alpha_dropout, feature_alpha_dropout
from dropout_lab.torch_layers.attention import AttentionDropout, attention, attention_weights
from dropout_lab.torch_layers.concrete import ConcreteDropout, concrete_drop
from dropout_lab.torch_layers.depth import DropPath, drop_path
from dropout_lab.torch_layers.dropblock import DropBlock2d, block_mask, drop_blocks, dropblock2d
from dropout_lab.torch_layers.dropconnect import DropConnectLinear, dropconnect_linear, dropconnect_moments
from dropout_lab.torch_layers.dropout import Dropout, DropoutFunction, dropout
from dropout_lab.torch_layers.embedding import EmbeddingDropout, embedding_dropout
from dropout_lab.torch_layers.gaussian import GaussianDropout, gaussian_dropout
from dropout_lab.torch_layers.layer_drop import LayerDrop
from dropout_lab.torch_layers.local_reparameterisation import variational_kl
from dropout_lab.torch_layers.locked import LockedDropout, locked_dropout
from dropout_lab.torch_layers.max_norm import max_norm_
from dropout_lab.torch_layers.noise import (
    bernoulli_mask,
    logistic_noise,
    normal_noise,
    unequal_mask,
)
from dropout_lab.torch_layers.r_drop import r_drop_loss
from dropout_lab.torch_layers.raw_bits import fast_bernoulli_mask
from dropout_lab.torch_layers.recurrent import recurrent_step
from dropout_lab.torch_layers.recurrent_dropout import RecurrentDropoutRNN
from dropout_lab.torch_layers.scheduled import ScheduledDropout
from dropout_lab.torch_layers.shared import shared_dropout
from dropout_lab.torch_layers.spatial import SpatialDropout, spatial_dropout
from dropout_lab.torch_layers.standout import Standout
from dropout_lab.torch_layers.tokens import TokenDropout, token_dropout
from dropout_lab.torch_layers.variational import VariationalConv2d, VariationalLinear
from dropout_lab.torch_layers.variational_rnn import VariationalRNN
from dropout_lab.torch_layers.weight_drop import WeightDropRNN
from dropout_lab.torch_layers.zoneout import ZoneoutRNN, zoneout

__all__ = [
    "AlphaDropout",
    "AttentionDropout",
    "ConcreteDropout",
    "DropBlock2d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "DropoutFunction",
    "EmbeddingDropout",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "LayerDrop",
    "LockedDropout",
    "RecurrentDropoutRNN",
    "ScheduledDropout",
    "SpatialDropout",
    "Standout",
    "TokenDropout",
    "VariationalConv2d",
    "VariationalLinear",
    "VariationalRNN",
    "WeightDropRNN",
    "ZoneoutRNN",
    "alpha_dropout",
    "attention",
    "attention_weights",
    "bernoulli_mask",
    "block_mask",
    "concrete_drop",
    "drop_blocks",
    "drop_path",
    "dropblock2d",
    "dropconnect_linear",
    "dropconnect_moments",
    "dropout",
    "embedding_dropout",
    "fast_bernoulli_mask",
    "feature_alpha_dropout",
    "gaussian_dropout",
    "locked_dropout",
    "logistic_noise",
    "max_norm_",
    "normal_noise",
    "r_drop_loss",
    "recurrent_step",
    "shared_dropout",
    "spatial_dropout",
    "token_dropout",
    "unequal_mask",
    "variational_kl",
    "zoneout",
]
