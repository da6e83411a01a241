r"""Truths of the other claims: bounds, integral theorems, several protocols, and tests that watch.

A scene draws ensembles whose truth is known and puts them through the judgement that a user calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.analysis.integral import judge_integral
from fluctua.analysis.landauer import judge_landauer
from fluctua.analysis.sequential import Theorem, wealth_against
from fluctua.analysis.tur import judge_tur
from fluctua.analysis.verdict import Report
from fluctua.analysis.verify import verify
from fluctua.validation.calibration.faults import Fault
from fluctua.validation.calibration.noise import Noise
from fluctua.validation.calibration.others import looked_at_often
from fluctua.validation.calibration.tallies import Finding
from fluctua.validation.calibration.truths import BiasedWalk, EntropyTruth, GaussianPair, PairTruth, SignCoin

Floats = NDArray[np.float64]

ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Ensembles of any kind, each judged.

    Parameters
    ----------
    fault : Fault, optional
        What is wrong with what is drawn.
    """

    fault: Fault | None = None

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:
        """Draw and judge one ensemble of `n` trajectories a stream."""
        raise NotImplementedError


# ---- bounds


@dataclass(frozen=True)
class Currents(Scene):
    """A current proportional to the entropy production, for the thermodynamic uncertainty relation.

    Parameters
    ----------
    entropy : EntropyTruth
        Gaussian entropy production saturates the relation; a biased walk stays above it. Its fault is in the
        entropy alone, the current is right.
    """

    entropy: EntropyTruth

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        current = self.entropy.draw(noise, n)
        produced = current if self.fault is None else self.fault.on_entropy(current)
        for j, s in zip(current, produced, strict=True):
            verdict = judge_tur(j, s)
            part = verdict.parts[0]
            p = {} if part.p_value is None else {"ln Q below 0": part.p_value}
            yield Finding({"tur": verdict.outcome}, p)


@dataclass(frozen=True)
class Erasures(Scene):
    r"""An erasure that costs a little more than Landauer's bound.

    .. math:: w=\ln\frac{p}{q}\ \text{(success)},\quad \ln\frac{1-p}{1-q}\ \text{(failure)},\quad
       \text{plus}\ d+\sqrt{2d}\,\xi

    so that :math:`\langle w\rangle=D(p\|q)+d` and :math:`\langle e^{-w}\mathbf 1_R\rangle=q` exactly.

    Parameters
    ----------
    success, weight : float
        p, and q.
    excess : float
        d, in kT.
    """

    success: float = 0.9
    weight: float = 0.5
    excess: float = 0.02

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        p, q = self.success, self.weight
        reached = noise.uniform(n) < p
        work = np.where(reached, math.log(p / q), math.log((1.0 - p) / (1.0 - q)))
        work = work + self.excess + math.sqrt(2.0 * self.excess) * noise.normal(n)
        work = work if self.fault is None else self.fault.on_entropy(work)
        for w, ended in zip(work, reached, strict=True):
            verdict = judge_landauer(w, ended, weight=q)
            below, average = verdict.parts[:2]
            tests = {"mean work below the bound": below.p_value, "average too high": average.p_value}
            yield Finding({"landauer": verdict.outcome}, {k: p for k, p in tests.items() if p is not None})


# ---- integral theorems


@dataclass(frozen=True)
class RotatingTrap(Scene):
    r"""A particle in the plane, driven around in a trap that is stiffened: Hatano and Sasa's relation.

    Between the jumps of the stiffness it relaxes exactly, turning:
    :math:`x\to a\,R(\theta)\,x+\sqrt{(1-a^2)/k}\,\xi`. The stationary density is Gaussian
    though nothing balances in detail, and

    .. math:: \phi=\tfrac k2 r^2-\ln k, \qquad Y=\sum_j[\phi_{j+1}(x_j)-\phi_j(x_j)], \qquad
       \langle e^{-Y}\rangle=1 .

    Parameters
    ----------
    ratio : float
        Last stiffness over the first.
    jumps : int
        Of the stiffness.
    kept, angle : float
        a, the share of the position that is left between jumps, and the turn in radians.
    """

    ratio: float = 2.0
    jumps: int = 5
    kept: float = 0.7
    angle: float = 0.8

    def entropy(self, noise: Noise, n: int) -> Floats:
        """Draw Y: shape (ensembles, n)."""
        k = np.geomspace(1.0, self.ratio, self.jumps + 1)
        x, y = noise.normal(n), noise.normal(n)
        total = np.zeros_like(x)
        cos, sin = self.kept * math.cos(self.angle), self.kept * math.sin(self.angle)
        for before, after in pairwise(k):
            total += 0.5 * (after - before) * (x**2 + y**2) - math.log(after / before)
            spread = math.sqrt((1.0 - self.kept**2) / after)
            x, y = cos * x - sin * y + spread * noise.normal(n), sin * x + cos * y + spread * noise.normal(n)
        return total

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        drawn = self.entropy(noise, n)
        drawn = drawn if self.fault is None else self.fault.on_entropy(drawn)
        yield from map(_integral, drawn)


@dataclass(frozen=True)
class Dissipated(Scene):
    """Total entropy production under driving that differs from its reverse: work less ΔF.

    Parameters
    ----------
    pair : PairTruth
        Of which the forward work is taken.
    """

    pair: PairTruth

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        drawn = self.pair.draw(noise, n, 1).forward - self.pair.free_energy
        drawn = drawn if self.fault is None else self.fault.on_entropy(drawn)
        yield from map(_integral, drawn)


@dataclass(frozen=True)
class LeftOut(Scene):
    r"""Entropy production with a part that has no way back, and a start that leaves something out.

    .. math:: s=\ln\tfrac52,\ 0,\ \infty \ \text{with}\ p=0.5,\ 0.4,\ 0.1, \qquad
       \langle e^{-s}\rangle = 0.6 = 1-\lambda
    """

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        kind = np.searchsorted([0.5, 0.9], noise.uniform(n), side="right")
        drawn = np.array([math.log(2.5), 0.0, math.inf])[kind]
        drawn = drawn if self.fault is None else self.fault.on_entropy(drawn)
        yield from (_integral(s, 0.4) for s in drawn)


@dataclass(frozen=True)
class RareTerms(Scene):
    r"""Terms exp(-s) of which rare ones of a Pareto law carry a share w of the average, which is 1.

    .. math:: e^{-s}=1-w+w\,\frac{u^{-k}}{\langle u^{-k}\rangle}, \qquad u \sim U(10^{-D}, 1)

    Parameters
    ----------
    index : float
        k.
    share : float
        w.
    decades : float
        D: below the last one no trajectory is as rare.
    """

    index: float
    share: float
    decades: float = 12.0

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        length = self.decades * math.log(10.0)
        least = math.exp(-length)
        mean = length * float(special.exprel((self.index - 1.0) * length)) / (1.0 - least)
        rare = (least + (1.0 - least) * noise.uniform(n)) ** -self.index / mean
        drawn = -np.log(1.0 - self.share + self.share * rare)
        drawn = drawn if self.fault is None else self.fault.on_entropy(drawn)
        yield from map(_integral, drawn)


def _integral(s: Floats, irreversible_weight: float = 0.0) -> Finding:
    verdict = judge_integral(s, irreversible_weight=irreversible_weight)
    return Finding({"integral": verdict.outcome}, {"exp(-s) too high": verdict.parts[0].p_value or 0.0})


# ---- several protocols


@dataclass(frozen=True)
class Speeds(Scene):
    """Forward work of several speeds between the same ends, ΔF unknown or known.

    Parameters
    ----------
    dissipations : tuple of float
        Of the speeds, in kT. A fault ``offset`` raises ΔF of the slowest.
    delta_f : float
        In kT.
    """

    dissipations: tuple[float, ...] = (0.1, 0.25, 0.5)
    delta_f: float = 0.7

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        drawn = [GaussianPair(d, self.delta_f).work(noise, n, 1)[0] for d in self.dissipations]
        if self.fault is not None:
            drawn[0] = self.fault.on_entropy(drawn[0])
        for works in zip(*drawn, strict=True):
            given = list(works)
            unknown, known = verify(given), verify(given, delta_f=self.delta_f)
            words = {"several": _word(unknown, "jarzynski"), "several, ΔF known": _word(known, "jarzynski")}
            yield Finding(words)


def _word(report: Report, claim: str) -> str:
    return next((verdict.outcome for verdict in report if verdict.claim == claim), "not applicable")


# ---- looking while data arrive


@dataclass(frozen=True)
class Watched(Scene):
    """Bets against a theorem, looked at after every trajectory.

    Parameters
    ----------
    theorem : {"integral", "detailed"}
        What is bet against.
    entropy : EntropyTruth
        Where the values come from.
    """

    theorem: Theorem
    entropy: EntropyTruth

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        name = f"watched, {self.theorem}"
        for s in self.entropy.draw(noise, n):
            wealth = wealth_against(self.theorem).update(s)
            crossed = wealth.crossed(ALPHA)
            numbers = {"crossed after": float(wealth.peak_at)} if crossed else {}
            if self.theorem == "detailed":
                numbers["score test looked at 20 times"] = float(looked_at_often(s) < ALPHA)
            yield Finding({name: "violated" if crossed else "undecidable"}, numbers=numbers)


def saturated(mean: float) -> Currents:
    """Give a current that saturates the uncertainty relation, of so much mean entropy production."""
    return Currents(SignCoin("gaussian", mean))


def walk(affinity: float = 2.0, fault: Fault | None = None) -> Currents:
    """Give the current of a walk with this affinity; its ratio lies above 1."""
    return Currents(BiasedWalk(affinity, 1.0), fault=fault)
