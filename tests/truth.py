"""Single ensembles of the bench's truths, from a generator that a test has, and faults to put into them."""

from dataclasses import dataclass

import numpy as np

from fluctua.validation.calibration.faults import trimmed as trimmed_rows
from fluctua.validation.calibration.noise import Noise
from fluctua.validation.calibration.truths import GaussianPair, MixturePair, QuenchPair


@dataclass(frozen=True)
class Pair:
    """Work in kT, each direction as measured, and the free-energy difference."""

    forward: np.ndarray
    reverse: np.ndarray
    delta_f: float


def drawn(truth, rng, n_forward, n_reverse=None):
    """Draw one ensemble of a truth."""
    pairs = truth.draw(Noise((rng,)), n_forward, n_reverse)
    return Pair(pairs.forward[0], pairs.reverse[0], pairs.free_energy)


def gaussian_pair(rng, dissipation, n_forward, n_reverse=None, delta_f=0.7):
    return drawn(GaussianPair(dissipation, delta_f), rng, n_forward, n_reverse)


def quench_pair(rng, n, ratio=4.0, stages=5):
    return drawn(QuenchPair(ratio, stages), rng, n)


def mixture_pair(rng, n, weights=(0.6, 0.4), means=(0.0, 4.0), spreads=(0.8, 1.2)):
    return drawn(MixturePair(weights, means, spreads), rng, n)


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
    return Pair(trimmed_rows(pair.forward[None], share)[0], pair.reverse, pair.delta_f)


def shifted(pair, by):
    """State a wrong free-energy difference."""
    return Pair(pair.forward, pair.reverse, pair.delta_f + by)
