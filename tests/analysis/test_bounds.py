"""Landauer's bound and the uncertainty relation on runs: what must be given, and what is judged."""

import math

import numpy as np
import pytest
from scipy import special

import fluctua as fl
from fluctua.analysis.ledger import Ledger
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.rows import Memory
from fluctua.stochastic.errors import InvalidInput

TRAP = fl.Potential("k/2 * x**2", coordinates="x", controls="k")
WELL = fl.Potential("(x**2 + y**2)/2 + u*x*y", coordinates=("x", "y"), parameters={"u": 0.5})
INSIDE = "x**2 < 0.25"


def squeezed(**more):
    """Squeeze a trap, let go at once: more end near the middle than belong there."""
    steps = [fl.Isothermal(1.0, k=(1.0, 4.0)), fl.Quench(k=1.0)]
    return fl.EnsembleSpec(
        TRAP, fl.Overdamped(friction=1.0), fl.Protocol(steps, beta=1.0), trajectories=20_000, time_step=0.02,
        seed=8, **more,
    )  # fmt: skip


def gyrator(**more):
    baths = [fl.Bath("hot", on="x", friction=1.0), fl.Bath("cold", on="y", friction=1.0)]
    still = fl.Protocol([fl.Hold(3.0)], temperature={"hot": 2.0, "cold": 1.0})
    start = {"initial": fl.Steady()} | more
    return fl.EnsembleSpec(
        WELL, fl.Overdamped(baths=baths), still, trajectories=20_000, time_step=0.02, seed=9, **start
    )


def nothing_of(spec):
    """Give a run of which no row was computed: enough for what is refused before a number is read."""
    return Dataset(spec, Memory({}))


@pytest.fixture(scope="module")
def erasure():
    return fl.simulate(squeezed())


@pytest.fixture(scope="module")
def steady():
    return fl.simulate(gyrator())


def test_landauer_measures_the_weight_of_success_at_the_start(erasure):
    report = fl.verify(erasure, success=INSIDE)
    verdict = report["landauer"]
    assert verdict.outcome == "holds"
    work = np.asarray(erasure["work"])
    p, q = erasure.mean("x_final**2 < 0.25").value, float(special.erf(0.5 / math.sqrt(2.0)))
    bound = p * math.log(p / q) + (1.0 - p) * math.log((1.0 - p) / (1.0 - q))
    # The weight is measured: its error is in the standard error; 4 of them are a false alarm of 6e-5.
    assert verdict.estimate == pytest.approx(work.mean() - bound, abs=4.0 * verdict.standard_error)
    assert report["landauer"].exact is not None
    said = [verdict.claim for verdict in report]
    assert said == ["first-law", "jarzynski", "second-law", "landauer", "tur"]


def test_a_coordinate_in_the_condition_is_that_of_the_end(erasure):
    named = fl.verify(erasure, success="x_final**2 < 0.25", claims="landauer")["landauer"]
    assert named.estimate == fl.verify(erasure, success=INSIDE, claims="landauer")["landauer"].estimate


def test_landauer_says_what_is_missing(erasure, steady):
    assert "needs success=" in fl.verify(erasure, claims="landauer")["landauer"].reason
    assert "one temperature" in fl.verify(steady, claims="landauer", success="x > 0")["landauer"].reason
    still_squeezed = squeezed().replace({"protocol.steps": [fl.Isothermal(1.0, k=(1.0, 4.0))]})
    reason = fl.verify(nothing_of(still_squeezed), claims="landauer", success="x > 0")["landauer"].reason
    assert "end where they began" in reason
    assert "both" in fl.verify(erasure, claims="landauer", success="x > 1e6")["landauer"].reason


@pytest.mark.parametrize("success", ["x", "y > 0", "work > 0", "x >", 3.0])
def test_what_is_no_place_at_the_end_is_refused(erasure, success):
    with pytest.raises(InvalidInput, match="success"):
        fl.verify(erasure, success=success, claims="landauer")


def test_the_uncertainty_relation_of_a_heat_current(steady):
    verdict = fl.verify(steady, current="heat_hot")["tur"]
    assert verdict.outcome == "holds"
    heat, s = np.asarray(steady["heat_hot"]), Ledger(steady).total_entropy()
    assert verdict.estimate == pytest.approx(math.log(heat.var(ddof=1) * s.mean() / 2.0 / heat.mean() ** 2))
    assert "a steady state" in verdict.assumptions
    turned = fl.verify(steady, claims="tur", current="heat_cold - heat_hot")["tur"]
    assert turned.outcome == "holds"


def test_the_uncertainty_relation_says_what_is_missing(erasure, steady):
    assert fl.verify(steady)["tur"].reason.startswith("needs current=")
    assert fl.verify(erasure, claims="tur")["tur"].reason == "needs a steady state and current="
    assert "needs a steady state" in fl.verify(erasure, claims="tur", current="heat")["tur"].reason
    with_inertia = fl.EnsembleSpec(
        fl.Potential("q**2/2", coordinates="q"), fl.Underdamped(mass=1.0, friction=1.0),
        fl.Protocol([fl.Hold(1.0)], beta=1.0), trajectories=10, time_step=0.1, seed=1, initial=fl.Steady(),
    )  # fmt: skip
    assert "inertia" in fl.verify(nothing_of(with_inertia), claims="tur", current="heat")["tur"].reason
    recorded = gyrator(record={"area": "integral(x**2)", "swirl": "integral(y, x)"})
    ledger = nothing_of(recorded)
    even = fl.verify(ledger, claims="tur", current="area + swirl")["tur"].reason
    assert even == "needs a current that time reversal turns around: area = integral(x**2) does not"
    with pytest.raises(InvalidInput, match="current"):
        fl.verify(steady, claims="tur", current="nonsense")


def test_formulas_of_columns_need_a_run():
    work = np.random.default_rng(10).normal(1.0, 1.0, 50)
    for told in ({"success": "x > 0"}, {"current": "heat"}):
        with pytest.raises(InvalidInput, match="no run is judged"):
            fl.verify(work, delta_f=0.5, **told)
        with pytest.raises(InvalidInput, match="no run is judged"):
            fl.verify(entropy=work, **told)


@pytest.mark.slow
def test_erasure_in_a_double_well_at_known_cost():
    """Lattice Fokker–Planck: work 1.6635, success 0.98343, bound 0.6088 for four quarters of duration 1."""
    memory = fl.Potential("4*x**4 - 8*b*x**2 - F*x", coordinates="x", controls=("b", "F"))
    steps = [
        fl.Isothermal(1.0, b=(1, 0)), fl.Isothermal(1.0, F=(0, 4)),
        fl.Isothermal(1.0, b=(0, 1)), fl.Isothermal(1.0, F=(4, 0)),
    ]  # fmt: skip
    spec = fl.EnsembleSpec(
        memory, fl.Overdamped(friction=1.0), fl.Protocol(steps, beta=1.0), trajectories=20_000,
        time_step=0.0008, seed=11,
    )  # fmt: skip
    run = fl.simulate(spec)
    verdict = fl.verify(run, success="x > 0")["landauer"]
    assert verdict.outcome == "holds"
    # 4 standard errors, and 0.4 % of the work for the time step: in proportion to 1 % at one of 0.002.
    assert verdict.estimate == pytest.approx(1.6635 - 0.6088, abs=4.0 * verdict.standard_error + 0.007)
    share = run.mean("x_final > 0")
    assert share.value == pytest.approx(0.98343, abs=4.0 * share.standard_error)
