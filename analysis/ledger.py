r"""What a run says: its columns as plain arrays in kT, and what its spec knows exactly about them.

This is the one module of the verifier that knows Datasets; every estimator takes arrays.

Where the temperature is constant, work is :math:`\beta W`; otherwise it is the dimensionless work
:math:`\tilde W=\int\partial_t(\beta_tH_t)\,dt`. The *exact* work counts shadow work too,

.. math:: \tilde W_\mathrm{exact} = \beta_\tau H_\tau-\beta_0H_0-\sum_\nu\int\beta_\nu\,dQ_\nu ,

and obeys the theorems at any time step, as the heat is the logarithm of the discrete map's own path
probabilities (Sivak, Chodera and Crooks 2013).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.estimate import Estimate
from fluctua.analysis.first_law import Residual
from fluctua.analysis.jarzynski import Passage
from fluctua.analysis.second_law import Bound, mean_of
from fluctua.ensembles.columns import balance_of
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Equilibrium, Steady

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]


class Ledger:
    """A run with no failed trajectories, as estimators see it.

    Parameters
    ----------
    run : Dataset
        Where the numbers are.

    Raises
    ------
    Unstable
        Some trajectories failed: the others are a biased sample.
    """

    def __init__(self, run: Dataset) -> None:
        run.check_failures()
        self.run = run
        self.spec: EnsembleSpec = run.spec
        self.schedule: Schedule = run.spec.schedule
        self._columns = {column.name for column in run.columns}

    # ---- what kind of run it is

    @property
    def n(self) -> int:
        """Number of trajectories."""
        return len(self.run)

    @staticmethod
    def place_of(run: Dataset) -> str:
        """Name of a run's folder, or of its direction where it is in memory."""
        return run.spec.direction if run.path is None else str(run.path)

    @property
    def one_temperature(self) -> bool:
        """Whether all baths share one temperature at every instant."""
        return "dimensionless_work" in self._columns

    @cached_property
    def beta(self) -> float | None:
        """The inverse temperature, where it is one and constant."""
        tables = (self.schedule.beta, self.schedule.opening_beta, self.schedule.closing_beta)
        first = float(self.schedule.start_beta[0])
        return first if all(bool(np.all(table == first)) for table in tables) else None

    @property
    def closed(self) -> bool:
        """Whether controls and temperatures end where they began."""
        s = self.schedule
        return bool(
            np.array_equal(s.start_controls, s.end_controls) and np.array_equal(s.start_beta, s.end_beta)
        )

    @cached_property
    def stationary(self) -> bool:
        """Whether nothing changes in time."""
        s = self.schedule
        controls = np.vstack([s.controls, s.opening_controls, s.closing_controls])
        beta = np.vstack([s.beta, s.opening_beta, s.closing_beta])
        return bool(
            np.all(controls == controls[0]) and np.all(beta == beta[0]) and np.all(s.coupled == s.coupled[0])
        )

    @property
    def no_theorems(self) -> str:
        """Why its numbers obey no theorem; empty where they do."""
        return self.spec.dynamics.no_theorems()

    @cached_property
    def no_equilibrium(self) -> str:
        """Why the start is no equilibrium of the protocol's first instant; empty where it is."""
        initial, beta = self.spec.initial, self.schedule.start_beta
        if self.no_theorems:
            return f"needs thermodynamics: {self.no_theorems}"
        if not self.schedule.one_beta:
            return "needs one temperature: the baths differ"
        if not self.one_temperature:
            return f"needs equilibrium: {self.spec.dynamics.no_equilibrium(self.spec.system, self.schedule)}"
        if isinstance(initial, Equilibrium):
            fits = initial.beta is None or math.isclose(initial.beta, float(beta[0]), rel_tol=1e-12)
            return "" if fits else "needs a start at the temperature of the bath"
        driven = self.spec.dynamics.no_equilibrium(self.spec.system, self.schedule)
        if isinstance(initial, Steady) and initial.duration is None and not driven:
            return ""  # the steady state at one temperature without other forces is equilibrium
        return "needs a start in equilibrium"

    @property
    def steady(self) -> bool:
        """Whether trajectories start in a steady state."""
        return isinstance(self.spec.initial, Steady)

    @property
    def lacks_entropy(self) -> str:
        """What is missing for the total entropy production; empty where it is known."""
        dynamics = self.spec.dynamics
        return dynamics.no_theorems() or dynamics.lacks_density(self.spec.initial)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the start takes for granted."""
        initial = self.spec.initial
        relaxed = initial.burn_in if isinstance(initial, Equilibrium) else None
        relaxed = initial.duration if isinstance(initial, Steady) else relaxed
        return () if relaxed is None else (f"relaxing for {relaxed:g} before the start is enough",)

    # ---- columns in kT

    @cached_property
    def work(self) -> Floats:
        """Work of each trajectory in kT; dimensionless where the temperature varies or particles come in.

        Raises
        ------
        InvalidInput
            The dynamics has no work.
        """
        if "work" not in self._columns:
            raise InvalidInput(self.spec.dynamics.no_theorems(), "dynamics")
        dimensionless = self.beta is None or "chemical_work" in self._columns
        if dimensionless and "dimensionless_work" in self._columns:
            return np.asarray(self.run["dimensionless_work"], dtype=np.float64)
        return float(self.schedule.start_beta[0]) * np.asarray(self.run["work"], dtype=np.float64)

    @cached_property
    def exact_work(self) -> Floats | None:
        """Work with shadow work, in kT.

        None where the heat is no path probability (Heun's scheme), or no step makes an error of energy.
        """
        if not {"shadow_work", "log_ratio"} <= self._columns:
            return None
        start, end = float(self.schedule.start_beta[0]), float(self.schedule.end_beta[0])
        exact: Floats = end * self.run["energy_change"] + self.run["entropy_flow"]
        return exact + (end - start) * self._energy("initial") if end != start else exact

    def _energy(self, which: str) -> Floats:
        """Total energy of each trajectory at its start or end."""
        spec, ends = self.spec, {"initial": self.schedule.start_controls, "final": self.schedule.end_controls}
        return spec.dynamics.energy(spec.system, ends[which].tolist(), which, self.run.__getitem__)

    def values(self, formula: str, where: str) -> Floats:
        """Return a formula of columns for each trajectory; a condition is 1 where it is met, 0 elsewhere.

        Raises
        ------
        InvalidInput
            No formula, an unknown column, or one that is null for some trajectories.
        """
        parsed = self.run.formula(formula, where)
        read = [parsed.evaluate(batch) for batch in self.run.batches(parsed.columns or ["trajectory"])]
        lost = sum(int(np.count_nonzero(~counts)) for _, counts in read)
        if lost:
            raise InvalidInput(f"null in {lost:,} of {self.n:,} trajectories", where, "take another column")
        return np.concatenate([values for values, _ in read]) if read else np.zeros(0)

    def residual(self) -> Residual | None:
        """Return the largest residual of the first law over all trajectories, in kT of the first bath.

        None where the dynamics has no work.
        """
        largest = scale = 0.0
        terms = balance_of(self._columns)
        if not terms:
            return None
        for batch in self.run.batches(terms):
            change, *sources = (batch[name].to_numpy() for name in terms)
            largest = max(largest, float(np.max(np.abs(change - sum(sources)), initial=0.0)))
            scale = max(scale, *(float(np.max(np.abs(term), initial=0.0)) for term in (change, *sources)))
        beta = float(self.schedule.start_beta[0])
        found = Residual(beta * largest, beta * scale, int(self.schedule.steps), self.n)
        if found.largest <= found.allowed:
            return found
        energies = max(float(np.max(np.abs(self._energy(which)))) for which in ("initial", "final"))
        return Residual(found.largest, max(found.scale, beta * energies), found.steps, found.n)

    # ---- free energies that the spec knows

    def delta_f(self) -> float | None:
        """Return minus the change of ln Z over the protocol, which is ΔF in kT at one temperature."""
        return self._difference(self.schedule.end_controls, self.schedule.end_beta)

    def _difference(self, controls: Floats, beta: Floats) -> float | None:
        """Return -ln Z at these values less that at the start; none where no exact way to it is known."""
        s = self.schedule
        if np.array_equal(controls, s.start_controls) and np.array_equal(beta, s.start_beta):
            return 0.0
        try:
            return self._minus_log_z(controls, float(beta[0])) - self._minus_log_z(
                s.start_controls, float(s.start_beta[0])
            )
        except InvalidInput:
            return None

    def _minus_log_z(self, controls: Floats, beta: float) -> float:
        """Return -ln Z."""
        return self.spec.dynamics.minus_log_z(self.spec.system, controls.tolist(), beta)

    # ---- strokes

    def passages(self) -> list[Passage]:
        """Return the work up to each stroke's end in the first cycle; none without recorded strokes."""
        names = [
            name for name, cycle in zip(self.schedule.names, self.schedule.cycle, strict=True) if cycle == 1
        ]
        s = self.schedule
        known = [self._difference(s.closing_controls[k], s.closing_beta[k]) for k in range(len(names))]
        if not self._divided or len(self.schedule.names) == 1 or all(f is None for f in known):
            return []
        work = np.cumsum(self._stroke_work(len(names)), axis=1)
        symbol = "-ΔΞ" if self.beta is None else "ΔF"
        return [
            Passage(f"{symbol} after {name}", np.ascontiguousarray(work[:, k]), f)
            for k, (name, f) in enumerate(zip(names, known, strict=True))
            if f is not None
        ]

    @property
    def _divided(self) -> bool:
        """Whether the work of each stroke is recorded: where only the ends are measured there is none."""
        known = (column.name for column in self.run.strokes.columns) if self.spec.strokes else ()
        return "dimensionless_work" in known

    def _stroke_work(self, strokes: int) -> Floats:
        """Return the dimensionless work of each stroke of the first cycle, a row a trajectory."""
        rows = list(self._first_cycle())
        trajectory = np.concatenate([part[0] for part in rows])
        work = np.concatenate([part[1] for part in rows])
        return np.asarray(work[np.argsort(trajectory, kind="stable")].reshape(-1, strokes))

    def _first_cycle(self) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        for batch in self.run.strokes.batches(["trajectory", "cycle", "dimensionless_work"]):
            first = batch["cycle"].to_numpy() == 1
            yield batch["trajectory"].to_numpy()[first], batch["dimensionless_work"].to_numpy()[first]

    def bounds(self) -> list[Bound]:
        r"""Return the mean dimensionless work after one, two, ... closed cycles; none without strokes.

        From equilibrium each of these means is at least :math:`-\Delta\Xi=0`. A single later cycle starts
        out of equilibrium and may give back what an earlier one left in the system; only in the limit cycle
        must it be positive. Single cycles are told beside the others and decide nothing.
        """
        if not (self._divided and self._closes_each_cycle):
            return []
        symbol = "<W~>" if self.beta is None else "<W>"
        single = self._cycle_work()
        if len(single) == 1:
            return [Bound(symbol, mean_of(single[0]))]
        after = [Bound(f"{symbol} cycle 1", mean_of(single[0]))]
        after += [
            Bound(f"{symbol} cycles 1 to {k}", mean_of(single[:k].sum(axis=0)))
            for k in range(2, len(single) + 1)
        ]
        beside = [
            Bound(f"{symbol} cycle {k}", mean_of(work), decides=False)
            for k, work in enumerate(single[1:], start=2)
        ]
        return after + beside

    def _cycle_work(self) -> Floats:
        """Return the dimensionless work of each cycle, a row a cycle and a column a trajectory."""
        work = np.zeros((max(self.schedule.cycle), self.n))
        start = int(self.run["trajectory"][0])
        for batch in self.run.strokes.batches(["trajectory", "cycle", "dimensionless_work"]):
            place = batch["cycle"].to_numpy() - 1, batch["trajectory"].to_numpy() - start
            np.add.at(work, place, batch["dimensionless_work"].to_numpy())
        return work

    @property
    def _closes_each_cycle(self) -> bool:
        last = [k for k, cycle in enumerate(self.schedule.cycle) if cycle == 1][-1]
        ends = (self.schedule.closing_controls[last], self.schedule.closing_beta[last])
        return np.array_equal(ends[0], self.schedule.start_controls) and np.array_equal(
            ends[1], self.schedule.start_beta
        )

    # ---- entropy production

    def entropy_flow(self) -> Estimate | None:
        """Return the mean entropy that flows into the baths, in k_B; None where it is not known."""
        return mean_of(self.run["entropy_flow"]) if "entropy_flow" in self._columns else None

    def total_entropy(self) -> Floats | str:
        r"""Return the total entropy production of each trajectory in k_B, or what is missing for it.

        .. math:: s = \ln p_0(x_0)-\ln p_\tau(\bar x_\tau)-\sum_\nu\int\beta_\nu\,dQ_\nu

        with both densities of the same known kind; see :meth:`Dynamics.boundary`. Any normalised final
        density gives the integral theorem.
        """
        if self.lacks_entropy:
            return self.lacks_entropy
        initial, get = self.spec.initial, self.run.__getitem__
        boundary = self.spec.dynamics.boundary(self.spec.system, self.schedule, initial, get)
        if isinstance(boundary, str):
            return boundary
        return boundary + np.asarray(self.run["entropy_flow"], dtype=np.float64)

    @cached_property
    def irreversible_weight(self) -> float:
        """Return the probability of reverse trajectories without a forward partner."""
        s = self.spec
        return s.dynamics.irreversible_weight(s.system, self.schedule, s.initial)
