"""The uncertainty relation: calibrated where it is saturated, honest where it proves little."""

import math

import numpy as np
import pytest
from scipy import stats

from fluctua.analysis.tur import judge_tur, uncertainty
from fluctua.stochastic.errors import InvalidInput

import truth

ALPHA, ENSEMBLES = 0.05, 100
LEAST, MOST = (int(k) for k in stats.binom.interval(0.999, ENSEMBLES, ALPHA))  # 99.9 % band: 0 to 13


def biased_walk(rng, n, jumps=3.0, affinity=2.0):
    """Draw the net number of jumps of a biased walk, and its entropy production: Q = (A/2) coth(A/2)."""
    net = rng.poisson(jumps, n) - rng.poisson(jumps * math.exp(-affinity), n)
    return net.astype(float), affinity * net


def saturated(seed, entropy, n):
    """Draw Gaussian currents with the least variance that their entropy allows: Q = 1 exactly."""
    return [truth.gaussian_entropy(np.random.default_rng([seed, k]), entropy, n) for k in range(ENSEMBLES)]


def test_numbers_are_those_of_the_definition():
    current, entropy = biased_walk(np.random.default_rng(61), 2_000)
    found = uncertainty(current, entropy)
    q = current.var(ddof=1) * entropy.mean() / (2.0 * current.mean() ** 2)
    assert found.log_ratio == pytest.approx(math.log(q), abs=1e-12)
    weaker = current.var(ddof=1) * math.expm1(entropy.mean()) / (2.0 * current.mean() ** 2)
    assert uncertainty(current, entropy, generalised=True).log_ratio == pytest.approx(math.log(weaker))


@pytest.mark.parametrize("generalised", [False, True])
def test_the_error_is_that_of_the_jackknife(generalised):
    """The slow twin leaves out one trajectory after the other; both agree to the order 1/n."""
    current, entropy = biased_walk(np.random.default_rng(62), 600)

    def log_ratio(keep):
        j, s = current[keep], entropy[keep]
        price = math.expm1(s.mean()) if generalised else s.mean()
        return math.log(j.var(ddof=1) * price / (2.0 * j.mean() ** 2))

    left = np.array([log_ratio(np.arange(600) != k) for k in range(600)])
    jackknife = math.sqrt(599.0 * left.var())
    found = uncertainty(current, entropy, generalised=generalised)
    assert found.standard_error == pytest.approx(jackknife, rel=0.02)


@pytest.mark.parametrize(("entropy", "n"), [(0.5, 1_000), (10.0, 1_000), (2.0, 40)])
def test_saturation_is_violated_no_more_often_than_allowed(entropy, n):
    """Below 300 trajectories by resampling; the notes measured 0.05 to 0.08 without it."""
    p = np.array([uncertainty(s, s).p_value for s in saturated(63, entropy, n)])
    assert LEAST <= np.count_nonzero(p < ALPHA) <= MOST


def test_resampling_widens_what_the_delta_method_makes_too_short():
    """At 40 values the plain one-sided test errs in some 10 %; its error is stretched, never shortened."""
    drawn = saturated(64, 0.5, 40)[:50]
    found = [uncertainty(s, s) for s in drawn]
    plain = np.count_nonzero([f.statistic < -1.645 for f in found])
    assert np.count_nonzero([f.p_value < ALPHA for f in found]) < plain
    assert all(f.reach >= f.standard_error for f in found)
    assert found[0] == uncertainty(drawn[0], drawn[0]), "no random outcome"


def test_saturation_holds_at_large_n_and_says_so():
    s = truth.gaussian_entropy(np.random.default_rng(65), 2.0, 20_000)
    verdict = judge_tur(s, s)
    assert verdict.outcome == "holds"
    assert "as precise as its entropy allows" in verdict.reason


def test_a_walk_far_from_saturation_is_never_violated_and_proves_little():
    """Q = coth 1 = 1.313: entropy that is wrong by -20 % passes too."""
    for k in range(30):
        current, entropy = biased_walk(np.random.default_rng([66, k]), 1_000)
        assert judge_tur(current, entropy).outcome in ("holds", "undecidable")
        assert judge_tur(current, 0.8 * entropy).outcome != "violated"
    current, entropy = biased_walk(np.random.default_rng(67), 20_000)
    verdict = judge_tur(current, entropy)
    assert verdict.estimate == pytest.approx(math.log(1.0 / math.tanh(1.0)), abs=4.0 * verdict.standard_error)
    assert verdict.outcome == "holds"
    assert "proves little" in verdict.reason
    assert verdict.part("ln Q of the weaker bound").estimate > 1.0


FAULTS = {
    "entropy halved": lambda s: (s, 0.5 * s),
    "current with its noise averaged away": lambda s: (0.5 * s + 0.5 * s.mean(), s),
    "sign of entropy turned": lambda s: (s, -s),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("n", [200, 3_000])
def test_a_fault_at_saturation_is_found(fault, n):
    s = truth.gaussian_entropy(np.random.default_rng(68), 2.0, n)
    assert judge_tur(*FAULTS[fault](s)).outcome == "violated"


def test_the_weaker_bound_is_weaker():
    s = truth.gaussian_entropy(np.random.default_rng(69), 2.0, 3_000)
    # At 0.7 of the entropy Q is 0.7, and that of the weaker bound (exp(1.4) - 1)/2 = 1.5.
    assert judge_tur(s, 0.7 * s).outcome == "violated"
    assert judge_tur(s, 0.7 * s, generalised=True).outcome == "holds"
    assert judge_tur(s, 0.05 * s, generalised=True).outcome == "violated"


def test_no_current_is_undecidable():
    s = truth.gaussian_entropy(np.random.default_rng(70), 2.0, 1_000)
    verdict = judge_tur(s - s.mean() + 0.01, s)
    assert verdict.outcome == "undecidable"
    assert "standard errors from 0" in verdict.reason


def test_equilibrium_is_said_and_rounding_is_no_entropy():
    """Negative controls: a current that flows without entropy, and entropy that is low but is some."""
    rng = np.random.default_rng(72)
    current, rounding = rng.normal(0.0, 1.0, 1_000), 2e-16 * rng.integers(-3, 4, 1_000)
    for entropy in (rounding, np.abs(rounding), np.zeros(1_000)):
        verdict = judge_tur(current, entropy)
        assert verdict.outcome == "not applicable"
        assert "in equilibrium" in verdict.reason
    assert judge_tur(current + 1.0, rounding).outcome == "violated"
    noise = rng.normal(0.0, 0.1, 1_000)
    few = judge_tur(current, noise - noise.mean() - 1e-4)
    assert few.outcome == "undecidable"
    assert few.reason.startswith("too few trajectories, or an equilibrium")


def test_unit_and_sign_of_the_current_do_not_matter():
    s = truth.gaussian_entropy(np.random.default_rng(71), 1.0, 500)
    first, second = uncertainty(s, s), uncertainty(-3e20 * s, s)
    assert second.log_ratio == pytest.approx(first.log_ratio, abs=1e-12)
    assert second.standard_error == pytest.approx(first.standard_error, rel=1e-9)


def test_bad_columns_are_refused():
    s = np.arange(30.0)
    for current, entropy in ((s, s[:-1]), (s[:5], s[:5]), (np.ones(30), s), (s * np.nan, s)):
        with pytest.raises(InvalidInput, match="current"):
            judge_tur(current, entropy)


def coherent(rng, n, ratio, entropy=2.0):
    """Draw a current whose variance times entropy over its squared mean is `ratio`."""
    return rng.normal(1.0, math.sqrt(ratio / entropy), n), rng.normal(entropy, 1.0, n)


def test_coherence_below_the_bound_is_no_violation_of_thermodynamics():
    """A serial double dot has the ratio 1.7497, below the 2 of classical dynamics."""
    current, entropy = coherent(np.random.default_rng(66), 20_000, 1.7497)
    verdict = judge_tur(current, entropy, quantum=True)
    assert verdict.outcome == "not applicable"
    assert "not a violation of thermodynamics" in verdict.reason
    assert verdict.p_adjusted is None
    assert abs(2.0 * math.exp(verdict.estimate) - 1.7497) < 4.0 * 1.7497 * verdict.standard_error
    assert judge_tur(current, entropy).outcome == "violated", "control: classical dynamics"


def test_coherence_keeps_what_follows_from_the_detailed_theorem_alone():
    current, entropy = coherent(np.random.default_rng(67), 20_000, 0.4)
    verdict = judge_tur(current, entropy, quantum=True)
    assert verdict.outcome == "violated"
    assert "the detailed theorem only" in verdict.reason


def test_a_noisy_quantum_current_is_judged_as_any():
    current, entropy = coherent(np.random.default_rng(68), 20_000, 3.0)
    assert judge_tur(current, entropy, quantum=True).outcome == "holds"
