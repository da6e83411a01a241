"""A measured number beside what it should be."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of a benchmark.

    Parameters
    ----------
    section, name : str
    value : float
    unit : str
        "" for a ratio.
    least, most : float, optional
        What is asked for; neither where the number only informs.
    """

    section: str
    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the number is what is asked for; None where nothing is."""
        if self.least is None and self.most is None:
            return None
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        bounds = {">=": self.least, "<=": self.most}
        return ", ".join(f"{sign} {bound:g}" for sign, bound in bounds.items() if bound is not None)

    def line(self) -> str:
        """Print the figure for people."""
        word = {True: "reached", False: "SHORT", None: ""}[self.reached]
        value = f"{self.value:.3g}" if abs(self.value) < 100 else f"{self.value:,.0f}"
        return f"  {self.name:<58} {value:>8} {self.unit:<6} {self.wanted:<10} {word}".rstrip()

    def table(self) -> dict[str, Any]:
        """Give the figure as plain data."""
        return {**asdict(self), "reached": self.reached}


def say(text: str) -> None:
    """Tell a person who waits what goes on."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{time.strftime('%H:%M:%S')} {text}", end="", file=sys.stderr, flush=True)


def rates(section: str, counts: dict[str, float], times: dict[str, float]) -> list[Figure]:
    """Give each contender's rate in 10^6 trajectory-steps per second."""
    return [Figure(section, f"{name}, rate", counts[name] / times[name] / 1e6, "10^6/s") for name in counts]


def failures(figures: Sequence[Figure]) -> int:
    """Count the figures that fall short."""
    return sum(figure.reached is False for figure in figures)
