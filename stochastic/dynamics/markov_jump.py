"""Markov jump dynamics: a level for a random time, then a jump to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.columns import Column
from fluctua.stochastic.dynamics.dynamics import Get
from fluctua.stochastic.dynamics.jump_dynamics import JumpDynamics, levels_at
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Initial, Samples
from fluctua.stochastic.levels import Levels, minus_log_sum
from fluctua.stochastic.reservoirs import RESERVOIRS, LocalBath, Reservoir
from fluctua.stochastic.status import Status
from fluctua.stochastic.system import System

if TYPE_CHECKING:
    from fluctua.stochastic.markov.counting import Counting
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.propagator import Propagator
    from fluctua.stochastic.protocol import Protocol
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]

KINDS = {name: kind for name, kind in RESERVOIRS.items() if kind is not LocalBath}


class MarkovJump(JumpDynamics):
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

    thermodynamics: bool
    housekeeping: bool

    def __init__(
        self, baths: Sequence[Reservoir], *, thermodynamics: bool = True, housekeeping: bool = False
    ) -> None:
        flags = {"thermodynamics": thermodynamics, "housekeeping": housekeeping}
        self._set_baths(baths, KINDS, "give at least one, such as Lead or BoseBath", flags)
        if housekeeping and not thermodynamics:
            raise InvalidInput(
                "housekeeping entropy without thermodynamics", "dynamics.housekeeping", "leave one out"
            )

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
        if not isinstance(initial, Samples):
            self.populations(system, schedule, initial)

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
        found: Floats = system.energies(row)[0][levels_at(column, which)]
        return found

    def populations(
        self, system: Levels, schedule: Schedule, initial: Initial, *, turned: bool = False
    ) -> Floats:
        """Return the probability of each level at the first instant; levels do not turn around."""
        from fluctua.stochastic.markov.starts import populations

        return populations(initial, self.generator(system), schedule)

    def carried(self, system: Levels, schedule: Schedule, first: Floats, *, turned: bool = False) -> Floats:
        """Solve the master equation up to the last instant."""
        from fluctua.stochastic.markov.exact import Counting

        return np.asarray(Counting(self.generator(system), schedule, first).final)

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
