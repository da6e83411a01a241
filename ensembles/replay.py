"""One trajectory again, with its whole path: the bits of the run, since noise is a function of its number.

A path is sampled when the controls have changed at an instant and before the next move: a quench at the very
end is in the row alone.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fluctua.ensembles.columns import jump_columns_of, path_columns_of, schema_of
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.stability import LIMIT, overshoots
from fluctua.ensembles.table import attributes
from fluctua.stochastic.columns import Column
from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    import pandas as pd

    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.stochastic.propagator import Block, Propagator
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]

MOST = 2**60  # trajectories have no larger numbers


@dataclass(frozen=True, repr=False, eq=False)
class Replay:
    """A trajectory that was computed again.

    Parameters
    ----------
    spec : EnsembleSpec
        Of the run.
    trajectory : int
        Its number, from 0.
    row : pandas.Series
        Its ledger, as in ``run.to_pandas()``; NaN where it failed or where nothing happened.
    path : pandas.DataFrame
        A row an instant: time, controls after their change at this time, the state, work and heat so far.
        Without a time step a row a jump. Its `attrs` carry `energy_unit`, `temperature`, `spec` (digest),
        `trajectory`.
    jumps : pandas.DataFrame or None
        A row a jump, where there are any: time, channel, state after it.
    stored : dict or None
        The row that the run holds, by column; None where it is not there. A null is None.
    differs : tuple of str or None
        The columns whose bits differ from the stored row; None where there is none.
    """

    spec: EnsembleSpec
    trajectory: int
    row: pd.Series[Any]
    path: pd.DataFrame
    jumps: pd.DataFrame | None
    stored: dict[str, Any] | None
    differs: tuple[str, ...] | None

    @property
    def agrees(self) -> bool | None:
        """Whether the row is the stored one, bit for bit; None where that is not there."""
        return None if self.differs is None else not self.differs

    @property
    def failed(self) -> bool:
        """Whether the trajectory failed."""
        return bool(self.row["status"])

    @property
    def failed_at(self) -> float | None:
        """Time of the instant of the path where it failed, None where it did not.

        That is the first one which is not finite. Of a trajectory that stepped too far for the forces it is
        the first one that is too stiff for the time step; the stiffest, if the way between two was too stiff.
        """
        bad = ~np.isfinite(self.path.select_dtypes("number").to_numpy()).all(axis=1)
        if not bad.any():
            if self.row["status"] != Status.OVERSHOT:
                return None
            ratio = stiffness(self.spec, self.path)
            bad = ratio >= min(LIMIT, float(ratio.max()))
        return float(self.path["time"].iloc[int(np.argmax(bad))])

    @property
    def columns(self) -> list[Column]:
        """What the columns of the path are: name, unit, meaning, sign."""
        return replay_columns_of(self.spec)

    def to_arrow(self) -> pa.Table:
        """Give the path as an Arrow table; unit, meaning and sign are metadata of its fields."""
        schema = schema_of(self.columns, self.spec.digest)
        return pa.Table.from_pandas(self.path, preserve_index=False).cast(schema)

    def __repr__(self) -> str:
        """Write one line."""
        shown_first = [name for name in ("work", "heat", "activity") if name in self.row.index][:2]
        ledger = ", ".join(f"{name} {self.row[name]:.6g}" for name in shown_first)
        state = "failed" if self.failed else ledger
        said = {
            None: "is not stored",
            True: "agrees with the stored row",
            False: "differs from the stored row",
        }
        return f"Replay of trajectory {self.trajectory}: {state}; {said[self.agrees]}"


def replay(run: Dataset, trajectory: int, every: int = 1) -> Replay:
    """Compute one trajectory of a run again, with its path.

    Parameters
    ----------
    run : Dataset
        The run; it may be unfinished, and in memory.
    trajectory : int
        Its number, from 0. A number beyond those of the run is that of a trajectory which a larger run has.
    every : int
        Instants of the path are so many time steps apart.

    Returns
    -------
    Replay
        With the stored row to compare, where it is there.

    Raises
    ------
    InvalidInput
        No number of a trajectory, or a path that does not fit into memory: the error gives an `every` that
        does.
    Damaged
        The file that holds the row is not what was written.
    """
    number = _whole(trajectory, "trajectory", "number of a trajectory", 0, MOST)
    if run.spec.time_step is None and every != 1:
        what = "a run without time steps is replayed jump by jump"
        raise InvalidInput(what, "every", "leave it out, each row is a jump")
    apart = _whole(every, "every", "number of time steps", 1, run.spec.time_steps)
    propagator = propagator_of(run.spec)
    with np.errstate(all="ignore"):  # what is not finite has a status that says so
        block = propagator.retrace(number, apart)
    row = run.row(number)
    stored = None if row is None else row.to_pylist()[0]
    jumps = _jumps(block, propagator)
    return Replay(
        run.spec,
        number,
        _row(block),
        _with_facts(_path(run.spec, block, propagator.schedule, apart, jumps), run.spec, number),
        None if jumps is None else _with_facts(jumps, run.spec, number),
        stored,
        None
        if row is None
        else _differing(block, row, [column.name for column in run.columns if column.nullable]),
    )


def replay_columns_of(spec: EnsembleSpec) -> list[Column]:
    """List the columns of a replayed path: those of `paths/`, and the controls; without time steps, jumps."""
    if spec.time_step is None:
        return [column for column in jump_columns_of(spec) if column.name != "trajectory"]
    time, *others = (column for column in path_columns_of(spec) if column.name != "trajectory")
    meaning = "after its change at this time"
    return [time, *(Column(name, "", f"{name} {meaning}") for name in spec.system.controls), *others]


def _whole(value: object, name: str, noun: str, least: int, most: int) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise InvalidInput(f"{shown(value)} is not a {noun}", name, f"give a whole one, {least} to {most:,}")
    return number


def _row(block: Block) -> pd.Series[Any]:
    import pandas as pd

    row: pd.Series[Any] = pd.DataFrame(block.columns).iloc[0]
    return row.rename(None)


def _path(
    spec: EnsembleSpec, block: Block, schedule: Schedule, every: int, jumps: pd.DataFrame | None
) -> pd.DataFrame:
    import pandas as pd

    if block.paths is None:
        assert jumps is not None
        return jumps.copy()
    controls = controls_at(schedule)[::every]
    columns = dict(block.paths) | {name: controls[:, k] for k, name in enumerate(spec.system.controls)}
    return pd.DataFrame({column.name: columns[column.name] for column in replay_columns_of(spec)})


def _jumps(block: Block, propagator: Propagator) -> pd.DataFrame | None:
    """Give the jumps by name; a state without one is None."""
    import pandas as pd

    if block.jumps is None:
        return None
    words = {"channel": propagator.channel_names, "state": propagator.state_names}
    frame = pd.DataFrame({name: block.jumps[name] for name in ("time", "channel", "state")})
    for name, known in words.items():
        frame[name] = [known[k] if k >= 0 else None for k in frame[name]]
    return frame.astype({"channel": object, "state": object})


def _with_facts(frame: pd.DataFrame, spec: EnsembleSpec, trajectory: int) -> pd.DataFrame:
    frame.attrs.update(attributes(spec), trajectory=trajectory)
    return frame


def stiffness(spec: EnsembleSpec, path: pd.DataFrame) -> Floats:
    """Give the left side of the criteria of :mod:`~fluctua.ensembles.stability` at each instant."""
    positions, controls = (
        path[list(names)].to_numpy().T for names in (spec.system.states, spec.system.controls)
    )
    return overshoots(spec, positions, controls)


def controls_at(schedule: Schedule) -> Floats:
    """Give the controls as paths meet them: after s moves and the change that follows them, s = 0, 1, ...

    At the start they have their first values, at the end of a stroke its last ones, else those of the next
    move. Shape (steps + 1, controls).
    """
    values = np.vstack([schedule.start_controls[None], schedule.controls[1:], schedule.end_controls[None]])
    ends, moving = np.cumsum(schedule.moves), schedule.moves > 0
    values[ends[moving]] = schedule.closing_controls[moving]
    return values


def _differing(block: Block, stored: pa.RecordBatch, nullable: list[str]) -> tuple[str, ...]:
    """Name the columns whose bits differ; all NaNs are one, and null is where nothing happened."""
    failed = bool(block.columns["status"][0])
    differ = []
    for name, values in block.columns.items():
        never = name in nullable and not failed and bool(np.isnan(values[0]))
        if stored[name][0].is_valid == never or not (
            never or _same_bits(values[0], stored[name].to_numpy()[0])
        ):
            differ.append(name)
    return tuple(differ)


def _same_bits(one: np.generic, other: np.generic) -> bool:
    if one.dtype != other.dtype:
        return False
    return one.tobytes() == other.tobytes() or bool(one != one and other != other)
