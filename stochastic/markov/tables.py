"""All numbers of a run of jumps: which strokes are alike, and of each kind its functions of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.markov.columns import has_dimensionless_work
from fluctua.stochastic.markov.detailed_balance import check_values, sample_at, unbalanced
from fluctua.stochastic.markov.frozen import Frozen
from fluctua.stochastic.markov.functions import Functions
from fluctua.stochastic.markov.hazards import TERMS, Pieces, Values, pieces_of, still_pieces
from fluctua.stochastic.markov.layout import STATES, Layout
from fluctua.stochastic.steady_baths import steady_baths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.dynamics.markov_jump import MarkovJump
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.markov.recording import Recording
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Mask = NDArray[np.bool_]

VECTOR = 8  # tables for kernels have so many entries, or a multiple: vectors of them are loaded


@dataclass(frozen=True, eq=False)
class Tables:
    """The numbers of a run.

    Parameters
    ----------
    functions : Functions
    schedule : Schedule
    layout : Layout
    kinds : (M,) array of int
        Of each stroke its kind; strokes of one kind are alike.
    examples : list of int
        A stroke of each kind.
    couplings, steadies : lists of (B,) arrays of bool
        Of each kind: which baths are connected; which make the steady state (`steady_baths`).
    durations : array, time
    stirred, still : arrays of int
        Of each kind: whether jumps happen; whether nothing changes.
    opening, closing : (kinds, n, S) arrays
        Functions of the level at the ends of a kind.
    shifts : (M, n) array
        What the steady potential grows by when a stroke begins with other baths.
    """

    functions: Functions
    schedule: Schedule
    layout: Layout
    kinds: Whole
    examples: list[int]
    couplings: list[Mask]
    steadies: list[Mask]
    durations: Floats
    stirred: Whole
    still: Whole
    opening: Floats
    closing: Floats
    shifts: Floats
    exits: Whole = field(init=False)
    leaving: Whole = field(init=False)

    def __post_init__(self) -> None:
        """List the channels by the level that they leave."""
        generator = self.functions.generator
        order = np.argsort(generator.sources, kind="stable")
        rows = [order, generator.targets[order], generator.baths[order], generator.particles[order]]
        counts = np.bincount(generator.sources, minlength=len(generator.levels))
        object.__setattr__(self, "exits", np.ascontiguousarray(np.stack(rows, axis=1), dtype=np.int64))
        object.__setattr__(self, "leaving", np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    @property
    def all_still(self) -> bool:
        """Whether rates never change in the course of a stroke in which jumps happen."""
        return bool(np.all((self.still == 1) | (self.stirred == 0)))

    @property
    def borders(self) -> Floats:
        """When each stroke begins, and the last ends."""
        return self.schedule.borders

    @cached_property
    def opening_energies(self) -> Floats:
        """Energies at each stroke's first instant, (M, n)."""
        return self.functions.generator.energies(self.schedule.opening_controls)

    @cached_property
    def closing_energies(self) -> Floats:
        """Energies at each stroke's last instant, (M, n)."""
        return self.functions.generator.energies(self.schedule.closing_controls)

    @cached_property
    def bare_energies(self) -> Floats:
        """Energies at controls 0, (n,)."""
        controls = np.zeros((1, self.schedule.opening_controls.shape[1]))
        energies: Floats = self.functions.generator.energies(controls)[0]
        return energies

    @cached_property
    def opened(self) -> Floats:
        """Functions of the level, and integrals so far, when a kind begins: (kinds, n, S + Q)."""
        return np.concatenate(
            [self.opening, np.zeros((*self.opening.shape[:2], self.layout.integrals))], axis=2
        )

    @cached_property
    def closed(self) -> Floats:
        """The same when it ends and no jump has happened."""
        if not self.layout.integrals:
            return self.closing
        return np.concatenate([self.closing, np.stack([part.totals for part in self.parts])], axis=2)

    # ---- strokes in which nothing changes

    @cached_property
    def chances(self) -> list[tuple[Any, ...]]:
        """Of each kind what `kernels/gillespie.py` takes: waits, chances, outcomes, gains, stays, places."""
        return [
            self._chances(kind) if self.stirred[kind] and self.still[kind] else ()
            for kind in range(len(self.durations))
        ]

    def _chances(self, kind: int) -> tuple[Any, ...]:
        values = self._values(kind, np.array([0.5]))
        rates = values.rates[0]
        levels = len(self.leaving) - 1
        most = int(np.diff(self.leaving).max())
        places = 1
        while places < most:
            places *= 2
        waits, chances = np.full(levels, np.inf), np.full((places - 1, levels), 2.0)
        outcomes = np.zeros((places, levels), np.uint64)
        for level in range(levels):
            exits = self.exits[self.leaving[level] : self.leaving[level + 1]]
            passed = np.cumsum(rates[exits[:, 0]])
            open_ = np.flatnonzero(rates[exits[:, 0]] > 0.0)
            if open_.size:
                waits[level] = 1.0 / passed[-1]
                chances[: open_[-1], level] = passed[: open_[-1]] / passed[-1]
            outcomes[: len(exits), level] = exits[:, 1] | (exits[:, 0] << 32)
        looked_up = (np.pad(table.ravel(), (0, -table.size % VECTOR)) for table in (waits, chances, outcomes))
        stays = np.ascontiguousarray(values.integrands[0].T)
        return (*looked_up, self._gains(values), stays, np.uint64(places))

    def _gains(self, values: Values) -> Floats:
        """Return what a jump through each channel adds to each row of the ledger."""
        generator, at = self.functions.generator, self.layout
        gains = np.zeros((at.quantities, at.channels))
        energy, _, potential = np.moveaxis(values.states[0], 1, 0)
        for k in range(at.channels):
            source, target, bath = generator.sources[k], generator.targets[k], generator.baths[k]
            brought, push, ratio = values.amounts[0, k]
            heat = energy[target] - energy[source] - brought - push
            gains[1, k] = values.beta[0, bath] * push
            gains[at.heat + bath, k], gains[at.chemical + bath, k], gains[at.force, k] = heat, brought, push
            gains[at.entropy, k], gains[at.ratio, k] = -values.beta[0, bath] * heat, ratio
            gains[at.keeping, k] = ratio + (potential[target] - potential[source])
            gains[at.particles + bath, k], gains[at.activity, k] = generator.particles[k], 1.0
        return gains

    # ---- strokes in the course of which rates change

    @cached_property
    def parts(self) -> list[Pieces]:
        """The polynomials of each kind; an instant change has none."""
        generator = self.functions.generator
        found = []
        for kind, stroke in enumerate(self.examples):
            if self.durations[kind] == 0.0:
                found.append(_no_pieces(self._values(kind, np.array([1.0]))))
            elif self.still[kind]:
                values = self._values(kind, np.array([0.5]))
                found.append(still_pieces(values, generator.sources, float(self.durations[kind])))
            else:
                found.append(
                    pieces_of(
                        partial(self._values, kind),
                        self.schedule.knots(stroke),
                        generator.sources,
                        float(self.durations[kind]),
                        _place(self.schedule, stroke),
                    )
                )
        return found

    def _values(self, kind: int, fractions: Floats) -> Values:
        stroke = self.examples[kind]
        controls, beta = self.schedule.values(stroke, fractions)
        where = _place(self.schedule, stroke)
        coupled, steady = self.couplings[kind], self.steadies[kind]
        asked, generator = coupled | (steady & self.functions.housekeeping), self.functions.generator
        if (generator.rates(controls, beta, asked) < 0.0).any():
            times = sample_at(self.schedule, stroke, fractions).times
            check_values(Frozen(generator, controls, beta, asked), times, balanced=False)
        values = self.functions.at(controls, beta, coupled, steady, where)
        if self.functions.thermodynamics and self._breaks_balance(values, coupled):
            times = sample_at(self.schedule, stroke, fractions).times
            check_values(Frozen(generator, controls, beta, coupled), times, balanced=True)
        return values

    def _breaks_balance(self, values: Values, coupled: Mask) -> bool:
        """Tell whether a logarithm of a ratio of rates is not what heat asks for."""
        generator = self.functions.generator
        energies, (brought, pushed, ratio) = values.states[:, :, 0], np.moveaxis(values.amounts, 2, 0)
        heat = energies[:, generator.targets] - energies[:, generator.sources] - brought - pushed
        expected = np.where(coupled[generator.baths], -values.beta[:, generator.baths] * heat, 0.0)
        return bool(unbalanced(ratio, expected).any())

    @cached_property
    def intervals(self) -> Whole:
        """Where the intervals of each kind begin, and the last ends."""
        return np.concatenate([[0], np.cumsum([len(part.lefts) for part in self.parts])]).astype(np.int64)

    @cached_property
    def pieces(self) -> tuple[Any, ...]:
        """What `kernels/hazard.py` takes: of the intervals, then the three tables, all flat."""
        parts = self.parts
        joined = (
            np.concatenate([getattr(part, name).ravel() for part in parts])
            for name in ("lefts", "halves", "degrees", "tops", "levels", "channels", "baths")
        )
        return (self.intervals, *joined)

    def place(self, strokes: Whole, fractions: Floats) -> tuple[Whole, Floats]:
        """Find the interval of instants within strokes, and x there; a border belongs to the earlier one."""
        intervals, places = np.empty(len(strokes), np.int64), np.empty(len(strokes))
        for kind in np.unique(self.kinds[strokes]):
            mine, part = self.kinds[strokes] == kind, self.parts[kind]
            times = fractions[mine] * self.durations[kind]
            found = np.maximum(np.searchsorted(part.lefts, times, side="left") - 1, 0)
            intervals[mine] = self.intervals[kind] + found
            places[mine] = np.minimum((times - part.lefts[found]) / part.halves[found] - 1.0, 1.0)
        return intervals, places


def tables_of(generator: Generator, dynamics: MarkovJump, schedule: Schedule, integrals: Recording) -> Tables:
    """Make the tables of a run.

    Raises
    ------
    InvalidInput
        If a rate, an energy or a ratio of rates is not finite, or no steady state is known where it is asked
        for.
    """
    thermodynamics = dynamics.thermodynamics
    functions = Functions(
        generator,
        thermodynamics,
        dynamics.housekeeping,
        thermodynamics and has_dimensionless_work(generator, schedule),
        integrals,
    )
    number = len(schedule.names)
    coupled = [schedule.coupled_in(m) for m in range(number)]
    steady = steady_baths(schedule)
    durations = schedule.durations
    keys: dict[tuple[object, ...], int] = {}
    kinds = np.empty(number, np.int64)
    examples: list[int] = []
    for m in range(number):
        ends = (
            schedule.opening_controls,
            schedule.closing_controls,
            schedule.opening_beta,
            schedule.closing_beta,
        )
        key = (schedule.names[m], coupled[m].tobytes(), steady[m].tobytes(), *(e[m].tobytes() for e in ends))
        if key not in keys:
            keys[key] = len(examples)
            examples.append(m)
        kinds[m] = keys[key]
    opening, closing = _ends(functions, schedule, examples, coupled, steady)
    return Tables(
        functions,
        schedule,
        Layout(len(generator.channels), len(generator.bath_names), len(integrals.nodes)),
        kinds,
        examples,
        [coupled[m] for m in examples],
        [steady[m] for m in examples],
        np.array([durations[m] for m in examples]),
        np.array([int(coupled[m].any() and durations[m] > 0.0) for m in examples], np.int64),
        np.array([int(not schedule.moving(m)) for m in examples], np.int64),
        opening,
        closing,
        _shifts(opening, closing, kinds, steady),
    )


def _ends(
    functions: Functions, schedule: Schedule, examples: list[int], coupled: list[Mask], steady: list[Mask]
) -> tuple[Floats, Floats]:
    """Return the functions of levels at the first and the last instant of each kind."""
    found: list[list[Floats]] = [[], []]
    for m in examples:
        for side, controls, beta in (
            (0, schedule.opening_controls, schedule.opening_beta),
            (1, schedule.closing_controls, schedule.closing_beta),
        ):
            where = _place(schedule, m)
            values = functions.at(controls[m : m + 1], beta[m : m + 1], coupled[m], steady[m], where)
            if not all(np.isfinite(f).all() for f in (values.states, values.amounts, values.rates)):
                raise InvalidInput(
                    "a rate or an energy is not finite", where, "change controls or temperatures"
                )
            found[side].append(values.states[0])
    return np.stack(found[0]), np.stack(found[1])


def _shifts(opening: Floats, closing: Floats, kinds: Whole, steady: list[Mask]) -> Floats:
    """Return what the steady potential grows by where a stroke's baths differ from those before it."""
    shifts = np.zeros((len(kinds), opening.shape[1]))
    for m in range(1, len(kinds)):
        if (steady[m] != steady[m - 1]).any():
            shifts[m] = opening[kinds[m], :, 2] - closing[kinds[m - 1], :, 2]
    return shifts


def _no_pieces(values: Values) -> Pieces:
    """Give the tables of an instant change: of no interval."""
    levels, channels, baths = values.states.shape[1], values.rates.shape[1], values.beta.shape[1]
    nothing = np.zeros(0)
    return Pieces(
        nothing,
        nothing,
        np.zeros(0, np.int64),
        np.zeros((0, levels, TERMS, 1 + STATES + values.integrands.shape[2])),
        np.zeros((0, channels, TERMS, 4)),
        np.zeros((0, baths, TERMS)),
        np.zeros((levels, values.integrands.shape[2])),
    )


def _place(schedule: Schedule, stroke: int) -> str:
    return f"protocol.steps, {schedule.names[stroke]}"
