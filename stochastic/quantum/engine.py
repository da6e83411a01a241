"""Carry wave functions that jump through a protocol, and keep the ledger of each trajectory.

    start -> kernel (no-jump evolution, jumps) -> measurement -> columns

The jumps of a trajectory take their numbers from the purpose "jumps": call k holds the threshold that the
norm must meet after jump k, and the number that chose the channel of jump k. The outcome of the last
measurement has a purpose of its own, that of the first is part of the start. Between jumps no number is
drawn, so neither the blocks nor the time step can change which one is taken for what.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic import compiling, streams
from fluctua.stochastic.propagator import Block, Propagator, aligned, blank, in_rows
from fluctua.stochastic.quantum.housekeeping import end_potentials
from fluctua.stochastic.quantum.tables import tables_of
from fluctua.stochastic.quantum.writing import Shape, module_text
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.first_instant import Start
    from fluctua.stochastic.propagator import Columns
    from fluctua.stochastic.quantum.tables import Model
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_JUMPS = 64  # room for that many jumps of a trajectory, at first
_SIGNATURE = (
    "(int64, int64, int64, int64[::1], float64[::1], int64[::1], uint64, uint64, uint64, float64[::1],"
    " float64[::1], float64[::1], int64[:, ::1], float64[::1], int64[::1],"
    " float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])"
)


class QuantumPropagator(Propagator):
    """Everything one run of quantum jumps needs to make any of its trajectories.

    Parameters
    ----------
    model : Model
        System and channels.
    schedule : Schedule
        As the run goes through it: reversed for a reverse run.
    start : Start
        Draws wave functions in the fixed basis, real parts over imaginary parts, and below them the number of
        the level that was measured, or -1: shape (2 d + 1, count).
    seed : int, 0 <= seed < 2**64
    direction : {"forward", "reverse"}
    strokes : bool
        Keep the ledger of every stroke.
    paths, path_every : int
        Sample the first `paths` trajectories every `path_every` steps, and list their jumps.
    lanes : int, optional
        Trajectories in a block, a multiple of 16; changes no bit.
    """

    def __init__(
        self,
        model: Model,
        schedule: Schedule,
        start: Start,
        *,
        seed: int,
        direction: str = "forward",
        strokes: bool = False,
        paths: int = 0,
        path_every: int = 1,
        lanes: int | None = None,
    ) -> None:
        self.model, self.schedule, self.start = model, schedule, start
        self.seed, self.direction = seed, direction
        self.keep_strokes, self.paths, self.path_every = strokes, paths, path_every
        self.channel_names, self.state_names = tuple(model.channel_names), tuple(model.state_names)
        self.shape = Shape(
            model.dimension,
            len(model.bath_names),
            lanes or (128 if model.dimension == 2 else 64 if model.dimension < 5 else 32),
        )
        ends = np.stack([schedule.start_controls, schedule.end_controls])
        self.energies, self.vectors = model.levels(ends)
        self.tables = tables_of(model, schedule, self.vectors[1:])
        if model.housekeeping:
            self.potentials = end_potentials(model, schedule)
        self._local = threading.local()
        self._compiled: Any = None

    def compile(self) -> None:
        """Compile the kernel now, or load it from the cache; done by the first `run` otherwise."""
        with compiling.one_at_a_time():
            if self._compiled is None:
                noise = compiling.noise_module()
                module = compiling.load(
                    module_text(
                        self.shape,
                        noise.__name__,
                        followed=self.model.path_work,
                        mixing=self.tables.mixing,
                    ),
                    "wave_function",
                )
                compiling.compile_kernel(module.simulate, _SIGNATURE)
                self._compiled = module.simulate

    # ---- running

    def _run(self, first: int, count: int, sampled: bool) -> Block:
        state = self.start.draw(first, count)
        samples = np.arange(0, self.schedule.steps + 1, self.path_every) if sampled else np.zeros(0, np.int64)
        out, kept, paths, jumps = self._simulate(state, first, samples, sampled)
        columns = self._columns(first, state, out)
        failed = columns["status"] != Status.OK
        return Block(
            columns,
            self._strokes(first, kept, failed) if self.keep_strokes else None,
            self._paths(first, state, paths, samples, failed) if sampled else None,
            self._jumps(first, jumps, failed) if sampled else None,
        )

    def _simulate(
        self, state: Floats, first: int, samples: Integers, sampled: bool
    ) -> tuple[Floats, Floats, Floats, tuple[Integers, Floats]]:
        if self._compiled is None:  # looked at without the lock: a compilation must not hold up a run
            self.compile()
        room = _JUMPS * state.shape[1] if sampled else 0
        while True:
            out, kept, paths, jumps, times, number = self._filled(state, first, samples, room)
            if number <= room or not sampled:
                break
            room = number  # now it is known how many there are
        return out, kept, paths, (jumps[:number], times[:number])

    def _filled(
        self, state: Floats, first: int, samples: Integers, room: int
    ) -> tuple[Floats, Floats, Floats, Integers, Floats, int]:
        """Run the kernel on some trajectories with room for so many jumps; the last item is their number."""
        d, count, shape = self.shape.dimension, state.shape[1], self.shape
        carried = self._opening(first, state)
        kept = np.empty((len(self.schedule.moves) if self.keep_strokes else 0, len(shape.reported), count))
        paths = np.empty((samples.size, count, 2 * d + shape.baths))
        paths[:1, :, : 2 * d], paths[:1, :, 2 * d :] = state[: 2 * d].T, 0.0
        jumps, times, tally = np.empty((room, 3), np.int64), np.empty(room), np.zeros(1, np.int64)
        self._compiled(
            first,
            count,
            len(self.schedule.moves),
            self.tables.numbers,
            self.tables.floats,
            np.append(samples[1:], self.schedule.steps + 1),
            *streams.key(self.seed),
            streams.tag("jumps", self.direction),
            carried.reshape(-1),
            kept.reshape(-1),
            paths[1:].reshape(-1),
            jumps,
            times,
            tally,
            *self._workspace(),
        )
        out = np.delete(carried[:, :count], (2 * d, 2 * d + 1), axis=0)
        return out, kept, paths.swapaxes(1, 2), jumps, times, int(tally[0])

    def _opening(self, first: int, state: Floats) -> Floats:
        """Give what trajectories carry at first, in whole blocks: those behind the last one never jump."""
        d, count, lanes = self.shape.dimension, state.shape[1], self.shape.lanes
        carried = np.zeros((2 * d + len(self.shape.carried), -(-count // lanes) * lanes))
        carried[: 2 * d, :count] = state[: 2 * d]
        carried[: 2 * d, count:] = state[: 2 * d, -1:]
        threshold, energy = carried[2 * d], carried[2 * d + 1]
        threshold[:count] = streams.draw_uniforms(self.seed, self.direction, "jumps", first, count, 1)[0]
        threshold[count:] = -1.0
        energy[:count] = self._first_energy(state)
        return carried

    def _first_energy(self, state: Floats) -> Floats:
        """Give the energy at the first instant: that of the level measured, or its expectation."""
        levels = state[-1].astype(np.int64)
        energy: Floats = self.energies[0][np.maximum(levels, 0)]
        if (levels >= 0).all():
            return energy
        mean = _expectation(self.energies[0], populations(self.vectors[:1], state))
        return np.where(levels >= 0, energy, mean)

    def _workspace(self) -> tuple[Floats, ...]:
        """Give this thread's scratch rows, 64-byte aligned: a load across a cache line costs two."""
        if not hasattr(self._local, "workspace"):
            shape = self.shape
            rows = (2 * shape.dimension, 2 * shape.dimension, len(shape.rows))
            sizes = (*(shape.pitch * count for count in rows), *shape.scratch(self.tables.slots))
            self._local.workspace = tuple(aligned(size) for size in sizes)
        return tuple(self._local.workspace)

    # ---- rows to columns

    def _columns(self, first: int, state: Floats, out: Floats) -> Columns:
        d, count = self.shape.dimension, state.shape[1]
        weights = out[:d] * out[:d] + out[d : 2 * d] * out[d : 2 * d]
        rows = dict(zip(self.shape.reported, out[2 * d :], strict=True))
        if self.model.measured:
            columns, ends = self._measured(first, count, state, weights, rows)
        else:
            columns, ends = self._followed(state, weights, rows), {}
        finite = np.isfinite(weights.sum(axis=0)) & np.isfinite(columns["energy_change"] + columns["heat"])
        status = np.where(finite, Status.OK, Status.NON_FINITE)
        status = np.where(rows["flaw"] > 0.0, Status.NORM_LOST, status).astype(np.uint8)
        failed = status != Status.OK
        columns |= ends
        blank(columns, failed)
        head: Columns = {"trajectory": np.arange(first, first + count, dtype=np.int64), "status": status}
        return head | columns

    def _measured(
        self, first: int, count: int, state: Floats, weights: Floats, rows: dict[str, Floats]
    ) -> tuple[Columns, Columns]:
        """Measure the energy at the end as it was at the start; work is what heat leaves of its change."""
        number = streams.draw_uniforms(self.seed, self.direction, "measurement", first, count, 1)[0]
        before, after = state[-1].astype(np.int32), chosen_level(weights, number)
        opening, closing = self.energies[0][before], self.energies[1][after]
        heat = self._heat(rows)
        columns: Columns = {"work": (closing - opening) - heat["heat"]}
        if self.model.path_work:
            columns["path_work"] = rows["work"]
        if self.schedule.one_beta and self.model.thermal:
            first_beta, last_beta = self.schedule.start_beta[0], self.schedule.end_beta[0]
            columns["dimensionless_work"] = (last_beta * closing - first_beta * opening) + rows[
                "entropy_flow"
            ]
        columns |= heat | self._entropy(rows)
        if self.model.housekeeping:
            first_potential, last_potential = self.potentials
            rise = last_potential[after] - first_potential[before]
            columns["hatano_sasa"] = rise - rows["potential"]
        columns |= {"energy_change": closing - opening, "activity": rows["activity"].astype(np.int32)}
        return columns, {"state_initial": before, "state_final": after}

    def _followed(self, state: Floats, weights: Floats, rows: dict[str, Floats]) -> Columns:
        """Follow the energy's expectation: work by the power, heat by quanta, the rest is quantum heat."""
        heat = self._heat(rows)
        closing = _expectation(self.energies[1], weights)
        columns: Columns = {"work": rows["work"]}
        columns |= heat | self._entropy(rows)
        columns |= {
            "quantum_heat": rows["gained"] - heat["heat"],
            "energy_change": closing - self._first_energy(state),
            "activity": rows["activity"].astype(np.int32),
        }
        return columns

    def _heat(self, rows: dict[str, Floats]) -> Columns:
        each = {name: rows[f"heat_{b}"].copy() for b, name in enumerate(self.model.bath_names)}
        first, *others = each.values()
        heat: Columns = {"heat": sum(others, first)}
        return heat | ({f"heat_{name}": one for name, one in each.items()} if others else {})

    def _entropy(self, rows: dict[str, Floats]) -> Columns:
        if not self.model.thermal:
            return {}
        entropy: Columns = {name: rows[name].copy() for name in ("entropy_flow", "log_ratio")}
        if self.model.housekeeping:
            entropy["housekeeping_entropy"] = rows["log_ratio"] + rows["potential"]
        return entropy

    def _strokes(self, first: int, kept: Floats, failed: NDArray[np.bool_]) -> Columns:
        """Difference the ledger at strokes' ends, trajectory by trajectory."""
        strokes, _, count = kept.shape
        grown = kept.copy()
        grown[1:] -= kept[:-1]
        rows = {name: grown[:, k] for k, name in enumerate(self.shape.reported)}
        columns = self._stroke_columns(rows)
        blank(columns, np.broadcast_to(failed, (strokes, count)))
        return self.stroke_rows(first, columns)

    def _stroke_columns(self, rows: dict[str, Floats]) -> Columns:
        columns: Columns = {}
        heat = self._heat(rows)
        if self.model.path_work:
            columns["path_work" if self.model.measured else "work"] = rows["work"]
        columns |= heat | self._entropy(rows)
        if self.model.path_work and not self.model.measured:
            columns["quantum_heat"] = rows["gained"] - heat["heat"]
            columns["energy_change"] = rows["work"] + rows["gained"]
        return columns | {"activity": rows["activity"].astype(np.int32)}

    def retrace(self, trajectory: int, every: int) -> Block:
        """Give one trajectory with its path; levels are held for each of its instants beside it."""
        d = self.shape.dimension
        self.check_path(8 * (4 * d + 2 * self.shape.baths + 2 * d * d), every)
        return super().retrace(trajectory, every)

    def _paths(
        self, first: int, state: Floats, paths: Floats, samples: Integers, failed: NDArray[np.bool_]
    ) -> Columns:
        """Give populations of instantaneous levels, the expected energy, and heat, at sampled instants."""
        d = self.shape.dimension
        energies, vectors = self.model.levels(self._controls_after(samples))
        weights = populations(vectors, paths.swapaxes(0, 1)[: 2 * d])
        total = _summed(weights)
        rows = {f"heat_{bath}": paths[:, 2 * d + bath] for bath in range(self.shape.baths)}
        columns: Columns = {f"p_{level}": weights[level] / total for level in range(d)}
        columns["energy"] = _expectation(energies.T[:, :, None], weights)
        if self.model.measured and self.model.thermal:
            # Work by the first law, as in the ledger, with what a measurement would find on average.
            heat = self._heat(rows)["heat"]
            columns["work"] = (columns["energy"] - self._first_energy(state)) - heat
            columns["heat"] = heat
        blank(columns, np.broadcast_to(failed, columns["energy"].shape))
        return in_rows(first, {"time": samples * self.schedule.move}, columns)

    def _controls_after(self, samples: Integers) -> Floats:
        """Give the controls after so many moves, the change that follows the last of them included."""
        schedule = self.schedule
        moves = np.asarray(schedule.moves)
        after = np.empty_like(schedule.controls)
        after[:-1] = schedule.controls[1:]
        moving = moves > 0
        after[np.cumsum(moves)[moving] - 1] = schedule.closing_controls[moving]
        return np.concatenate([schedule.opening_controls[:1], after])[samples]

    def _jumps(self, first: int, jumps: tuple[Integers, Floats], failed: NDArray[np.bool_]) -> Columns:
        """List jumps by trajectory and then by time, but for trajectories that failed."""
        numbers, times = jumps
        sound = ~failed[numbers[:, 0]]
        numbers, times = numbers[sound], times[sound]
        order = np.lexsort((times, numbers[:, 0]))
        return {
            "trajectory": numbers[order, 0] + first,
            "time": times[order],
            "channel": numbers[order, 1].astype(np.int32),
            "state": numbers[order, 2].astype(np.int32),
        }


def populations(vectors: Any, amplitudes: Floats) -> Floats:
    """Give the weights ``|<m|psi>|^2`` of levels, not normalised.

    Parameters
    ----------
    vectors : Matrices
        Eigenvectors as columns; one row, or one for each index of the second axis of `amplitudes`.
    amplitudes : (2 d, count) or (2 d, samples, count) array
        Real parts over imaginary parts, in the fixed basis.
    """
    d = vectors.dimension
    shape = (d, *amplitudes.shape[1:])
    weights = np.empty(shape)
    several = amplitudes.ndim == 3
    for level in range(d):
        re, im = np.zeros(shape[1:]), np.zeros(shape[1:])
        for i in range(d):
            a, b = vectors.re[:, i, level], vectors.im[:, i, level]
            a, b = (a[:, None], b[:, None]) if several else (a, b)
            x, y = amplitudes[i], amplitudes[d + i]
            re += a * x + b * y
            im += a * y - b * x
        weights[level] = re * re + im * im
    return weights


def chosen_level(weights: Floats, number: Floats) -> NDArray[np.int32]:
    """Choose a level of each trajectory by weights (d, count), with uniform numbers (count,)."""
    cumulative = [weights[0]]
    for weight in weights[1:]:
        cumulative.append(cumulative[-1] + weight)
    with np.errstate(invalid="ignore"):
        place = number * cumulative.pop()
        level = np.zeros(len(number), np.int32)
        for below in cumulative:
            level += below <= place
    return level


def _expectation(energies: Floats, weights: Floats) -> Floats:
    """Give the mean of energies (d,) or (d, ...) with weights (d, ...)."""
    energies = energies.reshape(energies.shape + (1,) * (weights.ndim - energies.ndim))
    mean: Floats = _summed(energies * weights) / _summed(weights)
    return mean


def _summed(rows: Floats) -> Floats:
    """Sum over levels in their order."""
    total: Floats = rows[0]
    for row in rows[1:]:
        total = total + row
    return total
