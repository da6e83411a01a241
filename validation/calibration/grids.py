"""The cells of the bench in three sizes, and the shares of faults found that they are held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from fluctua.stochastic.errors import not_among
from fluctua.validation.calibration import further
from fluctua.validation.calibration.cells import Cell, Kind, Theorem
from fluctua.validation.calibration.faults import Fault
from fluctua.validation.calibration.truths import (
    BiasedWalk,
    EntropyTruth,
    GaussianPair,
    MixturePair,
    PairTruth,
    QuenchPair,
    SignCoin,
    breathing_trap,
    counted_particles,
    dragged_trap,
    measured_qubit,
)


@dataclass(frozen=True)
class Grid:
    """Cells, and how many ensembles of each.

    Parameters
    ----------
    name : str
        ``"smoke"``, ``"ci"`` or ``"release"``.
    ensembles : int
        Of every cell.
    cells : tuple of Cell
        In the order of the printed table.
    """

    name: str
    ensembles: int
    cells: tuple[Cell, ...]


def grid(size: str) -> Grid:
    """Return the cells of a size.

    Raises
    ------
    InvalidInput
        If there is no such size.
    """
    sizes = {"smoke": _smoke, "ci": _ci, "release": _release}
    if size not in sizes:
        raise not_among(size, "size", sizes, "size")
    return sizes[size]()


def _smoke() -> Grid:
    cells = (
        replace(_true("two-sample", "Gauss 0.5 kT", GaussianPair(0.5), 300), share=0.15),
        replace(_true("two-sample", "quench", QuenchPair(), 300), share=0.15),
        replace(_true("one-sample", "Gauss 1 kT", SignCoin("gaussian", 1.0), 300), share=0.5),
        _true("forward only", "Gauss 1 kT", GaussianPair(1.0), 300),
        _true("forward only", "quench", QuenchPair(), 300),
        Cell(
            "two-sample, sign flipped, n = 300",
            "two-sample",
            GaussianPair(1.0, fault=Fault("sign")),
            300,
            kind="fault",
            power={"crooks, ΔF known": 1.0},
            share=0.1,
            heading="faults",
        ),
    )
    return Grid("smoke", 200, cells)


def _ci() -> Grid:
    cells = [
        *(replace(cell, share=0.5 if cell.truth in _LESSER else 1.0) for cell in _true_pairs(500)),
        *(replace(cell, share=0.5) for cell in _unequal_pairs()),
        *(replace(cell, share=0.5 if cell.truth in _LESSER else 1.0) for cell in _true_samples(500)),
        *_true_forward((500,)),
        *_no_overlap(500),
        *_edges(3_000),
        *(replace(cell, share=min(cell.share, 0.25)) for cell in _pair_faults((1_000,))),
        *(replace(cell, share=0.25) for cell in _other_readings((300, 1_000))),
        *_sample_faults((1_000,)),
        *_forward_faults((2_000,)),
        *_faults_of_atoms(0.25),
        *further.bounds(500),
        *further.integral(500),
        *further.atoms(20_000, 0.2),
        *further.rare_terms(100_000, 0.2),
        *further.watched(1_000),
        *further.several(0.2),
        *further.dependent(0.15),
        *further.words([(1.0, 300), (1.0, 3_000), (1.0, 20_000)], {300: 0.5, 3_000: 0.25, 20_000: 0.05}),
        *further.intervals(1_000, 0.5),
        *_methods_of_others((500,)),
    ]
    return Grid("ci", 400, tuple(cells))


def _release() -> Grid:
    true = [cell for n in (100, 200, 500, 2_000, 10_000) for cell in _true_pairs(n)]
    samples = [cell for n in (200, 500, 2_000, 10_000) for cell in _true_samples(n)]
    cells = [
        *true,
        *_unequal_pairs(),
        *samples,
        *_true_forward((100, 1_000, 10_000)),
        *(cell for n in (300, 3_000, 20_000) for cell in _no_overlap(n)),
        *_edges(10_000),
        *_pair_faults((300, 1_000, 3_000, 10_000)),
        *_other_readings((300, 1_000, 3_000)),
        *_sample_faults((1_000, 10_000, 100_000)),
        *_forward_faults((2_000, 10_000)),
        *_faults_of_atoms(),
        *(cell for n in (100, 1_000, 10_000) for cell in further.bounds(n)),
        *(cell for n in (100, 1_000, 10_000) for cell in further.integral(n)),
        *further.atoms(20_000, 0.2),
        *further.rare_terms(100_000, 0.05),
        *further.watched(10_000),
        *further.several(0.2),
        *further.dependent(0.2),
        *further.words([*further.WORDS], {300: 1.0, 3_000: 0.5, 20_000: 0.1}),
        *(cell for n in (100, 1_000) for cell in further.intervals(n, 0.5)),
        *_methods_of_others((200, 2_000)),
    ]
    return Grid("release", 10_000, tuple(cells))


# ---- truths --------------------------------------------------------------------------------------

PAIRS: dict[str, PairTruth] = {
    "Gauss 0.25 kT": GaussianPair(0.25),
    "Gauss 1 kT": GaussianPair(1.0),
    "Gauss 2 kT at 2e6 kT": GaussianPair(2.0, 2e6),
    "Gauss 3 kT": GaussianPair(3.0),
    "Gauss 10 kT": GaussianPair(10.0),
    "quench": QuenchPair(),
    "one quench, ratio 3": QuenchPair(3.0, 1),
    "bimodal": MixturePair(),
    "dragged trap": dragged_trap(),
    "breathing trap": breathing_trap(),
    "measured qubit": measured_qubit(),
    "counted particles": counted_particles(),
}

SAMPLES = {
    "Gauss 0.3": SignCoin("gaussian", 0.3),
    "Gauss 1": SignCoin("gaussian", 1.0),
    "Gauss 3": SignCoin("gaussian", 3.0),
    "exponential": SignCoin("exponential", 2.0),
    "Cauchy": SignCoin("cauchy", 1.0),
    "lattice": SignCoin("lattice", 1.5),
    "biased walk": BiasedWalk(1.0, 1.0),
}

_LESSER = (PAIRS["Gauss 0.25 kT"], PAIRS["Gauss 10 kT"], PAIRS["dragged trap"], PAIRS["breathing trap"],
           PAIRS["measured qubit"], PAIRS["counted particles"],
           SAMPLES["exponential"], SAMPLES["Cauchy"], SAMPLES["lattice"])  # fmt: skip
"""Half as many ensembles of these do where time is short."""


def _name(theorem: str, truth: str, n: int, n_reverse: int | None = None) -> str:
    size = f"n = {n:,}" if n_reverse is None else f"n = {n:,} and {n_reverse:,}"
    return f"{theorem}, {truth}, {size}"


def _true(theorem: str, name: str, truth: object, n: int, n_reverse: int | None = None) -> Cell:
    heading = "true ensembles"
    return Cell(_name(theorem, name, n, n_reverse), theorem, truth, n, n_reverse, heading=heading)  # type: ignore[arg-type]


def _true_pairs(n: int) -> Iterator[Cell]:
    for name, truth in PAIRS.items():
        yield _true("two-sample", name, truth, n)


def _unequal_pairs() -> Iterator[Cell]:
    yield _true("two-sample", "Gauss 1 kT", GaussianPair(1.0), 2_000, 100)
    yield _true("two-sample", "Gauss 2 kT", GaussianPair(2.0), 200, 2_000)
    yield _true("two-sample", "quench", QuenchPair(), 1_000, 50)


def _true_samples(n: int) -> Iterator[Cell]:
    for name, truth in SAMPLES.items():
        yield _true("one-sample", name, truth, n)


def _true_forward(sizes: Sequence[int]) -> Iterator[Cell]:
    truths: dict[str, PairTruth] = {f"Gauss {d:g} kT": GaussianPair(d) for d in (0.25, 1.0, 3.0, 10.0)}
    truths["quench"] = QuenchPair()
    truths["hidden mode"] = HIDDEN
    for n, (name, truth) in product(sizes, truths.items()):
        yield _true("forward only", name, truth, n)


HIDDEN = MixturePair((0.998, 0.002), (1.0, -7.0), (0.5, 0.5))
"""Two in a thousand trajectories carry most of the exponential average: no look at the sample shows them."""


def _no_overlap(n: int) -> Iterator[Cell]:
    two = ("crooks", "crooks, ΔF known", "jarzynski", "jarzynski, ΔF known")
    for theorem, truth, claims in (
        ("two-sample", GaussianPair(20.0), two),
        ("forward only", GaussianPair(20.0), ("jarzynski, forward only",)),
        ("one-sample", SignCoin("gaussian", 20.0), ("detailed", "integral")),
    ):
        name, heading = _name(theorem, "Gauss 20 kT", n), "no overlap"
        kind: Kind = "no overlap"
        yield Cell(name, theorem, truth, n, kind=kind, undecided=claims, share=0.5, heading=heading)  # type: ignore[arg-type]


# ---- at the edge of the tolerance ----------------------------------------------------------------


def _edges(n_both: int) -> Iterator[Cell]:
    slope = Fault("scale", 1.0 / 1.05 - 1.0)  # work too small by that: the slope is 1.05
    rows = (
        ("slope 1.05", "two-sample", "crooks", GaussianPair(2.0, fault=slope), n_both),
        ("ΔF off 0.1", "two-sample", "crooks, ΔF known", _misstated(1.0, 0.1), n_both),
        ("slope 1.05", "one-sample", "detailed", SignCoin("gaussian", 1.0, fault=slope), 3 * n_both),
        ("ΔF 0.1 too low", "forward only", "jarzynski, forward only", _misstated(0.25, -0.1), 2_000),
        ("ΔF 0.1 too high", "forward only", "jarzynski, forward only", _misstated(0.25, 0.1), 2_000),
    )
    for what, theorem, claim, truth, n in rows:
        name = _name(theorem, what, n)

        share = 0.25 if n >= 3_000 else 1.0
        heading = "edge of the tolerance"
        yield Cell(name, theorem, truth, n, kind="edge", edge=claim, share=share, heading=heading)  # type: ignore[arg-type]


def _misstated(dissipation: float, by: float) -> GaussianPair:
    return GaussianPair(dissipation, fault=Fault("offset", by))


# ---- faults, and how often they are found elsewhere ----------------------------------------------

_SIZES = (300, 1_000, 3_000, 10_000)

PAIR_POWER: dict[Fault, dict[str, tuple[float, ...]]] = {
    Fault("scale", 0.05): {"slope": (0.09, 0.23, 0.44, 0.91)},
    Fault("offset", 0.05): {"ΔF": (0.06, 0.11, 0.33, 0.67)},
    Fault("offset", 0.2): {"ΔF": (0.40, 0.86, 1.0, 1.0)},
    Fault("trim both", 0.01): {"slope or smooth": (0.28, 0.86, 1.0, 1.0)},
    Fault("trim both", 0.05): {"slope or smooth": (0.92, 1.0, 1.0, 1.0)},
    Fault("clip", 2.5): {"slope or smooth": (0.20, 0.67, 1.0, 1.0)},
    Fault("slow reverse", 2.0): {"ΔF": (1.0, 1.0, 1.0, 1.0), "smooth": (0.47, 0.93, 1.0, 1.0)},
    Fault("slow reverse", 1.1): {"ΔF": (0.12, 0.35, 0.79, 0.99), "smooth": (0.05, 0.07, 0.07, 0.29)},
    Fault("sign"): {"any": (1.0, 1.0, 1.0, 1.0), "crooks, ΔF known": (1.0, 1.0, 1.0, 1.0)},
    Fault("forward twice"): {"any": (0.98, 1.0, 1.0, 1.0), "crooks, ΔF known": (0.98, 1.0, 1.0, 1.0)},
}
"""Gaussian work of 3 kT, 300 to 10,000 trajectories in each direction: shares found by the better test."""


OTHER_READINGS: dict[Fault, tuple[float, ...]] = {
    Fault("trim", 0.01): (0.28, 0.86, 1.0, 1.0),
    Fault("trim", 0.05): (0.92, 1.0, 1.0, 1.0),
    Fault("clamp", 2.5): (0.20, 0.67, 1.0, 1.0),
}
"""The same shares beside the other way to read what was done: trimmed in one direction only, and moved to the
limit instead of left out. They are told, with what can be found at most."""


def _other_readings(sizes: Sequence[int]) -> Iterator[Cell]:
    for (fault, shares), n in product(OTHER_READINGS.items(), sizes):
        yield Cell(
            _name("two-sample", f"Gauss 3 kT, {fault}", n),
            "two-sample",
            GaussianPair(3.0, fault=fault),
            n,
            kind="fault",
            note={"slope or smooth": shares[_SIZES.index(n)]},
            heading="faults, read otherwise",
        )


def _pair_faults(sizes: Sequence[int]) -> Iterator[Cell]:
    for fault, shares in PAIR_POWER.items():
        for n in sizes:
            yield Cell(
                _name("two-sample", f"Gauss 3 kT, {fault}", n),
                "two-sample",
                GaussianPair(3.0, fault=fault),
                n,
                kind="fault",
                power={test: share[_SIZES.index(n)] for test, share in shares.items()},
                family=f"two-sample {fault}",
                share=0.25 if max(share[_SIZES.index(n)] for share in shares.values()) == 1.0 else 1.0,
                heading="faults",
            )


_SAMPLE_SIZES = (1_000, 10_000, 100_000)
SAMPLE_POWER: dict[Fault, tuple[float, float, float]] = {
    Fault("scale", 0.05): (0.15, 0.72, 1.0),
    Fault("offset", 0.05): (0.12, 0.72, 1.0),
    Fault("offset", -0.5): (1.0, 1.0, 1.0),  # Itô's heat in place of Stratonovich's, half a relaxation time
    Fault("sign"): (1.0, 1.0, 1.0),
    Fault("reflect", 2.0): (0.85, 1.0, 1.0),
}
"""Gaussian entropy production of mean 1: shares found by the slope."""


def _sample_faults(sizes: Sequence[int]) -> Iterator[Cell]:
    for fault, shares in SAMPLE_POWER.items():
        for n in sizes:
            yield Cell(
                _name("one-sample", f"Gauss 1, {fault}", n),
                "one-sample",
                SignCoin("gaussian", 1.0, fault=fault),
                n,
                kind="fault",
                power={"slope": shares[_SAMPLE_SIZES.index(n)]},
                family=f"one-sample {fault}",
                heading="faults",
            )


_FORWARD_SHARES = {0.25: 0.93, 0.5: 0.95, 1.0: 0.93, 2.0: 0.39, 3.0: 0.06}


def _forward_faults(sizes: Sequence[int]) -> Iterator[Cell]:
    """Yield a stated ΔF that is 0.1 kT too high, which is found, or too low, which cannot be."""
    claim = "jarzynski, forward only"
    for (d, share), n in product(_FORWARD_SHARES.items(), sizes):
        known = {claim: share} if n == 10_000 else {claim: 0.22} if (d, n) == (1.0, 2_000) else {}
        for by in (0.1, -0.1):
            yield Cell(
                _name("forward only", f"Gauss {d:g} kT, ΔF {by:+g}", n),
                "forward only",
                _misstated(d, by),
                n,
                kind="fault",
                power=known if by > 0.0 else {},
                never=() if by > 0.0 else (claim,),
                heading="faults",
            )


_LOST = Fault("lost", 0.3)
ATOMS: dict[str, tuple[Theorem, PairTruth | EntropyTruth, float]] = {
    "measured qubit": ("two-sample", measured_qubit(fault=_LOST), 0.99),
    "counted particles": ("two-sample", counted_particles(fault=_LOST), 0.52),
    "lattice": ("one-sample", SignCoin("lattice", 1.5, fault=_LOST), 0.94),
}
"""Three in ten trajectories lost of one value, n = 2,000. Shares that a noncentral chi-square finds, of 3, 9
and 3 degrees of freedom, and 22.3, 9.2 and 16.3 of the residuals that the loss leaves."""


def _faults_of_atoms(share: float = 1.0) -> Iterator[Cell]:
    """Yield a few values, of which the commonest lacks a part of its trajectories."""
    n, heading = 2_000, "faults"
    for name, (theorem, truth, least) in ATOMS.items():
        cell, power = _name(theorem, f"{name}, {_LOST}", n), {"masses": least}
        yield Cell(cell, theorem, truth, n, kind="fault", power=power, share=share, heading=heading)


# ---- for comparison ------------------------------------------------------------------------------


def _methods_of_others(sizes: Sequence[int]) -> Iterator[Cell]:
    names = ("Gauss 1 kT", "Gauss 3 kT", "Gauss 10 kT", "quench", "bimodal")
    for n, name in product(sizes, names):
        cell = _name("others", name, n)
        yield Cell(cell, "others", PAIRS[name], n, kind="measured", heading="methods in use elsewhere")
