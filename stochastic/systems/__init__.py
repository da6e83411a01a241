"""stochastic/systems."""
