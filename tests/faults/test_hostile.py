"""Specs and formulas of somebody who means harm: a line each, nothing executed, nothing left, no signal.

They are read in a child process with little memory (`child.py`), which looks for whatever must not happen;
the first tests plant just that, and it is found. Inputs are written by hand (`hostile_specs.py`,
`hostile_formulas.py`), and drawn with fixed seeds; a soak draws a million of each.
"""

from __future__ import annotations

from itertools import chain

import pytest

import soak
from faults import hostile
from faults import hostile_formulas as formulas
from faults import hostile_specs as specs

PLANTED = {
    "traceback": "a traceback",
    "code": "did",
    "start": "os.system",
    "inside": "left behind",
    "outside": "did",
    "memory": "MemoryError",
    "growth": "much memory",
    "escape": "control characters",
}


def test_what_must_not_happen_is_found(tmp_path):
    """The control of every detector; where the child dies, the case is named and the others are tried."""
    cases = [{"planted": kind, "place": str(tmp_path / "outside")} for kind in PLANTED]
    sound = {"planted": "nothing"}
    found = hostile.outcomes([sound, *cases, {"planted": "signal"}, sound], tmp_path, accepted=(0,))
    found += hostile.outcomes([{"planted": "for ever"}], tmp_path, seconds=1, accepted=(0,))
    for outcome, words in zip(found, (None, *PLANTED.values(), "-11", None, "-24"), strict=True):
        assert bool(outcome.faults) == (words is not None), outcome
        assert words is None or any(words in fault for fault in outcome.faults), outcome


def test_hostile_specs(tmp_path, tally):
    by_hand = list(specs.by_hand(large=soak.SOAK))
    drawn = soak.times(2000, 10**6) - len(by_hand)
    cases = chain(by_hand, specs.odd_tables(drawn // 2, seed=1), specs.mutants(drawn - drawn // 2, seed=2))
    _judge("hostile specs", hostile.in_batches(cases, tmp_path, seconds=600), tally)


@pytest.mark.slow
def test_hostile_specs_of_a_megabyte(tmp_path, tally):
    """What is large and sound may take a second, each; nothing may take more than a minute of them all."""
    cases = list(specs._sizes())
    _judge("hostile specs of a megabyte", hostile.outcomes(cases, tmp_path, seconds=60), tally)


#: The attacks that are formulas after all: each is a number, whatever number.
HARMLESS = {
    "((((NAME**64)**64)**64)**64)**64",
    "exp(exp(exp(NAME)))",
    "\u2003NAME",
    "\u2028NAME",
    "1_000*NAME",
    "0x10*NAME",
    "0b1*NAME",
}


def test_hostile_formulas(tmp_path, tally):
    sizes = (39, 41, 99, 101, 201, 490, 1100, 20_000, 400_000) if soak.SOAK else (41, 201, 1100)
    by_hand = list(formulas.everywhere((*formulas.ATTACKS, *formulas.deep_and_long(sizes))))
    drawn = formulas.cases(formulas.garbled(soak.times(2100, 10**6) - len(by_hand), seed=3))
    found = hostile.in_batches(chain(by_hand, drawn), tmp_path, seconds=600, accepted=(0,))
    accepted = _judge("hostile formulas", found, tally)
    assert {case["attack"] for case in accepted if "attack" in case} == HARMLESS


def _judge(name, found, tally):
    """Count, and give the cases that were accepted."""
    tried = passed = 0
    wrong, accepted = [], []
    for outcome in found:
        if outcome.code == 0 and "attack" in outcome.case:
            accepted.append(outcome.case)
        tried += 1
        passed += not outcome.faults
        if outcome.faults and len(wrong) < 5:
            wrong.append(outcome)
    print(hostile.account(wrong))
    tally(name, passed, tried)
    return accepted
