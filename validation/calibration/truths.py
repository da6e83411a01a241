r"""Ensembles that obey the theorems exactly, with no integration error, and that can be given a fault.

A truth is a frozen value that says its free-energy difference and its mean dissipation in closed form, and
draws many ensembles at once, one a row. Energies in kT, entropies in units of :math:`k_B`. The theorem that
all pairs obey is Crooks',

.. math:: p_F(w)=p_R(-w)\,e^{w-f},

and that of a single sample the detailed one, :math:`p(s)=p(-s)\,e^s`.

Sources: Crooks (1999); Seifert (2005); Talts and others (2018) for the idea of such a bench.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.stochastic.errors import InvalidInput
from fluctua.validation.calibration.faults import Fault, Pairs
from fluctua.validation.calibration.noise import Noise

Floats = NDArray[np.float64]

# ---- two samples ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PairTruth:
    """A process and its reverse.

    Parameters
    ----------
    fault : Fault, optional
        What is wrong with what is drawn.
    """

    fault: Fault | None = None

    @property
    def free_energy(self) -> float:
        """The free-energy difference of the forward process, in kT."""
        raise NotImplementedError

    @property
    def dissipation(self) -> float:
        """Mean forward work less the free-energy difference, in kT."""
        raise NotImplementedError

    @property
    def reverse_dissipation(self) -> float:
        """The same of the reverse process."""
        return self.dissipation

    def work(self, noise: Noise, n_forward: int, n_reverse: int) -> tuple[Floats, Floats]:
        """Draw work of both processes, as measured, without a fault."""
        raise NotImplementedError

    def draw(self, noise: Noise, n: int, n_reverse: int | None = None) -> Pairs:
        """Draw ensembles of `n` forward and `n_reverse` (or `n`) reverse trajectories, with the fault.

        Parameters
        ----------
        noise : Noise
            One stream an ensemble.
        n, n_reverse : int
            Trajectories in each direction.
        """
        kind = "" if self.fault is None else self.fault.kind
        if self.fault is not None and kind == "correlation":
            noise = noise.correlated(self.fault.size)
        forward, reverse = self.work(noise, n, n_reverse or n)
        if kind == "forward twice":
            reverse, _ = self.work(noise, n_reverse or n, 1)
        pairs = Pairs(forward, reverse, self.free_energy, self.reverse_dissipation)
        return pairs if self.fault is None else self.fault.on_pairs(pairs)


@dataclass(frozen=True)
class GaussianPair(PairTruth):
    r"""Gaussian work: means lie one dissipation from :math:`\pm f`, variances are twice the dissipation."""

    mean_dissipation: float = 1.0
    delta_f: float = 0.7

    @property
    def free_energy(self) -> float:  # noqa: D102
        return self.delta_f

    @property
    def dissipation(self) -> float:  # noqa: D102
        return self.mean_dissipation

    def work(self, noise: Noise, n_forward: int, n_reverse: int) -> tuple[Floats, Floats]:  # noqa: D102
        d, f = self.mean_dissipation, self.delta_f
        spread = math.sqrt(2.0 * d)
        forward = f + d + spread * noise.normal(n_forward)
        return forward, d - f + spread * noise.normal(n_reverse)


@dataclass(frozen=True)
class MixturePair(PairTruth):
    r"""Work of several modes: a Gaussian mixture, whose reverse is one too; with spreads of 0, a few values.

    .. math:: p_F=\sum_k\pi_k\,N(m_k,s_k^2), \quad
       p_R(-w)\propto\sum_k\pi_k e^{-m_k+s_k^2/2}\,N(m_k-s_k^2,s_k^2), \quad
       f=-\ln\sum_k\pi_k e^{-m_k+s_k^2/2}
    """

    weights: tuple[float, ...] = (0.6, 0.4)
    means: tuple[float, ...] = (0.0, 4.0)
    spreads: tuple[float, ...] = (0.8, 1.2)

    @property
    def free_energy(self) -> float:  # noqa: D102
        return -float(special.logsumexp(self._logs))

    @property
    def dissipation(self) -> float:  # noqa: D102
        return float(np.dot(self.weights, self.means)) - self.free_energy

    @property
    def reverse_dissipation(self) -> float:  # noqa: D102
        tilted, turned = self._reverse
        return float(self.free_energy - tilted @ turned)

    @property
    def _logs(self) -> Floats:
        p, m, s = (
            np.asarray(values, dtype=np.float64) for values in (self.weights, self.means, self.spreads)
        )
        return np.asarray(np.log(p) - m + s**2 / 2.0)

    @property
    def _reverse(self) -> tuple[Floats, Floats]:
        """Weights of the reverse modes, and where they lie on the axis of forward work."""
        m, s = np.asarray(self.means), np.asarray(self.spreads)
        return np.exp(self._logs + self.free_energy), m - s**2

    def work(self, noise: Noise, n_forward: int, n_reverse: int) -> tuple[Floats, Floats]:  # noqa: D102
        m, s = np.asarray(self.means, dtype=np.float64), np.asarray(self.spreads, dtype=np.float64)
        tilted, turned = self._reverse
        forth = _modes(noise.uniform(n_forward), self.weights)
        back = _modes(noise.uniform(n_reverse), tilted)
        reverse = -(turned[back] + s[back] * noise.normal(n_reverse))
        return m[forth] + s[forth] * noise.normal(n_forward), reverse


def measured_qubit(angle: float = 1.0, fault: Fault | None = None) -> MixturePair:
    r"""Give the work of a qubit that is measured, quenched and measured again: four values.

    .. math:: \tfrac12\sigma_z \to \cos\theta\,\sigma_z+\sin\theta\,\sigma_x, \qquad
       P(\text{same level})=\cos^2\tfrac\theta2
    """
    stay = math.cos(0.5 * angle) ** 2
    ground = 1.0 / (1.0 + math.exp(-1.0))
    chances = (ground * stay, ground * (1.0 - stay), (1.0 - ground) * (1.0 - stay), (1.0 - ground) * stay)
    return MixturePair(chances, (-0.5, 1.5, -1.5, 0.5), (0.0,) * 4, fault=fault)


def counted_particles(
    number: int = 20, chance: float = 0.46, each: float = 0.7, fault: Fault | None = None
) -> MixturePair:
    """Give the work of particles that are counted, `each` kT for one of them: a lattice.

    The number is binomial in both directions, as exp(-w) only tilts its chance.
    """
    k = np.arange(number + 1)
    weights = special.binom(number, k) * chance**k * (1.0 - chance) ** (number - k)
    means = each * (k - number // 2)
    return MixturePair(tuple(map(float, weights)), tuple(map(float, means)), (0.0,) * k.size, fault=fault)


def _modes(uniform: Floats, weights: Sequence[float] | Floats) -> NDArray[np.intp]:
    reached = np.cumsum(weights)
    return np.searchsorted(reached / reached[-1], uniform, side="right")


@dataclass(frozen=True)
class QuenchPair(PairTruth):
    r"""A harmonic trap stiffened in quenches, each from equilibrium: chi-square work, skewed, of one sign.

    .. math:: w=\sum_j\frac{k_{j+1}-k_j}{2k_j}\,\xi_j^2, \qquad f=\tfrac12\ln\frac{k_\tau}{k_0}

    Few stages and a large ratio make it as skewed as one likes.
    """

    ratio: float = 4.0
    stages: int = 5

    @property
    def free_energy(self) -> float:  # noqa: D102
        return 0.5 * math.log(self.ratio)

    @property
    def dissipation(self) -> float:  # noqa: D102
        return 0.5 * self.stages * (self._step - 1.0) - self.free_energy

    @property
    def reverse_dissipation(self) -> float:  # noqa: D102
        return 0.5 * self.stages * (1.0 / self._step - 1.0) + self.free_energy

    @property
    def _step(self) -> float:
        return float(self.ratio ** (1.0 / self.stages))

    def work(self, noise: Noise, n_forward: int, n_reverse: int) -> tuple[Floats, Floats]:  # noqa: D102
        stiffness = np.geomspace(1.0, self.ratio, self.stages + 1)
        steps = np.diff(stiffness)

        def quenched(changes: Floats, at: Floats, n: int) -> Floats:
            terms = (0.5 * change * noise.normal(n) ** 2 / k for change, k in zip(changes, at, strict=True))
            return np.asarray(sum(terms))

        return quenched(steps, stiffness[:-1], n_forward), quenched(-steps, stiffness[1:], n_reverse)


@dataclass(frozen=True)
class TrapPair(PairTruth):
    r"""A particle in a harmonic trap that is moved and stiffened, stepped by the exact propagator.

    Controls jump at a frozen position, which is work; then the position relaxes at frozen controls:

    .. math:: w=\sum_j\big[U_{j+1}(x_j)-U_j(x_j)\big], \quad
       x_{j+1}=c+(x_j-c)\,a+\sqrt{(1-a^2)/k}\;\xi_j, \quad a=e^{-k\,\Delta t}

    The theorem is then exact at any time step; with the fault ``dt`` Euler's rule takes the place of the
    exact propagator, and it is not. The schedule begins and ends with a jump, so that the reverse process
    runs through the same one backwards.

    Parameters
    ----------
    stiffness, centres : tuple of float
        Of the trap, from before the first jump to after the last, in kT and thermal lengths.
    time_step : float
        In relaxation times at stiffness 1.
    """

    stiffness: tuple[float, ...] = (1.0, 1.0)
    centres: tuple[float, ...] = (0.0, 1.0)
    time_step: float = 0.1

    @property
    def free_energy(self) -> float:  # noqa: D102
        return 0.5 * math.log(self.stiffness[-1] / self.stiffness[0])

    @property
    def dissipation(self) -> float:  # noqa: D102
        return self._mean_work(_Schedule(self.stiffness, self.centres)) - self.free_energy

    @property
    def reverse_dissipation(self) -> float:  # noqa: D102
        return self._mean_work(_Schedule(self.stiffness[::-1], self.centres[::-1])) + self.free_energy

    def work(self, noise: Noise, n_forward: int, n_reverse: int) -> tuple[Floats, Floats]:  # noqa: D102
        forth = _Schedule(self.stiffness, self.centres)
        back = _Schedule(self.stiffness[::-1], self.centres[::-1])
        return self._driven(forth, noise, n_forward), self._driven(back, noise, n_reverse)

    def _driven(self, schedule: _Schedule, noise: Noise, n: int) -> Floats:
        k, c = schedule
        x = c[0] + noise.normal(n) / math.sqrt(k[0])
        work = np.zeros_like(x)
        for j in range(1, len(k)):
            work += 0.5 * k[j] * (x - c[j]) ** 2 - 0.5 * k[j - 1] * (x - c[j - 1]) ** 2
            if j + 1 < len(k):
                x = self._relaxed(x, k[j], c[j], noise)
        return work

    def _relaxed(self, x: Floats, k: float, c: float, noise: Noise) -> Floats:
        """Step once; by Euler's rule where the fault is in the step."""
        n = x.shape[1]
        if self.fault is None or self.fault.kind != "dt":
            kept = math.exp(-k * self.time_step)
            return c + (x - c) * kept + math.sqrt((1.0 - kept**2) / k) * noise.normal(n)
        step = self.time_step / self.fault.size
        for _ in range(max(1, round(self.fault.size))):
            x = x - step * k * (x - c) + math.sqrt(2.0 * step) * noise.normal(n)
        return x

    def _mean_work(self, schedule: _Schedule) -> float:
        """Carry mean and variance of the position through the schedule."""
        k, c = schedule
        mean, variance, work = c[0], 1.0 / k[0], 0.0
        for j in range(1, len(k)):
            work += 0.5 * k[j] * (variance + (mean - c[j]) ** 2)
            work -= 0.5 * k[j - 1] * (variance + (mean - c[j - 1]) ** 2)
            kept = math.exp(-k[j] * self.time_step)
            mean = c[j] + (mean - c[j]) * kept
            variance = variance * kept**2 + (1.0 - kept**2) / k[j]
        return work


class _Schedule(NamedTuple):
    stiffness: tuple[float, ...]
    centres: tuple[float, ...]


def dragged_trap(
    distance: float = 2.0, duration: float = 2.0, time_step: float = 0.1, fault: Fault | None = None
) -> TrapPair:
    """Give a trap of stiffness 1 moved at constant speed: Gaussian work, no free-energy difference."""
    jumps = round(duration / time_step) + 1
    centres = tuple(float(c) for c in np.linspace(0.0, distance, jumps + 1))
    return TrapPair(stiffness=(1.0,) * len(centres), centres=centres, time_step=time_step, fault=fault)


def breathing_trap(
    ratio: float = 4.0, duration: float = 1.0, time_step: float = 0.1, fault: Fault | None = None
) -> TrapPair:
    """Give a trap stiffened from 1 to `ratio` at its place: skewed work."""
    jumps = round(duration / time_step) + 1
    stiffness = tuple(float(k) for k in np.geomspace(1.0, ratio, jumps + 1))
    return TrapPair(stiffness=stiffness, centres=(0.0,) * len(stiffness), time_step=time_step, fault=fault)


# ---- one sample ----------------------------------------------------------------------------------

Law = Literal["gaussian", "exponential", "cauchy", "lattice", "atoms"]


@dataclass(frozen=True, kw_only=True)
class EntropyTruth:
    """Entropy production of a process that is its own reverse.

    Parameters
    ----------
    fault : Fault, optional
        What is wrong with what is drawn.
    """

    fault: Fault | None = None

    @property
    def free_energy(self) -> float:
        """Nothing: there is none."""
        return 0.0

    @property
    def dissipation(self) -> float:
        """Mean entropy production."""
        raise NotImplementedError

    def entropy(self, noise: Noise, n: int) -> Floats:
        """Draw entropy production without a fault."""
        raise NotImplementedError

    def draw(self, noise: Noise, n: int) -> Floats:
        """Draw ensembles of `n` trajectories with the fault: shape (ensembles, n)."""
        if self.fault is None:
            return self.entropy(noise, n)
        if self.fault.kind == "correlation":
            noise = noise.correlated(self.fault.size)
        return self.fault.on_entropy(self.entropy(noise, n))


@dataclass(frozen=True)
class SignCoin(EntropyTruth):
    r"""Any law of the size, and the sign that the theorem asks for.

    .. math:: P(s>0\mid|s|)=\frac1{1+e^{-|s|}}

    Parameters
    ----------
    law : {"gaussian", "exponential", "cauchy", "lattice", "atoms"}
        Of the size. ``gaussian`` is that of a Gaussian s; ``atoms`` are two values in a continuum, with a
        rare band beyond, like the work of a qubit that is measured twice and seldom jumps.
    scale : float
        The mean of a Gaussian s, or the scale of the size; steps of 0.8 on a lattice, `scale` of them in the
        mean.
    """

    law: Law = "gaussian"
    scale: float = 1.0

    @property
    def dissipation(self) -> float:  # noqa: D102
        if self.law == "gaussian":
            return self.scale
        if self.law == "cauchy":
            return math.inf
        if self.law == "lattice":
            steps = np.arange(200)
            chance = np.exp(special.xlogy(steps, self.scale) - self.scale - special.gammaln(steps + 1))
            return float(chance @ _mean_of_size(_LATTICE * steps))
        if self.law == "atoms":
            middle = (np.arange(10_000) + 0.5) / 10_000
            return float(np.mean(_mean_of_size(_atoms(middle, self.scale))))
        x, weight = np.polynomial.laguerre.laggauss(60)
        return float(weight @ _mean_of_size(self.scale * x))

    def entropy(self, noise: Noise, n: int) -> Floats:  # noqa: D102
        size = np.abs(_SIZES[self.law](noise, n, self.scale))
        return np.where(noise.uniform(n) < special.expit(size), size, -size)


_LATTICE = 0.8
_SIZES: dict[str, Callable[[Noise, int, float], Floats]] = {
    "gaussian": lambda noise, n, mean: mean + math.sqrt(2.0 * mean) * noise.normal(n),
    "exponential": lambda noise, n, scale: -scale * np.log1p(-noise.uniform(n)),
    "cauchy": lambda noise, n, scale: scale * np.tan(0.5 * np.pi * noise.uniform(n)),
    "lattice": lambda noise, n, mean: _LATTICE * poisson(noise.uniform(n), mean),
    "atoms": lambda noise, n, scale: _atoms(noise.uniform(n), scale),
}


def _atoms(uniform: Floats, scale: float) -> Floats:
    """Return the size at each level of its distribution: straight pieces, and steps that are atoms."""
    level = (0.0, 0.025, 0.025, 0.105, 0.105, 0.895, 0.895, 0.974, 0.974, 1.0)
    size = (0.0258, 0.0258, 1.35, 1.4258, 1.4258, 1.4258, 1.4258, 1.49, 2.84, 2.89)
    return scale * np.interp(uniform, np.add(level, 1e-12 * np.arange(len(level))), size)


def _mean_of_size(size: NDArray[np.floating[Any]]) -> Floats:
    return np.asarray(size * np.tanh(0.5 * size))


@dataclass(frozen=True)
class BiasedWalk(EntropyTruth):
    r"""Jumps forth and back along one affinity A, each a Poisson process: entropy A times the current.

    .. math:: s=A\,(N_+-N_-), \qquad \langle N_+\rangle/\langle N_-\rangle=e^A, \qquad
       \frac{\operatorname{Var}J\,\langle s\rangle}{2\langle J\rangle^2}=\frac A2\coth\frac A2

    Parameters
    ----------
    affinity : float
        A.
    back : float
        Mean number of jumps back.
    """

    affinity: float = 2.0
    back: float = 1.0

    @property
    def dissipation(self) -> float:  # noqa: D102
        return self.affinity * self.back * math.expm1(self.affinity)

    @property
    def uncertainty(self) -> float:
        """The ratio of the thermodynamic uncertainty relation, 1 where it is saturated."""
        half = 0.5 * self.affinity
        return half / math.tanh(half)

    def entropy(self, noise: Noise, n: int) -> Floats:  # noqa: D102
        forth = poisson(noise.uniform(n), self.back * math.exp(self.affinity))
        return self.affinity * (forth - poisson(noise.uniform(n), self.back))

    def current(self, entropy: Floats) -> Floats:
        """Return the net number of jumps that belongs to an entropy production."""
        return entropy / self.affinity


def poisson(uniform: Floats, mean: float) -> Floats:
    """Turn uniform numbers into Poisson ones by the inverse of their distribution.

    Raises
    ------
    InvalidInput
        If the mean is not between 0 and 10,000.
    """
    if not 0.0 <= mean <= 1e4:
        raise InvalidInput(f"a mean of {mean:g} jumps", "truth", "keep it between 0 and 10,000")
    largest = int(mean + 12.0 * math.sqrt(mean) + 30.0)
    reached = special.pdtr(np.arange(largest), mean)
    return np.searchsorted(reached, uniform, side="right").astype(np.float64)
