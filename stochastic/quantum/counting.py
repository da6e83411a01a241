"""Jumps counted: generating functions at long times, cumulants, waiting times.

The number of jumps, the heat, or any sum of a number c_k over the jumps of channel k, has at long times the
scaled cumulant generating function

    mu(s) = lim ln <exp(s N_t)> / t
          = largest real part of the spectrum of L + sum_k (e^(s c_k) - 1) L_k . L_k^+

M. B. Plenio, P. L. Knight, Rev. Mod. Phys. 70, 101 (1998); M. Esposito, U. Harbola, S. Mukamel, Rev. Mod.
Phys. 81, 1665 (2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic import fano
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.quantum.generator import TERMS, Generator

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Complex = NDArray[np.complex128]
    Floats = NDArray[np.float64]


def scaled_generating_function(held: Generator, counted: ArrayLike, s: float) -> float:
    """Return ``mu(s)``, 1 / time.

    Parameters
    ----------
    held : Generator
    counted : (K,) array
        What a jump of each channel adds: 1 for jumps, the quantum for heat, the entropy for entropy.
    s : float
        Conjugate to it.
    """
    weights = np.exp(s * np.asarray(counted, dtype=np.float64))
    # In the eigenbasis of the energy fast phases stand apart from slow jumps.
    return float(np.linalg.eigvals(held.in_eigenbasis[1].superoperator(weights)).real.max())


def cumulant_rates(held: Generator, counted: ArrayLike) -> tuple[float, float]:
    """Return mean and variance of what is counted, per time, in the steady state.

    With ``M_n = sum_k c_k^n L_k . L_k^+``::

        c_1 = Tr M_1 pi          c_2 = Tr M_2 pi - 2 Tr M_1 x,   L x = M_1 pi - c_1 pi,  Tr x = 0
    """
    counted = np.asarray(counted, dtype=np.float64)
    state, trace = held.steady_state().reshape(-1), np.eye(held.dimension).reshape(-1)
    first, second = held.jumps(counted), held.jumps(counted**2)
    mean = float((trace @ first @ state).real)
    right = (first @ state - mean * state).reshape(held.hamiltonian.shape)
    response = held.solved(right, trace=0.0).reshape(-1)
    return mean, float((trace @ second @ state - 2.0 * (trace @ first @ response)).real)


def fano_factor(held: Generator, counted: ArrayLike) -> float:
    """Return variance over the size of the mean at long times; a mean of 0 is refused."""
    sizes = held.jumps(np.abs(np.asarray(counted, dtype=np.float64))) @ held.steady_state().reshape(-1)
    size = float(np.trace(sizes.reshape(held.hamiltonian.shape)).real)
    return fano.fano_factor("what is counted", *cumulant_rates(held, counted), size)


def mandel_q(held: Generator, counted: ArrayLike) -> float:
    """Return ``Q_M = variance / |mean| - 1``: below zero where jumps keep apart.

    L. Mandel, Opt. Lett. 4, 205 (1979).
    """
    return fano_factor(held, counted) - 1.0


@dataclass(frozen=True, eq=False)
class WaitingTime:
    """The time from one counted jump to the next.

    Where every counted jump leaves the same state behind, waiting times are independent.

    Parameters
    ----------
    held : Generator
    after : (d, d) array
        The state after a counted jump.
    counted : (K,) array of bool
        Which channels count.
    """

    held: Generator
    after: Complex
    counted: NDArray[np.bool_]

    def survival(self, times: ArrayLike) -> Floats:
        """Return the probability that no counted jump comes before each of these times."""
        return self._traces(times, self.held.superoperator(~self.counted), None)

    def cumulative(self, times: ArrayLike) -> Floats:
        """Return the probability of a waiting time of at most each of these."""
        return 1.0 - self.survival(times)

    def density(self, times: ArrayLike) -> Floats:
        """Return ``w(t) = Tr J exp((L - J) t) rho_after``, 1 / time."""
        return self._traces(times, self.held.superoperator(~self.counted), self.held.jumps(self.counted))

    def mean(self) -> float:
        """Return the mean waiting time, ``-Tr (L - J)^(-1) rho_after``."""
        between = self.held.superoperator(~self.counted)
        trace = np.eye(self.held.dimension).reshape(-1)
        return -float((trace @ np.linalg.solve(between, self.after.reshape(-1))).real)

    def _traces(self, times: ArrayLike, between: Complex, last: Complex | None) -> Floats:
        trace: Complex = np.eye(self.held.dimension, dtype=np.complex128).reshape(-1)
        left = trace if last is None else trace @ last
        states = _states_at(between, self.after.reshape(-1), np.asarray(times, dtype=np.float64).reshape(-1))
        traces: Floats = (left @ states).real
        return traces


def _states_at(matrix: Complex, start: Complex, times: Floats) -> Complex:
    """Return ``exp(matrix t) start`` for many times, shape (d^2, N).

    From the nearest instant of a coarse grid on, a Taylor series for all times at once.
    """
    from scipy.linalg import expm

    if not times.size:
        return np.zeros((len(start), 0), dtype=np.complex128)
    if times.min() < 0.0:
        raise InvalidInput(f"a waiting time of {times.min():g}", "times", "give times from 0 on")
    parts = max(1, int(np.ceil(np.abs(matrix).sum(axis=0).max() * times.max())))
    step = float(times.max()) / parts
    forward, grid = expm(matrix * step), [start]
    for _ in range(parts):
        grid.append(forward @ grid[-1])
    number = np.minimum((times / step).astype(np.int64), parts) if step else np.zeros(len(times), np.int64)
    states: Complex = np.array(grid)[number].T
    term, rest = states, times - number * step
    for order in range(1, TERMS):
        term = (matrix @ term) * (rest / order)
        states = states + term
    return states


def waiting_time(held: Generator, counted: ArrayLike | None = None) -> WaitingTime:
    """Return the law of the waiting time between counted jumps in the steady state.

    Parameters
    ----------
    held : Generator
    counted : (K,) array of bool, optional
        Which channels count; left out, all.

    Raises
    ------
    InvalidInput
        If no counted jump ever comes.
    """
    chosen = np.ones(len(held.operators), bool) if counted is None else np.asarray(counted, dtype=bool)
    after = (held.jumps(chosen) @ held.steady_state().reshape(-1)).reshape(held.hamiltonian.shape)
    rate = float(np.trace(after).real)
    if rate <= 0.0:
        raise InvalidInput("no jump ever comes", "counted", "count channels that jump")
    return WaitingTime(held, after / rate, chosen)
