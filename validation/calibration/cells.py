"""A cell of the bench: one truth, one size of sample, one fault, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fluctua.validation.calibration.judges import findings_of_entropy, findings_of_pairs
from fluctua.validation.calibration.noise import Noise
from fluctua.validation.calibration.scenes import Scene
from fluctua.validation.calibration.tallies import Tally
from fluctua.validation.calibration.truths import EntropyTruth, PairTruth

Theorem = Literal[
    "two-sample",
    "one-sample",
    "forward only",
    "others",
    "neighbours",
    "groups",
    "signs",
    "bounds",
    "integral",
    "several",
    "watched",
    "intervals",
]
Words = tuple[float, float, float]  # shares of holds, violated and undecidable
Kind = Literal["true", "no overlap", "edge", "fault", "measured"]

_LARGEST_BLOCK = 400_000  # values drawn at once


@dataclass(frozen=True)
class Cell:
    """One truth at one size.

    Parameters
    ----------
    name : str
        Unique: it names the streams of random numbers too.
    theorem : str
        What is judged, on which data: a chapter of the page.
    truth : PairTruth, EntropyTruth or Scene
        Where they come from, with the fault.
    n, n_reverse : int
        Trajectories in each direction.
    kind : {"true", "no overlap", "edge", "fault", "measured"}
        ``true``: nothing is wrong. ``no overlap``: nothing is wrong and nothing can be said. ``edge``: the
        fault is as large as the tolerance. ``fault``: it must be found. ``measured``: told, not checked.
    power : mapping of str to float
        Of a fault: shares that are found elsewhere, by the name of a test, or of a claim that is violated.
    note : mapping of str to float
        The same, told beside but not asked for.
    words : mapping of str to Words
        Shares of the three words that claims were given elsewhere, not to be worse than.
    undecided : tuple of str
        Claims that must be undecidable, as nothing can be said.
    edge : str
        The claim that must rarely hold.
    never : tuple of str
        Claims that the fault must not violate, as the data do not show it.
    family : str
        Cells of one family, in the order of the list, find more and more of a fault.
    share : float
        How many of the ensembles of its grid the cell gets: less where a few show enough, and each is dear.
    heading : str
        Where the cell stands in the printed table.
    """

    name: str
    theorem: Theorem
    truth: PairTruth | EntropyTruth | Scene
    n: int
    n_reverse: int | None = None
    kind: Kind = "true"
    power: Mapping[str, float] = field(default_factory=dict)
    note: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, Words] = field(default_factory=dict)
    undecided: tuple[str, ...] = ()
    edge: str = ""
    never: tuple[str, ...] = ()
    family: str = ""
    share: float = 1.0
    heading: str = ""

    def tally(self, first: int, ensembles: int, seed: int = 0) -> Tally:
        """Draw and judge the ensembles `first`, `first` + 1, ...

        Parameters
        ----------
        first, ensembles : int
            Which.
        seed : int
            Other streams for another seed.
        """
        step = max(1, _LARGEST_BLOCK // (self.n + (self.n_reverse or self.n)))
        starts = range(first, first + ensembles, step)
        blocks = (self._block(start, min(step, first + ensembles - start), seed) for start in starts)
        total = next(blocks)
        for block in blocks:
            total = total + block
        return total

    def _block(self, first: int, ensembles: int, seed: int) -> Tally:
        stream = f"{self.name} {seed}"
        noise = Noise.of(stream, first, ensembles)
        if isinstance(self.truth, Scene):
            return Tally.of(self.truth.findings(noise, self.n))
        if isinstance(self.truth, EntropyTruth):
            ties = Noise.of(f"{stream} ties", first, ensembles).uniform(1)[:, 0]
            return Tally.of(findings_of_entropy(self.truth.draw(noise, self.n), self.truth, ties))
        pairs = self.truth.draw(noise, self.n, self.n_reverse)
        return Tally.of(findings_of_pairs(self.theorem, pairs, self.truth))
