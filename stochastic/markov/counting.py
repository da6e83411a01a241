r"""Exact statistics of jump trajectories: the numbers that a run samples.

Populations p and the joint law of any counted quantities follow linear equations in time. With the amounts
a_k of each jump and functions F of the ends (`quantities`), L_a carrying a_k once, L_ab twice,

    dp/dt = L p                                                                                            (1)
    dm_a/dt = L m_a + L_a p,        dS_ab/dt = L S_ab + L_a m_b + L_b m_a + L_ab p                         (2)
    dg/dt = L(s) g,        <exp(sum_x s_x X_x)> = sum_i exp(s F_i(tau)) g_i(tau), g_i(0) = p_i exp(-s F_i) (3)

where m_a and S_ab are first and second moments of ``sum a_k - F(x_0, 0)`` restricted to a level.
Sources: Bagrets, Nazarov, PRB 67, 085316 (2003); Esposito, Harbola, Mukamel, Rev. Mod. Phys. 81, 1665 (2009),
section VI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.counting_fields import read_fields
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.fano import fano_factor
from fluctua.stochastic.instants import read_instant, read_times
from fluctua.stochastic.lattices import common_step, law, range_of_sums
from fluctua.stochastic.markov.dual import Dual
from fluctua.stochastic.markov.evolution import Evolution, plain
from fluctua.stochastic.markov.quantities import Quantity, quantities, tilts
from fluctua.stochastic.markov.steady_state import SteadyState

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fluctua.stochastic.markov.frozen import Array, Frozen
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.schedule import Schedule

    Whole = NDArray[np.int64]

#: A probability is a probability to this.
_ROUNDING = 1e-9
#: Of all that adds up to it: an entropy below this is that of nothing that moves.
_NO_ENTROPY = 1e-12


@dataclass(frozen=True)
class SpeedLimit:
    """How fast populations may change, ``duration >= distance^2 / (2 entropy activity)``.

    Attributes
    ----------
    distance : float
        ``sum_i |p_i(tau) - p_i(0)|``.
    entropy : float
        Total entropy production, k_B.
    activity : float
        Jumps per time on average, 1 / time.
    bound : float
        Shortest duration that these allow, time: 0 without a distance, and where the entropy is rounding, as
        in equilibrium, in which nothing moves.

    References
    ----------
    Shiraishi, Funo, Saito, PRL 121, 070601 (2018).
    """

    distance: float
    entropy: float
    activity: float
    bound: float


class Counting:
    """Exact statistics of what a jump dynamics counts along a protocol.

    Quantities are called as the columns of a run: ``activity``, ``heat``, ``work``, ``control_work``,
    ``chemical_work``, ``force_work``, ``exclusive_work``, ``dimensionless_work``, ``energy_change``,
    ``entropy_flow``, ``log_ratio``, ``housekeeping_entropy``, ``hatano_sasa``; ``particles_<bath>``,
    ``energy_<bath>``, ``heat_<bath>``; a channel by its name, whose jumps are counted. And with the
    populations of the ensemble at the ends, ``system_entropy``, ``total_entropy`` (entropy flow
    and system entropy) and ``nonadiabatic_entropy`` (total without housekeeping).

    Parameters
    ----------
    generator : Generator
        Of the levels and their baths.
    schedule : Schedule
        The protocol in continuous time.
    initial : (n,) array, optional
        Populations at the first instant; the steady state there if left out.

    Raises
    ------
    InvalidInput
        If the populations are none, or there is no single steady state.

    Examples
    --------
    >>> counting = Counting(generator, schedule)                                         # doctest: +SKIP
    >>> counting.mean("particles_left"), counting.fano("particles_left")                 # doctest: +SKIP
    >>> counting.log_generating_function({"entropy_flow": -1.0})                         # doctest: +SKIP
    >>> counting.steady().scaled_generating_function({"particles_left": 0.3})            # doctest: +SKIP
    """

    def __init__(self, generator: Generator, schedule: Schedule, initial: ArrayLike | None = None) -> None:
        self.generator = generator
        self.schedule = schedule
        self._evolution = Evolution(generator, schedule)
        self._first, self._last = self._evolution.border(0), self._evolution.border(-1)
        self.initial = self._first.populations[0] if initial is None else self._read(initial)

    @cached_property
    def final(self) -> Array:
        """Populations at the last instant, shape (n,)."""
        final, scale = self._evolution.carry(plain, self.initial)
        return np.asarray(final * np.exp(scale), np.float64)

    def populations(self, times: ArrayLike | None = None) -> Array:
        """Solve the master equation.

        Parameters
        ----------
        times : float or sequence of float, time, optional
            Within the protocol; the borders of all strokes, first and last instant among them, if left out.

        Returns
        -------
        (N, n) array, or (n,) at a single time
        """
        borders = np.concatenate([[0.0], np.cumsum(self.schedule.durations)])
        asked = borders if times is None else read_times(times, float(borders[-1]))
        if not asked.ndim:
            single: Array = self.populations(asked[None])[0]
            return single
        rows, vector = np.tile(self.initial, (len(asked), 1)), self.initial
        for stroke, (begin, end) in enumerate(pairwise(borders)):
            inside = np.unique(asked[(asked > begin) & (asked < end)])
            stops = np.concatenate([[0.0], (inside - begin) / max(end - begin, 1e-300), [1.0]])
            for start, stop in pairwise(stops):
                carried, scale = self._evolution.through(stroke, plain, vector, start, stop)
                vector = carried * np.exp(scale)
                rows[asked >= (begin + stop * (end - begin)) * (1.0 - _ROUNDING)] = vector
        return rows

    def mean(self, name: str) -> float:
        """Return the mean of a quantity over the whole protocol."""
        return float(self._moments(self._named(name), second=False)[0][0])

    def covariance(self, name: str, other: str) -> float:
        """Return the covariance of two quantities over the whole protocol."""
        mean, second = self._moments(self._named(name, other), second=True)
        return float(second[0, 1] - mean[0] * mean[1])

    def variance(self, name: str) -> float:
        """Return the variance of a quantity over the whole protocol."""
        mean, second = self._moments(self._named(name), second=True)
        return float(second[0, 0] - mean[0] ** 2)

    def fano(self, name: str) -> float:
        """Return variance over mean, at this duration; a mean of 0 is refused."""
        return fano_factor(name, self.mean(name), self.variance(name), self._size(name))

    def log_generating_function(
        self, fields: Mapping[str, float], *, start: ArrayLike | None = None, end: ArrayLike | None = None
    ) -> float:
        """Return ``ln<exp(sum_x s_x X)>``, equation (3).

        Parameters
        ----------
        fields : mapping of str to float
            The counting field s of each quantity: ``{"work": -1.0}``.
        start : (n,) array, optional
            Weights of the first level in place of the initial populations.
        end : (n,) array, optional
            Weights of the last level; 1 if left out.
        """
        first = self.initial if start is None else np.asarray(start, np.float64)
        last = np.ones(len(self.generator.levels)) if end is None else np.asarray(end, np.float64)
        value, scale = self._tilted_sum(read_fields(fields), first, last)
        if not value.real > 0.0:
            raise InvalidInput("the mean of an exponential is 0", "start, end", "some weights must meet")
        return float(np.log(value.real) + scale)

    def distribution(self, name: str) -> tuple[NDArray[Any], Array]:
        """Return the law over the whole protocol of what adds up in equal steps, such as particles taken in.

        Parameters
        ----------
        name : str
            ``particles_<bath>``, ``activity`` or a channel; where controls and temperatures stand still, any
            other that jumps alone add up to, if what they add are multiples of one step: heat of 2.2 each.

        Returns
        -------
        values : (N,) array
            Whole numbers of counts, else multiples of the step; only what can happen.
        probabilities : (N,) array
            Right to 1e-13 of up to thousands of steps at controls that stand still, to 6e-13 of 100,000, and
            to 1e-10 where controls move; what is not told from 0 is 0, and left out at both ends. Nothing is
            scaled to a sum of 1. See `lattices.law`.

        Raises
        ------
        InvalidInput
            If there is no such step: an energy while a gap moves, gaps of 1 and sqrt(2); or there are so many
            values that they would take more than a minute or two.
        """
        (quantity,) = self._named(name)
        step, jumps = self._steps(quantity)
        ones = np.ones(len(self.generator.levels))
        multiples, probabilities = law(
            lambda angle: self._wave({name: 1j * angle / step}, ones),
            self.mean(name) / step,
            float(np.sqrt(max(self.variance(name), 0.0))) / step,
            int(np.abs(jumps[2]).max(initial=1.0)),
            range_of_sums(*jumps, self.initial > 0.0),
            name=name,
            cost=self._cost(),
        )
        return multiples if quantity.whole else multiples * step, probabilities

    def steady(self, stroke: int | str = 0, fraction: float = 0.0) -> SteadyState:
        """Return the steady state at the controls, temperatures and baths of an instant of a stroke.

        Parameters
        ----------
        stroke : int or str
            By number from 0, or by name.
        fraction : float
            From 0 to 1.
        """
        number, part = read_instant(self.schedule, stroke, fraction)
        return SteadyState(self._evolution.at(number, [part]))

    def speed_limit(self) -> SpeedLimit:
        """Return the numbers of the speed limit of jump dynamics."""
        distance, duration = float(np.abs(self.final - self.initial).sum()), float(self.schedule.duration)
        entropy, jumps = self.mean("total_entropy"), self.mean("activity")
        activity = jumps / duration if jumps > 0.0 else 0.0  # a quench takes no time
        moves = entropy > _NO_ENTROPY * self._size("total_entropy")  # what moves jumps
        bound = distance**2 / (2.0 * entropy * activity) if moves else 0.0
        return SpeedLimit(distance, entropy, activity, bound)

    def reversed(self, initial: ArrayLike | None = None) -> Counting:
        """Return the same along the reversed protocol, from the populations given or its own steady state."""
        return Counting(self.generator, self.schedule.reversed(), initial)

    def dual(self) -> Counting:
        """Return the same for the dual rates, from the same populations."""
        return Counting(Dual(self.generator), self.schedule, self.initial)

    def _read(self, initial: ArrayLike) -> Array:
        """Check populations."""
        populations = np.array(initial, dtype=np.float64)
        right = populations.shape == (len(self.generator.levels),) and (populations >= 0.0).all()
        if not right or abs(populations.sum() - 1.0) > _ROUNDING:
            raise InvalidInput(
                "no populations", "initial", f"give {len(self.generator.levels)} numbers from 0 that sum to 1"
            )
        return populations

    def _tilted_sum(self, fields: Mapping[str, Any], first: Array, last: Array) -> tuple[complex, float]:
        """Equation (3): the sum, and the logarithm of a factor taken out of it."""
        opening, closing = np.zeros((2, len(first)), dtype=np.result_type(*fields.values(), np.float64))
        for quantity, s in zip(quantities(fields, self.generator), fields.values(), strict=True):
            opening = opening - s * quantity.of_ends(self._first, self.initial)
            closing = closing + s * quantity.of_ends(self._last, self._final_of(quantity))
        start, end = float(opening.real.max()), float(closing.real.max())
        vector, scale = self._evolution.carry(
            lambda now: now.matrix(tilts(now, fields)), first * np.exp(opening - start)
        )
        return complex(np.sum(last * np.exp(closing - end) * vector)), scale + start + end

    def _final_of(self, quantity: Quantity) -> Array:
        """Return the final populations where a quantity needs them."""
        return self.final if quantity.density else self.initial

    def _wave(self, fields: Mapping[str, complex], ones: Array) -> complex:
        value, scale = self._tilted_sum(fields, self.initial, ones)
        return value * complex(np.exp(scale))

    def _steps(self, quantity: Quantity) -> tuple[float, tuple[Whole, Whole, Array]]:
        """Return the step in which a quantity grows, and of jumps source, target and number of steps."""
        ways = self.generator
        if quantity.whole:
            return 1.0, (ways.sources, ways.targets, quantity.amounts(self._first)[0])
        jumps_alone = quantity.ends is None and not quantity.density
        step = None
        if jumps_alone and not self._moves():
            found = [(now.rates[0] > 0.0, quantity.amounts(now)[0]) for now in self._held()]
            amounts = np.concatenate([np.zeros(0), *(each[is_open] for is_open, each in found)])
            step = common_step(amounts)
        if step is None:
            remedy = "count particles or jumps, or take log_generating_function, or a run"
            raise InvalidInput(f"{quantity.name} does not come in equal steps", "distribution", remedy)
        sources, targets = (
            np.concatenate([np.zeros(0, np.int64), *(levels[is_open] for is_open, _ in found)])
            for levels in (ways.sources, ways.targets)
        )
        return step, (sources, targets, np.rint(amounts / step))

    def _held(self) -> list[Frozen]:
        """Return the rates at the beginning of each stroke that takes time."""
        strokes = np.flatnonzero(self.schedule.durations > 0.0)
        return [self._evolution.at(int(stroke), [0.0]) for stroke in strokes]

    def _moves(self) -> bool:
        """Say whether a control or a temperature changes while time passes."""
        strokes = np.flatnonzero(self.schedule.durations > 0.0)
        return any(self.schedule.moving(int(stroke)) for stroke in strokes)

    def _cost(self) -> float:
        """Return what one tilted evolution takes, in steps of small vectors of some 0.1 ms."""
        cost, durations = 0.0, self.schedule.durations
        for stroke in np.flatnonzero(durations > 0.0).tolist():
            cost += 8.0
            if self.schedule.moving(stroke):  # cut into pieces by the jumps out of the fastest level
                held = plain(self._evolution.at(stroke, [0.0, 0.5, 1.0]))
                cost += 90.0 - 0.5 * float(durations[stroke] * held.diagonal(axis1=1, axis2=2).min())
        return cost * (1.0 + (len(self.generator.levels) / 10.0) ** 3)

    def _size(self, name: str) -> float:
        """Return the mean of the sizes of what jumps add, and the largest value at an end."""
        (quantity,) = self._named(name)
        sizes = Quantity(name, lambda now: np.abs(quantity.amounts(now)))
        ends = [
            quantity.of_ends(self._first, self.initial),
            quantity.of_ends(self._last, self._final_of(quantity)),
        ]
        return float(self._moments([sizes], second=False)[0][0]) + float(np.abs(ends).max())

    def _named(self, *names: str) -> list[Quantity]:
        return quantities(names, self.generator)

    def _moments(self, counted: Sequence[Quantity], *, second: bool) -> tuple[Array, Array]:
        """Equation (2): means (m,) and, if asked for, mean products (m, m)."""
        opening = np.array([q.of_ends(self._first, self.initial) for q in counted])
        closing = np.array([q.of_ends(self._last, self._final_of(q)) for q in counted])
        origin = (opening @ self.initial)[:, None]  # a constant of F: near the values that occur
        opening, closing = opening - origin, closing - origin
        blocks = [self.initial, *(-opening * self.initial)]
        many = len(counted)
        pairs = [(a, b) for a in range(many) for b in range(a, many)] if second else []
        blocks += [opening[a] * opening[b] * self.initial for a, b in pairs]
        carried, scale = self._evolution.carry(
            lambda now: _moment_matrix(now, counted, pairs), np.concatenate(blocks)
        )
        rows = (carried * np.exp(scale)).reshape(-1, len(self.generator.levels))
        p, first = rows[0], rows[1 : 1 + many]
        mean = first.sum(axis=1) + closing @ p
        products = np.empty((many, many))
        for (a, b), row in zip(pairs, rows[1 + many :], strict=True):
            ends = closing[a] @ first[b] + closing[b] @ first[a] + (closing[a] * closing[b]) @ p
            products[a, b] = products[b, a] = row.sum() + ends
        return mean, products


def _moment_matrix(frozen: Frozen, counted: Sequence[Quantity], pairs: Sequence[tuple[int, int]]) -> Array:
    """Equation (2) as one matrix on (p, m_a ..., S_ab ...)."""
    amounts = [quantity.amounts(frozen) for quantity in counted]
    once = [frozen.carrying(amount) for amount in amounts]
    size, blocks = frozen.size, 1 + len(amounts) + len(pairs)
    matrix = np.zeros((len(frozen.rates), blocks, size, blocks, size))
    for block in range(blocks):
        matrix[:, block, :, block] = plain(frozen)
    for a, carried in enumerate(once):
        matrix[:, 1 + a, :, 0] = carried
    for row, (a, b) in enumerate(pairs, start=1 + len(amounts)):
        matrix[:, row, :, 1 + b] += once[a]
        matrix[:, row, :, 1 + a] += once[b]
        matrix[:, row, :, 0] = frozen.carrying(amounts[a] * amounts[b])
    return matrix.reshape(len(frozen.rates), blocks * size, blocks * size)
