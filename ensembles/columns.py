"""What every column means: its unit, its sign, one sentence. The same words stand in the Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fluctua.stochastic.columns import INTO, ON, Column
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    import pyarrow as pa

    from fluctua.ensembles.spec import EnsembleSpec

_KINDS = ("energy", "length", "velocity", "time")


def columns_of(spec: EnsembleSpec) -> list[Column]:
    """List the columns of `parts/`, one row a trajectory."""
    dynamics, system = spec.dynamics, spec.system
    ledger, ends = dynamics.ledger(system, spec.schedule), dynamics.ends(system)
    kinds = (Status.OK, Status.NON_FINITE, dynamics.failure)
    meaning = ", ".join(f"{kind.value} {kind.meaning}" for kind in kinds)
    status = Column("status", "1", meaning, dtype="uint8")
    return [_TRAJECTORY, status, *_labelled(spec, [*ledger, *ends]), *_records(spec)]


def stroke_columns_of(spec: EnsembleSpec) -> list[Column]:
    """List the columns of `strokes/`, one row a trajectory and stroke."""
    dynamics, system = spec.dynamics, spec.system
    ledger, ends = dynamics.stroke_ledger(system, spec.schedule), dynamics.stroke_ends(system)
    head = [
        _TRAJECTORY,
        Column("cycle", "1", "number of the cycle, from 1", dtype="int32"),
        Column("stroke", "1", "name of the protocol's step", dtype="string"),
    ]
    return [*head, *_labelled(spec, [*ledger, *ends]), *_records(spec)]


def path_columns_of(spec: EnsembleSpec) -> list[Column]:
    """List the columns of `paths/`, one row a trajectory and sampled instant."""
    columns = [
        Column("time", "time", "time since the run began"),
        *spec.dynamics.path_state(spec.system),
        Column("work", "energy", "work done on the system so far", ON),
        Column("heat", "energy", "heat that has flowed in from all baths so far", INTO),
    ]
    thermal = not spec.dynamics.no_theorems()
    return [_TRAJECTORY, *_labelled(spec, columns if thermal else columns[:-2])]


def jump_columns_of(spec: EnsembleSpec) -> list[Column]:
    """List the columns of `jumps/`, one row a jump."""
    columns = [
        Column("time", "time", "time since the run began"),
        Column("channel", "1", "what jumped: bath, from where, to where", dtype="string"),
        Column(
            "state",
            "1",
            "state after the jump; null where it is none of those named",
            dtype="string",
            nullable=True,
        ),
    ]
    return [_TRAJECTORY, *_labelled(spec, columns)]


def tables_of(spec: EnsembleSpec) -> dict[str, list[Column]]:
    """Give the columns of each table that a run keeps, by the table's name."""
    sampled = spec.paths > 0
    kept = {
        "parts": True,
        "strokes": spec.strokes,
        "paths": sampled and spec.time_step is not None,
        "jumps": sampled and spec.dynamics.jumps,
    }
    return {name: columns(spec) for name, columns in COLUMNS_OF.items() if kept[name]}


COLUMNS_OF = {
    "parts": columns_of,
    "strokes": stroke_columns_of,
    "paths": path_columns_of,
    "jumps": jump_columns_of,
}

_SOURCES = ("work", "heat", "shadow_work", "quantum_heat")


def balance_of(names: Iterable[str]) -> tuple[str, ...]:
    """Name the columns of the first law: ``energy_change``, then what it is the sum of; none without work."""
    there = set(names)
    found = tuple(name for name in _SOURCES if name in there)
    return ("energy_change", *found) if {"energy_change", "work"} <= there else ()


def first_law_of(spec: EnsembleSpec) -> tuple[str, ...]:
    """Name the columns by which a run tests the first law, as `balance_of` does; none where it is no test."""
    return () if spec.dynamics.first_law() else balance_of(column.name for column in spec.columns)


_TRAJECTORY = Column("trajectory", "1", "number of the trajectory, from 0", dtype="int64")


def _labelled(spec: EnsembleSpec, columns: Iterable[Column]) -> list[Column]:
    """Exchange kinds of quantities for the labels of their units."""
    return [
        replace(column, unit=spec.units.label(column.unit)) if column.unit in _KINDS else column
        for column in columns
    ]


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
