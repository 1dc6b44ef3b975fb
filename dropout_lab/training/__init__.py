"""Small, plain training loops: `numpy_loop` for arrays, `torch_loop` for tensors (only that one imports PyTorch)."""
