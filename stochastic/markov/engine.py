"""Carry jump trajectories through a protocol, exactly in continuous time.

Where rates stand still in every stroke, blocks of lanes jump at constant rates (`kernels/gillespie.py`). Else
each trajectory follows integrated hazards (`kernels/hazard.py`), as do those whose jumps and paths are kept:
both kernels use the same random numbers in the same way, and at constant rates they take the same jumps, to
the bit.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic import compiling, streams
from fluctua.stochastic.initial import Equilibrium
from fluctua.stochastic.markov import listing, moving, still
from fluctua.stochastic.markov.layout import Layout
from fluctua.stochastic.markov.passages import passages_of
from fluctua.stochastic.markov.recording import recordings
from fluctua.stochastic.markov.starts import prepare
from fluctua.stochastic.markov.tables import Tables, tables_of
from fluctua.stochastic.propagator import Block, Columns, Propagator, blank
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    from fluctua.stochastic.dynamics.markov_jump import MarkovJump
    from fluctua.stochastic.initial import Initial
    from fluctua.stochastic.levels import Levels
    from fluctua.stochastic.markov.moving import Traced
    from fluctua.stochastic.protocol import Protocol

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Ledger = tuple[Floats, Floats, Whole, NDArray[np.uint8]]

MOST_JUMPS = 10**9  # of one trajectory
AT_ONCE = 10**6  # jumps that are listed at a time, where something is looked for along trajectories


class MarkovPropagator(Propagator):
    """Everything one run of a Markov jump process needs to make any of its trajectories.

    Parameters
    ----------
    system : Levels
    dynamics : MarkovJump
    protocol : Protocol
    time_step : float, time, optional
        Needed for sampled paths alone.
    seed : int, 0 <= seed < 2**64
    direction : {"forward", "reverse"}
    initial : Equilibrium, Steady, Point, Populations or Samples
    record : mapping of column name to formula
        As `recording` says.
    boltzmann : float
        Boltzmann's constant in the units of energy over temperature.
    strokes : bool
        Keep the ledger of every stroke.
    paths, path_every : int
        Keep the jumps of the first `paths` trajectories, and with a time step their paths every `path_every`
        steps.
    finer, lanes
        Change nothing: there are no steps, and no lane's numbers depend on another's.

    Raises
    ------
    InvalidInput
        Whatever cannot be run.
    """

    def __init__(
        self,
        system: Levels,
        dynamics: MarkovJump,
        protocol: Protocol,
        *,
        seed: int,
        time_step: float | None = None,
        direction: str = "forward",
        initial: Initial | None = None,
        record: Mapping[str, str] | None = None,
        boltzmann: float = 1.0,
        strokes: bool = False,
        paths: int = 0,
        path_every: int = 1,
        finer: int = 1,  # noqa: ARG002  (there are no steps)
        lanes: int | None = None,  # noqa: ARG002  (a lane's numbers are its own)
    ) -> None:
        self.system, self.dynamics, self.seed, self.direction = system, dynamics, seed, direction
        schedule = protocol.schedule(time_step, system.controls, dynamics.bath_names, boltzmann)
        self.schedule = schedule.reversed() if direction == "reverse" else schedule
        self.generator = dynamics.generator(system)
        self.start = prepare(
            Equilibrium() if initial is None else initial,
            self.generator,
            self.schedule,
            seed=seed,
            direction=direction,
        )
        self.records = tuple(record or {})
        recorded = recordings(system, record or {})
        self.finals = recorded["final"]
        self.passages = passages_of(recorded, self.schedule)
        self.tables: Tables = tables_of(self.generator, dynamics, self.schedule, recorded["integral"])
        self.layout: Layout = self.tables.layout
        self.keep_strokes, self.paths, self.path_every = strokes, paths, path_every
        self.channel_names = tuple(channel.name for channel in self.generator.channels)
        self.state_names = self.generator.levels
        columns = [*dynamics.ledger(system, self.schedule), *dynamics.ends(system)]
        self._names = [column.name for column in columns]
        self._stream = (*streams.key(seed), streams.tag("jumps", direction))
        self._local = threading.local()
        self._still: Any = None
        self._hazard: Any = None
        if not self.tables.all_still:
            _ = self.tables.pieces  # what cannot be tabled is refused here, not when it runs

    # ---- compiling

    def compile(self) -> None:
        """Compile the kernels that the run needs, or load them from the cache."""
        with compiling.one_at_a_time():
            if self.tables.all_still and self._still is None:
                self._still = still.compiled()
        sampled = self.paths > 0 and self.schedule.time_step is not None
        if sampled or self.passages.kinds or not self.tables.all_still:
            self._compile_hazard()

    def _compile_hazard(self) -> None:
        with compiling.one_at_a_time():
            if self._hazard is None:
                self._hazard = moving.compiled()

    # ---- running

    def _run(self, first: int, count: int, sampled: bool) -> Block:
        state = self._levels(first, count)
        rows, each, ends, status = self._ledger(state, first)
        found = self._passages(first, state, rows[self.layout.activity], status)
        columns = self._columns(first, state, rows, ends, status, found)
        strokes = None
        if self.keep_strokes:
            strokes = self._strokes(first, state, each, ends, columns["status"], found)
        return Block(columns, strokes, *(self._traced(first, state, columns) if sampled else ()))

    def _levels(self, first: int, count: int) -> Whole:
        """Draw where trajectories start."""
        return np.ascontiguousarray(self.start.draw(first, count)[0], dtype=np.int64)

    def _ledger(self, state: Whole, first: int) -> Ledger:
        """Give the ledger's rows at the end, at each stroke's end if kept, and the levels there."""
        if not self.tables.all_still:
            followed: Ledger = self._follow(state, first, self.keep_strokes)
            return followed
        if self._still is None:
            self.compile()
        if not hasattr(self._local, "room"):
            self._local.room = still.room(self.tables)
        room, keep = self._local.room, self.keep_strokes
        return still.simulate(self._still, self.tables, first, state, self._stream, MOST_JUMPS, room, keep)

    def _follow(
        self,
        state: Whole,
        first: int,
        keep_strokes: bool,
        traced: Traced | None = None,
    ) -> Any:
        """Run the kernel of hazards, for the ledger, or for paths and jumps."""
        if self._hazard is None:
            self._compile_hazard()
        return moving.simulate(
            self._hazard, self.tables, first, state, self._stream, MOST_JUMPS, keep_strokes, traced
        )

    def _passages(
        self, first: int, state: Whole, activity: Floats, status: NDArray[np.uint8]
    ) -> dict[str, Floats]:
        """Look along trajectories whose numbers of jumps are known, some at a time."""
        strokes = len(self.tables.kinds)
        found = {name: np.full((len(state), strokes), np.nan) for name in self.passages.kinds}
        if not found:
            return found
        counts = np.where(status == Status.OK, activity, 0.0).astype(np.int64)
        turns = np.cumsum(counts) // AT_ONCE
        for turn in np.unique(turns):
            at = slice(*np.searchsorted(turns, [turn, turn + 1]))
            offsets = np.concatenate([[0], np.cumsum(counts[at])]).astype(np.int64)
            times, jumped = self._listed(first + at.start, state[at], offsets)
            for name, values in self.passages.along(state[at], offsets, times, jumped[:, 1]).items():
                found[name][at] = values
        return found

    # ---- rows to columns

    def _grown(
        self,
        rows: Floats,
        since: Floats | None,
        state: Whole,
        ends: Whole,
        stroke: int | None,
        passed: dict[str, Floats],
    ) -> Columns:
        """Give the columns of what happened between two reports, of the run or of a stroke."""
        at, gained = self.layout, rows if since is None else rows - since
        found: Columns = {
            "activity": gained[at.activity].astype(np.int32),
            "state_initial": state.astype(np.int32),
            "state_final": ends.astype(np.int32),
        }
        for b, bath in enumerate(self.generator.bath_names):
            found[f"particles_{bath}"] = gained[at.particles + b].astype(np.int32)
        if self.dynamics.thermodynamics:
            found |= self._energies(gained, state, ends, stroke)
        columns = {name: found[name] for name in self._names}
        return columns | self._recorded(gained, ends, stroke, passed)

    def _energies(self, gained: Floats, state: Whole, ends: Whole, stroke: int | None) -> Columns:
        """Give the columns of work, heat and entropy."""
        tables, at = self.tables, self.layout
        opened = tables.opening_energies[0 if stroke is None else stroke]
        closed = tables.closing_energies[-1 if stroke is None else stroke]
        heats = [gained[at.heat + b] for b in range(at.baths)]
        brought = [gained[at.chemical + b] for b in range(at.baths)]
        parts = {
            "control_work": gained[0],
            "force_work": gained[at.force],
            "chemical_work": _sum(brought),
        }
        work = _sum(list(parts.values()))
        change = closed[ends] - opened[state]
        found: Columns = {
            **parts,
            "work": work,
            "exclusive_work": work - (change - (tables.bare_energies[ends] - tables.bare_energies[state])),
            "dimensionless_work": gained[1],
            "heat": _sum(heats),
            "entropy_flow": gained[at.entropy],
            "energy_change": change,
            "log_ratio": gained[at.ratio],
            "housekeeping_entropy": gained[at.keeping],
            "hatano_sasa": gained[2],
        }
        for b, bath in enumerate(self.generator.bath_names):
            found[f"heat_{bath}"] = heats[b]
            found[f"energy_{bath}"] = heats[b] + brought[b]
        return found

    def _recorded(
        self, gained: Floats, ends: Whole, stroke: int | None, passed: dict[str, Floats]
    ) -> Columns:
        """Give what is recorded, in the order in which it was asked for."""
        if not self.records:
            return {}
        controls = self.schedule.closing_controls[-1 if stroke is None else stroke]
        closing = self.finals.at(controls[None, :])[0][ends]
        found = dict(zip(self.finals.nodes, closing.T, strict=True)) | self.passages.reported(passed, stroke)
        integrals = self.tables.functions.integrals.nodes
        found |= dict(zip(integrals, gained[self.layout.quantities :], strict=True))
        return {name: np.ascontiguousarray(found[name]) for name in self.records}

    def _columns(
        self,
        first: int,
        state: Whole,
        rows: Floats,
        ends: Whole,
        status: NDArray[np.uint8],
        passed: dict[str, Floats],
    ) -> Columns:
        columns = self._grown(rows, None, state, ends[-1], None, passed)
        for name, column in columns.items():
            real = column.dtype.kind == "f" and self.passages.kinds.get(name) != "first"
            if real and not np.isfinite(column).all():
                infinite = ~np.isfinite(column) & (status == Status.OK)
                status = np.where(infinite, np.uint8(Status.NON_FINITE), status)
        blank(columns, status != Status.OK)
        head = {"trajectory": np.arange(first, first + len(state), dtype=np.int64)}
        return {**head, "status": status.astype(np.uint8), **columns}

    def _strokes(
        self,
        first: int,
        state: Whole,
        strokes: Floats,
        ends: Whole,
        status: NDArray[np.uint8],
        passed: dict[str, Floats],
    ) -> Columns:
        """One row a trajectory and stroke; cumulative rows are differenced."""
        number = len(strokes)
        befores, opened = [None, *strokes[:-1]], [state, *ends[:-1]]
        each = [self._grown(strokes[m], befores[m], opened[m], ends[m], m, passed) for m in range(number)]
        for columns in each:
            blank(columns, status != Status.OK)
        return self.stroke_rows(first, {name: np.stack([one[name] for one in each]) for name in each[0]})

    # ---- paths and jumps

    def _traced(self, first: int, state: Whole, columns: Columns) -> tuple[Columns | None, Columns]:
        """Give the paths and jumps of trajectories whose columns are known."""
        sound = columns["status"] == Status.OK
        counts = np.where(sound, columns["activity"], 0)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        samples, paths = self._samples(), None
        if samples is None:
            times, jumped = self._listed(first, state, offsets)
        else:
            paths, times, jumped = self._follow(state, first, False, (*samples, offsets))
            paths[:, :, ~sound] = np.nan
        trajectory = np.arange(first, first + len(state), dtype=np.int64)
        jumps: Columns = {
            "trajectory": np.repeat(trajectory, counts),
            "time": times,
            "channel": jumped[:, 0].astype(np.int32),
            "state": jumped[:, 1].astype(np.int32),
        }
        return None if paths is None else self._paths(trajectory, state, paths), jumps

    def _listed(self, first: int, state: Whole, offsets: Whole) -> tuple[Floats, Whole]:
        """List times of jumps, and channels and levels, of trajectories whose numbers of jumps are known."""
        turns = int(np.diff(offsets).max(initial=0)) + len(self.tables.kinds)
        few = turns <= listing.MOST_TURNS and offsets[-1] <= listing.MOST_LISTED
        if few and self.tables.all_still and self._hazard is None:
            return listing.listed(self.tables, first, state, self._stream, offsets)
        times, jumped = self._follow(state, first, False, (*moving.NO_SAMPLES, offsets))[1:]
        return times, jumped

    def _samples(self) -> tuple[Whole, Floats] | None:
        """Give stroke, interval and place of each sampled instant but the first; None without a time step."""
        step = self.schedule.time_step
        if step is None:
            return None
        done = np.concatenate([[0], np.cumsum(self.schedule.moves)])
        numbers = np.arange(self.path_every, self.schedule.steps + 1, self.path_every)
        strokes = np.searchsorted(done, numbers, side="left") - 1
        intervals, places = self.tables.place(
            strokes, (numbers - done[strokes]) / self.schedule.moves[strokes]
        )
        return np.ascontiguousarray(np.stack([strokes, intervals], axis=1)), places

    def _paths(self, trajectory: Whole, state: Whole, sampled: Floats) -> Columns:
        """One row a trajectory and sampled instant, the first among them."""
        assert self.schedule.time_step is not None
        number = sampled.shape[1] + 1
        start = np.stack([np.zeros(len(state)), np.zeros(len(state)), state.astype(np.float64)])
        start[:, np.isnan(sampled[0]).all(axis=0) & (number > 1)] = np.nan
        work, heat, level = np.concatenate([start[:, None, :], sampled], axis=1).swapaxes(1, 2)
        times = np.arange(number) * (self.path_every * self.schedule.time_step)
        return {
            "trajectory": np.repeat(trajectory, number),
            "time": np.tile(times, len(state)),
            "state": np.where(np.isnan(level), -1.0, level).astype(np.int32).ravel(),
            "work": work.ravel(),
            "heat": heat.ravel(),
        }


def _sum(rows: list[Floats]) -> Floats:
    total = rows[0]
    for row in rows[1:]:
        total = total + row
    return total
