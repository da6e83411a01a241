"""stochastic."""
