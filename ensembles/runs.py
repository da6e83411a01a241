"""Many runs that differ in a few words of their specs: folders named by what differs, opened together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from fluctua.ensembles.dataset import Dataset, no_run, open_run
from fluctua.ensembles.manifest import is_run, path_of
from fluctua.ensembles.places import check_manifest
from fluctua.ensembles.spec import DIRECTIONS
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

Label = dict[str, Any]
FOLDER_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)=([A-Za-z0-9_.+-]+)")


class Runs(Sequence[Dataset]):
    """A list of Datasets that differ in a few words of their specs.

    Attributes
    ----------
    labels : list of dict
        What differs, for each run: ``{"friction": 0.1, "cycles": 3}``.
    path : Path or None
        The folder that holds them; None in memory.
    """

    def __init__(
        self, datasets: Sequence[Dataset], labels: Sequence[Label], path: Path | None = None
    ) -> None:
        self._datasets = list(datasets)
        self.labels = [dict(label) for label in labels]
        self.path = path

    @overload
    def __getitem__(self, index: int) -> Dataset: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> Dataset | Runs:
        """Give a run by its number, or some of them."""
        if isinstance(index, slice):
            return Runs(self._datasets[index], self.labels[index], self.path)
        return self._datasets[index]

    def __len__(self) -> int:
        """Count the runs."""
        return len(self._datasets)

    def table(self, formulas: str | Sequence[str], where: str | None = None) -> pd.DataFrame:
        """Average formulas of columns in every run.

        Parameters
        ----------
        formulas : str or sequence of str
            As in :meth:`Dataset.mean`.
        where : str, optional
            A condition: only trajectories that meet it count.

        Returns
        -------
        pandas.DataFrame
            Index: what differs between the runs. Columns: `mean` and `standard_error` of each formula.
            `attrs` carry `shared_noise`: whether all runs have one seed and one direction, so that their
            differences are sharper than the errors of each suggest.
        """
        import pandas as pd

        wanted = [formulas] if isinstance(formulas, str) else list(formulas)
        rows = []
        for run in self._datasets:
            estimates = [run.mean(formula, where) for formula in wanted]
            rows.append(
                [number for estimate in estimates for number in (estimate.value, estimate.standard_error)]
            )
        columns = pd.MultiIndex.from_product([wanted, ["mean", "standard_error"]])
        frame = pd.DataFrame(rows, index=self._index(), columns=columns)
        frame.attrs["shared_noise"] = len({(run.spec.seed, run.spec.direction) for run in self}) == 1
        return frame

    def _index(self) -> pd.Index[Any] | pd.MultiIndex:
        import pandas as pd

        return (
            pd.MultiIndex.from_frame(pd.DataFrame(self.labels))
            if len(self.labels[0]) > 1
            else pd.Index(
                [next(iter(label.values())) for label in self.labels], name=next(iter(self.labels[0]))
            )
        )

    def __repr__(self) -> str:
        """Write one line."""
        place = "in memory" if self.path is None else str(self.path)
        return f"Runs {place}: {len(self)} runs over {', '.join(self.labels[0])}"


# ---- opening


def open(folder: str | Path, partial: bool = False) -> Dataset | Runs:
    """Open a run directory, or a folder of runs.

    Parameters
    ----------
    folder : str or Path
        What `simulate` or `sweep` wrote, or is writing.
    partial : bool
        Take what is there of unfinished runs, up to the first chunk that is missing.

    Raises
    ------
    InvalidInput
        There is no run.
    Damaged
        Files are not what was written.
    """
    path = path_of(folder)
    if is_run(path):
        return open_run(path, partial)
    _check_entries(path)
    found = sorted(runs_in(path), key=lambda pair: [_order(value) for value in pair[0].values()])
    if not found:
        raise no_run(path)
    return Runs([open_run(one, partial) for _, one in found], [label for label, _ in found], path)


def runs_in(path: Path, label: Mapping[str, Any] | None = None) -> Iterator[tuple[Label, Path]]:
    """Walk the folders ``name=value`` below a place down to the runs."""
    for entry in sorted(path.iterdir()) if path.is_dir() else ():
        found = FOLDER_NAME.fullmatch(entry.name)
        if found and entry.is_dir():
            here = dict(label or {}) | {found[1]: _value(found[2])}
            if is_run(entry):
                yield here, entry
            else:
                yield from runs_in(entry, here)


def _check_entries(path: Path) -> None:
    """Refuse a folder of runs with a damaged or a renamed one in it: the others would be taken for all."""
    for entry in sorted(path.iterdir()) if path.is_dir() else ():
        if not entry.is_dir() or (is_run(entry) and FOLDER_NAME.fullmatch(entry.name)):
            continue
        if is_run(entry):
            if any(runs_in(path)):
                raise InvalidInput(
                    "a run among others whose folder has no name=value",
                    str(entry),
                    "give it back its name, such as direction=forward, or move it elsewhere",
                )
        elif FOLDER_NAME.fullmatch(entry.name):
            check_manifest(entry)
            _check_entries(entry)


def check_directions(runs: Runs) -> None:
    """Refuse runs in both directions of which one lacks its partner: half a pair is another question.

    Raises
    ------
    InvalidInput
        Names the folder that is missing.
    """
    labels = [label for label in runs.labels if label.get("direction") in DIRECTIONS]
    for label in labels:
        other = "reverse" if label["direction"] == "forward" else "forward"
        partner = {name: other if name == "direction" else value for name, value in label.items()}
        if partner not in labels:
            raise InvalidInput(
                f"half of a pair: {_text(partner)} is missing",
                str(runs.path or ""),
                f"make or restore it, or give {_text(label)} alone",
            )


def _text(label: Label) -> str:
    return "/".join(f"{name}={value}" for name, value in label.items())


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _order(value: Any) -> tuple[int, float, str]:
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")
