"""D5: a Stirling engine with an anharmonic potential, a field for piston, and inertia.

    U = 0.1 q^2 + 0.02 q^3 + 0.05 q^4,   H = v^2/2 + U - E q:
    hot isotherm E 1 -> 0.2,  cooling,  cold isotherm E 0.2 -> 1,  heating;  T linear between 1 and 0.5.

Averages of the limit cycle come from the Kramers equation. Intermediate friction is best, strong friction
turns the engine into a damper. The plain work taken for the dimensionless one is the control.
"""

from collections.abc import Iterator

from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Isothermal, Thermostatic
from fluctua.stochastic.systems.stirling_field import stirling_field
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    by_stroke,
    claims,
    exponential,
    mean,
    must_be_violated,
)

HOT, COLD, FIELD = 1.0, 0.5, (1.0, 0.2)

SHORT_WORK, SHORT_DIMENSIONLESS_WORK = 0.071201, 0.402601
SHORT_HEAT = (0.159623, -0.344020, -0.279195, 0.392391)
"""Friction 1, legs of 10, limit cycle: work, dimensionless work, heat of each stroke.

From the Kramers equation (``kramers.py``); the tests compute all of it again.
"""

LONG_WORK = {0.1: -0.098445, 0.5: -0.106319, 1.0: -0.090717, 10.0: 0.170462}
"""Work of the second cycle by friction, legs of 50.

From the Kramers equation; the tests compute all of it again, weak and strong friction among the slow ones.
"""


def spec(friction: float, leg: float, cycles: int, trajectories: int, seed: int) -> EnsembleSpec:
    """Run the engine for some cycles from equilibrium."""
    steps = [
        Isothermal(leg, E=FIELD, name="hot"),
        Thermostatic(leg, temperature=(HOT, COLD), name="cooling"),
        Isothermal(leg, E=FIELD[::-1], name="cold"),
        Thermostatic(leg, temperature=(COLD, HOT), name="heating"),
    ]
    return EnsembleSpec(
        stirling_field(),
        Underdamped(mass=1.0, friction=friction),
        Protocol(steps, cycles=cycles, temperature=HOT),
        trajectories=trajectories,
        time_step=0.02,
        seed=seed,
        strokes=True,
    )


def check(bench: Bench) -> Iterator[Row]:
    """Judge the limit cycle and four couplings; catch the plain work taken for the dimensionless one."""
    run = bench.simulate(spec(1.0, 10, 3, 300_000, 105))
    work, dimensionless = by_stroke(run, "work"), by_stroke(run, "dimensionless_work")
    yield mean("work of cycle 3, legs of 10", _last(work), SHORT_WORK)
    yield mean("dimensionless work of cycle 3", _last(dimensionless), SHORT_DIMENSIONLESS_WORK)
    yield mean("entropy flow of cycle 3", _last(by_stroke(run, "entropy_flow")), SHORT_DIMENSIONLESS_WORK)
    for stroke, heat, exact in zip(
        ("hot", "cooling", "cold", "heating"), by_stroke(run, "heat")[-4:], SHORT_HEAT, strict=True
    ):
        yield mean(f"heat, {stroke}", heat, exact)
    yield mean("energy change of cycle 3", _last(by_stroke(run, "energy_change")), 0.0)
    yield exponential("<exp(-w)>, cycle 1", dimensionless[:4].sum(axis=0), 1.0)
    yield from claims(verify(run, alpha=FALSE_ALARM), "legs of 10")
    plain = verify(work[:4].sum(axis=0) / HOT, delta_f=0.0, tolerance={"delta_f": 0.02}, alpha=FALSE_ALARM)
    yield must_be_violated(plain["jarzynski"], "plain work, cycle 1")
    yield from _couplings(bench)


def _couplings(bench: Bench) -> Iterator[Row]:
    for number, (friction, exact) in enumerate(LONG_WORK.items()):
        run = bench.simulate(spec(friction, 50, 2, 100_000, 205 + 100 * number))
        kind = "engine" if exact < 0 else "damper"
        yield mean(
            f"work of cycle 2, legs of 50, friction {friction:g} ({kind})",
            _last(by_stroke(run, "work")),
            exact,
        )


def _last(column: Floats) -> Floats:
    """Sum the last cycle's four strokes."""
    total: Floats = column[-4:].sum(axis=0)
    return total


CASE = Case(
    name="d5",
    title="anharmonic Stirling engine with inertia",
    source="Koyanagi, Tanimura, arXiv:2405.17791 (own parameters)",
    check=check,
    quick=0.02,
)
