r"""Trajectories that depend on each other: neighbours that resemble, groups that differ.

They go through `fluctua.verify` as a user's numbers would, in their order and with their group column. What
the errors for independent trajectories would have said stands beside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.crooks import fit_crooks, judge_crooks
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.parts import Part
from fluctua.analysis.verdict import Report, Verdict
from fluctua.analysis.verify import verify
from fluctua.validation.calibration.noise import Noise
from fluctua.validation.calibration.scenes import ALPHA, Scene
from fluctua.validation.calibration.tallies import Finding

Floats = NDArray[np.float64]

NAIVE = ", independence assumed"


@dataclass(frozen=True)
class Neighbours(Scene):
    """Gaussian work whose neighbours in the order of measurement resemble each other.

    Parameters
    ----------
    correlation : float
        Of neighbours: a Gaussian copula over an autoregression of first order.
    dissipation, delta_f : float
        In kT.
    """

    correlation: float = 0.6
    dissipation: float = 3.0
    delta_f: float = 0.7

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        alike, d = noise.correlated(self.correlation), self.dissipation
        spread = math.sqrt(2.0 * d)
        forward = d + self.delta_f + spread * alike.normal(n)
        reverse = d - self.delta_f + spread * alike.normal(n)
        for w, w_reverse in zip(forward, reverse, strict=True):
            report = verify(w, w_reverse, delta_f=self.delta_f)
            yield _found(report, w, w_reverse, self.delta_f)


@dataclass(frozen=True)
class Groups(Scene):
    r"""Molecules, each with a free-energy difference of its own, which obey the theorem each.

    .. math:: f_g=f+\tau\xi_g, \qquad w=f_g+d+\sqrt{2d}\,\xi, \qquad w_R=d-f_g+\sqrt{2d}\,\xi, \qquad
       \mathrm{share}=\frac{\tau^2}{\tau^2+2d}

    Parameters
    ----------
    groups : int
        How many, of equal size, in a random order.
    share : float
        Of the variance of work that lies between groups.
    dissipation, delta_f : float
        d and f, in kT.
    apart : bool
        Whether reverse trajectories are of other molecules, as many: no group holds both directions.
    """

    groups: int = 20
    share: float = 0.2
    dissipation: float = 2.0
    delta_f: float = 0.7
    apart: bool = False

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        import pandas as pd

        d = self.dissipation
        own = self.delta_f + math.sqrt(2.0 * d * self.share / (1.0 - self.share)) * noise.normal(self.groups)
        spread = math.sqrt(2.0 * d)
        noises = noise.normal(n), noise.normal(n)
        code = np.arange(n) * 7919 % self.groups
        for f, first, second in zip(own, *noises, strict=True):
            forward, reverse = d + f[code] + spread * first, d - f[code] + spread * second
            codes = code, code + self.groups * self.apart
            frames = (
                pd.DataFrame({"work": work, "molecule": molecule})
                for work, molecule in zip((forward, reverse), codes, strict=True)
            )
            report = verify(*frames, column="work", group="molecule", delta_f=self.delta_f)
            # Groups that differ obey Crooks' theorem each; the average of exp(-w) over all knows no one ΔF.
            yield _found(report, forward, reverse, self.delta_f, claims=("crooks",))


@dataclass(frozen=True)
class GroupedSigns(Scene):
    r"""Entropy production of molecules, each with a mean of its own, which obey the detailed theorem each.

    .. math:: d_g=d\,e^{\xi_g/2}, \qquad s=d_g+\sqrt{2d_g}\,\xi

    Parameters
    ----------
    groups : int
        How many, of equal size, in a random order.
    dissipation : float
        d, in k_B.
    """

    groups: int = 5
    dissipation: float = 1.0

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        import pandas as pd

        own, noises = self.dissipation * np.exp(0.5 * noise.normal(self.groups)), noise.normal(n)
        code = np.arange(n) * 7919 % self.groups
        for d, each in zip(own, noises, strict=True):
            s = d[code] + np.sqrt(2.0 * d[code]) * each
            frame = pd.DataFrame({"entropy": s, "molecule": code})
            report = verify(entropy=frame, column="entropy", group="molecule", claims="detailed")
            detailed = report["detailed"]
            naive = judge_detailed(fit_detailed(s))
            found = {name: detailed.part(part).p_value for name, part in _SIGNS.items()}
            tests = {name: p for name, p in found.items() if p is not None}
            beside = {f"{name}{NAIVE}": _rejects(naive, part) for name, part in _SIGNS.items()}
            beside[f"detailed{NAIVE}"] = float(naive.outcome == "violated")
            beside["too correlated"] = float("too correlated" in detailed.reason)
            yield Finding({"detailed": detailed.outcome}, tests, numbers=beside)


_SIGNS = {"slope": "slope", "shape": "signs"}  # what the shape is, in one sample


def _found(
    report: Report,
    forward: Floats,
    reverse: Floats,
    delta_f: float,
    claims: tuple[str, ...] = ("crooks", "jarzynski"),
) -> Finding:
    """Take words and p-values from a report, and those that independence would have given beside."""
    crooks = next(verdict for verdict in report if verdict.claim == "crooks")
    naive = judge_crooks(fit_crooks(forward, reverse), delta_f=delta_f)
    beside = {f"{name}{NAIVE}": _rejects(naive, name) for name in ("slope", "ΔF", "shape")}
    words: dict[str, str] = {verdict.claim: verdict.outcome for verdict in report if verdict.claim in claims}
    tests = {part.name: part.p_value for part in crooks.parts if part.p_value is not None}
    # A cross-check that decides nothing takes its pairs for independent ones.
    pairs = tests.pop("slope of pairs", 1.0)
    naive_word = {f"crooks{NAIVE}": float(naive.outcome == "violated")}
    naive_word["slope of pairs"] = float(pairs < ALPHA)
    reason = {"too correlated": float("too correlated" in crooks.reason)}
    return Finding(words, tests, numbers={**beside, **naive_word, **reason})


def _rejects(verdict: Verdict, name: str) -> float:
    part: Part = verdict.part(name)
    return float(part.p_value is not None and part.p_value < ALPHA)
