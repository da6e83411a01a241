"""Uniform numbers of trajectories that follow each other: what is drawn once a trajectory, for many."""

import numpy as np

from fluctua.stochastic.kernels.noise import HALF, LOW_HALF, TAG_LENGTH, philox, uniform


def fill(result, first, key0, key1, tag):
    """Fill row k of `result` with uniform k of trajectories first, first + 1, ..., two rows a call."""
    draws, count = result.shape
    for call in range((draws + 1) // 2):
        x2 = np.uint64(call) & LOW_HALF
        x3 = ((np.uint64(call) >> HALF) << TAG_LENGTH) | tag
        row0 = result[2 * call]
        row1 = result[min(2 * call + 1, draws - 1)]  # of an odd number the last is written last
        for j in range(count):
            trajectory = np.uint64(first) + np.uint64(j)
            w0, w1, w2, w3 = philox(trajectory & LOW_HALF, trajectory >> HALF, x2, x3, key0, key1)
            row1[j] = uniform((w2 << HALF) | w3)
            row0[j] = uniform((w0 << HALF) | w1)
