"""Markov jump processes: channels and their rates, exact solutions, and the sampling of trajectories."""
