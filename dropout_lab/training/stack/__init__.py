"""Train many small networks as one: a stack of S multilayer perceptrons in batched matrix products.

A network of 50 units costs a processor less arithmetic than the calls that ask for it. A stack pays for each call
once: S networks with their own weights, rows, coins and drop probabilities take little longer than one. The gradients
are written out, because autograd's bookkeeping costs as much again.

Each network draws its starting weights, the order of its rows and its coins from a generator of its own, and in an
order that does not depend on its neighbours: a network is the same, up to rounding, alone and in any stack.
"""

from dropout_lab.training.stack.adam import StackedAdam
from dropout_lab.training.stack.loop import fit_stack
from dropout_lab.training.stack.network import StackedMLP

__all__ = ["StackedAdam", "StackedMLP", "fit_stack"]
