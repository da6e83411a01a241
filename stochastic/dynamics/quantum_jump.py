"""Quantum jump dynamics: wave functions that evolve without jumps, and jump with their baths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.columns import INTO, ON, Column
from fluctua.stochastic.dynamics.dynamics import Get
from fluctua.stochastic.dynamics.jump_dynamics import JumpDynamics, levels_at
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Initial
from fluctua.stochastic.reservoirs import BoseBath, LocalBath, Reservoir
from fluctua.stochastic.status import Status
from fluctua.stochastic.system import System

if TYPE_CHECKING:
    from fluctua.stochastic.propagator import Propagator
    from fluctua.stochastic.protocol import Protocol
    from fluctua.stochastic.quantum.channels import Model
    from fluctua.stochastic.quantum.exact import Lindblad
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]

KINDS: dict[str, type[Reservoir]] = {"BoseBath": BoseBath, "LocalBath": LocalBath}


class QuantumJump(JumpDynamics):
    r"""Quantum jumps (Monte Carlo wave functions) of a Hamiltonian of few levels.

    .. math::
        d\psi = -\frac{i}{\hbar} H_{eff} \psi\,dt, \quad
        H_{eff} = H - \frac{i\hbar}{2} \sum_k L_k^+ L_k, \quad
        \psi \to L_k \psi / |L_k \psi| \text{ at the rate } |L_k \psi|^2

    Averages obey the Lindblad equation with the same operators. A jump takes its quantum of heat from its
    bath. With `measured`, the energy is measured at the first and at the last instant: work is the change of
    the measured energy less the heat.

    Parameters
    ----------
    baths : sequence of BoseBath or LocalBath
        BoseBath: channels between the instantaneous levels, one for each bath and Bohr frequency, coupled
        through the operator ``on="X"``, or each pair of levels alike. LocalBath: fixed operators.
    measured : bool
        Whether the energy is measured at both ends. Without it nothing disturbs the wave function but jumps;
        energies are expectations, and what of their change is neither work nor heat is `quantum_heat`.
    path_work : bool
        Whether the power ``<dH/dt>`` is followed along the path of measured trajectories too.
    housekeeping : bool
        Whether the entropies that compare with the steady state at each instant are recorded too. Each jump
        must change ``-ln pi`` of that state by a definite amount, or they have no theorems of their own.

    Raises
    ------
    InvalidInput
        Two baths of one name, no bath, or a bath that does not act on a Hamiltonian; housekeeping without
        measurements or without entropy.

    Source
    ------
    Dalibard, Castin, Molmer, Phys. Rev. Lett. 68, 580 (1992); Hekking, Pekola, ibid. 111, 093602 (2013);
    Horowitz, Parrondo, New J. Phys. 15, 085028 (2013).
    """

    moves: ClassVar[type[System]] = Hamiltonian
    phases: ClassVar[bool] = True
    failure: ClassVar[Status] = Status.NORM_LOST
    uncertainty: ClassVar[Literal["classical", "inertial", "quantum"]] = "quantum"

    measured: bool
    path_work: bool
    housekeeping: bool

    def __init__(
        self,
        baths: Sequence[Reservoir],
        *,
        measured: bool = True,
        path_work: bool = False,
        housekeeping: bool = False,
    ) -> None:
        flags = {"measured": measured, "path_work": path_work, "housekeeping": housekeeping}
        self._set_baths(baths, KINDS, "give at least one, such as BoseBath", flags)
        if path_work and not measured:
            raise InvalidInput(
                "without measurements work is that of the path", "dynamics.path_work", "leave it out"
            )
        if housekeeping and self.no_theorems():
            raise InvalidInput(
                f"no housekeeping entropy: {self.no_theorems()}", "dynamics.housekeeping", "leave one out"
            )

    @property
    def thermal(self) -> bool:
        """Whether every channel has a way back, so that there is an entropy."""
        return all(bath.reverse for bath in self.baths if isinstance(bath, LocalBath))

    def model(self, system: Hamiltonian, *, turned: bool = False, **units: float) -> Model:
        """Make the channels; `turned` is how time reversal sees them."""
        from fluctua.stochastic.quantum.channels import Model

        return Model(system, self, turned=turned, **units)

    # ---- does it fit?

    def check(self, system: Hamiltonian) -> None:
        """Check that operators and formulas of the baths can be read and fit the dimension."""
        _ = self.model(system).couplings

    def check_protocol(self, system: Hamiltonian, schedule: Schedule) -> None:
        """Check energies, rates and the length of the time step along a schedule, and what dephases."""
        from fluctua.stochastic.quantum.closing_gaps import refuse_closing_gaps
        from fluctua.stochastic.quantum.dephasing import refuse_idle_dephasing
        from fluctua.stochastic.quantum.housekeeping import definite_changes, end_potentials
        from fluctua.stochastic.quantum.sampling import sampled
        from fluctua.stochastic.quantum.step_length import refuse_long_steps

        if not 0.0 < schedule.hbar < np.inf:
            raise InvalidInput(
                "Planck's constant is not known in these units",
                "units.time",
                'name seconds, "s", "ms", "us", "ns" or "ps", or leave units.temperature out: hbar is 1 then',
            )
        rows = sampled(schedule).different
        model = self.model(system, hbar=schedule.hbar, time_step=schedule.move)
        refuse_closing_gaps(model, schedule)  # before steps: none is short enough for an infinite rate
        refuse_long_steps(model, schedule)
        found = model.held(rows.controls, rows.beta, rows.coupled)
        refuse_idle_dephasing(model, found, rows.coupled)
        if self.housekeeping:
            definite_changes(found)
            end_potentials(model, schedule)

    def check_start(self, initial: Initial, system: Hamiltonian, schedule: Schedule) -> None:
        """Check that a start has populations of levels, or amplitudes where nothing is measured."""
        from fluctua.stochastic.quantum.laws import check

        check(initial, self.model(system, hbar=schedule.hbar), schedule)

    def check_record(self, record: Mapping[str, str], system: Hamiltonian) -> None:
        """Refuse records: columns, strokes, paths and jumps hold what there is."""
        if record:
            raise InvalidInput(
                "quantum jumps record no formulas",
                f"record.{next(iter(record))}",
                "use the columns, strokes=True, paths=, or the table of jumps",
            )

    def namespace(self, system: Hamiltonian) -> dict[str, Iterable[str]]:
        """Give the levels, which stand for their numbers in formulas of columns, and the operators."""
        return {"level": system.levels, "operator": tuple(system.operators)}

    # ---- what a run writes

    def ledger(self, system: Hamiltonian, schedule: Schedule) -> list[Column]:
        """List work, heat and entropies of a trajectory, and the number of jumps."""
        return [*self._work(schedule), *self._jumps(), *self._hatano_sasa(), *self._changes()]

    def stroke_ledger(self, system: Hamiltonian, schedule: Schedule) -> list[Column]:
        """List those of a stroke: the energy is not measured between strokes, so only jumps count."""
        if self.measured:
            path = [self._path_work()] if self.path_work else []
            return [*path, *self._jumps(), self._activity()]
        return self.ledger(system, schedule)

    def _work(self, schedule: Schedule) -> Iterator[Column]:
        if not self.measured:
            yield Column("work", "energy", "integral of the power <dH/dt> along the path", ON)
            return
        yield Column("work", "energy", "change of the measured energy less the heat", ON)
        if self.path_work:
            yield self._path_work()
        if schedule.one_beta and self.thermal:
            meaning = "change of beta times the measured energy, plus the entropy flow"
            yield Column("dimensionless_work", "1", meaning, ON)

    @staticmethod
    def _path_work() -> Column:
        return Column("path_work", "energy", "integral of the power <dH/dt> along the path", ON)

    def _jumps(self) -> list[Column]:
        from fluctua.stochastic.ledger import heat_columns, log_ratio_column

        heat = heat_columns(self.bath_names)
        if not self.thermal:
            return heat[:-1]
        meaning = "sum over jumps of the log-ratio and the change of -ln of the steady state"
        kept = Column("housekeeping_entropy", "k_B", meaning, "positive: kept up by the driving")
        return [*heat, log_ratio_column(), *([kept] if self.housekeeping else [])]

    def _hatano_sasa(self) -> list[Column]:
        meaning = "change of -ln of the measured level's steady probability, less what jumps change it by"
        column = Column("hatano_sasa", "k_B", meaning, "positive: away from the steady state")
        return [column] if self.housekeeping else []

    def _changes(self) -> Iterator[Column]:
        if not self.measured:
            meaning = "change of the expected energy that is neither work nor heat of jumps"
            yield Column("quantum_heat", "energy", meaning, INTO)
        which = "measured" if self.measured else "expected"
        yield Column("energy_change", "energy", f"{which} energy at the end minus that at the start")
        yield self._activity()

    @staticmethod
    def _activity() -> Column:
        return Column("activity", "1", "number of jumps", dtype="int32")

    def ends(self, system: Hamiltonian) -> list[Column]:
        """List the levels that the measurements find, counted from 0 by ascending energy."""
        if not self.measured:
            return []
        return [
            Column(f"state_{which}", "1", f"level measured at the {instant}, by its number", dtype="int32")
            for which, instant in (("initial", "start"), ("final", "end"))
        ]

    def stroke_ends(self, system: Hamiltonian) -> list[Column]:
        """List none: nothing is measured between strokes."""
        return []

    def path_state(self, system: Hamiltonian) -> list[Column]:
        """List the populations of the instantaneous levels, and the expected energy."""
        populations = [
            Column(f"p_{level}", "1", f"population of {name}") for level, name in enumerate(system.levels)
        ]
        return [*populations, Column("energy", "energy", "expectation of the energy")]

    def cost(self, system: Hamiltonian) -> int:
        """Say that a move multiplies a complex matrix with a vector."""
        return max(1, system.dimension**2 // 4)

    # ---- computing it

    def propagator(
        self,
        system: Hamiltonian,
        protocol: Protocol,
        *,
        time_step: float | None,
        seed: int,
        direction: str,
        initial: Initial,
        boltzmann: float,
        hbar: float,
        strokes: bool,
        paths: int,
        path_every: int,
        lanes: int | None,
        **_other: Any,
    ) -> Propagator:
        """Make what computes its trajectories."""
        from fluctua.stochastic.quantum.engine import QuantumPropagator
        from fluctua.stochastic.quantum.laws import prepare
        from fluctua.stochastic.quantum.remarks import remarks_of

        schedule = protocol.schedule(time_step, system.controls, self.bath_names, boltzmann, hbar)
        turned = direction == "reverse"
        schedule = schedule.reversed() if turned else schedule
        model = self.model(system, turned=turned, hbar=hbar, time_step=schedule.move)
        start = prepare(initial, model, schedule, seed=seed, direction=direction)
        made = QuantumPropagator(
            model,
            schedule,
            start,
            seed=seed,
            direction=direction,
            strokes=strokes,
            paths=paths,
            path_every=path_every,
            lanes=lanes,
        )
        made.remarks = remarks_of(model, schedule)
        return made

    def exact(self, system: Hamiltonian, protocol: Protocol, **run: Any) -> Lindblad:
        """Return the exact statistics of what a run samples."""
        from fluctua.stochastic.quantum.exact import exact

        return exact(system, self, protocol, **run)

    # ---- what judges ask

    def minus_log_z(self, system: Hamiltonian, controls: Sequence[float], beta: float) -> float:
        """Return ``-ln Tr exp(-beta H)``."""
        return system.minus_log_z(controls, beta)

    def energy(self, system: Hamiltonian, controls: Sequence[float], which: str, column: Get) -> Floats:
        """Return the energy of each trajectory's measured level."""
        if not self.measured:
            raise InvalidInput("no energy is measured", "dynamics.measured", "leave measured=False out")
        found: Floats = system.eigen([list(controls)])[0][0][levels_at(column, which)]
        return found

    def populations(
        self, system: Hamiltonian, schedule: Schedule, initial: Initial, *, turned: bool = False
    ) -> Floats:
        """Return the probability of each energy level at the first instant."""
        from fluctua.stochastic.quantum.laws import populations

        return populations(initial, self.model(system, turned=turned, hbar=schedule.hbar), schedule)

    def carried(
        self, system: Hamiltonian, schedule: Schedule, first: Floats, *, turned: bool = False
    ) -> Floats:
        """Solve the Lindblad equation up to the last measurement."""
        from fluctua.stochastic.quantum.laws import carried

        return carried(self.model(system, turned=turned, hbar=schedule.hbar), schedule, first)

    def no_equilibrium(self, system: Hamiltonian, schedule: Schedule) -> str:
        """Say why the steady state at one temperature is no equilibrium; empty where it is."""
        from fluctua.stochastic.quantum.remarks import worst_local

        if self.no_theorems():
            return self.no_theorems()
        bath, deviation = worst_local(self.model(system, hbar=schedule.hbar), schedule)
        return f"the local bath {bath} does not act between energy levels" if deviation > 0.0 else ""

    def no_theorems(self) -> str:
        """Say why its numbers obey no fluctuation theorem; empty where they do."""
        for bath in self.baths:
            if isinstance(bath, LocalBath) and not bath.reverse:
                return f"jumps of {bath.name} have no way back (reverse=False), so that they have no entropy"
        return "" if self.measured else "the energy is not measured at both ends (measured=False)"

    def first_law(self) -> str:
        """Say by what the first law is kept: one term is what the others leave."""
        if self.measured:
            return "work is the change of the measured energy less the heat, by definition"
        return "quantum_heat is what work and the heat of jumps leave of the energy change, by definition"
