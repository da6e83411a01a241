"""The exact functions of the cases of jump processes, against printed numbers; and wrong simulators are seen.

Printed numbers are right to their last digit; the tolerance is half a unit of it.
"""

from math import exp, log

import numpy as np
import pytest

from fluctua.analysis.rule import Part, judge
from fluctua.stochastic.systems.two_level import bosons
from fluctua.validation import a6_absolute_irreversibility as a6
from fluctua.validation import a12_speed_limit as a12
from fluctua.validation import b2_biased_walk as b2
from fluctua.validation import b3_three_state_ring as b3
from fluctua.validation import e5_dot_counting as e5
from fluctua.validation import e15_phonon_relaxation as e15
from fluctua.validation.case import FALSE_ALARM, Bench, must_not_hold
from fluctua.validation.jump_statistics import known


def printed(text):
    """A number as printed, and half a unit of its last digit."""
    return pytest.approx(float(text), abs=0.51 * 10.0 ** -len(text.partition(".")[2]))


def test_three_state_ring_b3():
    ring = b3.exact()
    means = {
        "housekeeping_entropy": "1.939193",
        "nonadiabatic_entropy": "0.075313",
        "total_entropy": "2.014506",
        "hatano_sasa": "0.078889",
    }
    for name, text in means.items():
        assert ring.mean(name) == printed(text)
        assert ring.log_generating_function({name: -1.0}) == pytest.approx(0.0, abs=1e-9)
    assert list(ring.final) == [printed("0.609770"), printed("0.107318"), printed("0.282913")]
    assert ring.mean("hatano_sasa") - ring.mean("nonadiabatic_entropy") == printed("0.003576")


def test_frozen_rates_are_right_where_nothing_moves():
    """At rest the control simulates the ring rightly; 4 standard errors, three levels."""
    count, rest = 40_000, b3.Drive(2.0, high=0.0)
    frozen, expected = b3.frozen_rates(rest, count, 3), b3.exact(rest).initial
    for k, p in enumerate(expected):
        assert abs(np.mean(frozen == k) - p) < 4 * np.sqrt(p * (1 - p) / count)


def test_steps_in_bins_break_the_uncertainty_relation():
    ratio = b2.A * b2.binned_variance() / (2 * (b2.RIGHT - b2.LEFT))
    assert ratio == pytest.approx(log(2.0) * 2.7 / 2.0)
    assert ratio < 1.0


@pytest.mark.parametrize(("junction", "sign", "text"), [("left", -1, "1.324548"), ("right", 1, "1.205976")])
def test_one_junction_does_not_obey_the_exchange_theorem_e5(junction, sign, text):
    counting = known(e5.spec(e5.COUNTED, 1, 0))
    average = exp(counting.log_generating_function({f"particles_{junction}": sign * e5.BIAS}))
    assert average == printed(text)
    assert counting.log_generating_function({"total_entropy": -1.0}) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("junction", "sign", "other"), [("left", 1, e5.RIGHT), ("right", -1, e5.LEFT)])
def test_the_way_back_has_the_same_mean(junction, sign, other):
    """Over all four pairs of ends, from the exact propagator."""
    of = e5.spec(e5.COUNTED, 1, 0)
    relaxed = exp(-e5.RATES * e5.COUNTED)
    steady = np.array([1 - e5.FULL, e5.FULL])
    pairs = np.array([[steady[j] + ((i == j) - steady[j]) * relaxed for j in (0, 1)] for i in (0, 1)])
    pairs *= steady[:, None]
    rows = {"state_initial": np.array([0, 0, 1, 1]), "state_final": np.array([0, 1, 0, 1])}
    average = float(e5.by_the_way_back(rows, other) @ pairs.ravel())
    counted = known(of).log_generating_function({f"particles_{junction}": -sign * e5.BIAS})
    assert average == pytest.approx(exp(counted))


def test_relaxation_by_phonons_e15_a6_a12():
    relaxing = known(e15.spec(0))
    assert e15.mean_entropy() == printed("1.588326")
    assert relaxing.mean("total_entropy") == printed("1.588326")
    assert relaxing.final[1] == pytest.approx(e15.LAST)
    assert printed("0.123815") == a6.BACK
    pure = known(a6.SPEC)
    assert pure.mean("total_entropy") == printed("2.109943")
    limit = a12.limit()
    assert (limit.distance, limit.entropy) == (printed("1.448594"), printed("1.588326"))
    assert (limit.activity, limit.bound) == (printed("0.551531"), printed("1.19772"))


def test_a_fifth_more_phonons_are_seen(monkeypatch):
    faster = e15.spec(115, bosons({"phonons": 1.2}))
    monkeypatch.setattr(e15, "spec", lambda *_: faster)
    assert next(iter(e15.check(Bench(scale=0.1)))).verdict == "violated"


def test_a_low_average_is_caught_unless_it_holds():
    low = judge("integral", [Part("mean", 2.0, 0.01, 0.0, 0.1, starved="low")], alpha=FALSE_ALARM, n=100)
    right = judge("integral", [Part("mean", 0.0, 0.01, 0.0, 0.1, 0.0, 0.5)], alpha=FALSE_ALARM, n=100)
    assert must_not_hold(low, "low").verdict == "caught"
    assert must_not_hold(right, "right").failed
