"""Langevin trajectories: blocks of them, carried through a protocol by a kernel.

start (initial state) -> kernel (moves, control changes, ledger) -> columns
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic import compiling, streams
from fluctua.stochastic.compiling import PADDING
from fluctua.stochastic.dynamics.langevin import Langevin
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.forms import Form, Link, layout_of
from fluctua.stochastic.initial import Equilibrium, prepare
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.propagator import Block, Columns, Propagator, aligned, blank, in_rows
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.records import records_of
from fluctua.stochastic.schedule import Schedule
from fluctua.stochastic.status import Status
from fluctua.stochastic.tables import Tables, held_still, tables_of, with_noise_of
from fluctua.stochastic.writing import GROUP, module_text

Floats = NDArray[np.float64]

LANES = 128
FEW = 16  # lanes of a kernel for one long path
LIGHT = 2**28  # bytes of a path in all lanes of a kernel, above which one of few lanes is compiled
_SIGNATURE = (
    "(int64, int64, float64[:, ::1], float64[:, ::1], float64[:, ::1], int64[::1], int64[::1], float64[::1],"
    " uint64, uint64, uint64, float64[:, ::1], float64[:, ::1], float64[:, :, ::1], float64[:, :, ::1],"
    " float64[::1], float64[::1], uint64[::1])"
)


class LangevinPropagator(Propagator):
    """Everything one run needs to make any of its trajectories.

    Parameters
    ----------
    system : Potential
    dynamics : Overdamped or Underdamped
    protocol : Protocol
    time_step : float, time
    seed : int, 0 <= seed < 2**64
    direction : {"forward", "reverse"}
    initial : Equilibrium, Steady, Point or Samples
    record : mapping of column name to formula
    boltzmann : float
        Boltzmann's constant in the units of energy over temperature.
    strokes : bool
        Keep the ledger of every stroke.
    paths, path_every : int
        Sample the first `paths` trajectories every `path_every` steps.
    lanes : int
        Trajectories in a block, a multiple of 16; changes no bit.
    finer : int
        Make the noise of a step of that of so many finer ones, those of the same run with ``time_step /
        finer``: both then follow the same Brownian path.

    Raises
    ------
    InvalidInput
        Whatever cannot be run: unknown names, an ill-defined start, an odd number of steps where baths must
        alternate.
    """

    def __init__(
        self,
        system: Potential,
        dynamics: Langevin,
        protocol: Protocol,
        *,
        time_step: float,
        seed: int,
        direction: str = "forward",
        initial: Any = None,
        record: Mapping[str, str] | None = None,
        boltzmann: float = 1.0,
        strokes: bool = False,
        paths: int = 0,
        path_every: int = 1,
        lanes: int = LANES,
        finer: int = 1,
    ) -> None:
        self._made_of = (system, dynamics, protocol)
        self._said: dict[str, Any] = {
            "time_step": time_step,
            "seed": seed,
            "direction": direction,
            "initial": initial,
        }
        self._said |= {"record": record, "boltzmann": boltzmann, "finer": finer}
        # A fresh graph: the text of a kernel, and with it the bits, must not depend on what was asked of
        # `system` before.
        system = type(system)(**system.table())
        self.system, self.seed, self.direction, self.lanes = system, seed, direction, lanes
        self.finer = finer
        self.links = dynamics.resolve(system)
        self.masses = dynamics.masses_of(system)
        schedule = protocol.schedule(time_step, system.controls, dynamics.bath_names, boltzmann)
        self.schedule = schedule.reversed() if direction == "reverse" else schedule
        self.bath_names = dynamics.bath_names
        self.form = form_of(system, dynamics, self.schedule, self.links, record or {}, coarse=finer > 1)
        self.records = self.form.records
        self.layout = layout_of(self.form, lanes)
        self._refuse_odd_steps()
        self.tables = self._tables(self.schedule)
        self.keep_strokes, self.paths, self.path_every = strokes, paths, path_every
        self._local = threading.local()
        self._compiled: Any = None
        self.start = prepare(
            Equilibrium() if initial is None else initial,
            system,
            dynamics,
            self.schedule,
            seed=seed,
            direction=direction,
            relax=self.relax,
        )

    # ---- what it is made of

    def _refuse_odd_steps(self) -> None:
        steps = self.schedule.steps
        if self.form.alternates and steps % 2:
            even = self.schedule.duration / (steps + 1)
            raise InvalidInput(
                f"{steps} steps are an odd number, and several baths on one coordinate take turns in an order"
                " that is its own reverse only over an even one",
                "time_step",
                f"{even:.10g} gives {steps + 1}",
            )

    def _tables(self, schedule: Schedule) -> Tables:
        parameters = list(self.system.parameters.values())
        tables = tables_of(self.form, self.layout, schedule, self.links, self.masses, parameters)
        return with_noise_of(tables, self.form, self.links, self.masses, self.finer)

    def compile(self) -> None:
        """Compile the kernel now, or load it from the cache; done by the first `run` otherwise."""
        with compiling.one_at_a_time():
            if self._compiled is None:
                noise = compiling.noise_module(self.lanes)
                text = module_text(self.form, self.lanes, compiling.lane_module().__name__, noise.__name__)
                simulate = compiling.load(text, "kernel").simulate
                compiling.compile_kernel(simulate, _SIGNATURE)
                self._compiled = simulate

    # ---- running

    def retrace(self, trajectory: int, every: int) -> Block:
        """Give one trajectory with its path: all lanes of a block keep it, so a long one gets fewer."""
        steps = self.schedule.steps
        lane = self.layout.sampled * (steps // every + 1) * 8  # bytes
        if lane * self.layout.pitch <= LIGHT:
            return super().retrace(trajectory, every)
        self.check_path(8 * self.layout.sampled * (FEW + PADDING), every)
        narrow = type(self)(*self._made_of, **self._said, lanes=FEW)
        return narrow.keeping(strokes=False, paths=trajectory + 1, path_every=every).run(trajectory, 1)

    def _run(self, first: int, count: int, sampled: bool) -> Block:
        state = self.start.draw(first, count)
        samples = np.arange(0, self.schedule.steps + 1, self.path_every) if sampled else np.zeros(0, np.int64)
        out, strokes, paths = self._simulate(state, first, self.tables, samples, self.keep_strokes, "noise")
        columns = self._columns(first, state, out)
        failed = columns["status"] != Status.OK
        kept = self._strokes(first, state, strokes, failed) if self.keep_strokes else None
        return Block(columns, kept, self._paths(first, paths, samples) if sampled else None)

    def relax(self, state: Floats, steps: int, first: int, purpose: str) -> Floats:
        """Carry states on for some steps at the first instant's values, with noise of their own purpose."""
        count = state.shape[1]
        result = np.empty_like(state)
        tables = self._tables(held_still(self.schedule, steps))
        none = np.zeros(0, np.int64)
        out, _, _ = self._simulate(state, first, tables, none, False, purpose)
        result[:] = out[: self.layout.state, :count]
        result[:, np.isnan(out[self.layout.row("shadow_work")])] = np.nan  # its trajectory fails with it
        return result

    def _simulate(
        self,
        state: Floats,
        first: int,
        tables: Tables,
        samples: NDArray[np.int64],
        keep_strokes: bool,
        purpose: str,
    ) -> tuple[Floats, Floats, Floats]:
        """Run the kernel on some trajectories and sort what it keeps into rows."""
        if (
            self._compiled is None
        ):  # looked at without the lock: a compilation elsewhere must not hold up a run
            self.compile()
        count, pitch = state.shape[1], self.layout.pitch
        start = into_blocks(state, self.lanes, pitch)
        out = np.empty((len(start), self.layout.reported * pitch))
        strokes = np.empty((tables.stops.size if keep_strokes else 0, *out.shape))
        paths = np.empty((samples.size, len(start), self.layout.sampled * pitch))
        key0, key1 = streams.key(self.seed)
        self._compiled(
            first,
            count,
            tables.table,
            tables.openings,
            tables.closings,
            tables.stops,
            np.append(samples, -1),
            tables.constants,
            key0,
            key1,
            streams.tag(purpose, self.direction),
            start,
            out,
            strokes,
            paths,
            *self._workspace(),
        )
        rows = (from_blocks(kept, self.lanes, pitch, count) for kept in (out, strokes, paths))
        out, strokes, paths = rows
        return out, strokes, paths

    def _workspace(self) -> tuple[Floats, Floats, NDArray[np.uint64]]:
        """Give this thread's scratch rows, 64-byte aligned: a load across a cache line costs two."""
        if not hasattr(self._local, "workspace"):
            pitch = self.layout.pitch
            drawn = GROUP * self.form.normals * (2 if self.form.coarse else 1)
            rows = (len(self.layout.rows), max(drawn, 2), 2)
            self._local.workspace = tuple(aligned(count * pitch) for count in rows)
        a, z, r = self._local.workspace
        return a, z, r.view(np.uint64)

    # ---- rows to columns

    def _kinetic(self, state: Floats) -> Floats:
        n = self.form.coordinates
        total = np.zeros(state.shape[1])
        for mass, velocity in zip(self.masses, state[n : 2 * n], strict=False):
            total = total + (0.5 * mass) * (velocity * velocity)
        return total

    def _ledger(self, before: Floats, rows: Floats, since: Floats | None) -> Columns:
        """Give the ledger between two reports: `rows` at the end, `since` (or nothing) at the beginning."""
        at = self.layout.row

        def grown(name: str) -> Floats:
            total: Floats = rows[at(name)]
            return total if since is None else total - since[at(name)]

        energy = rows[at("energy_start")] if since is None else since[at("energy")]
        change = (rows[at("energy")] + self._kinetic(rows)) - (energy + self._kinetic(before))
        control = grown("control_work")
        columns: Columns = {"work": control}
        if self.form.swirl:
            force = grown("force_work")
            columns |= {"work": control + force, "control_work": control, "force_work": force}
        if self.form.bare:
            bare = rows[at("bare_start")] if since is None else since[at("bare")]
            columns["exclusive_work"] = columns["work"] - (
                (rows[at("energy")] - rows[at("bare")]) - (energy - bare)
            )
        if self.form.one_beta:
            columns["dimensionless_work"] = grown("dimensionless_work")
        heats = [grown(f"heat_{b}") for b in range(self.form.baths)]
        columns["heat"] = sum(heats[1:], heats[0])
        if len(heats) > 1:
            columns |= {f"heat_{name}": heat for name, heat in zip(self.bath_names, heats, strict=True)}
        columns |= {
            "entropy_flow": grown("entropy_flow"),
            "shadow_work": grown("shadow_work"),
            "energy_change": change,
        }
        if "log_ratio" in self.layout.rows:
            columns["log_ratio"] = grown("log_ratio")
        return columns

    def _state_columns(self, state: Floats, suffix: str) -> Columns:
        names = [*self.system.coordinates, *(self.system.velocities if self.form.underdamped else ())]
        return {f"{name}{suffix}": row for name, row in zip(names, state, strict=False)}

    def _recorded(self, rows: Floats, since: Floats | None, whole: bool, opened: float) -> Columns:
        columns: Columns = {}
        for k, record in enumerate(self.records):
            total = whole and record.kind in ("max", "min", "first")
            values = rows[self.layout.row(f"total_{k}" if total else f"record_{k}")]
            if record.kind == "integral" and since is not None:
                values = values - since[self.layout.row(f"record_{k}")]
            if record.kind == "first":
                values = np.where(np.isinf(values), np.nan, values - opened)
            columns[record.name] = values
        return columns

    def _columns(self, first: int, state: Floats, out: Floats) -> Columns:
        columns = self._ledger(state, out, None)
        initial, final = self._state_columns(state, "_initial"), self._state_columns(out, "_final")
        for name in initial:
            stem = name.removesuffix("_initial")
            columns |= {name: initial[name], f"{stem}_final": final[f"{stem}_final"]}
        recorded = self._recorded(out, None, True, 0.0)
        never_null = [recorded[r.name] for r in self.records if r.kind != "first"]
        shadow = columns["shadow_work"]  # the one column that a step too long for the forces spoils
        others = [column for column in [*columns.values(), *never_null] if column is not shadow]
        status = np.where(np.isfinite(shadow), Status.OK, Status.OVERSHOT)
        status = np.where(_all_finite(others), status, Status.NON_FINITE)
        columns |= recorded
        blank(columns, status != Status.OK)
        head = {"trajectory": np.arange(first, first + state.shape[1], dtype=np.int64)}
        return {**head, "status": status.astype(np.uint8), **columns}

    def _strokes(self, first: int, state: Floats, strokes: Floats, failed: NDArray[np.bool_]) -> Columns:
        """One row a trajectory and stroke; cumulative rows are differenced."""
        opened = self.schedule.borders
        each: list[Columns] = []
        before, since = state, None
        for m, rows in enumerate(strokes):
            columns = self._ledger(before, rows, since)
            columns |= self._state_columns(before, "_initial") | self._state_columns(rows, "_final")
            columns |= self._recorded(rows, since, False, float(opened[m]))
            blank(columns, failed)
            each.append(columns)
            before, since = rows, rows
        return self.stroke_rows(first, {name: np.stack([one[name] for one in each]) for name in each[0]})

    def _paths(self, first: int, paths: Floats, samples: NDArray[np.int64]) -> Columns:
        at = self.layout.row
        rows = {name: paths[:, k] for k, name in enumerate(self._state_columns(paths[0], ""))}
        work = paths[:, at("control_work")]
        rows["work"] = work + paths[:, at("force_work")] if self.form.swirl else work
        heats = [paths[:, at(f"heat_{b}")] for b in range(self.form.baths)]
        rows["heat"] = sum(heats[1:], heats[0])
        return in_rows(first, {"time": samples * self.schedule.move}, rows)


def form_of(
    system: Potential,
    dynamics: Langevin,
    schedule: Schedule,
    links: Sequence[Link],
    record: Mapping[str, str],
    *,
    coarse: bool = False,
) -> Form:
    """Say which kernel a run needs."""
    energy, gradient = (
        system.energy_node,
        tuple(system.gradient),
    )  # before the records, which then cannot reorder them
    swirl = tuple(system.force_nodes) if system.forces else ()
    return Form(
        graph=system.graph,
        energy=energy,
        gradient=gradient,
        swirl=swirl,
        controls=len(system.controls),
        parameters=len(system.parameters),
        baths=len(dynamics.bath_names),
        links=tuple((link.coordinate, link.bath) for link in links),
        move=dynamics.move,
        one_beta=schedule.one_beta,
        bare=system.controls_affine and len(system.controls) > 0,
        records=records_of(system, record, dynamics.underdamped),
        coarse=coarse,
    )


def into_blocks(rows: Floats, lanes: int, pitch: int) -> Floats:
    """Lay out rows as a kernel takes them: (rows, count) to (blocks, rows * pitch).

    The last block's spare lanes repeat the last trajectory: any sound state will do.
    """
    height, count = rows.shape
    number = -(-count // lanes)
    lane = np.minimum(np.arange(number * lanes), count - 1).reshape(number, lanes)
    blocks = np.zeros((number, height, pitch))
    blocks[:, :, :lanes] = rows[:, lane].swapaxes(0, 1)
    return blocks.reshape(number, height * pitch)


def from_blocks(blocks: Floats, lanes: int, pitch: int, count: int) -> Floats:
    """Undo `into_blocks`, for arrays of any number of leading axes."""
    *several, number, size = blocks.shape
    lined = blocks.reshape(*several, number, size // pitch, pitch)[..., :lanes].swapaxes(-3, -2)
    return np.ascontiguousarray(lined.reshape(*several, size // pitch, number * lanes)[..., :count])


def _all_finite(columns: list[Floats]) -> NDArray[np.bool_]:
    finite = np.ones(columns[0].shape, dtype=bool)
    for column in columns:
        finite &= np.isfinite(column)
    return finite
