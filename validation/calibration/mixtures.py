r"""A Gaussian mixture that is fitted to somebody's work and obeys Crooks' theorem exactly.

The density of forward work is a mixture, and the theorem then leaves no choice for the reverse:

.. math:: p_F=\sum_k\pi_k\,N(m_k,s_k^2), \qquad
   p_R(-w)=e^{f-w}p_F(w)=\sum_k\pi_k e^{f-m_k+s_k^2/2}\,N(m_k-s_k^2,s_k^2).

With forward work alone the mixture is fitted by expectation and maximisation (Dempster, Laird and Rubin
1977). With work of both directions it starts there, and the joint likelihood of both samples is climbed.

Modes are added as long as the Bayesian information criterion falls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.validation.calibration.truths import MixturePair

Floats = NDArray[np.float64]

MOST_MODES = 4
_MOST_VALUES = 2_000  # of each direction: what a mixture needs to know
_ROUNDS = 200
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
    origin = float(np.median(forward))
    work = _thinned(forward) - origin
    turned = None if reverse is None else -_thinned(reverse) - origin

    criterion, best = _fit(work, turned, 1)
    for modes in range(2, MOST_MODES + 1):
        following, mixture = _fit(work, turned, modes)
        if following >= criterion:
            break
        criterion, best = following, mixture

    return MixturePair(
        tuple(float(p) for p in best.weights),
        tuple(float(m + origin) for m in best.means),
        tuple(float(s) for s in best.spreads),
    )


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
