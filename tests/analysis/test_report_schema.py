"""The published schema describes every report there is, and refuses what is none."""

import copy
import json
import math
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import fluctua as fl
from fluctua.analysis.free_energies import free_energies
from fluctua.analysis.verdict import FreeEnergy, Report, Verdict

import truth

SCHEMA = json.loads((files("fluctua.analysis") / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PAGE = (Path(__file__).parents[2] / "docs" / "report-schema.md").read_text(encoding="utf-8")
OBJECTS = ("verdict", "part", "freeEnergy", "method", "effectiveTemperature")


def pair_of(seed, dissipation=1.0, n=500):
    return truth.gaussian_pair(np.random.default_rng(seed), dissipation, n)


def a_pair_of_runs():
    """The kernel of tests/analysis/test_verify.py, at a time step four times as long."""
    spec = fl.EnsembleSpec(
        fl.Potential("k/2 * x**2", coordinates="x", controls="k"),
        fl.Overdamped(friction=1.0),
        fl.Protocol([fl.Isothermal(1.0, k=(1.0, 4.0))], beta=1.0),
        trajectories=2000,
        time_step=0.02,
        seed=1,
    )
    return fl.verify(fl.simulate(spec), fl.simulate(spec.reversed()))


def arrays(seed=1, **more):
    pair = pair_of(seed)
    return fl.verify(pair.forward, pair.reverse, **more)


def made_up():
    """What estimators give on the worst numbers: nothing finite."""
    verdict = Verdict("crooks", "not applicable", math.nan, reason="needs work", n_needed=None)
    return Report((verdict,), "nothing", free_energy=FreeEnergy(0.0, math.nan))


REPORTS = {
    "a pair of runs": a_pair_of_runs,
    "arrays": arrays,
    "arrays, known difference": lambda: arrays(delta_f=0.7),
    "arrays, wrong difference": lambda: arrays(delta_f=2.0),
    "forward only": lambda: fl.verify(pair_of(2).forward, delta_f=0.7),
    "not applicable": lambda: fl.verify(pair_of(3).forward),
    "no overlap": lambda: fl.verify(*(getattr(pair_of(4, 300.0), way) for way in ("forward", "reverse"))),
    "entropy": lambda: fl.verify(entropy=truth.gaussian_entropy(np.random.default_rng(5), 1.0, 500)),
    "few values": lambda: fl.verify([1.0, 2.0, 0.5], [-1.0, 0.3, 0.1]),
    "nothing finite": made_up,
}
WORDS = {
    "arrays, wrong difference": "violated",
    "not applicable": "not applicable",
    "no overlap": "undecidable",
    "few values": "undecidable",
}


@pytest.fixture(scope="module")
def reports():
    return {kind: json.loads(make().to_json()) for kind, make in REPORTS.items()}


def undescribed(found, described, place="report"):
    """Name the keys of an object, and of those in it, that the schema says nothing about."""
    known = described["properties"]
    missing = [f"{place}.{key}" for key in found if key not in known]
    for key, inside in found.items():
        definition = known.get(key, {})
        target = definition.get("items", definition).get("$ref", "").removeprefix("#/$defs/")
        for one in inside if isinstance(inside, list) else [inside]:
            if target in OBJECTS and isinstance(one, dict):
                missing += undescribed(one, SCHEMA["$defs"][target], f"{place}.{key}")
    return missing


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("kind", REPORTS)
def test_every_report_is_as_published(reports, kind):
    found = reports[kind]
    VALIDATOR.validate(found)
    assert undescribed(found, SCHEMA) == []
    assert found["outcome"] == WORDS.get(kind, found["outcome"])


def test_the_kinds_cover_what_the_schema_describes(reports):
    """Every described key of verdicts, parts and free energies is written by some report."""
    verdicts = [verdict for report in reports.values() for verdict in report["verdicts"]]
    written = {
        "verdict": verdicts,
        "part": [part for verdict in verdicts for part in verdict["parts"]],
        "freeEnergy": [report["free_energy"] for report in reports.values() if "free_energy" in report],
        "method": [method for report in reports.values() for method in report.get("free_energies", ())],
        "effectiveTemperature": [
            report["effective_temperature"]
            for report in reports.values()
            if "effective_temperature" in report
        ],
    }
    for name, objects in written.items():
        assert {key for one in objects for key in one} == set(SCHEMA["$defs"][name]["properties"]), name


def test_optional_keys_are_allowed_and_described(reports):
    found = reports["arrays"] | {"notes": ["column work was taken"]}
    VALIDATOR.validate(found)
    assert undescribed(found, SCHEMA) == []
    optional = ("free_energy", "free_energies", "effective_temperature", "notes")
    VALIDATOR.validate({key: value for key, value in found.items() if key not in optional})


def test_a_report_writes_what_its_arrays_give(reports):
    pair = pair_of(1)
    methods = free_energies(pair.forward, pair.reverse)
    assert reports["arrays"]["free_energies"] == [method.to_dict() for method in methods]
    crooks = next(verdict for verdict in reports["arrays"]["verdicts"] if verdict["claim"] == "crooks")
    assert reports["arrays"]["effective_temperature"]["value"] == pytest.approx(1.0 / crooks["estimate"])
    assert "free_energies" not in reports["entropy"]
    assert "effective_temperature" not in reports["no overlap"]


FAULTS = {
    "a word that is none": ("verdicts", 0, "outcome", "true"),
    "a chance above one": ("verdicts", 0, "p_value", 1.5),
    "a negative error": ("verdicts", 0, "standard_error", -0.1),
    "a claim with a space": ("verdicts", 0, "claim", "second law"),
    "text for a number": ("verdicts", 0, "estimate", "1.0"),
    "no parts": ("verdicts", 0, "parts", []),
    "half a trajectory": ("verdicts", 0, "n_needed", 0.5),
    "a part without a name": ("verdicts", 0, "parts", 0, "name", ""),
    "another unit": ("free_energy", "unit", "kJ/mol"),
    "notes that are no list": ("notes", "a sentence"),
    "an interval and a refusal": (
        "free_energies",
        [{"method": "BAR", "value": 1, "standard_error": 1, "low": 0, "high": 2, "refused": "no overlap"}],
    ),
    "neither": (
        "free_energies",
        [{"method": "BAR", "value": 1, "standard_error": None, "low": None, "high": None, "refused": ""}],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_report_is_refused(reports, fault):
    found = copy.deepcopy(reports["arrays"])
    assert found["verdicts"][0]["outcome"] != "not applicable"
    *way, last, value = FAULTS[fault]
    place = found
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(found)


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_what_a_report_requires_is_missed(reports, key):
    found = {name: value for name, value in reports["arrays"].items() if name != key}
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(found)


@pytest.mark.parametrize("key", SCHEMA["$defs"]["verdict"]["required"])
def test_what_a_verdict_requires_is_missed(reports, key):
    found = copy.deepcopy(reports["arrays"])
    del found["verdicts"][0][key]
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(found)


def test_every_key_has_a_sentence_and_stands_on_the_page():
    told = set(re.findall(r"`([a-z_]+)`", PAGE))
    for described in (SCHEMA, *(SCHEMA["$defs"][name] for name in OBJECTS)):
        for key, definition in described["properties"].items():
            assert "description" in definition or "$ref" in definition, key
            assert key in told, key
