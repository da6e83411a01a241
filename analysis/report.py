"""A report as one self-contained HTML page: verdicts, pictures, tables, what they mean, how they were made.

The page needs nothing else: its styles stand in it, pictures are SVG inside `data:` addresses, there is no
script and its content policy forbids one. Every text is escaped by the template, since run folders may come
from anybody.
"""

from __future__ import annotations

import base64
import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from fluctua.analysis.claims import CLAIMS
from fluctua.analysis.verdict import counted
from fluctua.stochastic.errors import StorageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fluctua.analysis.verdict import Report, Verdict

OUTCOMES = {
    "holds": (
        "Equality is shown: the whole confidence interval lies inside the stated tolerance. The word speaks"
        " of these trajectories at this tolerance; a test that merely fails to reject never earns it."
    ),
    "violated": (
        "A difference is shown: were the claim true, numbers like these would be rarer than the stated"
        " error rate, after adjusting for how many questions were asked in the whole table. A deviation shown"
        " to be below its tolerance never earns it."
    ),
    "undecidable": (
        "Neither is shown: the trajectories are too few, or do not reach where the theorem is decided. The"
        " reason says what would have been found and how many trajectories would do."
    ),
    "not applicable": "The claim does not speak about this run; the reason names what is missing.",
}
_CROOKS_CAPTION = (
    "Left: densities of the forward work and of the reverse work with its sign turned; they cross at ΔF."
    " Right: the logarithm of their ratio in each bin, and the line that the Crooks theorem demands. Verdicts"
    " come from the trajectories themselves, never from these bins."
)
PACKAGES = ("fluctua", "numpy", "numba", "scipy", "pandas", "pyarrow", "matplotlib")


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; a cell that is an outcome's word is shown as one.

    Attributes
    ----------
    caption : str
        One sentence above the table.
    head : sequence of str
        The columns' names.
    rows : sequence of sequence of str
        The cells, as many in each row as the head has; the first names the row.
    notes : sequence of str
        A sentence under each row, or none at all.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with the sentence under it and a shorter one for who cannot see it."""

    figure: Figure
    caption: str
    alt: str

    @property
    def width(self) -> int:
        """Width in pixels of a screen, 96 to the inch."""
        return round(96 * self.figure.get_figwidth())

    @property
    def least_width(self) -> int:
        """Width in pixels below which letters are hard to read: a page scrolls it, a phone fits and zooms."""
        return round(0.7 * self.width)

    @property
    def height(self) -> int:
        """Height in the same pixels."""
        return round(96 * self.figure.get_figheight())

    @property
    def source(self) -> str:
        """The picture as an address that holds all of it."""
        return "data:image/svg+xml;base64," + base64.b64encode(as_svg(self.figure)).decode("ascii")


@dataclass(frozen=True, eq=False)
class Chapter:
    """One part of a page: a sentence, tables, pictures, and the reports whose verdicts stand in it.

    Attributes
    ----------
    title, lead : str
        Heading, and the text under it.
    reports : mapping of str to Report
        Reports by the caption of their verdict table.
    tables, pictures : sequence
        Further tables, and pictures, in their order.
    notes : sequence of str
        What the reader should know of where the numbers come from.
    """

    title: str
    lead: str = ""
    reports: Mapping[str, Report] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    notes: Sequence[str] = ()

    @property
    def verdicts(self) -> list[Table]:
        """One table a report."""
        return [verdict_table(report, caption) for caption, report in self.reports.items()]


@dataclass(frozen=True, eq=False)
class Page:
    """A whole page, ready to be written.

    Attributes
    ----------
    title, summary : str
        Heading, and one sentence that says how it came out.
    outcome : str
        The word that colours the summary.
    chapters : sequence of Chapter
        The parts in their order.
    specs : mapping of str to str
        The runs' specs as TOML, by the line above each.
    lead : str
        A paragraph under the summary.
    """

    title: str
    summary: str
    outcome: str
    chapters: Sequence[Chapter]
    specs: Mapping[str, str] = field(default_factory=dict)
    lead: str = ""

    @property
    def claims(self) -> dict[str, str]:
        """What the claims met on the page say, each once."""
        met = {
            verdict.claim
            for chapter in self.chapters
            for report in chapter.reports.values()
            for verdict in report
        }
        return {name: claim.means for name, claim in CLAIMS.items() if name in met}

    @property
    def versions(self) -> Table:
        """The packages that made the numbers and the page."""
        rows = [("Python", platform.python_version()), *((name, _version(name)) for name in PACKAGES)]
        return Table("Versions", ("package", "version"), rows)

    def write(self, path: str | Path) -> Path:
        """Write the page to a file, which is replaced if it is there.

        Raises
        ------
        StorageError
            If the place cannot be written.
        """
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.render(), encoding="utf-8")
        except OSError as error:
            raise StorageError(error.strerror or str(error), str(target), "choose another place") from None
        return target

    def render(self) -> str:
        """Give the page as text."""
        from jinja2 import Environment, StrictUndefined

        source = files("fluctua.analysis").joinpath("report.html.j2").read_text(encoding="utf-8")
        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        return environment.from_string(source).render(page=self, outcomes=OUTCOMES) + "\n"


def write_report(report: Report, path: str | Path) -> Path:
    """Write one report as a self-contained page, with pictures of what was judged.

    Parameters
    ----------
    report : Report
        What was judged.
    path : str or Path
        The file, replaced if it is there.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    StorageError
        If the place cannot be written.
    """
    from fluctua.analysis.report_chapters import chapters_of

    title = report.title or "Fluctuation theorems, judged"
    return Page(title, report.headline, report.outcome, chapters_of(report)).write(path)


def verdict_table(report: Report, caption: str = "") -> Table:
    """Give a report's verdicts as a table of text, with the free-energy difference in its caption."""
    head = ("claim", "outcome", "measured", "should be", "within", "p adjusted", "information")
    said = "; ".join(text for text in (caption, report.free_energy_line.removesuffix(".")) if text)
    return Table(said, head, [_cells(verdict) for verdict in report], [verdict.reason for verdict in report])


def overview(reports: Mapping[str, Report]) -> Table:
    """Give the outcome of each claim in each report as one table; claims that never apply are left out."""
    said = {name: {verdict.claim: verdict.outcome for verdict in report} for name, report in reports.items()}
    applicable = {claim for row in said.values() for claim, word in row.items() if word != "not applicable"}
    claims = sorted(applicable, key=[*CLAIMS, *sorted(applicable)].index)
    rows = [(name, *(row.get(claim, "") for claim in claims)) for name, row in said.items()]
    return Table("", ("judged", *claims), rows)


def _cells(verdict: Verdict) -> tuple[str, ...]:
    return (
        verdict.claim,
        verdict.outcome,
        "" if verdict.outcome == "not applicable" else verdict.measured,
        verdict.should_be,
        verdict.within,
        _short(verdict.p_adjusted),
        "" if verdict.information is None else counted(verdict.information),
    )


def _short(p_value: float | None) -> str:
    """Write a p-value as far as it matters."""
    if p_value is None:
        return ""
    return f"{p_value:.2f}" if p_value >= 0.095 else f"{p_value:.1g}" if p_value >= 1e-99 else "< 1e-99"


def crooks_picture(figure: Figure, about: str = "", stems: str = "") -> Picture:
    """Put the sentence that explains it under a figure of `work_distributions`, and one on its stems."""
    caption = " ".join(text for text in (about, _CROOKS_CAPTION, stems) if text)
    return Picture(figure, caption, f"Work distributions and their ratio. {about}".strip())


def as_svg(figure: Figure) -> bytes:
    """Draw a figure as SVG whose bytes depend on nothing but the figure: no date, no random names."""
    import matplotlib

    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "fluctua", "svg.fonttype": "path"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
