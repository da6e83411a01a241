r"""A Gaussian mixture that is fitted to somebody's work and obeys Crooks' theorem exactly.

The density of forward work is a mixture, and the theorem then leaves no choice for the reverse:

.. math:: p_F=\sum_k\pi_k\,N(m_k,s_k^2), \qquad
   p_R(-w)=e^{f-w}p_F(w)=\sum_k\pi_k e^{f-m_k+s_k^2/2}\,N(m_k-s_k^2,s_k^2).

With forward work alone the mixture is fitted by expectation and maximisation (Dempster, Laird and Rubin
1977). With work of both directions it starts there, and the joint likelihood of both samples is climbed.

Modes are added as long as the Bayesian information criterion falls.

Values with a probability of their own are modes without a spread. Of all masses that obey the theorem

.. math:: p_k=\frac{F_k+R_k}{n_F+n_R\,e^{f-w_k}}

are the likeliest, with the counts of both directions at each value and f by BAR (Vardi 1985).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.analysis.atom_lines import AtomLines
from fluctua.analysis.bennett import Pair
from fluctua.analysis.samples import Sample
from fluctua.validation.calibration.truths import MixturePair

Floats = NDArray[np.float64]

MOST_MODES = 4
_MOST_VALUES = 2_000  # of each direction: what a mixture needs to know
_ROUNDS = 200
_LEAST_BESIDE = 50  # trajectories of a direction, besides those at atoms
_NARROWEST = 0.02  # of the spread of all: a narrower mode would be a lattice or a duplicate


@dataclass(frozen=True)
class Mixture:
    """Weights, means and spreads of some modes, in kT."""

    weights: Floats
    means: Floats
    spreads: Floats

    def log_density(self, work: Floats) -> Floats:
        """Return the logarithm of the density of forward work."""
        return np.asarray(special.logsumexp(self._terms(work), axis=0))

    def log_density_turned(self, turned: Floats) -> Floats:
        """Return the logarithm of the density of minus the reverse work."""
        logs = np.log(self.weights) - self.means + self.spreads**2 / 2.0
        weights = np.exp(logs - special.logsumexp(logs))
        tilted = Mixture(np.maximum(weights, 1e-300), self.means - self.spreads**2, self.spreads)
        return tilted.log_density(turned)

    def _terms(self, work: Floats) -> Floats:
        m, s = self.means[:, None], self.spreads[:, None]
        constant = np.log(self.weights)[:, None] - np.log(s) - 0.5 * math.log(2.0 * math.pi)
        return np.asarray(constant - 0.5 * ((work - m) / s) ** 2)

    def improved(self, work: Floats, narrowest: float) -> Mixture:
        """Return the mixture after one round of expectation and maximisation."""
        terms = self._terms(work)
        share = np.exp(terms - special.logsumexp(terms, axis=0))
        total = share.sum(axis=1) + 1e-12
        means = share @ work / total
        variances = np.sum(share * (work - means[:, None]) ** 2, axis=1) / total
        return Mixture(total / total.sum(), means, np.sqrt(np.maximum(variances, narrowest**2)))


def fit_mixture(forward: Floats, reverse: Floats | None = None) -> MixturePair:
    """Fit a mixture that obeys the theorem to work of one direction, or of both.

    Parameters
    ----------
    forward, reverse : ndarray, shape (n,), (m,)
        Work as measured, in kT.

    Returns
    -------
    MixturePair
        A truth, from which ensembles like these are drawn.
    """
    values, masses = _masses(forward, reverse)
    if values.size and masses.sum() >= 1.0 - 1e-9:
        return _pair(masses, values, np.zeros(values.size))
    origin, best = _modes_of(_apart(forward, values), None if reverse is None else -_apart(-reverse, values))
    weights = np.concatenate([masses, (1.0 - masses.sum()) * best.weights])
    spreads = np.concatenate([np.zeros(values.size), best.spreads])
    return _pair(weights, np.concatenate([values, best.means + origin]), spreads)


def _pair(weights: Floats, means: Floats, spreads: Floats) -> MixturePair:
    weights = weights / weights.sum()
    return MixturePair(*(tuple(map(float, column)) for column in (weights, means, spreads)))


def _masses(forward: Floats, reverse: Floats | None) -> tuple[Floats, Floats]:
    """Return the values with a probability of their own, and their forward probabilities."""
    samples = [Sample.of(forward, "forward")]
    if reverse is not None:
        samples.append(Sample.of(reverse, "reverse", -1.0))
    atoms = AtomLines.of(samples)
    atoms = atoms.with_rare(samples) if atoms.are_all else atoms
    rest = atoms.size - atoms.count.sum(axis=1)
    odds = np.ones(atoms.value.size)
    if reverse is not None:
        pair = Pair.of(forward, reverse)
        odds = np.exp(np.clip(pair.origin + pair.solved()[0] - atoms.value, -700.0, 700.0))
    total = atoms.size[0] + (atoms.size[-1] * odds if reverse is not None else 0.0)
    masses = atoms.count.sum(axis=0) / total
    if rest.min() < _LEAST_BESIDE and masses.size:
        masses = masses / masses.sum()  # too few beside them to have a density
    return atoms.value, masses


def _apart(work: Floats, values: Floats) -> Floats:
    nothing = np.zeros((1, values.size))
    return AtomLines(values, nothing, np.ones(1)).apart(work)


def _modes_of(forward: Floats, reverse: Floats | None) -> tuple[float, Mixture]:
    """Return where work is measured from, and the mixture that was fitted to it."""
    origin = float(np.median(forward))
    work = _thinned(forward) - origin
    turned = None if reverse is None else -_thinned(reverse) - origin

    criterion, best = _fit(work, turned, 1)
    for modes in range(2, MOST_MODES + 1):
        following, mixture = _fit(work, turned, modes)
        if following >= criterion:
            break
        criterion, best = following, mixture
    return origin, best


def _thinned(values: Floats) -> Floats:
    return values[:: max(1, values.size // _MOST_VALUES)]


def _fit(work: Floats, turned: Floats | None, modes: int) -> tuple[float, Mixture]:
    """Return the information criterion and the mixture with so many modes."""
    mixture = _by_forward_work(work, modes)
    if turned is not None:
        mixture = _by_both(work, turned, mixture)
    size = work.size + (0 if turned is None else turned.size)
    return 2.0 * _height(mixture, work, turned) + (3 * modes - 1) * math.log(size), mixture


def _height(mixture: Mixture, work: Floats, turned: Floats | None) -> float:
    """Return minus the log likelihood."""
    height = -float(mixture.log_density(work).sum())
    return height if turned is None else height - float(mixture.log_density_turned(turned).sum())


def _by_forward_work(work: Floats, modes: int) -> Mixture:
    narrowest = _NARROWEST * max(float(work.std()), 1e-12)
    places = np.quantile(work, (np.arange(modes) + 0.5) / modes)
    start = Mixture(np.full(modes, 1.0 / modes), places, np.full(modes, max(float(work.std()), narrowest)))
    mixture, height = start, math.inf
    for _ in range(_ROUNDS):
        mixture = mixture.improved(work, narrowest)
        now = _height(mixture, work, None)
        if height - now < 1e-7 * abs(now):
            break
        height = now
    return mixture


def _by_both(work: Floats, turned: Floats, start: Mixture) -> Mixture:
    """Climb the likelihood of both samples from where the forward work alone leads."""
    from scipy import optimize

    modes = start.weights.size
    narrowest = _NARROWEST * float(work.std())

    def mixture(place: Floats) -> Mixture:
        logs, means, sizes = place.reshape(3, modes)
        weights = np.maximum(special.softmax(np.clip(logs, -50.0, 50.0)), 1e-300)
        return Mixture(weights, means, narrowest + np.exp(np.clip(sizes, -20.0, 20.0)))

    def height(place: Floats) -> float:
        return _height(mixture(place), work, turned) / work.size

    sizes = np.log(np.maximum(start.spreads - narrowest, 1e-3 * narrowest))
    first = np.concatenate([np.log(start.weights), start.means, sizes])
    found = optimize.minimize(height, first, method="L-BFGS-B", options={"maxiter": 100})
    return mixture(np.asarray(found.x) if found.fun <= height(first) else first)
