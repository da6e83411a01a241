"""Cells of the other claims: dependence, bounds, integral theorems, protocols, watching, words, intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fluctua.validation.calibration.cells import Cell, Kind, Theorem
from fluctua.validation.calibration.dependent import GroupedSigns, Groups, Neighbours
from fluctua.validation.calibration.faults import Fault
from fluctua.validation.calibration.intervals import Intervals
from fluctua.validation.calibration.scenes import (
    Currents,
    Dissipated,
    Erasures,
    LeftOut,
    RareTerms,
    RotatingTrap,
    Scene,
    Speeds,
    Watched,
    saturated,
    walk,
)
from fluctua.validation.calibration.truths import (
    EntropyTruth,
    GaussianPair,
    MixturePair,
    PairTruth,
    QuenchPair,
    SignCoin,
    counted_particles,
    measured_qubit,
)

DEPENDENT = "trajectories that depend on each other"
OTHER = "bounds, integral theorems, several protocols, watching"


def _cell(
    theorem: Theorem,
    what: str,
    scene: Scene | EntropyTruth,
    n: int,
    kind: Kind = "true",
    heading: str = OTHER,
    **more: object,
) -> Cell:
    return Cell(f"{theorem}, {what}, n = {n:,}", theorem, scene, n, kind=kind, heading=heading, **more)  # type: ignore[arg-type]


# ---- dependence


def dependent(share: float) -> Iterator[Cell]:
    """Yield neighbours that resemble each other, and groups: that differ, of one direction, of signs."""
    for rho in (0.3, 0.6):
        what, scene = f"correlation {rho:g}", Neighbours(rho)
        yield _cell("neighbours", what, scene, 1_000, "true", DEPENDENT, share=share)
    yield _cell(
        "neighbours",
        "correlation 0.9",
        Neighbours(0.9),
        1_000,
        "no overlap",
        DEPENDENT,
        share=share,
        undecided=("crooks", "jarzynski"),
    )
    for groups in (12, 20):
        for part in (0.0, 0.2, 0.5):
            what = f"{groups} that differ by {part:.0%} of the variance"
            yield _cell("groups", what, Groups(groups, part), 1_200, "true", DEPENDENT, share=share)
    alone = Groups(3, 0.0, apart=True)
    yield _cell("groups", "3 and 3 of one direction each", alone, 600, "true", DEPENDENT, share=share)
    yield _cell("signs", "5 groups", GroupedSigns(5), 1_000, "true", DEPENDENT, share=share)


# ---- other claims


def bounds(n: int) -> Iterator[Cell]:
    """Yield the uncertainty relation and Landauer's bound, near equality and broken."""
    for mean in (0.5, 2.0, 10.0):
        yield _cell("bounds", f"TUR saturated, {mean:g} k_B", saturated(mean), n)
    yield _cell("bounds", "TUR, walk of affinity 2", walk(), n)
    wrong = Fault("scale", -0.2)
    never = ("tur",)
    # A bound that is not nearly reached does not see a wrong entropy: told, and never called violated often.
    yield _cell("bounds", f"TUR, walk of affinity 2, {wrong}", walk(fault=wrong), n, "fault", never=never)
    broken = Currents(SignCoin("gaussian", 2.0), fault=Fault("scale", -0.5))
    yield _cell("bounds", "TUR saturated, entropy halved", broken, n, "fault", power={"tur": 1.0}, share=0.25)
    yield _cell("bounds", "Landauer, 0.02 kT above", Erasures(), n)
    off, edge = Erasures(fault=Fault("offset", -0.1)), Erasures(fault=Fault("offset", -0.07))
    yield _cell("bounds", "Landauer, 0.08 kT below", off, n, "fault", power={"landauer": 1.0}, share=0.25)
    yield _cell("bounds", "Landauer, 0.05 kT below", edge, n, "edge", edge="landauer", share=0.5)


def integral(n: int) -> Iterator[Cell]:
    """Yield theorems that only the average of exp(-s) obeys."""
    yield _cell("integral", "Hatano-Sasa, rotating trap", RotatingTrap(), n)
    yield _cell("integral", "total entropy, quench", Dissipated(QuenchPair()), n)
    yield _cell("integral", "total entropy, Gauss 3 kT", Dissipated(GaussianPair(3.0)), n)
    yield _cell("integral", "total entropy, measured qubit", Dissipated(measured_qubit()), n, share=0.5)
    yield _cell("integral", "total entropy, counted particles", Dissipated(counted_particles()), n, share=0.5)
    yield _cell("integral", "absolutely irreversible, known weight", LeftOut(), n, share=0.5)
    less = LeftOut(fault=Fault("offset", -0.1))
    yield _cell(
        "integral", "absolutely irreversible, 0.1 too low", less, n, "edge", edge="integral", share=0.5
    )
    low, high = RotatingTrap(fault=Fault("offset", 0.1)), RotatingTrap(fault=Fault("offset", -0.1))
    yield _cell("integral", "Hatano-Sasa 0.1 too high", low, n, "fault", never=("integral",))
    yield _cell("integral", "Hatano-Sasa 0.1 too low", high, n, "edge", edge="integral")


def atoms(n: int, share: float) -> Iterator[Cell]:
    """Yield atoms in a continuum: no Pareto law fits their largest terms, which carry little."""
    yield _cell(
        "one-sample", "atoms in a continuum", SignCoin("atoms", 1.0), n, heading="true ensembles", share=share
    )
    for by in (0.1, -0.1):
        off = SignCoin("atoms", 1.0, fault=Fault("offset", by))
        name, heading = f"atoms in a continuum, {by:+g}", "edge of the tolerance"
        yield _cell("one-sample", name, off, n, "edge", heading, edge="integral", share=share)


def rare_terms(n: int, share: float) -> Iterator[Cell]:
    """Yield rare terms that fall too slowly to bound what is not seen, although the largest carry little."""
    for index, part in ((0.85, 0.05), (1.0, 0.2)):
        off = RareTerms(index, part, fault=Fault("offset", -0.1))
        name, heading = f"Pareto index {index:g} of {part:.0%} of the average, -0.1", "edge of the tolerance"
        yield _cell("integral", name, off, n, "edge", heading, edge="integral", share=share)


def several(share: float) -> Iterator[Cell]:
    """Yield three speeds between the same ends."""
    yield _cell("several", "speeds of 0.1, 0.25, 0.5 kT", Speeds(), 500, share=share)
    wrong = Speeds(fault=Fault("offset", 0.3))
    power = {"several": 0.5}
    yield _cell("several", "the slowest 0.3 kT too high", wrong, 500, "fault", power=power, share=0.5 * share)


def watched(n: int) -> Iterator[Cell]:
    """Yield bets against a theorem while data arrive."""
    for d in (0.25, 1.0, 3.0):
        yield _cell("watched", f"detailed, Gauss {d:g}", Watched("detailed", SignCoin("gaussian", d)), n)
        yield _cell("watched", f"integral, Gauss {d:g}", Watched("integral", SignCoin("gaussian", d)), n)
    steep = SignCoin("gaussian", 1.0, fault=Fault("scale", 1.0 / 1.1 - 1.0))
    power = {"watched, detailed": 0.53}
    yield _cell("watched", "slope 1.1", Watched("detailed", steep), 4_000, "fault", power=power, share=0.5)
    turned = SignCoin("gaussian", 1.0, fault=Fault("sign"))
    sure = {"watched, detailed": 1.0}
    yield _cell("watched", "sign turned", Watched("detailed", turned), 200, "fault", power=sure, share=0.25)


# ---- words and intervals as measured elsewhere ---------------------------------------------------

_STEEP, _STEEPER = Fault("scale", 1.0 / 1.05 - 1.0), Fault("scale", 1.0 / 1.1 - 1.0)
_OFF = Fault("offset", 0.1)
_SAID = {None: "true", _STEEP: "slope 1.05", _STEEPER: "slope 1.1", _OFF: "ΔF +0.1"}
WORDS: dict[tuple[float, int], tuple[tuple[float, float, float], ...]] = {
    (1.0, 300): ((0.0, 0.06, 0.94), (0.0, 0.08, 0.92), (0.0, 0.17, 0.83), (0.0, 0.23, 0.77)),
    (1.0, 3_000): ((0.16, 0.04, 0.81), (0.02, 0.36, 0.62), (0.0, 0.91, 0.09), (0.0, 1.0, 0.0)),
    (1.0, 20_000): ((0.96, 0.02, 0.02), (0.01, 0.99, 0.0), (0.0, 1.0, 0.0), (0.04, 0.96, 0.0)),
    (3.0, 20_000): ((0.92, 0.04, 0.04), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.01, 0.99, 0.0)),
    (10.0, 3_000): ((0.0, 0.07, 0.93), (0.0, 0.11, 0.89), (0.0, 0.36, 0.64), (0.0, 0.10, 0.90)),
    (10.0, 20_000): ((0.08, 0.07, 0.85), (0.03, 0.54, 0.43), (0.0, 1.0, 0.0), (0.04, 0.33, 0.63)),
}
"""By dissipation and n: of true work, slope 1.05, slope 1.10, and ΔF stated 0.1 kT too high."""

CLAIM = "crooks, ΔF known"


def words(sizes: Sequence[tuple[float, int]], shares: dict[int, float]) -> Iterator[Cell]:
    """Yield the ensembles whose words are known from elsewhere."""
    for d, n in sizes:
        for fault, known in zip(_SAID, WORDS[d, n], strict=True):
            yield Cell(
                f"two-sample, Gauss {d:g} kT, words, {_SAID[fault]}, n = {n:,}",
                "two-sample",
                GaussianPair(d, fault=fault),
                n,
                kind="measured" if fault is None else "fault",
                words={CLAIM: known},
                edge=CLAIM if fault in (_STEEP, _OFF) else "",
                share=shares[n],
                heading="words",
            )


COVERAGE = {
    "Gauss 1 kT": (GaussianPair(1.0), (0.953, 0.927, 0.960, 0.927, 0.953)),
    "Gauss 3 kT": (GaussianPair(3.0), (0.960, 0.790, 0.937, 0.953, 0.987)),
    "Gauss 10 kT": (GaussianPair(10.0), (0.947, 0.320, 0.957, 0.920, 0.973)),
    "quench": (QuenchPair(), (0.950, 0.950, 0.0, 0.0, 0.873)),
    "bimodal": (MixturePair(), (0.933, 0.917, 0.0, 0.0, 0.953)),
}
"""Coverage of five methods at n = 1,000 where no interval is refused, as measured elsewhere."""


def intervals(n: int, share: float) -> Iterator[Cell]:
    """Yield free energies by every method."""
    pairs: dict[str, PairTruth] = {name: pair for name, (pair, _) in COVERAGE.items()}
    for name, pair in pairs.items():
        heading = "free energies by method"
        yield _cell("intervals", name, Intervals(pair), n, "measured", heading, share=share)
