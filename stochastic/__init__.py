"""Physics of one block of trajectories: potentials, protocols, dynamics, kernels, random streams."""
