"""Ensembles that obey the theorems exactly, with no integration error, and faults to put into them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pair:
    """Work in kT, each direction as measured, and the free-energy difference."""

    forward: np.ndarray
    reverse: np.ndarray
    delta_f: float


def gaussian_pair(rng, dissipation, n_forward, n_reverse=None, delta_f=0.7):
    """Draw Gaussian work: means lie one dissipation from ΔF, variances are twice the dissipation."""
    spread = np.sqrt(2.0 * dissipation)
    forward = rng.normal(delta_f + dissipation, spread, n_forward)
    reverse = rng.normal(dissipation - delta_f, spread, n_reverse or n_forward)
    return Pair(forward, reverse, delta_f)


def quench_pair(rng, n, ratio=4.0, stages=5):
    """Draw the work of a harmonic trap stiffened in quenches, each from equilibrium: skewed, of one sign."""
    stiffness = np.geomspace(1.0, ratio, stages + 1)
    steps = np.diff(stiffness)

    def work(changes, at):
        return sum(0.5 * change * rng.normal(size=n) ** 2 / k for change, k in zip(changes, at, strict=True))

    return Pair(work(steps, stiffness[:-1]), work(-steps, stiffness[1:]), 0.5 * np.log(ratio))


def mixture_pair(rng, n, weights=(0.6, 0.4), means=(0.0, 4.0), spreads=(0.8, 1.2)):
    """Draw bimodal work: the reverse of a Gaussian mixture is one too, with tilted weights, shifted means."""
    p, m, s = (np.array(values) for values in (weights, means, spreads))
    tilted = p * np.exp(-m + s**2 / 2)
    forward = rng.choice(len(p), n, p=p)
    backward = rng.choice(len(p), n, p=tilted / tilted.sum())
    turned = rng.normal((m - s**2)[backward], s[backward])
    return Pair(rng.normal(m[forward], s[forward]), -turned, float(-np.log(tilted.sum())))


def signed(rng, sizes):
    """Give each size the sign that the detailed theorem asks for."""
    return np.where(rng.random(sizes.size) < 1.0 / (1.0 + np.exp(-sizes)), sizes, -sizes)


def gaussian_entropy(rng, mean, n):
    """Draw Gaussian entropy production: its variance is twice its mean."""
    return rng.normal(mean, np.sqrt(2.0 * mean), n)


# ---- faults


def scaled(pair, factor):
    """Judge with a temperature that is wrong by a factor; ΔF is kept right."""
    shift = pair.delta_f * (1.0 - factor)
    return Pair(pair.forward * factor + shift, pair.reverse * factor - shift, pair.delta_f)


def flipped(pair):
    """Report the reverse work with its sign turned."""
    return Pair(pair.forward, -pair.reverse, pair.delta_f)


def trimmed(pair, share):
    """Drop the lowest forward work, as a tidy hand does with outliers."""
    lowest = np.quantile(pair.forward, share)
    return Pair(pair.forward[pair.forward > lowest], pair.reverse, pair.delta_f)


def shifted(pair, by):
    """State a wrong free-energy difference."""
    return Pair(pair.forward, pair.reverse, pair.delta_f + by)
