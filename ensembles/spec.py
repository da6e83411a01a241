"""A run as a value: physics, protocol, start, how many trajectories.

A spec is text, so it is its own provenance.
"""

from __future__ import annotations

import hashlib
import inspect
import secrets
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from fluctua.ensembles import columns as ledger
from fluctua.ensembles.dotted import plain, with_changes
from fluctua.ensembles.text import LARGEST, canonical, check_plain, read_table, write_json, write_toml
from fluctua.ensembles.warning import warn
from fluctua.stochastic.dynamics import catalogue
from fluctua.stochastic.dynamics.dynamics import Dynamics
from fluctua.stochastic.errors import (
    FluctuaError,
    InvalidInput,
    StorageError,
    did_you_mean,
    listed,
    not_among,
    shown,
)
from fluctua.stochastic.initial import Equilibrium, Initial, Point, Populations, Samples, Steady
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.system import System
from fluctua.stochastic.units import Units, kelvin_warning, planck_warning
from fluctua.stochastic.values import Value, build, integer, mapping, name, number, share_namespace

if TYPE_CHECKING:
    from fluctua.stochastic.columns import Column
    from fluctua.stochastic.schedule import Schedule

DYNAMICS = catalogue()
SYSTEMS = {dynamics.moves.__name__: dynamics.moves for dynamics in DYNAMICS.values()}
INITIALS = {kind.__name__: kind for kind in (Equilibrium, Steady, Point, Populations, Samples)}
DIRECTIONS = ("forward", "reverse")
MOST_TRAJECTORIES = 10**12
MOST_SPECS = 100_000  # of a sweep

_EQUILIBRIUM = Equilibrium()
_NO_UNITS = Units()
_SHORT = (
    "trajectories",
    "time_step",
    "seed",
    "direction",
    "strokes",
    "paths",
    "path_every",
    "units",
    "initial",
)
_ORDER = (*_SHORT, "system", "dynamics", "protocol", "record")


class EnsembleSpec(Value):
    """All that determines the numbers of a run.

    Parameters
    ----------
    system : Potential, Levels or Hamiltonian
        Energy as a function of state and controls.
    dynamics : Overdamped, Underdamped, MarkovJump or QuantumJump
        How baths move the state.
    protocol : Protocol
        Everything that may change in time: controls and temperatures.
    trajectories : int
        How many; the digest leaves it out, as trajectory i is the same in any number of them.
    time_step : float, optional
        Must divide every step of the protocol. Markov jumps are exact in time and need one only for paths.
    seed : int, optional
        0 <= seed < 2**64. Left out, one is drawn and kept; `seed_was_drawn` tells.
    initial : Equilibrium, Steady, Point, Populations or Samples
        Where trajectories start.
    units : Units
        Labels; nothing is ever converted.
    record : mapping of str to str
        Further columns by name: ``"integral(f)"``, ``"integral(f, q)"``, ``"final(f)"``, ``"max(f)"``,
        ``"min(f)"``, ``"first(q > 1)"``.
    strokes : bool
        Whether to keep a table with one row a trajectory and step of the protocol.
    paths, path_every : int
        Sample the first `paths` trajectories every `path_every` time steps; of jump dynamics, list their
        jumps too.
    direction : {"forward", "reverse"}
        Whether the protocol runs backwards; see :meth:`reversed`.

    Raises
    ------
    InvalidInput
        Whatever makes no sense, naming the field as it stands in a TOML file.
    """

    system: System
    dynamics: Dynamics
    protocol: Protocol
    trajectories: int
    time_step: float | None
    seed: int
    initial: Initial
    units: Units
    record: Mapping[str, str]
    strokes: bool
    paths: int
    path_every: int
    direction: Literal["forward", "reverse"]
    seed_was_drawn: bool

    def __init__(
        self,
        system: System,
        dynamics: Dynamics,
        protocol: Protocol,
        *,
        trajectories: int,
        time_step: float | None = None,
        seed: int | None = None,
        initial: Initial = _EQUILIBRIUM,
        units: Units = _NO_UNITS,
        record: Mapping[str, str] | None = None,
        strokes: bool = False,
        paths: int = 0,
        path_every: int = 1,
        direction: str = "forward",
    ) -> None:
        self._set(
            system=build(system, SYSTEMS, "system"),
            dynamics=build(dynamics, DYNAMICS, "dynamics"),
            protocol=build(protocol, {"Protocol": Protocol}, "protocol"),
            initial=build(initial, INITIALS, "initial"),
            units=build(units, {"Units": Units}, "units"),
        )
        self._set(
            trajectories=integer(trajectories, "trajectories", least=1, most=MOST_TRAJECTORIES),
            time_step=_time_step(time_step, needed=self.dynamics.timed),
            seed=secrets.randbits(53) if seed is None else integer(seed, "seed", least=0, most=2**64 - 1),
            seed_was_drawn=seed is None,
            direction=_direction(direction),
            strokes=_truth(strokes, "strokes"),
            paths=integer(paths, "paths", least=0),
            path_every=integer(path_every, "path_every", least=1),
            record=_record(record),
        )
        self._check()

    # ---- checks that need several parts

    def _check(self) -> None:
        check_plain(self.table())
        if len(canonical(self.table())) > LARGEST:
            raise InvalidInput(
                f"the spec is longer than {LARGEST:,} bytes", "", "write long tables as formulas in s"
            )
        if self.paths > self.trajectories:
            raise InvalidInput(
                f"{self.paths:,} paths of {self.trajectories:,} trajectories", "paths", "ask for fewer"
            )
        self._check_physics()
        self._check_start()
        self._check_names()
        self._warn_of_units()

    def _check_physics(self) -> None:
        moves = self.dynamics.moves
        if not isinstance(self.system, moves):
            raise InvalidInput(
                f"{self.dynamics.kind} moves no {self.system.kind}",
                "dynamics",
                f"{self.system.kind} takes {listed(_that_move(type(self.system)), ' or ')}",
            )
        self.dynamics.check(self.system)
        baths = self.dynamics.bath_names
        self.protocol.check(self.system.controls, baths, self.dynamics.allows_isolated)
        self._set(schedule=self._schedule())
        self.dynamics.check_protocol(self.system, self.schedule)

    def _schedule(self) -> Schedule:
        schedule = self.protocol.schedule(
            self.time_step,
            self.system.controls,
            self.dynamics.bath_names,
            self.units.boltzmann,
            self.units.hbar,
        )
        if schedule.steps < 1:
            raise InvalidInput(
                "nothing takes time", "protocol.steps", "add a step with a duration, Hold(1.0)"
            )
        if self.path_every > 1 and (self.time_step is None or self.path_every > schedule.steps):
            steps = 0 if self.time_step is None else schedule.steps
            remedy = "take fewer" if steps else "without a time_step nothing is sampled: leave it out"
            raise InvalidInput(f"{self.path_every:,} of {steps:,} time steps", "path_every", remedy)
        return schedule.reversed() if self.direction == "reverse" else schedule

    def _check_start(self) -> None:
        self.dynamics.check_start(self.initial, self.system, self.schedule)
        if self.direction == "reverse" and not self.initial.reversible:
            raise _no_reverse(self.initial)

    def _check_names(self) -> None:
        system = self.system
        groups = self.dynamics.namespace(system) | {
            "control": system.controls,
            "parameter": tuple(system.parameters),
            "bath": self.dynamics.named_baths,
            "record": tuple(self.record),
        }
        where = "record" if self.record else "system"
        share_namespace(groups, where)
        self.dynamics.check_record(self.record, system)
        columns = [column.name for column in self.columns][: len(self.columns) - len(self.record)]
        share_namespace(groups | {"column": columns}, where)

    def _warn_of_units(self) -> None:
        remarks = [kelvin_warning(self.protocol, self.units)]
        if self.dynamics.phases:
            remarks.append(planck_warning(self.units))
        for remark in remarks:
            if remark is not None:
                warn(remark)

    # ---- what it says

    schedule: Schedule

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the canonical text without `trajectories`: it names the law, not the sample."""
        table = self.table()
        del table["trajectories"]
        return hashlib.sha256(canonical(table)).hexdigest()

    @cached_property
    def columns(self) -> list[Column]:
        """The columns of the run: one row a trajectory."""
        return ledger.columns_of(self)

    @property
    def time_steps(self) -> int:
        """How many time steps a trajectory takes; strokes, where there is no time step."""
        return int(self.schedule.steps)

    def table(self) -> dict[str, Any]:
        """Give the spec as plain tables, as TOML and JSON write it: short values first, no defaults."""
        if "_table" not in self.__dict__:
            table = super().table()
            self.__dict__["_table"] = {key: table[key] for key in _ORDER if key in table}
        return dict(self.__dict__["_table"])

    def __str__(self) -> str:
        """Write the TOML file of this run."""
        return write_toml(self.table())

    def __repr__(self) -> str:
        """Write one line: what moves, how, for how long, how often."""
        steps = len(self.protocol.steps) * self.protocol.cycles
        moves = "" if self.time_step is None else f"{_count(self.time_steps, 'time step')}, "
        return (
            f"EnsembleSpec {self.digest[:8]}: {self.system.kind}({', '.join(self.system.states)}), "
            f"{self.dynamics.kind}, {_count(steps, 'step')}, {moves}"
            f"{_count(self.trajectories, 'trajectory', 'trajectories')}, seed {self.seed}, {self.direction}"
        )

    # ---- others like it

    def reversed(self) -> Self:
        """Give the reverse process: the same run with the protocol backwards, and nothing else changed.

        Raises
        ------
        InvalidInput
            After `Point`, `Populations` or `Samples`, where the other end has no start of its own.
        """
        if not self.initial.reversible:
            raise _no_reverse(self.initial)
        return self.replace({"direction": "reverse" if self.direction == "forward" else "forward"})

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """Give a spec with some parts changed.

        Parameters
        ----------
        changes : mapping of str to value
            Dotted paths as in TOML: ``"dynamics.friction"``, ``"protocol.steps.0.k"``,
            ``"dynamics.baths.hot.friction"``. None takes a part out, so that its default holds.
        """
        new = self.from_table(with_changes(self.table(), changes))
        if self.seed_was_drawn and "seed" not in changes:
            new._set(seed_was_drawn=True)
        return new

    def vary(self, points: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]) -> list[Self]:
        """Give a list of specs: the product of the values of each path, or one for each mapping of a list."""
        if isinstance(points, Mapping):
            points = _product(points)
        if not points or not all(isinstance(point, Mapping) for point in points):
            raise InvalidInput(
                "nothing to vary over", "sweep", "give {path: [values]} or a list of {path: value}"
            )
        if len(points) > MOST_SPECS:
            raise InvalidInput(f"{len(points):,} points", "sweep", f"at most {MOST_SPECS:,}")
        return [self.replace(point) for point in points]

    def exact(self) -> Any:
        """Give the exact companion of this run: what it samples, computed, in the units of the run.

        Returns
        -------
        stochastic.markov.counting.Counting or stochastic.quantum.exact.Lindblad
            With ``mean(column)``, ``variance(column)``, ``distribution(column)`` and more.

        Raises
        ------
        InvalidInput
            If there is none: of dynamics other than `MarkovJump` and `QuantumJump`, or after `Samples`.
        """
        return self.dynamics.exact(
            self.system,
            self.protocol,
            time_step=self.time_step,
            initial=self.initial,
            direction=self.direction,
            boltzmann=self.units.boltzmann,
            hbar=self.units.hbar,
        )

    # ---- text and files

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Make the spec that a table describes; unknown keys are refused with the nearest match."""
        table = plain(table)
        if not isinstance(table, dict):
            raise InvalidInput(
                f"{shown(table)} is no table", "", "a spec has keys such as system, dynamics, protocol"
            )
        for key in table:
            if key not in _ORDER:
                nearest = _part_that_takes(key) or did_you_mean(str(key), _ORDER)
                remedy = f"keys are {', '.join(_ORDER)}{nearest}"
                raise InvalidInput(f"{shown(key)} is unknown", str(key), remedy)
        for key in ("system", "dynamics", "protocol", "trajectories"):
            if key not in table:
                raise InvalidInput(f"no {key}", key, _swallowed(key, table) or "a spec needs it")
        swallowed = "" if "time_step" in table else _swallowed("time_step", table)
        if swallowed:
            raise InvalidInput("no time_step", "time_step", swallowed)
        return cls(**table)

    def to_json(self) -> str:
        """Write the spec as JSON."""
        return write_json(self.table())

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a spec from JSON."""
        return cls.from_table(read_table(text, "json"))

    @classmethod
    def from_toml(cls, text: str | bytes) -> Self:
        """Read a spec from TOML, as ``print(spec)`` writes it."""
        return cls.from_table(read_table(text, "toml"))

    def save(self, file: str | Path) -> None:
        """Write the spec to a file: JSON if its name ends so, else TOML."""
        path = Path(file)
        try:
            path.write_text(self.to_json() if path.suffix == ".json" else str(self), encoding="utf-8")
        except OSError as error:
            raise StorageError(error.strerror or str(error), str(path)) from error

    @classmethod
    def load(cls, file: str | Path) -> Self:
        """Read a spec from a file.

        Raises
        ------
        InvalidInput
            No such file, not a spec, or a file with a `[sweep]`: that one is a list of specs, see
            :func:`fluctua.ensembles.sweep.load_specs`.
        """
        table = read_file(file)
        if "sweep" in table:
            raise InvalidInput(
                "the file holds a sweep, many specs", f"{file}, sweep", "fluctua run takes it as it is"
            )
        return cls.from_table(table)


def read_file(file: str | Path) -> dict[str, Any]:
    """Read a spec's table from a TOML or JSON file."""
    path = Path(file)
    try:
        if path.stat().st_size > LARGEST:
            raise InvalidInput("the file is too long for a spec", str(path), f"at most {LARGEST:,} bytes")
        with path.open("rb") as opened:
            text = opened.read(LARGEST + 1)  # a pipe or a device says nothing of its size
    except FileNotFoundError:
        raise InvalidInput("no such file", str(path)) from None
    except OSError as error:
        what = error.strerror or str(error)
        raise InvalidInput(what, str(path), "give a spec, a .toml or .json file that can be read") from None
    return read_table(text, "json" if path.suffix == ".json" else "toml", str(path))


# ---- single fields


def _swallowed(key: str, table: Mapping[str, Any]) -> str:
    """Say where a key went that was typed below a [table] header, or nothing."""
    for part, entries in table.items():
        if isinstance(entries, Mapping) and key in entries:
            return f"it stands in [{part}], as all keys below that header do: move it above the first [table]"
    return ""


def _part_that_takes(key: object) -> str:
    """Suggest the part of a spec that has an entry of this name."""
    parts: dict[str, Mapping[str, type[Any]]]
    parts = {"system": SYSTEMS, "dynamics": DYNAMICS, "protocol": {"Protocol": Protocol}}
    for part, kinds in parts.items():
        if any(key in inspect.signature(kind.__init__).parameters for kind in kinds.values()):
            return f"; did you mean '{part}.{key}'?"
    return ""


def _that_move(system: type[Value]) -> list[str]:
    """Name the dynamics of a kind of system."""
    return [name for name, dynamics in DYNAMICS.items() if dynamics.moves is system]


def _time_step(value: object, *, needed: bool) -> float | None:
    if value is None and needed:
        raise InvalidInput(
            "no time_step", "time_step", "steps in time need one; it must divide each duration"
        )
    return None if value is None else number(value, "time_step", positive=True)


def _direction(value: object) -> str:
    if value not in DIRECTIONS:
        raise not_among(
            value if isinstance(value, str) else shown(value), "direction", DIRECTIONS, "direction"
        )
    return str(value)


def _truth(value: object, where: str) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise InvalidInput(f"{shown(value)} is neither true nor false", where)
    return bool(value)


def _record(value: object) -> dict[str, str]:
    formulas = mapping(value, "record")
    for key, formula in formulas.items():
        name(key, f"record.{key}")
        if not isinstance(formula, str):
            raise InvalidInput(
                f"{shown(formula)} is not a formula", f"record.{key}", 'write text, "integral(q)"'
            )
    return formulas


def _product(values_of: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Give a point for each combination of values; none at all if there is nothing to combine."""
    for path, values in values_of.items():
        if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
            raise InvalidInput(f"{shown(values)} is not a list of values", str(path), "write [...] around it")
    count = prod(len(values) for values in values_of.values()) if values_of else 0
    if count > MOST_SPECS:
        raise InvalidInput(f"{min(count, 10**15):,} combinations", "sweep", f"at most {MOST_SPECS:,}")
    return [dict(zip(values_of, values, strict=True)) for values in product(*values_of.values())][:count]


def _no_reverse(initial: Value) -> FluctuaError:
    return InvalidInput(
        f"there is no reverse after {initial.kind}",
        "initial",
        "it fixes one end only: use Equilibrium or Steady",
    )


def _count(number_: int, one: str, many: str = "") -> str:
    return f"{number_:,} {one if number_ == 1 else many or one + 's'}"
