"""stochastic/kernels."""
