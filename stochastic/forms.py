"""What the text of a kernel depends on, and where everything stands in it.

A kernel belongs to a *form*: the trees of the formulas, the number of coordinates, the links to baths, the
move of the dynamics. Masses, frictions, temperatures, parameters, protocols and the names a user chose are
numbers in tables or nothing at all, so that equal physics shares one compiled kernel.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.compiling import PADDING
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.records import Record

if TYPE_CHECKING:
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]
Contacts = tuple[tuple[int, int], ...]  # (coordinate, bath) of each link


@dataclass(frozen=True)
class Link:
    """A coordinate's contact with a bath: indices of both, and the friction constant of this contact."""

    coordinate: int
    bath: int
    friction: float


@dataclass(frozen=True)
class Piece:
    """A function of a kernel text, with the values of the names that its subscripts need."""

    function: str
    constants: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Move(ABC):
    """How a dynamics moves the state by one time step at fixed controls.

    All that the kernel of a dynamics has of its own: which functions of its text make a step, in which order,
    and what numbers they read. What every dynamics shares, control changes, records and the ledger of work,
    is added by `writing`.

    Parameters
    ----------
    scheme : str
        The scheme of the step, as a user names it.
    """

    text: ClassVar[str]
    """The file in `stochastic/kernels/` whose functions make a step."""

    underdamped: ClassVar[bool]
    """Whether velocities are part of the state; `half_mass` is one of `each` then: the ledger reads it."""

    columns: ClassVar[tuple[str, ...]]
    """Columns of a step's table, one of each for every link."""

    single: ClassVar[tuple[str, ...]] = ()
    """Constants of a run."""

    each: ClassVar[tuple[str, ...]]
    """Constants of a run, one of each for every coordinate; `limit` is the curvature that `watch` allows."""

    scheme: str

    @property
    def order(self) -> int:
        """Power of the time step with which averages err."""
        return 2

    @property
    def log_ratio(self) -> bool:
        """Whether the ratio of a step's probability to that of the step back has a closed form."""
        return True

    @abstractmethod
    def normals(self, contacts: Contacts) -> int:
        """Count the normal numbers that one step of one trajectory consumes."""

    def alternates(self, _contacts: Contacts) -> bool:
        """Tell whether every second step is a turned one, so that only an even number of them reverses."""
        return False

    @abstractmethod
    def pieces(self, contacts: Contacts, turned: bool) -> list[Piece]:
        """List the functions of a step; they leave `force_met` and `energy_met` behind, and `watch`."""

    @abstractmethod
    def step_numbers(self, link: Link, masses: Sequence[float], schedule: Schedule) -> dict[str, Floats]:
        """Give the values of `columns` for one link, a number for each step of the schedule."""

    @abstractmethod
    def kept(self, link: Link, masses: Sequence[float], time_step: float) -> float:
        """Give the factor by which what noise has done is kept until a link's next normal number is drawn."""

    @abstractmethod
    def run_numbers(
        self, links: Sequence[Link], masses: Sequence[float], time_step: float
    ) -> dict[str, float]:
        """Give the constants of a run by name: those of `single`, and ``name_i`` for those of `each`."""


@dataclass(frozen=True)
class Form:
    """All that the text of a kernel depends on."""

    graph: Graph
    energy: int
    gradient: tuple[int, ...]
    swirl: tuple[int, ...]  # non-conservative force components; empty when there are none
    controls: int
    parameters: int
    baths: int
    links: Contacts
    move: Move
    one_beta: bool
    bare: bool  # the energy is affine in the controls: record it at controls = 0
    records: tuple[Record, ...]
    coarse: bool = False  # the noise of a step is made of that of finer ones

    @property
    def coordinates(self) -> int:
        """How many coordinates move."""
        return len(self.gradient)

    @property
    def underdamped(self) -> bool:
        """Whether velocities are part of the state."""
        return self.move.underdamped

    @property
    def normals(self) -> int:
        """Normal numbers that one step of one trajectory consumes."""
        return self.move.normals(self.links)

    @property
    def alternates(self) -> bool:
        """Whether every second step is a turned one."""
        return self.move.alternates(self.links)


@dataclass(frozen=True)
class Layout:
    """Where everything is: rows of the workspace, their pitch, columns of a step's table, constants."""

    pitch: int
    rows: tuple[str, ...]
    state: int
    sampled: int
    reported: int
    table: tuple[str, ...]
    constants: tuple[str, ...]

    def row(self, name: str) -> int:
        """Give the index of a workspace row."""
        return self.rows.index(name)


def numbered(name: str, count: int) -> list[str]:
    """List a name with numbers: ``q_0, q_1, ...``."""
    return [f"{name}_{k}" for k in range(count)]


def layout_of(form: Form, lanes: int) -> Layout:
    """Lay out the rows: state first, then what paths show, then the rest of the report, then scratch."""
    n = form.coordinates
    state = numbered("q", n) + (numbered("v", n) if form.underdamped else [])
    sampled = ["control_work"] + ["force_work"] * bool(form.swirl) + numbered("heat", form.baths)
    rest = ["dimensionless_work"] * form.one_beta + ["entropy_flow", "shadow_work"]
    rest += ["log_ratio"] * form.move.log_ratio + ["energy", "energy_start"]
    rest += ["bare", "bare_start"] * form.bare
    for k, record in enumerate(form.records):
        rest += [f"record_{k}"] + [f"total_{k}"] * (record.kind in ("max", "min", "first"))
    scratch = numbered("force", n) + (numbered("swirl", n) if form.swirl else [])
    scratch += [f"value_{k}" for k, record in enumerate(form.records) if record.kind == "integral"]
    return Layout(
        pitch=lanes + PADDING,
        rows=tuple(state + sampled + rest + scratch),
        state=len(state),
        sampled=len(state + sampled),
        reported=len(state + sampled + rest),
        table=tuple(_table_of(form)),
        constants=tuple(_constants_of(form)),
    )


def _table_of(form: Form) -> list[str]:
    columns = numbered("c", form.controls) + numbered("n", form.controls) + ["beta_next", "beta_change"]
    columns += numbered("beta", form.baths)
    return columns + [name for column in form.move.columns for name in numbered(column, len(form.links))]


def _constants_of(form: Form) -> list[str]:
    names = ["time_step", "half_step", "allowance", *form.move.single]
    names += [name for one in form.move.each for name in numbered(one, form.coordinates)]
    return names + numbered("p", form.parameters)
