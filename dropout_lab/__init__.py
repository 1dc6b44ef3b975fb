"""Dropout Lab: the helpers behind the course, from one coin flip a unit to calibrated uncertainty.

Importing this package imports no PyTorch: lessons 00 to 05 run without it. Take things from the module that holds them,
for instance ``from dropout_lab.masks import bernoulli_mask``.
"""

__version__ = "0.1.0"
