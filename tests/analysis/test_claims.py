"""A claim is one file: found, judged, listed, explained, its tolerance accepted, and nothing else to edit."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import fluctua as fl
from fluctua.analysis import claims
from fluctua.analysis.claims import CLAIMS, TOLERANCES, Claim

import truth

BESIDE = {"__init__", "claim", "subject"}  # the files of the package that hold no claim
MEDIAN = '''
"""Half of the trajectories dissipate more than 1 kT."""

import math

import numpy as np

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge, not_applicable


def _judge(subject):
    if subject.work is None or subject.delta_f is None:
        return not_applicable("median", "needs work and a known ΔF (delta_f=)")
    size, spread = subject.work.size, float(np.std(subject.work))
    above = float(np.median(subject.work)) - subject.delta_f
    error = math.sqrt(math.pi / 2.0 / size) * spread  # of a normal variable's median
    z = (above - 1.0) / error
    part = Part(
        "median", above, error, 1.0, subject.rules.tolerance["median"],
        statistic=z, p_value=math.erfc(abs(z) / math.sqrt(2.0)),
    )
    return judge("median", [part], alpha=subject.rules.alpha, n=size)


CLAIM = Claim(
    name="median",
    order=25,
    judge=_judge,
    usual=lambda subject: subject.work is not None,
    means="Half of the work values lie above ΔF + 1 kT.",
    tolerances={"median": 0.25},
)
'''


def put(found):
    """Make these claims the known ones, as importing the package does."""
    CLAIMS.clear()
    CLAIMS.update(found)
    TOLERANCES.clear()
    TOLERANCES.update(claims.defaults(found.values()))


@pytest.fixture
def one_more_file(tmp_path, monkeypatch):
    """Give the package a second folder, in which there is one claim."""
    (tmp_path / "median.py").write_text(MEDIAN)
    monkeypatch.setattr(claims, "__path__", [*claims.__path__, str(tmp_path)])
    before = dict(CLAIMS)
    put(claims.found())
    yield
    put(before)
    del sys.modules["fluctua.analysis.claims.median"]
    del claims.median


@pytest.mark.usefixtures("one_more_file")
def test_one_more_file_is_one_more_claim(tmp_path):
    """The median's error is 0.03: it is within 0.25, and off by 1, but for one draw in 10^12."""
    assert list(CLAIMS)[:4] == ["first-law", "crooks", "median", "jarzynski"]
    pair = truth.gaussian_pair(np.random.default_rng(81), 1.0, 4_000)
    report = fl.verify(pair.forward, pair.reverse, delta_f=pair.delta_f)
    assert [verdict.claim for verdict in report] == ["crooks", "median", "jarzynski", "second-law"]
    assert (report["median"].outcome, report["median"].tolerance) == ("holds", 0.25)
    assert "\n  median       holds" in str(report)
    assert "median" in [verdict["claim"] for verdict in json.loads(report.to_json())["verdicts"]]
    page = report.to_html(tmp_path / "report.html").read_text()
    assert "<dt>median</dt><dd>Half of the work values lie above ΔF + 1 kT.</dd>" in page

    strict = fl.verify(pair.forward, delta_f=pair.delta_f, claims="median", tolerance={"median": 1e-3})
    assert [(verdict.claim, verdict.outcome) for verdict in strict] == [("median", "undecidable")]
    assert fl.verify(pair.forward, delta_f=pair.delta_f + 1.0)["median"].outcome == "violated"
    with pytest.raises(fl.InvalidInput, match=r"claims are first-law, crooks, median, .*mean 'median'"):
        fl.verify(pair.forward, claims="medina")


def test_without_its_file_the_claim_is_unknown():
    """Negative control: the test above sees the file, not something left behind by it."""
    with pytest.raises(fl.InvalidInput, match="'median' is not a claim"):
        fl.verify([1.0, 2.0], claims="median")
    with pytest.raises(fl.InvalidInput, match="'median' is not a tolerance"):
        fl.verify([1.0, 2.0], tolerance={"median": 0.1})


def test_every_file_is_a_claim_of_its_name():
    files = {path.stem for path in Path(claims.__path__[0]).glob("*.py")} - BESIDE
    assert {name.replace("-", "_") for name in CLAIMS} == files
    assert all(isinstance(claim, Claim) and claim.name == name for name, claim in CLAIMS.items())


def test_no_two_claims_share_a_place():
    places = [claim.order for claim in CLAIMS.values()]
    assert places == sorted(set(places))


def test_a_tolerance_that_claims_share_has_one_default():
    for claim in CLAIMS.values():
        assert {name: TOLERANCES[name] for name in claim.tolerances} == claim.tolerances


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_says_what_it_means_in_a_sentence(name):
    assert CLAIMS[name].means.endswith(".")
    assert len(CLAIMS[name].means) > 20


def test_every_claim_answers_about_anything():
    """Where a claim does not speak about the numbers it says so under its own name, and raises nothing."""
    values = truth.gaussian_entropy(np.random.default_rng(82), 1.0, 500)
    for report in fl.verify(values, claims=CLAIMS), fl.verify(entropy=values, claims=CLAIMS):
        assert [verdict.claim for verdict in report] == list(CLAIMS)
        assert "not applicable" in {verdict.outcome for verdict in report}


def test_claims_in_one_text_stand_between_commas():
    values = truth.gaussian_entropy(np.random.default_rng(83), 1.0, 500)
    for names in ("integral,detailed", " integral , detailed", ["detailed", "integral"]):
        report = fl.verify(entropy=values, claims=names)
        assert [verdict.claim for verdict in report] == ["integral", "detailed"]
    with pytest.raises(fl.InvalidInput, match="mean 'detailed'"):
        fl.verify(entropy=values, claims="integral,detalied")
    with pytest.raises(fl.InvalidInput, match="is not a claim"):
        fl.verify(entropy=values, claims="integral,")


@pytest.mark.parametrize(
    ("measured", "bath", "reason"),
    [
        (True, fl.BoseBath("b", rate=0.2), "work is the change of the measured energy less the heat, by def"),
        (
            True,
            fl.LocalBath("b", on="M", rate=0.2, reverse=False),
            "work is the change of the measured energy",
        ),
        (False, fl.BoseBath("b", rate=0.2), "quantum_heat is what work and the heat of jumps leave"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*(secular|adiabatic|no way back)")
def test_a_first_law_that_holds_by_definition_is_no_test(measured, bath, reason):
    spec = fl.EnsembleSpec(
        fl.Hamiltonian("X/2 + e/2*Z", controls="e"),
        fl.QuantumJump([bath], measured=measured),
        fl.Protocol([fl.Isothermal(0.1, e=(-1.0, 1.0))], beta=1.0),
        trajectories=20,
        time_step=0.01,
        seed=1,
    )
    verdict = fl.verify(fl.simulate(spec), claims="first-law")["first-law"]
    assert verdict.outcome == "not applicable"
    assert verdict.reason.startswith(reason)
