"""Free energies by every method: how often each gives an interval, and how often that holds the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fluctua.analysis.free_energies import Method, free_energies
from fluctua.validation.calibration.noise import Noise
from fluctua.validation.calibration.scenes import Scene
from fluctua.validation.calibration.tallies import Finding
from fluctua.validation.calibration.truths import PairTruth

METHODS = ("BAR", "Jarzynski", "second cumulant", "Gaussian intersection", "histogram crossing")


@dataclass(frozen=True)
class Intervals(Scene):
    """Nominal 95 % intervals of a free-energy difference.

    Parameters
    ----------
    pair : PairTruth
        Of whose work both directions are measured.
    """

    pair: PairTruth

    def findings(self, noise: Noise, n: int) -> Iterator[Finding]:  # noqa: D102
        drawn = self.pair.draw(noise, n)
        for forward, reverse in zip(drawn.forward, drawn.reverse, strict=True):
            numbers: dict[str, float] = {}
            for method in free_energies(forward, reverse):
                if method.method in METHODS:
                    numbers |= _covers(method, drawn.free_energy)
            yield Finding(numbers=numbers)


def _covers(method: Method, true: float) -> dict[str, float]:
    """Say whether the method gives an interval, and whether that covers and how wide it is."""
    if method.low is None or method.high is None:
        return {f"{method.method}, given": 0.0}
    covered, width = method.low <= true <= method.high, 0.5 * (method.high - method.low)
    return {
        f"{method.method}, given": 1.0,
        f"{method.method}, covered": float(covered),
        f"{method.method}, half-width": width,
    }
