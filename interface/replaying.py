"""The command ``fluctua replay``: one trajectory again, with its whole path."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluctua.cli import notice, show
from fluctua.parsing import Command, Parser, count, folder, index
from fluctua.stochastic.errors import Damaged, InvalidInput

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.replay import Replay
    from fluctua.stochastic.columns import Column

TABLES, PICTURES = (".csv", ".parquet"), (".png", ".svg", ".pdf")
SHOWN = 10  # instants, or jumps, that are printed


def _add_options(parser: Parser) -> None:
    parser.add_argument("run", metavar="DIR", help="a run")
    parser.add_argument(
        "--trajectory", metavar="I", type=index, required=True, help="which one, counted from 0"
    )
    parser.add_argument(
        "--every", metavar="K", type=count, default=1, help="instants K time steps apart (default: 1)"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=folder,
        help="write the path: a table as .csv or .parquet, a picture as .png, .svg or .pdf",
    )


def replay_command(options: Namespace) -> int:
    """Compute a trajectory again, hold it against its stored row, and print or write its path.

    Raises
    ------
    Damaged
        The stored row is another.
    """
    place = _place(options.out)
    run = _one(options.run)
    replay = run.replay(options.trajectory, options.every)
    _check(replay, run)
    if place is not None:
        _write(replay, place, options)
    found = _table(replay, run, options.out)
    show(_text(found, replay), found, options)
    if options.trajectory >= run.spec.trajectories and not options.quiet:
        notice(f"beyond the {run.spec.trajectories:,} trajectories of the run: as in a larger one")
    return 0


def _place(name: str | None) -> Path | None:
    """Look at the name of a file before anything is computed for it."""
    if name is None:
        return None
    path, known = Path(name), (*TABLES, *PICTURES)
    if path.suffix not in known:
        raise InvalidInput(f"{name} is neither table nor picture", "--out", f"end it in {', '.join(known)}")
    if not path.parent.is_dir():
        raise InvalidInput("no such folder", str(path.parent), "make it first")
    return path


def _one(place: str) -> Dataset:
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.runs import open as open_run

    opened = open_run(place)
    if not isinstance(opened, Dataset):
        raise InvalidInput("a folder of runs, not one", place, f"give one: {opened[0].path}")
    return opened


def _check(replay: Replay, run: Dataset) -> None:
    """Refuse a run that holds another row than the one that comes out."""
    if not replay.differs or replay.stored is None:
        return
    name = replay.differs[0]
    now, stored = _written(replay.row[name]), _written(replay.stored[name])
    more = f", and {len(replay.differs) - 1} more columns differ" if replay.differs[1:] else ""
    raise Damaged(
        f"trajectory {replay.trajectory:,} comes out differently: {name} is {now}, stored is {stored}{more}",
        str(run.path),
        "its file was changed, or another version wrote it: run the spec again in another folder",
    )


def _written(value: float | None) -> str:
    return "nothing" if value is None or math.isnan(value) else repr(float(value))


# --- what is written ------------------------------------------------------------------------------


def _write(replay: Replay, place: Path, options: Namespace) -> None:
    if place.suffix in PICTURES:
        from fluctua.analysis.path_figure import path_figure

        title = f"Trajectory {replay.trajectory:,} of {options.run}"
        path_figure(replay, title).savefig(place)
    elif place.suffix == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(replay.to_arrow(), place)
    else:
        replay.path.to_csv(place, index=False, header=[_headed(column) for column in replay.columns])


def _headed(column: Column) -> str:
    return column.name if column.unit in ("", "1", column.name) else f"{column.name} [{column.unit}]"


# --- what is printed ------------------------------------------------------------------------------


def _table(replay: Replay, run: Dataset, out: str | None) -> dict[str, Any]:
    """Return what came out as the objects of its JSON text."""
    units = {column.name: column.unit for column in run.columns}
    numbers = {
        name: _plain(value) for name, value in replay.row.items() if name not in ("trajectory", "status")
    }
    return {
        "run": str(run.path),
        "digest": run.spec.digest,
        "direction": run.spec.direction,
        "seed": run.spec.seed,
        "trajectory": replay.trajectory,
        "status": int(replay.row["status"]),
        "failed_at": replay.failed_at,
        "agrees": replay.agrees,
        "row": numbers,
        "units": {str(name): units[str(name)] for name in numbers},
        "instants": len(replay.path),
        "out": out,
        "path": _instants(replay) if out is None else None,
    }


def _plain(value: float | str | None) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None


def _instants(replay: Replay) -> list[dict[str, float | str | None]]:
    """Return a few instants of the path, the first and the last among them; of jumps the first ones."""
    import numpy as np

    rows = replay.path.iloc[:SHOWN]  # with one left out, jumps would not follow from each other
    if replay.spec.time_step is not None:
        rows = replay.path.iloc[np.unique(np.linspace(0, len(replay.path) - 1, SHOWN).round().astype(int))]
    return [{str(name): _plain(value) for name, value in row.items()} for row in rows.to_dict("records")]


def _text(found: dict[str, Any], replay: Replay) -> str:
    """Return the same for a person."""
    from fluctua.inspection import aligned

    names = [name for name, value in found["row"].items() if value is not None]
    row = [(name, f"{found['row'][name]:.10g}", found["units"][name].removeprefix("1")) for name in names]
    lines = [
        f"{found['run']}, trajectory {found['trajectory']:,} of spec {found['digest'][:8]}, "
        f"{found['direction']}, seed {found['seed']}",
        *_failure(found, replay),
        *(f"  {line}" for line in aligned(row)),
        {None: "no stored row to compare", True: "agrees with the stored row, to the bit"}[found["agrees"]],
    ]
    if found["out"] is not None:
        return "\n".join([*lines, f"path of {found['instants']:,} {_rows(replay)}: {found['out']}"])
    heads = tuple(_headed(column) for column in replay.columns)
    cells = [tuple(map(_cell, instant.values())) for instant in found["path"]]
    return "\n".join([*lines, "", *aligned([heads, *cells]), _shown(len(cells), found["instants"], replay)])


def _shown(here: int, of: int, replay: Replay) -> str:
    """Say how much of a path is printed."""
    if replay.spec.time_step is not None:
        return f"{here} of {of:,} instants; --out FILE writes all"
    if here < of:
        return f"and {_counted(of - here, 'more jump')}; --out FILE writes all"
    return f"{_counted(of, 'jump')} in all"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _rows(replay: Replay) -> str:
    """Say what the rows of a path are."""
    return "jumps" if replay.spec.time_step is None else "instants"


def _cell(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.6g}"


def _failure(found: dict[str, Any], replay: Replay) -> list[str]:
    """Say how a trajectory failed, and when, as far as the instants of its path tell."""
    from fluctua.stochastic.status import Status

    if not replay.failed:
        return []
    how = f"failed: {Status(found['status']).meaning}"
    if replay.failed_at is None:
        return [how]
    when = f"{how}, at time {replay.failed_at:.10g}"
    if replay.spec.time_step is None:
        return [when]
    return [f"{when}, after {round(replay.failed_at / replay.spec.time_step):,} time steps"]


COMMANDS = (
    Command(
        "replay",
        replay_command,
        _add_options,
        "Compute one trajectory again, with its whole path.",
        "fluctua replay runs/squeeze/direction=forward --trajectory 123456\n"
        "fluctua replay runs/bead --trajectory 7 --every 10 --out path.csv\n"
        "fluctua replay runs/bead --trajectory 7 --out path.png",
        "It is held against its stored row, bit for bit. Numbers beyond those of the run are trajectories of "
        "a larger one.",
    ),
)
