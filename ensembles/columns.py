"""What every column means: its unit, its sign, one sentence. The same words stand in the Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    import pyarrow as pa

    from fluctua.ensembles.spec import EnsembleSpec

ON = "positive: done on the system"
INTO = "positive: flows into the system"
_STATUSES = ", ".join(f"{status.value} {status.meaning}" for status in Status)


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        As in formulas and files.
    unit : str
        In the labels of the spec's `units`; ``"1"`` for pure numbers, empty where the formula decides.
    meaning : str
        One sentence.
    sign : str
        What a positive value says; empty where it says nothing.
    dtype : str
        ``int64``, ``int32``, ``uint8``, ``float64`` or ``string``.
    nullable : bool
        Whether null, "did not happen", can stand in it.
    """

    name: str
    unit: str
    meaning: str
    sign: str = ""
    dtype: str = "float64"
    nullable: bool = False


def columns_of(spec: EnsembleSpec) -> list[Column]:
    """List the columns of `parts/`, one row a trajectory."""
    head = [
        Column("trajectory", "1", "number of the trajectory, from 0", dtype="int64"),
        Column("status", "1", _STATUSES, dtype="uint8"),
    ]
    ends = [
        column for name in _state(spec) for column in (_end(spec, name, "initial"), _end(spec, name, "final"))
    ]
    return [*head, *_ledger(spec), *ends, *_records(spec)]


def stroke_columns_of(spec: EnsembleSpec) -> list[Column]:
    """List the columns of `strokes/`, one row a trajectory and stroke."""
    head = [
        Column("trajectory", "1", "number of the trajectory, from 0", dtype="int64"),
        Column("cycle", "1", "number of the cycle, from 1", dtype="int32"),
        Column("stroke", "1", "name of the protocol's step", dtype="string"),
    ]
    ends = [_end(spec, name, which) for which in ("initial", "final") for name in _state(spec)]
    return [*head, *_ledger(spec), *ends, *_records(spec)]


def path_columns_of(spec: EnsembleSpec) -> list[Column]:
    """List the columns of `paths/`, one row a trajectory and sampled instant."""
    unit = spec.units.label
    head = [
        Column("trajectory", "1", "number of the trajectory, from 0", dtype="int64"),
        Column("time", unit("time"), "time since the run began"),
    ]
    state = [Column(name, _state_unit(spec, name), f"{name} at this time") for name in _state(spec)]
    done = [
        Column("work", unit("energy"), "work done on the system so far", ON),
        Column("heat", unit("energy"), "heat that has flowed in from all baths so far", INTO),
    ]
    return [*head, *state, *done]


def _ledger(spec: EnsembleSpec) -> Iterator[Column]:
    energy = spec.units.label("energy")
    yield Column("work", energy, "work done on the system by the controls and by non-conservative forces", ON)
    if spec.system.forces:
        yield Column(
            "control_work", energy, "the part of the work that comes from changes of the controls", ON
        )
        yield Column("force_work", energy, "the part of the work that non-conservative forces do", ON)
    if spec.system.controls and spec.system.controls_affine:
        meaning = (
            "work minus the change of the energy's part that the controls add, energy(controls) - energy(0)"
        )
        yield Column("exclusive_work", energy, meaning, ON)
    if spec.schedule.one_beta:
        meaning = "integral of d(beta H) at frozen state; beta times the work where beta is constant"
        yield Column("dimensionless_work", "1", meaning, ON)
    yield Column("heat", energy, "heat that flows in from all baths", INTO)
    if len(spec.dynamics.bath_names) > 1:
        for bath in spec.dynamics.bath_names:
            yield Column(f"heat_{bath}", energy, f"heat that flows in from the bath {bath}", INTO)
    yield Column(
        "entropy_flow",
        "k_B",
        "sum over baths of minus beta times heat, step by step",
        "positive: into the baths",
    )
    meaning = "energy error of the time step; energy_change = work + heat + shadow_work"
    yield Column("shadow_work", energy, meaning, "positive: gained by the system")
    yield Column(
        "energy_change", energy, "energy at the end minus energy at the start, kinetic energy included"
    )
    if spec.dynamics.move.log_ratio:
        meaning = "ln of the path's probability over that of its reverse, given where each starts"
        yield Column("log_ratio", "1", meaning, "positive: likelier than its reverse")


def _state(spec: EnsembleSpec) -> list[str]:
    return [*spec.system.coordinates, *(spec.system.velocities if spec.dynamics.underdamped else ())]


def _state_unit(spec: EnsembleSpec, name: str) -> str:
    return spec.units.label("length" if name in spec.system.coordinates else "velocity")


def _end(spec: EnsembleSpec, name: str, which: str) -> Column:
    return Column(
        f"{name}_{which}",
        _state_unit(spec, name),
        f"{name} at the {'start' if which == 'initial' else 'end'}",
    )


def _records(spec: EnsembleSpec) -> Iterator[Column]:
    for name, formula in spec.record.items():
        first = formula.strip().startswith("first")
        unit = spec.units.label("time") if first else ""
        yield Column(
            name,
            unit,
            f"recorded: {formula}" + ("; null where it never happened" if first else ""),
            nullable=first,
        )


def schema_of(columns: Iterable[Column], digest: str) -> pa.Schema:
    """Give the Arrow schema, with unit, meaning and sign of each field, and the spec's digest."""
    import pyarrow as pa

    fields = [
        pa.field(
            column.name,
            getattr(pa, column.dtype)(),
            nullable=column.nullable,
            metadata={"unit": column.unit, "meaning": column.meaning, "sign": column.sign},
        )
        for column in columns
    ]
    return pa.schema(fields, metadata={"spec": digest})


def column_table(columns: Iterable[Column]) -> list[dict[str, Any]]:
    """Give columns as plain tables, for the manifest."""
    return [
        {
            "name": c.name,
            "dtype": c.dtype,
            "unit": c.unit,
            "meaning": c.meaning,
            "sign": c.sign,
            "nullable": c.nullable,
        }
        for c in columns
    ]
