r"""One free-energy difference by every method, each with an interval to believe in or a reason why not.

The methods, all of work in kT:

======================== ====================================== ============================================
method                   of                                     interval
======================== ====================================== ============================================
BAR                      both directions                        where the overlap information is at least 3
Jarzynski                one direction                          where the dissipation is at most 1 kT and the
                                                                other direction says that the tail is sampled
second cumulant          one direction                          unless the work is not normal in a way that
                                                                matters (`gaussian_work`)
Gaussian intersection    both directions                        the same
histogram crossing       both directions                        where the overlap information is at least 3
======================== ====================================== ============================================

BAR is the maximum-likelihood estimate under Crooks' theorem alone, and by far the most precise; the others
are there because they are known, and because their agreement is a check.

The gate of Jarzynski's interval is the dissipation, and what the other direction knows of the tail, not a
quality of the exponential average itself: the samples whose average looks well behaved are those that missed
its tail. With one direction only, that quality is all there is to ask.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fluctua.analysis.bennett import LEAST_INFORMATION, Pair
from fluctua.analysis.crooks import LITTLE_INFORMATION
from fluctua.analysis.crossing import histogram_crossing
from fluctua.analysis.estimate import uncertain
from fluctua.analysis.gaussian_work import Moments, NormalEstimate, intersection, second_cumulant
from fluctua.analysis.integral import LEAST_EFFECTIVE, ExponentialAverage, exponential_average
from fluctua.analysis.parts import jsonable
from fluctua.analysis.samples import Sample

LARGEST_DISSIPATION = 1.0  # kT, up to which the interval of an exponential average covers what it should
LARGEST_SKEWNESS = 0.1  # of exp(-w), squared, over the number of trajectories: 2 % of coverage are lost there


@dataclass(frozen=True)
class Method:
    """A free-energy difference by one method.

    Attributes
    ----------
    method : str
        ``"BAR"``, ``"Jarzynski"``, ``"second cumulant"``, ``"Gaussian intersection"`` or
        ``"histogram crossing"``; a method of one direction ends in ``", reverse"`` where it took that one.
    value : float or None
        Free-energy difference of the forward process, in kT. None where the method gives no number.
    standard_error, low, high : float or None
        One standard deviation and the ends of the interval, in kT. None where it is refused.
    refused : str
        Why there is no interval; empty where there is one.
    information : float or None
        Overlap information that a method of both directions rests on: the effective number of trajectories
        that they share. None for a method of one direction.
    """

    method: str
    value: float | None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    refused: str = ""
    information: float | None = None

    def __str__(self) -> str:
        """Write the method, the value with its error, the interval or the refusal, and the information."""
        said = [f"{self.method}: {self.number}"]
        said.append(f"no interval, {self.refused}" if self.refused else self.interval)
        if self.information is not None:
            said.append(f"information {self.information:.3g}")
        return "; ".join(said)

    @property
    def number(self) -> str:
        """The value with its error in brackets, and its unit."""
        if self.value is None:
            return "none"
        if self.standard_error is None:
            return f"{_plain(self.value, 1e-3)} kT"
        return f"{uncertain(self.value, self.standard_error)} kT"

    @property
    def interval(self) -> str:
        """Both ends, to a hundredth of what lies between them; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return " to ".join(_plain(end, 0.01 * (self.high - self.low)) for end in (self.low, self.high))

    def to_dict(self) -> dict[str, Any]:
        """Give the method as plain data."""
        names = ("method", "value", "standard_error", "low", "high", "refused", "information")
        return {name: jsonable(getattr(self, name)) for name in names}


def free_energies(
    work_forward: ArrayLike, work_reverse: ArrayLike | None = None, *, alpha: float = 0.05
) -> tuple[Method, ...]:
    """Estimate the free-energy difference by every method that the data allow.

    Parameters
    ----------
    work_forward : array_like, shape (n_F,)
        Work on the system in the forward process, in kT. It may lie at millions of kT.
    work_reverse : array_like, shape (n_R,), optional
        Work on the system in the reverse process, as measured, in kT. Without it only the methods of one
        direction are there.
    alpha : float
        One less the level of the intervals.

    Returns
    -------
    tuple of Method
        BAR first. Nothing is left out because its interval is refused.

    Raises
    ------
    InvalidInput
        If an array is empty or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(1)
    >>> forward, reverse = random.normal(1.2, 1.0, 1000), random.normal(-0.2, 1.0, 1000)
    >>> [method.method for method in free_energies(forward, reverse)][:2]
    ['BAR', 'Jarzynski']
    """
    if work_reverse is None:
        work = Sample.of(work_forward, "forward")
        origin = float(np.rint(np.median(work.thinned(10_000))))
        found = _one_sided(_Direction(work.measured_from(origin)), alpha)
    else:
        pair = Pair.of(work_forward, work_reverse)
        origin, found = pair.origin, _two_sided(pair, alpha)
    return tuple(_moved(method, origin) for method in found)


def table(methods: Sequence[Method]) -> str:
    """Write one line a method: name, value, interval or refusal; the information stands below."""
    width = max(len(method.method) for method in methods)
    number = max(len(method.number) for method in methods)
    lines = [
        f"  {method.method:<{width}}  {method.number:<{number}}  "
        + (f"no interval: {method.refused}" if method.refused else method.interval)
        for method in methods
    ]
    shared = next((method.information for method in methods if method.information is not None), None)
    below = [] if shared is None else [f"  overlap information {shared:.3g}"]
    return "\n".join([*(line.rstrip() for line in lines), *below])


def _plain(value: float, resolution: float) -> str:
    """Write a value that may lie at millions of kT with the decimals that a resolution asks for."""
    if not abs(value) < 1e12:
        return f"{value:.4g}"
    decimals = -math.floor(math.log10(resolution)) if resolution > 0.0 else 3
    return f"{value:.{min(max(decimals, 0), 9)}f}"


def _moved(method: Method, by: float) -> Method:
    value, low, high = (None if x is None else x + by for x in (method.value, method.low, method.high))
    return replace(method, value=value, low=low, high=high)


def _with_interval(method: str, value: float, error: float, quantile: float) -> Method:
    return Method(method, value, error, value - quantile * error, value + quantile * error)


def _normal_quantile(alpha: float) -> float:
    return float(special.ndtri(1.0 - 0.5 * alpha))


# ---- one direction -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Direction:
    """The work of one process, from which f is estimated as if it were the forward one.

    `opposite` is the work of the other process with its sign turned, and `known` BAR's f, where there are
    both and they overlap.
    """

    work: Sample
    opposite: Sample | None = None
    known: float | None = None

    @cached_property
    def moments(self) -> Moments:
        return Moments.of(self.work)

    @cached_property
    def dissipation(self) -> float:
        """Mean dissipated work; without BAR, half the variance may be more, and sees no tail either."""
        if self.known is not None:
            return self.moments.mean - self.known
        return max(self.moments.mean - self.average.value, 0.5 * self.moments.second)

    @cached_property
    def average(self) -> ExponentialAverage:
        """Average exp(-w)."""
        return exponential_average(self.work.raw, origin=self.work.origin)

    @cached_property
    def cumulant(self) -> NormalEstimate | None:
        return None if self.moments.unusable else second_cumulant(self.moments)

    @property
    def not_normal(self) -> str:
        """Why the second cumulant has no interval; empty where it has one."""
        return self.moments.unusable if self.cumulant is None else self.cumulant.refused

    def foreseen_skewness(self) -> float | None:
        r"""Return the skewness of :math:`X=e^{-(w-f)}` as the other direction sees it, if it can.

        By Crooks' theorem :math:`\langle X^{k+1}\rangle_F=\langle e^{-k(y-f)}\rangle_R` with
        :math:`y=-w_R`: what is rare in one direction, and carries its average, is typical of the other
        (Jarzynski 2006). So this number does not share the luck of the average that it judges.
        """
        if self.opposite is None or self.known is None:
            return None
        sums = np.zeros(2)
        for part in self.opposite.blocks():
            once = np.exp(np.minimum(self.known - part, 150.0))
            sums += once.sum(), (once * once).sum()
        second, third = (sums / self.opposite.size).tolist()
        spread = second - 1.0
        return (third - 3.0 * second + 2.0) / spread**1.5 if spread > 0.0 else None


def _jarzynski(direction: _Direction, dissipation: float, alpha: float) -> Method:
    average = direction.average
    refused = _unsampled(average, direction.foreseen_skewness())
    if dissipation > LARGEST_DISSIPATION:
        refused = (
            f"dissipation {dissipation:.3f} kT is above {LARGEST_DISSIPATION:g} kT: "
            "an exponential average misses its tail"
        )
    if refused:
        return Method("Jarzynski", average.value, refused=refused)
    return _with_interval("Jarzynski", average.value, average.standard_error, _normal_quantile(alpha))


def _unsampled(average: ExponentialAverage, skewness: float | None) -> str:
    """Say why the tail is not sampled; the average itself is asked only where nobody else can be."""
    if skewness is not None:
        if skewness**2 <= LARGEST_SKEWNESS * average.n:
            return ""
        needed = skewness**2 / LARGEST_SKEWNESS
        return f"tail not sampled: {average.n:,} trajectories, and it takes about {needed:.1g}"
    if average.effective < LEAST_EFFECTIVE:
        return f"tail not sampled: {average.effective:,.0f} of {average.n:,} trajectories carry the average"
    return f"tail not sampled: {average.tail}" if average.heavy else ""


def _cumulant(direction: _Direction, refused: str, alpha: float) -> Method:
    found = direction.cumulant
    if refused or found is None:
        value = direction.moments.mean - 0.5 * direction.moments.second
        return Method("second cumulant", value, refused=refused)
    return _with_interval("second cumulant", found.value, found.standard_error, _normal_quantile(alpha))


def _one_sided(direction: _Direction, alpha: float) -> list[Method]:
    jarzynski = _jarzynski(direction, direction.dissipation, alpha)
    return [jarzynski, _cumulant(direction, direction.not_normal, alpha)]


# ---- both directions -----------------------------------------------------------------------------


def _two_sided(pair: Pair, alpha: float) -> list[Method]:
    best, shared = pair.solved()
    f = best if shared >= LEAST_INFORMATION else None
    ahead = _Direction(pair.forward, pair.turned, f)
    back = _Direction(_turned(pair.turned), _turned(pair.forward), None if f is None else -f)
    dissipation = max(ahead.dissipation, back.dissipation)
    both = [
        _bar(best, pair.free_energy_error(shared), shared, alpha),
        _intersection(ahead, back, alpha),
        _crossing(pair, shared, alpha),
    ]
    first, *others = (replace(method, information=shared) for method in both)
    return [
        first,
        _jarzynski(ahead, dissipation, alpha),
        _as_forward(_jarzynski(back, dissipation, alpha)),
        _cumulant(ahead, _not_normal(ahead, back), alpha),
        _as_forward(_cumulant(back, _not_normal(back, ahead), alpha)),
        *others,
    ]


def _turned(sample: Sample) -> Sample:
    """Return -x."""
    return Sample(sample.raw, -sample.side, -sample.origin, -sample.high, -sample.low)


def _not_normal(first: _Direction, second: _Direction) -> str:
    """Say why work is not taken for normal: what is so in one direction is so in the other."""
    other = f"in the other direction {second.not_normal}" if second.not_normal else ""
    return first.not_normal or other


def _as_forward(method: Method) -> Method:
    """Turn the free-energy difference of the reverse process into that of the forward one."""
    value = None if method.value is None else -method.value
    low, high = (None if end is None else -end for end in (method.high, method.low))
    return replace(method, method=f"{method.method}, reverse", value=value, low=low, high=high)


def _no_overlap(shared: float) -> str:
    return f"overlap information {shared:.2g}, and an interval needs {LEAST_INFORMATION:g}"


def _bar(value: float, error: float, shared: float, alpha: float) -> Method:
    if shared < LEAST_INFORMATION:
        return Method("BAR", value, refused=_no_overlap(shared))
    if shared >= LITTLE_INFORMATION:
        return _with_interval("BAR", value, error, _normal_quantile(alpha))
    # So little information is itself uncertain: Student's law with as many degrees of freedom.
    return _with_interval("BAR", value, error, float(special.stdtrit(shared, 1.0 - 0.5 * alpha)))


def _intersection(ahead: _Direction, back: _Direction, alpha: float) -> Method:
    name, refused = "Gaussian intersection", _not_normal(ahead, back)
    if ahead.moments.unusable or back.moments.unusable:
        return Method(name, None, refused=refused)
    found = intersection(ahead.moments, back.moments.turned)
    if refused or found.refused:
        return Method(name, found.value, refused=refused or found.refused)
    return _with_interval(name, found.value, found.standard_error, _normal_quantile(alpha))


def _crossing(pair: Pair, shared: float, alpha: float) -> Method:
    found = histogram_crossing(pair.forward, pair.turned, alpha)
    if found is None:
        return Method("histogram crossing", None, refused="the work does not vary")
    if shared < LEAST_INFORMATION:
        return Method("histogram crossing", found.value, refused=_no_overlap(shared))
    return Method("histogram crossing", found.value, found.standard_error, found.low, found.high)
