"""Gaps that close: found wherever they do, refused where a rate is infinite there, of both kinds of jumps."""

import numpy as np
import pytest

from fluctua.stochastic.closings import closings, diverges
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.closing_gaps import refuse_closing_gaps
from fluctua.stochastic.reservoirs import BoseBath
from fluctua.stochastic.steps import Hold, Isothermal

PLACES = np.linspace(0.0, 1.0, 101)


def closing(gap):
    return closings(gap, PLACES, gap(PLACES), 1e-12)


@pytest.mark.parametrize("power", [1, 2, 4])
@pytest.mark.parametrize("where", [0.30001, 0.3049, 0.9999])
def test_a_gap_that_closes_between_instants_is_found(where, power):
    found = closing(lambda s: np.abs(s - where) ** power)
    assert len(found) == 1
    assert abs(found[0] - where) ** power <= 1e-12


@pytest.mark.parametrize("least", [1e-3, 1e-6, 1e-8])
def test_a_gap_that_is_avoided_does_not_close(least):
    assert not len(closing(lambda s: np.sqrt((s - 0.3049) ** 2 + least**2)))


def test_only_what_may_close_is_looked_into():
    """Rounding of a wide gap, and an avoided crossing once it is seen to be one."""
    looks = []

    def noise(s):
        return 1.0 + 1e-16 * np.random.default_rng(1).integers(0, 9, len(s))

    def avoided(s):
        looks.append(len(s))
        return np.sqrt((s - 0.3049) ** 2 + 1e-4)

    assert not len(closings(avoided, PLACES, noise(PLACES), 1e-12))
    assert not looks
    assert not len(closing(avoided))
    assert len(looks) <= 3


def test_levels_that_are_one_to_rounding_have_no_gap():
    """Their distance is a rounded zero and does not shrink; that of two that are merely close neither."""
    gaps = np.array([[1e-16, 2e-16, 1e-16, 1e-16], [1e-3, 1e-3, 1e-3, 1e-3], [1e-16, 1e-16, 1e-16, 1e-16]])
    rates = np.array([[0.1], [0.1], [0.0]]) / gaps
    assert diverges(rates, gaps, 1e-9).tolist() == [True, False, False]


def test_the_deepest_dips_do_not_hide_one_that_closes():
    """Twenty crossings are avoided by less than what the instants see of the one that is not."""

    def gap(s):
        others = np.sqrt((np.round(40.0 * s) / 40.0 - s) ** 2 + 1e-12)
        return np.where(np.abs(s - 0.3049) < 0.0125, np.abs(s - 0.3049), others)

    sizes = gap(PLACES)
    assert np.count_nonzero(sizes < sizes[np.abs(PLACES - 0.3049).argmin()]) > 10
    assert closing(gap)[0] == pytest.approx(0.3049, abs=1e-9)


def test_where_it_is_closed_for_a_while_both_ends_are_named():
    found = closing(lambda s: np.maximum(np.abs(s - 0.5) - 0.2, 0.0))
    assert found == pytest.approx([0.3, 0.7], abs=1e-9)
    assert closing(np.zeros_like) == pytest.approx([0.0, 1.0])
    assert not len(closing(np.ones_like))


LEVELS = Levels({"a": "0", "b": "w"}, controls=("w", "h"))
QUBIT = Hamiltonian("w/2*Z", controls=("w", "h"))


def judged(rate, spectrum, step, **controls):
    """What is said of a gap w that closes, of levels and of a Hamiltonian: "" where nothing is."""
    protocol = Protocol([step], beta=1.0, **controls)
    bath, said = BoseBath("ph", rate=rate, spectrum=spectrum), []
    levels, quantum = MarkovJump([bath]), QuantumJump([bath])
    table = protocol.schedule(None, LEVELS.controls, ("ph",), 1.0)
    held = protocol.schedule(0.5, QUBIT.controls, ("ph",), 1.0)
    for check in (
        lambda: levels.check_protocol(LEVELS, table),
        lambda: refuse_closing_gaps(quantum.model(QUBIT), held),
    ):
        try:
            check()
            said.append("")
        except InvalidInput as caught:
            said.append(str(caught))
    return said


@pytest.mark.parametrize(
    ("rate", "w", "h", "time"),
    [
        # At both ends the rate vanishes as the gap does; on the way it does not.
        ("0.01*h", "s*(1-s)*(s-0.5)", "s*(1-s)", 0.5),
        ("0.01*h", "s*(1-s)*(s-0.43)", "s*(1-s)", 0.43),
        # The rate vanishes, but more slowly than the gap.
        ("0.01*sqrt(h)", "(s-0.37)**2", "(s-0.37)**2", 0.37),
        # More slowly by little: it grows as 1/sqrt(gap).
        ("0.01*sqrt(h)", "s-0.37", "sqrt((s-0.37)**2)", 0.37),
        # 1/gap is seen nearby only, below what is seen from afar.
        ("1e-9 + h*h", "s-0.37", "s-0.37", 0.37),
        # It closes at 1/2, and stays closed.
        ("0.01*h", (1.0, 0.0, 0.0), (1.0, 1.0), 0.5),
        # The rate is 0 where it begins to be closed, and not where it ceases to be.
        ("0.01*h", (1.0, 0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.5, 1.0), 0.75),
        *(("0.01*h", f"1-exp(-((s-0.43359375)/{d})**2)", (1.0, 1.0), 0.43359375) for d in (0.0015, 0.003)),
    ],
)
def test_an_infinite_rate_is_refused(rate, w, h, time):
    for said in judged(rate, "1", Isothermal(1.0, w=w, h=h)):
        assert "closes at w = " in said
        assert "its rate is infinite there (dynamics.baths.ph.spectrum)" in said
        assert float(said.split("time ")[1].split(",")[0]) == pytest.approx(time, abs=1e-5)


@pytest.mark.parametrize(
    ("rate", "spectrum", "w", "h"),
    [
        ("0.01*h*h", "1", "s-0.5", "s-0.5"),
        ("0.01*h*h", "1", "s-0.37", "s-0.37"),
        ("0.01*sqrt(h*h)", "1", "s-0.37", "s-0.37"),
        (0.01, "omega", "s-0.37", (0.0, 0.0)),
        ("0.01*h", "1", "s*(1-s)", "s*(1-s)"),
        (0.01, "1", "sqrt((s-0.37)**2 + 1e-6)", (0.0, 0.0)),
        ("0.0*h", "1", (0.0, 0.0), (0.0, 0.0)),
    ],
)
def test_a_rate_that_stays_finite_where_the_gap_closes_may_run(rate, spectrum, w, h):
    assert judged(rate, spectrum, Isothermal(1.0, w=w, h=h)) == ["", ""]


def test_levels_that_never_part():
    assert judged(0.01, "1", Hold(1.0), w=1.0, h=0.0) == ["", ""]
    assert all("closes at w = 0" in said for said in judged(0.01, "1", Hold(1.0), w=0.0, h=0.0))
    assert judged("0.01*h", "1", Hold(1.0), w=0.0, h=0.0) == ["", ""]


def three(energy, on, ramp):
    """Look at three levels: `outer` couples the lowest and the highest, `inner` the lower two."""
    operators = {
        "middle": np.diag([0.0, 1.0, 0.0]),
        "high": np.diag([0.0, 0.0, 1.0]),
        "outer": [[0, 0, 1], [0, 0, 0], [1, 0, 0]],
        "inner": [[0, 1, 0], [1, 0, 0], [0, 0, 0]],
    }
    system = Hamiltonian(energy, controls="w", operators=operators)
    dynamics = QuantumJump([BoseBath("ph", on=on, rate=0.01)])
    table = Protocol([Isothermal(1.0, w=ramp)], beta=1.0).schedule(0.5, ("w",), ("ph",), 1.0)
    refuse_closing_gaps(dynamics.model(system), table)


def test_a_gap_within_another_may_close_without_it():
    three("w*middle + 2*high", "outer", (-0.3, 0.7))
    with pytest.raises(InvalidInput, match="level_1 and level_0 closes at w"):
        three("w*middle + 2*high", "inner", (-0.3, 0.7))


def test_what_couples_on_one_side_alone_is_enough():
    """Until 1/2 the levels are one, and no two; from there on they part, and are coupled."""
    with pytest.raises(InvalidInput, match=r"closes at w = 0, time 0\.5"):
        three("w*middle + 2*high", "inner", (0.0, 0.0, 1.0))
