"""Slow, obvious twins of the jump kernels: candidates at a constant rate, thinned by the rates as they are.

The physics comes as Python functions of time; all trajectories move side by side, one candidate a turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Channel:
    """Jumps from source to target through a bath: rate(t), chemical potential times particles, push."""

    source: int
    target: int
    bath: int
    rate: object
    brought: float = 0.0
    push: float = 0.0


def thinned(channels, energies, betas, duration, bound, states, random):
    """Follow trajectories for a while, exactly: `bound` must exceed every level's escape rate at all times.

    energies(t), betas(t) take an array of times and give rows, one a trajectory.
    """
    state, time = states.copy(), np.zeros(len(states))
    every = np.arange(len(states))
    heat, control = np.zeros(len(states)), np.zeros(len(states))
    other, entropy = np.zeros(len(states)), np.zeros(len(states))
    jumps = np.zeros(len(states), int)
    while (time < duration).any():
        following = np.minimum(time + random.exponential(1.0 / bound, len(states)), duration)
        control += energies(following)[every, state] - energies(time)[every, state]
        left = random.uniform(0.0, bound, len(states))
        before = state.copy()
        for channel in channels:
            rate = channel.rate(following)
            here = (before == channel.source) & (following < duration)
            chosen = here & (left >= 0.0) & (left < rate)
            left = np.where(here, left - rate, left)
            left = np.where(chosen, -1.0, left)
            state[chosen] = channel.target
            jumps += chosen
            levels = energies(following)
            gain = levels[every, channel.target] - levels[every, channel.source]
            taken = np.where(chosen, gain - channel.brought - channel.push, 0.0)
            heat += taken
            entropy -= betas(following)[every, channel.bath] * taken
            other += np.where(chosen, channel.brought + channel.push, 0.0)
        time = following
    return {
        "state": state,
        "heat": heat,
        "work": control + other,
        "control_work": control,
        "entropy_flow": entropy,
        "activity": jumps,
    }


def first_jump_at_frozen_rates(escape, count, random):
    """Draw first waiting times as if the rate of the start stayed: what must be caught."""
    return random.exponential(1.0 / escape(0.0), count)


def populations(channels, size, start, duration):
    """Solve the master equation by an integrator of others."""
    from scipy.integrate import solve_ivp

    def change(t, p):
        flow = np.zeros(size)
        for channel in channels:
            moved = float(np.squeeze(channel.rate(np.array([t])))) * p[channel.source]
            flow[channel.source] -= moved
            flow[channel.target] += moved
        return flow

    return solve_ivp(change, (0.0, duration), start, rtol=1e-10, atol=1e-12).y[:, -1]
