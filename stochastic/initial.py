"""Where trajectories start: equilibrium, a steady state, one point, or rows of a file.

A start is prepared once for a run and then draws any trajectories, the same for each whatever block it stands
in. Velocities come with every start of underdamped dynamics, in the order positions, velocities. A reverse
run is prepared with the reversed schedule, so that it starts the same way at its own first instant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fluctua.stochastic import streams
from fluctua.stochastic.equilibrium import (
    EquilibriumTable,
    bound_coordinates,
    equilibrium,
    tabulate_along,
)
from fluctua.stochastic.errors import Damaged, InvalidInput, StorageError, did_you_mean, shown
from fluctua.stochastic.linear import Gaussian
from fluctua.stochastic.schedule import MOST_STEPS
from fluctua.stochastic.steady import (
    Contact,
    contacts_of,
    driven_coordinates,
    mean_temperature,
    steady_state,
)
from fluctua.stochastic.values import Value, number, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.overdamped import Overdamped
    from fluctua.stochastic.potential import Potential
    from fluctua.stochastic.schedule import Schedule
    from fluctua.stochastic.underdamped import Underdamped

    Array = NDArray[np.float64]
    Draw = Callable[[int, int], Array]
    Relax = Callable[[Array, int, int, str], Array]


class Initial(Value):
    """How trajectories start; `reversible` tells whether a reverse process has such a start too."""

    reversible: ClassVar[bool] = True


class Equilibrium(Initial):
    """Canonical equilibrium at the protocol's first instant.

    Positions follow ``exp(-beta U) / Z``, velocities ``sqrt(m beta / 2 pi) exp(-beta m v^2 / 2)``, without
    the non-conservative forces. Exact for a quadratic energy; by a table with stated error for any other
    energy of one coordinate, over one period if it is periodic. A coordinate that the energy does not contain
    starts at 0.

    Parameters
    ----------
    beta : float, 1 / energy, optional
        Inverse temperature; needed where the connected baths differ.
    burn_in : float, time, optional
        For any other energy of several coordinates: how long to relax, with the run's own time step and the
        first instant's controls, from each coordinate's own equilibrium with the others at 0.

    Raises
    ------
    InvalidInput
        If a number is not positive; when prepared, if the equilibrium is ambiguous, cannot be normalised or
        has no exact sampler.
    """

    beta: float | None
    burn_in: float | None

    def __init__(self, beta: float | None = None, burn_in: float | None = None) -> None:
        self._set(
            beta=None if beta is None else number(beta, "initial.beta", positive=True),
            burn_in=None if burn_in is None else number(burn_in, "initial.burn_in", positive=True),
        )


class Steady(Initial):
    """The steady state at the protocol's first instant, with all forces and baths as they are then.

    Parameters
    ----------
    duration : float, time, optional
        How long to relax, with the run's own time step, from equilibrium at the mean temperature or the
        nearest to it that is known. Without it the steady state is exact, which takes a linear system, or one
        temperature and no non-conservative force. A coordinate that no force depends on starts at 0, its
        velocity in its own steady state.

    Raises
    ------
    InvalidInput
        If `duration` is not positive; when prepared, if there is no steady state or no exact one is known.
    """

    duration: float | None

    def __init__(self, duration: float | None = None) -> None:
        self._set(duration=None if duration is None else number(duration, "initial.duration", positive=True))


class Point(Initial):
    """One and the same state for all trajectories: ``Point(x=0.0, v_x=0.0)``.

    Parameters
    ----------
    **values : float
        Each coordinate, and velocities by the name ``v_x``; a velocity left out is 0.
    """

    reversible: ClassVar[bool] = False
    values: dict[str, float]

    def __init__(self, /, **values: float) -> None:
        self._set(values={name: number(value, f"initial.{name}") for name, value in values.items()})


class Samples(Initial):
    """States from a Parquet file: trajectory i starts from row i, counted on from the top after the last.

    Parameters
    ----------
    file : str
        Parquet file with a column for each coordinate, and for each velocity (``v_x``) when underdamped.
        Others are ignored.
    sha256 : str, optional
        Checksum of the file's bytes, filled in when the value is made and verified whenever it is read.

    Raises
    ------
    InvalidInput
        If there is no such file, or it lacks a column or a finite value.
    Damaged
        If the file is not the one that the checksum was taken of.
    """

    reversible: ClassVar[bool] = False
    file: str
    sha256: str

    def __init__(self, file: str, sha256: str | None = None) -> None:
        file = text(str(file) if isinstance(file, Path) else file, "initial.file")
        known = _sha256(_read_bytes(file)) if sha256 is None else text(sha256, "initial.sha256").lower()
        if len(known) != 64 or not set(known) <= set("0123456789abcdef"):
            raise InvalidInput(
                f"{shown(sha256)} is no SHA-256", "initial.sha256", "leave it out to have it filled in"
            )
        self._set(file=file, sha256=known)


@dataclass(frozen=True, eq=False)
class Start:
    """A prepared start.

    Parameters
    ----------
    draw : function (first, count) -> array
        States of trajectories first .. first + count - 1, shape (S, count): positions, then velocities if
        there are any.
    facts : dict
        How the states are made, for the run's manifest: ``method``, ``error`` where there is one, ``notes``.
    """

    draw: Draw
    facts: dict[str, Any] = field(default_factory=dict)


def prepare(
    initial: Initial,
    system: Potential,
    dynamics: Overdamped | Underdamped,
    schedule: Schedule,
    *,
    seed: int,
    direction: str,
    relax: Relax | None = None,
) -> Start:
    """Prepare the start of a run.

    Parameters
    ----------
    initial : Equilibrium, Steady, Point or Samples
    system : Potential
    dynamics : Overdamped or Underdamped
    schedule : Schedule
        As the run goes through it: reversed for a reverse run.
    seed : int
    direction : {"forward", "reverse"}
    relax : function (state, steps, first, purpose) -> state
        Carries states on with the run's own kernel at the first instant's controls and temperatures.

    Raises
    ------
    InvalidInput
        If the start does not fit the system.
    """
    if direction == "reverse" and not initial.reversible:
        raise InvalidInput(
            f"no reverse process starts from {initial.kind}",
            "initial",
            "start from Equilibrium() or Steady()",
        )
    setting = _setting(system, dynamics, schedule, seed, direction, relax)
    match initial:
        case Equilibrium():
            return _prepare_equilibrium(initial, setting)
        case Steady():
            return _prepare_steady(initial, setting)
        case Point():
            return _prepare_point(initial, setting)
        case Samples():
            return _prepare_samples(initial, setting)
    raise InvalidInput(
        f"{shown(initial)} is not a start", "initial", "use Equilibrium, Steady, Point or Samples"
    )


@dataclass(frozen=True, eq=False)
class _Setting:
    """What a start is made from: the run at its first instant."""

    system: Potential
    masses: tuple[float, ...]
    contacts: list[Contact]
    temperatures: dict[str, float]
    controls: list[float]
    schedule: Schedule
    seed: int
    direction: str
    relax: Relax | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the state's components."""
        return (*self.system.coordinates, *(self.system.velocities if self.masses else ()))

    def uniforms(self, first: int, count: int) -> Array:
        """One uniform for each coordinate, shape (n, count)."""
        return streams.draw_uniforms(
            self.seed, self.direction, "initial", first, count, len(self.system.coordinates)
        )

    def normals(self, first: int, count: int) -> tuple[Array, Array]:
        """Draw a normal for each coordinate and each velocity; the latter share no call with a uniform."""
        n = len(self.system.coordinates)
        velocities = n + n % 2
        drawn = streams.draw_normals(
            self.seed, self.direction, "initial", first, count, velocities + len(self.masses)
        )
        return drawn[:n], drawn[velocities:]


def _setting(
    system: Potential,
    dynamics: Overdamped | Underdamped,
    schedule: Schedule,
    seed: int,
    direction: str,
    relax: Relax | None,
) -> _Setting:
    # A graph of its own: derivatives taken here must not renumber the nodes from which the kernel is written.
    system = type(system)(**system.table())
    links, masses = dynamics.resolve(system), dynamics.masses_of(system)
    coupled = coupled_at_start(schedule) if masses else np.ones(len(schedule.start_beta), dtype=bool)
    touching = {link.bath for link in links}
    return _Setting(
        system=system,
        masses=masses,
        contacts=contacts_of(links, schedule.start_beta, coupled),
        temperatures={
            name: 1.0 / float(schedule.start_beta[bath])
            for bath, name in enumerate(dynamics.bath_names)
            if coupled[bath] and bath in touching
        },
        controls=[float(value) for value in schedule.start_controls],
        schedule=schedule,
        seed=seed,
        direction=direction,
        relax=relax,
    )


def coupled_at_start(schedule: Schedule) -> NDArray[np.bool_]:
    """Tell which baths a start knows: those connected in the first move, or all if none is."""
    everywhere: NDArray[np.bool_] = np.ones(len(schedule.start_beta), dtype=np.bool_)
    if not schedule.steps:
        return everywhere
    first: NDArray[np.bool_] = schedule.coupled[0]
    return first if first.any() else everywhere


# ---- equilibrium


def _prepare_equilibrium(initial: Equilibrium, setting: _Setting) -> Start:
    beta = initial.beta if initial.beta is not None else 1.0 / _one_temperature(setting)
    law = equilibrium(setting.system, setting.controls, beta)
    if law is None:
        return _burnt_in(initial, setting, beta)
    return _exact_equilibrium(setting, law, beta)


def _one_temperature(setting: _Setting) -> float:
    """Temperature of the connected baths, if they have one."""
    temperatures = list(setting.temperatures.values())
    if any(other != temperatures[0] for other in temperatures):
        names = list(setting.temperatures)
        listed = f"{', '.join(names[:-1])} and {names[-1]}"
        raise InvalidInput(
            f"equilibrium is ambiguous, {listed} differ",
            "initial",
            "Equilibrium(beta=...) or Steady(duration=...)",
        )
    return temperatures[0]


def _exact_equilibrium(setting: _Setting, law: Gaussian | EquilibriumTable, beta: float) -> Start:
    bound = list(bound_coordinates(setting.system))
    spreads = _thermal_spreads(setting, [1.0 / beta] * len(setting.masses))

    def draw(first: int, count: int) -> Array:
        if isinstance(law, EquilibriumTable):
            return _tabulated(setting, {bound[0]: law}, spreads, first, count)
        state = np.zeros((len(setting.names), count))
        positions, velocities = setting.normals(first, count)
        state[bound] = law.draw(positions[: len(bound)])
        return _with_velocities(setting, state, spreads, velocities)

    notes = _free_notes(setting, bound, "the energy does not contain it")
    return Start(draw, {"law": "equilibrium", "beta": beta, **_method(law), "notes": notes})


def _method(law: Gaussian | EquilibriumTable) -> dict[str, Any]:
    if isinstance(law, Gaussian):
        return {"method": "exact Gaussian"}
    return {
        "method": "inverse cumulative distribution",
        "window": [law.lower, law.upper],
        "cells": law.cells,
        "error": law.error,
    }


def _free_notes(setting: _Setting, bound: Sequence[int], reason: str) -> list[str]:
    return [
        f"{name} starts at 0: {reason}" for i, name in enumerate(setting.system.coordinates) if i not in bound
    ]


def _thermal_spreads(setting: _Setting, temperatures: Sequence[float]) -> list[float]:
    """Give the standard deviation of each velocity, sqrt(T / m)."""
    return [
        float(np.sqrt(temperature / mass))
        for temperature, mass in zip(temperatures, setting.masses, strict=True)
    ]


def _with_velocities(setting: _Setting, state: Array, spreads: Sequence[float], normals: Array) -> Array:
    """Fill in independent velocities."""
    for row, (spread, normal) in enumerate(
        zip(spreads, normals, strict=True), len(setting.system.coordinates)
    ):
        state[row] = spread * normal
    return state


def _tabulated(
    setting: _Setting,
    tables: Mapping[int, EquilibriumTable],
    spreads: Sequence[float],
    first: int,
    count: int,
) -> Array:
    """State with some coordinates drawn from tables, the others at 0, and independent velocities."""
    state = np.zeros((len(setting.names), count))
    if tables:
        uniforms = setting.uniforms(first, count)
        for coordinate, table in tables.items():
            state[coordinate] = table.draw(uniforms[coordinate])
    if spreads:
        _, normals = setting.normals(first, count)
        state = _with_velocities(setting, state, spreads, normals)
    return state


# ---- relaxation


def _burnt_in(initial: Equilibrium, setting: _Setting, beta: float) -> Start:
    if initial.burn_in is None:
        raise InvalidInput(
            "no exact equilibrium sampler for an energy of several coordinates that is not quadratic",
            "initial",
            "Equilibrium(burn_in=...) relaxes for that long first",
        )
    if setting.system.forces:
        raise InvalidInput(
            "a burn-in with non-conservative forces does not lead to equilibrium",
            "initial",
            "Steady(duration=...)",
        )
    if any(1.0 / temperature != beta for temperature in setting.temperatures.values()):
        raise InvalidInput(
            "a burn-in leads to the baths' temperature, not to this beta", "initial.beta", "leave beta out"
        )
    start, notes = _rough_start(setting)
    facts = {
        "law": "equilibrium",
        "beta": beta,
        "method": "burn-in",
        "duration": initial.burn_in,
        "notes": notes,
    }
    return Start(_relaxed(setting, start, initial.burn_in, "initial.burn_in", "burn-in"), facts)


def _relaxed(setting: _Setting, start: Draw, duration: float, where: str, purpose: str) -> Draw:
    """Let states relax by the run's own kernel."""
    steps = _whole_steps(duration, setting.schedule.time_step, where)
    relax = setting.relax
    if relax is None:
        raise InvalidInput("nothing to relax with", where, "prepare the start through a Propagator")

    def draw(first: int, count: int) -> Array:
        return relax(start(first, count), steps, first, purpose)

    return draw


def _whole_steps(duration: float, time_step: float, where: str) -> int:
    """How many time steps a relaxation takes."""
    if duration > MOST_STEPS * time_step:
        raise InvalidInput(f"{duration / time_step:.3g} time steps", where, f"at most {MOST_STEPS:,} fit")
    steps = max(round(duration / time_step), 1)
    if abs(duration - steps * time_step) > 1e-8 * duration:
        raise InvalidInput(
            "the time step does not divide the duration", where, f"{steps * time_step:.10g} is {steps} steps"
        )
    return steps


def _rough_start(setting: _Setting) -> tuple[Draw, list[str]]:
    """Where to relax from: thermal velocities, and the equilibrium nearest to what is wanted.

    That is the exact equilibrium at the mean temperature, or failing that each coordinate's own with the
    others at 0 (so that every well is populated), or failing that 0.
    """
    beta = 1.0 / mean_temperature(setting.contacts)
    try:
        law = equilibrium(setting.system, setting.controls, beta)
    except InvalidInput:
        return _along_axes(setting, {})
    if law is not None:
        start = _exact_equilibrium(setting, law, beta)
        return start.draw, ["relaxed from equilibrium at the mean temperature of the baths"]
    tables = {}
    for coordinate in bound_coordinates(setting.system):
        try:
            tables[coordinate] = tabulate_along(setting.system, setting.controls, beta, coordinate)
        except InvalidInput:
            continue
    return _along_axes(setting, tables)


def _along_axes(setting: _Setting, tables: Mapping[int, EquilibriumTable]) -> tuple[Draw, list[str]]:
    """Start tabulated coordinates from their tables, the others at 0, velocities at the mean temperature."""
    spreads = _thermal_spreads(setting, [mean_temperature(setting.contacts)] * len(setting.masses))

    def draw(first: int, count: int) -> Array:
        return _tabulated(setting, tables, spreads, first, count)

    notes = [
        f"{name} relaxed from {'its own equilibrium with the others at 0' if i in tables else '0'}"
        for i, name in enumerate(setting.system.coordinates)
    ]
    return draw, notes


# ---- steady state


def _prepare_steady(initial: Steady, setting: _Setting) -> Start:
    if initial.duration is not None:
        start, notes = _rough_start(setting)
        facts = {"law": "steady state", "method": "relaxation", "duration": initial.duration, "notes": notes}
        return Start(_relaxed(setting, start, initial.duration, "initial.duration", "relaxation"), facts)
    temperatures = set(setting.temperatures.values())
    if len(temperatures) == 1 and not setting.system.forces and _has_table(setting):
        exact = _prepare_equilibrium(Equilibrium(), setting)
        return Start(exact.draw, {**exact.facts, "law": "steady state, which is equilibrium"})
    return _linear_steady_state(setting)


def _has_table(setting: _Setting) -> bool:
    """Tell whether equilibrium goes by a table; a quadratic energy is left to the linear steady state."""
    return len(bound_coordinates(setting.system)) == 1 and not setting.system.is_quadratic


def _linear_steady_state(setting: _Setting) -> Start:
    law = steady_state(setting.system, setting.controls, setting.contacts, setting.masses)
    driven = driven_coordinates(setting.system)
    n = len(setting.system.coordinates)
    rows = [*driven, *range(n, n + len(setting.masses))]

    def draw(first: int, count: int) -> Array:
        state = np.zeros((len(setting.names), count))
        positions, velocities = setting.normals(first, count)
        state[rows] = law.draw(np.concatenate([positions[list(driven)], velocities]))
        return state

    notes = _free_notes(setting, driven, "no force depends on it")
    return Start(
        draw, {"law": "steady state", "method": "exact Gaussian, in continuous time", "notes": notes}
    )


# ---- given states


def _prepare_point(initial: Point, setting: _Setting) -> Start:
    for name in initial.values:
        if name not in setting.names:
            known = f"it has {', '.join(setting.names)}{did_you_mean(name, setting.names)}"
            raise InvalidInput(f"{name!r} is not part of the state", f"initial.{name}", known)
    missing = [name for name in setting.names if name not in initial.values]
    for name in missing:
        if name in setting.system.coordinates:
            raise InvalidInput(f"no {name}", "initial", "a Point gives every coordinate")
    point = np.array([initial.values.get(name, 0.0) for name in setting.names])

    def draw(_first: int, count: int) -> Array:
        return np.repeat(point[:, None], count, axis=1)

    return Start(draw, {"law": "point", "notes": [f"{name} starts at 0: not given" for name in missing]})


def _prepare_samples(initial: Samples, setting: _Setting) -> Start:
    states = _read_states(initial, setting.names)
    rows = states.shape[1]

    def draw(first: int, count: int) -> Array:
        return states[:, np.arange(first, first + count) % rows]

    return Start(
        draw, {"law": "samples", "file": initial.file, "sha256": initial.sha256, "rows": rows, "notes": []}
    )


def _read_states(initial: Samples, names: Sequence[str]) -> Array:
    """Columns of a verified Parquet file, shape (S, rows)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = _read_bytes(initial.file)
    if _sha256(data) != initial.sha256:
        raise Damaged(
            "the file is not the one that the run was made with",
            f"initial.file, {initial.file}",
            "restore it, or leave out sha256 for a new run",
        )
    try:
        parquet = pq.ParquetFile(pa.BufferReader(data))
        columns = parquet.schema_arrow.names
        for name in names:
            if name not in columns:
                raise InvalidInput(
                    f"no column {name}", f"initial.file, {initial.file}", f"it has {shown(columns)}"
                )
        table = parquet.read(columns=list(names))
    except (pa.ArrowException, OSError):
        raise InvalidInput("not a Parquet file that can be read", f"initial.file, {initial.file}") from None
    if not table.num_rows:
        raise InvalidInput("no rows", f"initial.file, {initial.file}")
    return np.stack([_finite_column(table, name, initial.file) for name in names])


def _finite_column(table: Any, name: str, file: str) -> Array:
    """One column as finite floats."""
    import pyarrow as pa

    kind = table.schema.field(name).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise InvalidInput(f"column {name} is not numeric", f"initial.file, {file}")
    values = table.column(name).cast(pa.float64(), safe=False).to_numpy()
    if not np.isfinite(values).all():
        raise InvalidInput(
            f"column {name} has values that are missing or not finite", f"initial.file, {file}"
        )
    return np.asarray(values)


def _read_bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (FileNotFoundError, IsADirectoryError, ValueError):
        raise InvalidInput("no such file", f"initial.file, {file}") from None
    except OSError as error:
        raise StorageError(f"cannot be read, {error.strerror}", f"initial.file, {file}") from None


def _sha256(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()
