"""Small training loops: `numpy_loop` for arrays, `torch_loop` for tensors, `stack` for many networks (with PyTorch)."""
