"""The rule that makes a word of numbers."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from fluctua.analysis.parts import Part, holm, p_is, p_text
from fluctua.analysis.rule import judge, not_applicable, together
from fluctua.analysis.verdict import FreeEnergy, Report, Verdict
from fluctua.stochastic.errors import InvalidInput

Z95 = 1.6448536269514722


@pytest.mark.parametrize("seed", range(5))
def test_holm_agrees_with_statsmodels(seed):
    p = np.random.default_rng(seed).random(7) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-15)


def slope(value, error, p=0.5, **more):
    return Part("slope", value, error, expected=1.0, tolerance=0.05, statistic=1.0, p_value=p, **more)


def word(*parts, alpha=0.05):
    return judge("crooks", parts, alpha=alpha, n=1000).outcome


def test_holds_takes_the_whole_interval_inside_the_tolerance():
    inside = 0.049 / Z95
    assert word(slope(1.0, inside)) == "holds"
    assert word(slope(1.0, 0.051 / Z95)) == "undecidable"
    assert word(slope(1.02, inside)) == "undecidable"


def test_not_rejected_is_never_holds():
    assert word(slope(1.0, 0.2, p=0.99)) == "undecidable"


def test_a_resolved_deviation_below_tolerance_still_holds_and_is_told():
    verdict = judge("crooks", [slope(1.02, 0.005, p=6e-5)], alpha=0.05, n=1000)
    assert verdict.outcome == "holds"
    assert "resolved deviation 0.020(5) of slope, below tolerance" in verdict.reason


def test_a_rejected_shape_forbids_holds_at_its_plain_p_value():
    shape = Part("shape", p_value=0.04)
    assert word(slope(1.0, 0.01), shape) == "undecidable"
    assert word(slope(1.0, 0.01), Part("shape", p_value=0.06)) == "holds"


def test_violated_takes_the_adjusted_p_value():
    wide = slope(1.2, 0.1, p=0.03)
    assert word(wide) == "violated"
    assert word(wide, Part("shape", p_value=0.5)) == "undecidable", "two tests: 0.03 becomes 0.06"


def test_what_is_only_told_decides_nothing():
    told = Part("joint", p_value=1e-9, decides=False)
    verdict = judge("crooks", [slope(1.0, 0.01), told], alpha=0.05, n=1000)
    assert verdict.outcome == "holds"
    assert verdict.part("joint").p_adjusted is None


def test_a_cautious_part_takes_the_wider_interval():
    assert word(slope(1.0, 0.05 / 1.8)) == "holds"
    assert word(slope(1.0, 0.05 / 1.8, cautious=True)) == "undecidable"


def test_a_starved_part_cannot_hold_but_can_be_violated():
    assert word(slope(1.0, 0.001, starved="no overlap")) == "undecidable"
    assert word(slope(1.0, None, p=1e-6, starved="no overlap")) == "violated"


@pytest.mark.parametrize(
    ("value", "p", "outcome"),
    [(0.1, 1.0, "holds"), (-0.03, 1e-3, "holds"), (-0.04, 1e-4, "violated"), (-0.04, 0.1, "undecidable")],
)
def test_a_bound_has_one_side(value, p, outcome):
    # The lower limit of -0.03(1) is -0.046, inside the allowed shortfall; that of -0.04(1) is not.
    bound = Part("<W> - ΔF", value, 0.01, tolerance=0.05, p_value=p, bound=True)
    assert word(bound) == outcome


def test_few_degrees_of_freedom_widen_the_interval():
    assert word(slope(1.0, 0.05 / 1.8)) == "holds"
    assert word(slope(1.0, 0.05 / 1.8, freedom=3.0)) == "undecidable"


def test_needed_trajectories_and_detectable_deviation():
    verdict = judge("crooks", [slope(1.0, 0.05)], alpha=0.05, n=1000)
    # 1000 * ((1.645 + 1.645) * 0.05 / 0.05)^2 = 10,822, rounded up to two digits
    assert verdict.n_needed == 11_000
    assert verdict.min_detectable == pytest.approx((1.959964 + 0.841621) * 0.05, rel=1e-6)
    assert "11,000 (now 1,000) would show slope within 0.05" in verdict.reason


def test_where_groups_differ_groups_are_counted():
    verdict = judge("crooks", [slope(1.0, 0.05, groups=10)], alpha=0.05, n=1000)
    assert verdict.reason.startswith("too few groups: 110 (now 10) would show slope within 0.05, and more ")
    assert verdict.n_needed == 11_000
    near = judge("crooks", [slope(1.03, 0.015, groups=10)], alpha=0.05, n=1000)
    assert near.reason.startswith("too few groups: slope 1.030(15) is near the edge")


def test_a_large_deviation_is_written_without_a_power_of_ten():
    energy = Part("ΔF", 18.8, 0.1, expected=0.5, tolerance=0.1, statistic=183.0, p_value=0.0)
    assert "180 standard errors away" in judge("crooks", [energy], alpha=0.05, n=1000).reason


def test_the_smallest_adjusted_p_names_the_part_that_is_violated():
    energy = Part("ΔF", 1.0, 0.1, expected=0.5, tolerance=0.1, statistic=5.0, p_value=6e-7)
    verdict = judge("crooks", [slope(1.0, 0.2), energy], alpha=0.05, n=1000)
    assert verdict.outcome == "violated"
    assert verdict.measured == "ΔF 1.00(10)"
    assert verdict.reason == "ΔF is 1.00(10), should be 0.5, 5 standard errors away (p = 6e-07)"
    assert verdict.estimate == 1.0, "the slope speaks for the claim"
    assert verdict.quantity == "slope"


def test_a_part_within_its_tolerance_is_not_what_violates():
    energy = Part("ΔF", 0.52, 0.002, expected=0.5, tolerance=0.1, statistic=10.0, p_value=1e-23)
    unlucky = judge("crooks", [slope(1.0, 0.01), energy, Part("shape", p_value=0.03)], alpha=0.05, n=1000)
    assert unlucky.outcome == "undecidable"
    assert (unlucky.p_value, unlucky.p_adjusted) == (0.03, pytest.approx(0.06))
    assert unlucky.reason == (
        "shape: p = 0.03 alone would be rejected, among 3 tests 0.06 is not; all numbers lie within tolerance"
    )
    wide = slope(1.0, 0.2)
    assert judge("crooks", [wide, energy], alpha=0.05, n=1000).outcome == "undecidable"


def test_a_shape_that_alone_rejects_says_so():
    bent = judge("crooks", [slope(1.0, 0.01), Part("shape", p_value=1e-6, method="m")], alpha=0.05, n=1000)
    assert bent.outcome == "violated"
    assert bent.reason.endswith("(p = 1e-06, m); only this test rejects, slope within tolerance")


# ---- reports


def verdict(claim, outcome, p=None):
    return Verdict(claim, outcome, p_value=p, p_adjusted=p, measured="x 1.0(1)")


def report(*verdicts, **more):
    return Report(together(verdicts, 0.05), "runs/a", **more)


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (("holds", "undecidable", "violated"), "violated"),
        (("holds", "undecidable"), "undecidable"),
        (("holds", "not applicable"), "holds"),
        (("not applicable",), "not applicable"),
    ],
)
def test_report_says_the_worst_word(outcomes, worst):
    assert report(*(verdict(f"claim-{i}", word) for i, word in enumerate(outcomes))).outcome == worst


def test_report_is_a_sequence_also_by_name():
    found = report(verdict("crooks", "holds"), verdict("jarzynski", "holds"))
    assert len(found) == 2
    assert [v.claim for v in found] == ["crooks", "jarzynski"]
    assert found["crooks"] is found[0]
    assert found[:1] == (found[0],)
    with pytest.raises(InvalidInput, match="did you mean 'crooks'"):
        found["crook"]
    with pytest.raises(TypeError, match="does not support item assignment"):
        found[0] = found[1]


def test_neither_report_nor_verdict_is_true_or_false():
    with pytest.raises(TypeError, match=r'a report is not true or false: ask report\.outcome == "holds"'):
        bool(report(verdict("crooks", "holds")))
    with pytest.raises(TypeError, match=r"ask verdict\.outcome"):
        bool(verdict("crooks", "holds"))


def test_headline_counts_the_claims_together():
    alone = report(verdict("crooks", "violated", 0.03), verdict("jarzynski", "undecidable", 0.4))
    assert alone.headline == (
        "Nothing is violated at error rate 0.05 once 2 claims are counted together; alone, crooks would be."
    )
    assert alone.outcome == "undecidable", "headline, word and exit code say the same"
    assert [v.p_adjusted for v in alone] == [pytest.approx(0.06), pytest.approx(0.4)]
    assert alone["crooks"].reason.startswith("violated by itself, but not among 2 claims (adjusted p = 0.06)")
    sure = report(verdict("crooks", "violated", 0.001), verdict("jarzynski", "undecidable", 0.4))
    assert sure.headline == "Violated at error rate 0.05: crooks."
    assert (sure.outcome, sure["crooks"].p_adjusted) == ("violated", pytest.approx(0.002))


@pytest.mark.parametrize(("p", "said"), [(0.0099, False), (0.0101, True), (0.049, True)])
def test_a_violation_near_the_limit_says_how_often_chance_looks_so(p, said):
    reason = report(verdict("crooks", "violated", p))["crooks"].reason
    assert (
        reason.endswith("one true report in 20 says so by chance: try another seed, or measure again") is said
    )


def test_a_p_value_that_underflows_is_no_zero():
    assert (p_text(0.0), p_is(0.0), p_is(2e-300)) == ("< 1e-300", "p < 1e-300", "p = 2e-300")
    assert p_is(0.0302) == "p = 0.03"


def test_where_no_claim_applies_nothing_was_judged():
    none = report(not_applicable("tur", "needs a current"), not_applicable("crooks", "needs work"))
    assert none.headline == "Nothing was judged: no claim applies."
    assert report(verdict("crooks", "holds", 0.8), not_applicable("tur", "")).headline.startswith(
        "Nothing is v"
    )


def test_an_identity_that_fails_is_violated_without_a_p_value():
    assert report(verdict("first-law", "violated")).headline == "Violated at error rate 0.05: first-law."


def test_json_has_no_nan_and_all_fields():
    import json

    broken = Verdict("crooks", "undecidable", estimate=math.nan, standard_error=math.inf, assumptions=("a",))
    found = json.loads(report(broken, free_energy=FreeEnergy(0.7, None)).to_json())
    assert found["verdicts"][0]["estimate"] is None
    assert found["verdicts"][0]["assumptions"] == ["a"]
    assert found["free_energy"] == {
        "value": 0.7, "standard_error": None, "unit": "kT", "method": "BAR", "information": None,
    }  # fmt: skip
    fields = (
        "claim outcome estimate standard_error tolerance p_value p_adjusted information min_detectable "
        "n_needed reason assumptions"
    )
    assert set(fields.split()) <= set(found["verdicts"][0])


def test_report_as_table_frame_and_html():
    found = report(verdict("crooks", "holds", 0.8), not_applicable("tur", "needs <current>"))
    assert str(found).splitlines() == [
        "runs/a",
        "  claim        outcome         measured               should be   within    p adj.",
        "  crooks       holds           x 1.0(1)                                     0.80",
        "  tur          not applicable  needs <current>",
        "Nothing is violated at error rate 0.05.",
    ]
    assert found.to_pandas().loc["crooks", "outcome"] == "holds"
    html = found._repr_html_()
    assert "<td>needs &lt;current&gt;</td>" in html
    assert repr(found[0]) == "Verdict crooks: holds, x 1.0(1)"
    assert "crooks holds" in repr(found)


def test_free_energy_refuses_an_interval_and_says_so():
    assert str(FreeEnergy(0.6927, 0.0009, information=92_123.0)) == "0.6927(9) kT"
    assert "information 92,000" in FreeEnergy(0.6927, 0.0009, information=92_123.0).means
    starved = FreeEnergy(0.5, None, information=0.2)
    assert str(starved) == "0.5 kT"
    assert "no interval" in starved.means


def test_exact_verdict_tells_code_from_time_step():
    wrong, right = verdict("crooks", "violated", 1e-9), verdict("crooks", "holds", 0.4)
    assert "time step is too long" in wrong.beside(right).reason
    assert "not the time step, but the bookkeeping" in wrong.beside(wrong).reason
    assert right.beside(None) is right
    assert right.beside(right).to_dict()["exact"]["outcome"] == "holds"
