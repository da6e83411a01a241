"""Markov jump dynamics: a level for a random time, then a jump to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.columns import Column
from fluctua.stochastic.dynamics.dynamics import Dynamics, Get
from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.initial import Equilibrium, Initial, Samples, Steady
from fluctua.stochastic.lanes import log
from fluctua.stochastic.levels import Levels, minus_log_sum
from fluctua.stochastic.reservoirs import RESERVOIRS, LocalBath, Reservoir
from fluctua.stochastic.status import Status
from fluctua.stochastic.system import System
from fluctua.stochastic.values import MOST_NAMES, build, sequence, share_namespace

if TYPE_CHECKING:
    from fluctua.stochastic.markov.counting import Counting
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.propagator import Propagator
    from fluctua.stochastic.protocol import Protocol
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]

KINDS = {name: kind for name, kind in RESERVOIRS.items() if kind is not LocalBath}


class MarkovJump(Dynamics):
    r"""Jumps between levels, each through a channel of one of several baths.

        dp_i/dt = sum_j (w_ji p_j - w_ij p_i),   w_ij = sum over channels from i to j                   (1)

    Exact in time: rates that change in the course of a ramp are integrated, never frozen while a level waits.
    A jump takes heat from its bath, E(target) - E(source) - mu * particles - work of forces; while a control
    moves, its work is done at frozen level.

    Parameters
    ----------
    baths : sequence of Lead, BoseBath, Arrhenius or Rates
    thermodynamics : bool
        Whether work, heat and entropy are recorded; local detailed balance is then required of all rates.
        Without it only jumps, particles and levels are counted.
    housekeeping : bool
        Whether the entropies that compare with the steady state at each instant are recorded too.

    Raises
    ------
    InvalidInput
        Two baths of one name, no bath, or housekeeping without thermodynamics.

    Source
    ------
    Seifert, Rep. Prog. Phys. 75, 126001 (2012), section 6; Schnakenberg, Rev. Mod. Phys. 48, 571 (1976).
    """

    moves: ClassVar[type[System]] = Levels
    timed: ClassVar[bool] = False
    failure: ClassVar[Status] = Status.TOO_MANY_JUMPS

    baths: tuple[Reservoir, ...]
    thermodynamics: bool
    housekeeping: bool

    def __init__(
        self, baths: Sequence[Reservoir], *, thermodynamics: bool = True, housekeeping: bool = False
    ) -> None:
        several = [baths] if isinstance(baths, Reservoir) else baths
        made = tuple(
            build(bath, KINDS, f"dynamics.baths.{k}")
            for k, bath in enumerate(sequence(several, "dynamics.baths", "bath", most=MOST_NAMES))
        )
        if not made:
            raise InvalidInput("no baths", "dynamics.baths", "give at least one, such as Lead or BoseBath")
        share_namespace({"bath": [bath.name for bath in made]}, "dynamics.baths")
        for key, value in (("thermodynamics", thermodynamics), ("housekeeping", housekeeping)):
            if not isinstance(value, bool):
                raise InvalidInput(f"{shown(value)} is neither true nor false", f"dynamics.{key}")
        if housekeeping and not thermodynamics:
            raise InvalidInput(
                "housekeeping entropy without thermodynamics", "dynamics.housekeeping", "leave one out"
            )
        self._set(baths=made, thermodynamics=thermodynamics, housekeeping=housekeeping)

    def __repr__(self) -> str:
        """Return the baths on one line."""
        return f"MarkovJump({', '.join(repr(bath) for bath in self.baths)})"

    @property
    def bath_names(self) -> tuple[str, ...]:
        """Names of the baths."""
        return tuple(bath.name for bath in self.baths)

    @property
    def allows_isolated(self) -> bool:
        """Whether levels without baths make sense: they wait, and a control still does work."""
        return True

    @property
    def jumps(self) -> bool:
        """Whether trajectories are made of jumps: they are."""
        return True

    def generator(self, system: Levels) -> Generator:
        """Make the channels and their rates."""
        from fluctua.stochastic.markov.generator import Generator

        return Generator(system, self)

    # ---- does it fit?

    def check(self, system: Levels) -> None:
        """Check that channels touch each level, and have ways back and balance where entropy is recorded."""
        from fluctua.stochastic.markov.detailed_balance import check_anywhere

        generator = self.generator(system)
        touched = {level for channel in generator.channels for level in (channel.source, channel.target)}
        for k, level in enumerate(generator.levels):
            if k not in touched:
                remedy = f"add an edge, such as {generator.levels[k - 1]} -> {level}, or leave the level out"
                raise InvalidInput(f"no channel touches {level}", "dynamics.baths", remedy)
        if self.thermodynamics:
            self._check_ways_back(generator)
            check_anywhere(generator, self)

    def _check_ways_back(self, generator: Generator) -> None:
        for channel in generator.channels:
            if channel.reverse < 0:
                raise InvalidInput(
                    f"{channel.name} has no way back, so that it has no entropy",
                    f"dynamics.baths.{self.bath_names[channel.bath]}",
                    "give backward a rate, or set thermodynamics=False",
                )

    def check_protocol(self, system: Levels, schedule: Schedule) -> None:
        """Check rates and their balance along a schedule."""
        from fluctua.stochastic.markov.detailed_balance import check_along

        check_along(self.generator(system), self, schedule)

    def check_start(self, initial: Initial, system: Levels, schedule: Schedule) -> None:
        """Check that a start has a law of levels; a file is read when the run is prepared."""
        from fluctua.stochastic.markov.starts import populations

        if not isinstance(initial, Samples):
            populations(initial, self.generator(system), schedule)

    def check_record(self, record: Mapping[str, str], system: Levels) -> None:
        """Check the formulas of level, controls and parameters that a run records."""
        from fluctua.stochastic.markov.recording import recordings

        recordings(system, record)

    def namespace(self, system: Levels) -> dict[str, Iterable[str]]:
        """Give the levels, which stand for their numbers in formulas of columns."""
        return {"level": system.states}

    # ---- what a run writes

    def ledger(self, system: Levels, schedule: Schedule) -> list[Column]:
        """List work, heat and entropies, and the number of jumps."""
        from fluctua.stochastic.markov.columns import columns_of

        return columns_of(self, system, self.generator(system), schedule)

    def ends(self, system: Levels) -> list[Column]:
        """List the first and the last level, and what has come in from leads."""
        from fluctua.stochastic.markov.columns import ends_of

        return ends_of(self, system)

    def path_state(self, system: Levels) -> list[Column]:
        """List the level."""
        from fluctua.stochastic.markov.columns import state_of

        return [state_of(system)]

    # ---- computing it

    def propagator(
        self, system: Levels, protocol: Protocol, *, hbar: float, lanes: int | None, **run: Any
    ) -> Propagator:
        """Make what computes its trajectories; Planck's constant plays no part."""
        from fluctua.stochastic.markov.engine import MarkovPropagator

        return MarkovPropagator(system, self, protocol, lanes=lanes, **run)

    def exact(
        self, system: Levels, protocol: Protocol, *, time_step: float | None, hbar: float, **run: Any
    ) -> Counting:
        """Return the exact statistics of what a run samples; it needs no time step."""
        from fluctua.stochastic.markov.exact import exact

        return exact(system, self, protocol, **run)

    # ---- what judges ask

    def minus_log_z(self, system: Levels, controls: Sequence[float], beta: float) -> float:
        """Return minus the logarithm of the sum of exp(-beta (E - mu N)) over levels.

        Raises
        ------
        InvalidInput
            If leads have different chemical potentials, or a level no number of particles.
        """
        from fluctua.stochastic.markov.equilibrium import chemical_potential, exponents

        generator = self.generator(system)
        return minus_log_sum(exponents(generator, controls, beta, chemical_potential(generator, controls)))

    def energy(self, system: Levels, controls: Sequence[float], which: str, column: Get) -> Floats:
        """Return the energy of each trajectory's first or last level."""
        row = np.asarray(controls, dtype=np.float64)[None, :]
        found: Floats = system.energies(row)[0][_levels(column, which)]
        return found

    def boundary(self, system: Levels, schedule: Schedule, initial: Initial, column: Get) -> Floats | str:
        r"""Return :math:`\ln p_0(x_0)-\ln p_\tau(x_\tau)` of each trajectory, or what is missing for it.

        After equilibrium or a steady state the last density is of the same kind; after a point or given
        populations it solves the master equation.
        """
        if not self.thermodynamics:
            return f"needs entropy: {self.no_theorems()}"
        if isinstance(initial, Samples):
            return "needs a start whose probabilities are known: Equilibrium, Steady, Point or Populations"
        try:
            first, last = self.border_populations(system, schedule, initial)
        except InvalidInput as error:
            return f"needs the probabilities at both ends: {error.what}"
        with np.errstate(all="ignore"):
            result: Floats = log(first)[_levels(column, "initial")] - log(last)[_levels(column, "final")]
        return result

    def border_populations(
        self, system: Levels, schedule: Schedule, initial: Initial
    ) -> tuple[Floats, Floats]:
        """Return the probabilities of levels where a run starts, and where its reverse starts."""
        from fluctua.stochastic.markov.starts import populations

        generator = self.generator(system)
        first = populations(initial, generator, schedule)
        if isinstance(initial, Equilibrium | Steady):
            return first, populations(initial, generator, schedule.reversed())
        return first, _solved(generator, schedule, first)

    def irreversible_weight(self, system: Levels, schedule: Schedule, initial: Initial) -> float:
        """Return the probability of reverse trajectories that end where no forward one starts.

        Only a point or populations with empty levels leave such levels.
        """
        if isinstance(initial, Samples):
            return 0.0
        first, last = self.border_populations(system, schedule, initial)
        empty = first == 0.0
        if not empty.any():
            return 0.0
        back = _solved(self.generator(system), schedule.reversed(), last)
        return float(np.cumsum(back[empty])[-1])

    def no_equilibrium(self, system: Levels, schedule: Schedule) -> str:
        """Say what drives currents at one temperature; empty if nothing does."""
        from fluctua.stochastic.markov.columns import has_dimensionless_work
        from fluctua.stochastic.markov.equilibrium import countable

        generator = self.generator(system)
        if generator.pushed:
            return "non-conservative forces drive it"
        if not countable(generator):
            return "particles go round through its leads"
        if schedule.one_beta and not has_dimensionless_work(generator, schedule):
            return "leads of different chemical potentials drive it"
        return self.no_theorems()

    def no_theorems(self) -> str:
        """Say that rates without thermodynamics promise nothing."""
        return "" if self.thermodynamics else "rates without thermodynamics (thermodynamics=False)"

    def even(self, system: Levels, record: Mapping[str, str]) -> list[str]:
        """Name the columns that time reversal does not turn around: activity, and all that is recorded."""
        return ["activity", *record]


def _levels(column: Get, which: str) -> NDArray[np.int64]:
    """Return the first or last levels by number; a reader of columns may have made them floats."""
    return np.asarray(column(f"state_{which}")).astype(np.int64)


def _solved(generator: Generator, schedule: Schedule, first: Floats) -> Floats:
    """Solve the master equation up to the last instant."""
    from fluctua.stochastic.markov.exact import Counting

    return np.asarray(Counting(generator, schedule, first).final)
