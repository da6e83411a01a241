"""The verifier on ten million values of work in each direction, and its peer on the same."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from figures import Figure, say
from timing import Contender, race

from fluctua.analysis.bootstrap import bootstrap_mean
from fluctua.analysis.crooks import bar, fit_crooks

VALUES = 10**7  # in each direction
DISSIPATION = 1.0  # kT
AGREEMENT = 1e-6  # kT


def verifier() -> list[Figure]:
    """All threads: BAR against pymbar, a thousand bootstrap means against one mean, the Crooks fit."""
    rng, spread = np.random.default_rng(1), (2.0 * DISSIPATION) ** 0.5
    forward, reverse = (rng.normal(DISSIPATION, spread, VALUES) for _ in range(2))
    return [*_bar(forward, reverse), *_bootstrap(forward), *_fit(forward, reverse)]


def _bar(forward: np.ndarray, reverse: np.ndarray) -> list[Figure]:
    say("verifier: BAR")
    peer = _peer()
    contenders: dict[str, Contender] = {"BAR": partial(bar, forward, reverse)}
    if peer is None:
        print("verifier: pymbar is not installed, so BAR has no peer", file=sys.stderr)
    else:
        contenders["pymbar"] = partial(peer, forward, reverse)
        if abs(peer(forward[::100], reverse[::100]) - bar(forward[::100], reverse[::100]).value) > AGREEMENT:
            raise AssertionError("pymbar finds another free-energy difference than ours")
    times = race(contenders, 10 if peer is None else 2, time.perf_counter)
    figures = [] if peer is None else [_ratio("BAR / pymbar", times["pymbar"] / times["BAR"], 80)]
    return figures + [_rate(name, taken) for name, taken in times.items()]


def _peer() -> Callable[[np.ndarray, np.ndarray], float] | None:
    try:
        import pymbar
    except ImportError:
        return None
    return lambda forward, reverse: float(pymbar.bar(forward, reverse)["Delta_f"])


def _bootstrap(values: np.ndarray) -> list[Figure]:
    say("verifier: bootstrap")
    times = race(
        {"mean": values.mean, "bootstrap": partial(bootstrap_mean, values, 1000)}, 10, time.perf_counter
    )
    return [
        Figure("verifier", "1,000 bootstrap means", times["bootstrap"], "s", most=0.2),
        Figure("verifier", "1,000 bootstrap means / one mean, time", times["bootstrap"] / times["mean"], "x"),
    ]


def _fit(forward: np.ndarray, reverse: np.ndarray) -> list[Figure]:
    say("verifier: Crooks fit")
    times = race({"Crooks fit": partial(fit_crooks, forward, reverse)}, 2, time.perf_counter)
    return [_rate(name, taken) for name, taken in times.items()]


def _ratio(name: str, value: float, least: float) -> Figure:
    return Figure("verifier", name, value, "x", least=least)


def _rate(name: str, taken: float) -> Figure:
    return Figure("verifier", f"{name}, values", 2 * VALUES / taken / 1e6, "10^6/s")
