"""The generator: channels, rates by hand, local detailed balance of each kind of bath."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.equilibrium import particle_numbers
from fluctua.stochastic.markov.generator import Channel, Generator, bosons
from fluctua.stochastic.markov.stationary import stationary
from fluctua.stochastic.reservoirs import Arrhenius, BoseBath, Lead, LocalBath, Rates

DOT = Levels({"empty": "0", "full": "eps"}, controls=("eps", "V"))
EDGE = "empty -> full"
LEFT = Lead("left", on=EDGE, rate=1.0, mu="V/2")
RIGHT = Lead("right", on=EDGE, rate=2.0, mu="-V/2")


def made(system, *baths):
    return Generator(system, MarkovJump(baths, thermodynamics=False))


def rates(generator, controls=((),), beta=1.0):
    controls = np.asarray(controls, dtype=float)
    betas = np.full((len(controls), len(generator.bath_names)), beta)
    return generator.rates(controls, betas, np.ones(len(generator.bath_names), dtype=bool))


def fermi(x):
    return 1.0 / (1.0 + np.exp(x))


def bose(x):
    return 1.0 / np.expm1(x)


def test_channels_come_bath_by_bath_along_an_edge_and_then_against_it():
    generator = made(DOT, LEFT, BoseBath("phonons", rate=1.0))
    assert generator.channels == (
        Channel("left: empty -> full", 0, 1, 0, 1, 1),
        Channel("left: full -> empty", 1, 0, 0, -1, 0),
        Channel("phonons: empty -> full", 0, 1, 1, 0, 3),
        Channel("phonons: full -> empty", 1, 0, 1, 0, 2),
    )
    assert (generator.levels, generator.bath_names) == (("empty", "full"), ("left", "phonons"))
    for field in ("source", "target", "bath", "reverse"):
        array = getattr(generator, f"{field}s")
        assert array.tolist() == [getattr(channel, field) for channel in generator.channels]
    assert generator.particles.tolist() == [1, -1, 0, 0]
    assert not generator.pushed


def test_rates_of_leads_by_hand():
    controls = np.array([[0.5, 2.0], [-1.0, 0.3]])
    generator, beta = made(DOT, LEFT, RIGHT), np.array([[1.0, 0.5], [2.0, 3.0]])
    eps, bias = controls.T
    x, y = beta[:, 0] * (eps - bias / 2), beta[:, 1] * (eps + bias / 2)
    expected = np.stack([fermi(x), fermi(-x), 2 * fermi(y), 2 * fermi(-y)], axis=1)
    found = generator.rates(controls, beta, np.array([True, True]))
    assert found == pytest.approx(expected, rel=1e-14)
    assert np.array_equal(generator.potentials(controls), np.stack([bias / 2] * 2 + [-bias / 2] * 2, axis=1))
    assert not generator.pushes(controls).any()


def test_a_bath_that_is_not_connected_has_no_rates():
    found = made(DOT, LEFT, RIGHT).rates([[0.5, 2.0]], [[1.0, 1.0]], [False, True])
    assert found[0, :2].tolist() == [0.0, 0.0]
    assert (found[0, 2:] > 0.0).all()


@pytest.mark.parametrize("x", [-700.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 700.0])
def test_the_fermi_function_keeps_its_digits_far_out(x):
    found = rates(made(DOT, Lead("l", on=EDGE, rate=1.0, mu=0)), [[x, 0.0]])[0]
    log_f = -np.logaddexp(0.0, x)
    assert np.log(found) == pytest.approx([log_f, x + log_f], rel=1e-13, abs=1e-15)


def test_the_sign_of_the_gap_decides_which_way_is_down():
    generator = made(DOT, BoseBath("p", rate=0.2, spectrum="omega**3"))
    found = rates(generator, [[1.5, 0.0], [-1.5, 0.0]], beta=0.7)
    up, down = 0.2 * 1.5**3 * bose(1.05), 0.2 * 1.5**3 * (bose(1.05) + 1)
    assert found == pytest.approx(np.array([[up, down], [down, up]]), rel=1e-14)


def test_where_a_gap_closes_an_ohmic_bath_has_its_limit():
    generator = made(DOT, BoseBath("p", rate=0.2, spectrum="3*omega"))
    found = rates(generator, [[0.0, 0.0], [1e-9, 0.0], [-1e-9, 0.0]], beta=0.5)
    assert found[0].tolist() == pytest.approx([1.2, 1.2], rel=1e-15), "rate * spectrum'(0) / beta"
    assert found[1:] == pytest.approx(1.2, rel=1e-8)
    assert generator.finite_without_gap(0)
    for spectrum in ("1", "1 + omega", "sqrt(omega)"):
        flat = made(DOT, BoseBath("p", rate=0.2, spectrum=spectrum))
        assert not np.isfinite(rates(flat, [[0.0, 0.0]])).any()
        assert not flat.finite_without_gap(0)


@given(st.floats(-690.0, 690.0).filter(lambda x: abs(x) > 1e-300))
def test_bosons_to_a_few_roundings(x):
    expected = 1.0 / np.expm1(x) if x > 0.0 else 1.0 + 1.0 / np.expm1(-x)
    assert bosons(np.array([x]))[0] == pytest.approx(expected, rel=1e-14)


def test_activation_by_hand():
    generator = made(DOT, Arrhenius("hot", on=EDGE, rate="2*V", barrier="1 + V"))
    expected = 2 * 0.4 * np.exp(-0.5 * np.array([1.4, 1.4 - 0.3]))
    assert rates(generator, [[0.3, 0.4]], beta=0.5)[0] == pytest.approx(expected, rel=1e-14)


def test_rates_of_ones_own_know_beta_and_work():
    own = Rates("r", on=EDGE, forward="k*exp(-beta*eps/2)", backward="k*exp(beta*eps/2)", work="V")
    system = Levels({"empty": "0", "full": "eps"}, controls=("eps", "V"), parameters={"k": 3.0})
    generator = made(system, own)
    assert rates(generator, [[0.4, 7.0]], beta=2.0)[0] == pytest.approx([3 * np.exp(-0.4), 3 * np.exp(0.4)])
    assert generator.pushes([[0.4, 7.0]]).tolist() == [[7.0, -7.0]]
    assert generator.pushed


def test_a_backward_rate_of_zero_is_no_channel():
    (only,) = made(DOT, Rates("r", on=EDGE, forward=1, backward=0)).channels
    assert only == Channel("r: empty -> full", 0, 1, 0, 0, -1)


def log_balance(generator, controls, beta):
    """Return ln(rate / rate back) + beta * heat of each channel, and the size of beta * heat."""
    found = rates(generator, controls, beta)
    energies, back = generator.energies(controls), generator.reverses
    heat = energies[:, generator.targets] - energies[:, generator.sources]
    heat = heat - generator.potentials(controls) * generator.particles - generator.pushes(controls)
    return np.log(found / found[:, back]) + beta * heat, np.abs(beta * heat)


energies = st.sampled_from(["0", "x", "y", "x*y", "x**2 - y", "sin(x) + y/2", "-3", "exp(x/4)"])
bath_kinds = st.sampled_from(
    [
        lambda on, f: Lead("one", on=on, rate="1 + y**2", mu=f),
        lambda on, _: BoseBath("one", on=on, rate=0.3, spectrum="omega"),
        lambda on, _: BoseBath("one", on=on, rate="2 + sin(x)", spectrum="omega**3/(1 + omega**2)"),
        lambda on, f: Arrhenius("one", on=on, rate=0.7, barrier=f),
    ]
)


@settings(max_examples=100)
@given(
    st.lists(energies, min_size=3, max_size=3),
    bath_kinds,
    energies,
    st.sampled_from(["a -> b", "b -> a", "m -> a", ("a -> b", "m -> b")]),
    st.floats(0.05, 20.0),
    st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=2),
)
def test_every_kind_of_bath_obeys_local_detailed_balance(formulas, kind, formula, on, beta, controls):
    system = Levels(dict(zip("abm", formulas, strict=True)), controls=("x", "y"))
    generator = made(system, kind(on, formula))
    with np.errstate(invalid="ignore"):
        off, size = log_balance(generator, np.array([controls]), beta)
    usable = rates(generator, [controls], beta)[0] > 1e-290
    usable &= usable[generator.reverses] & (size[0] < 600.0)
    assert np.abs(off[0, usable]) == pytest.approx(0.0, abs=1e-11)


def test_rates_are_the_same_bits_in_any_company():
    generator = made(DOT, LEFT, RIGHT, BoseBath("p", rate=0.2, spectrum="omega"))
    controls = np.random.default_rng(7).normal(size=(33, 2))
    together = rates(generator, controls)
    apart = np.concatenate([rates(generator, row[None, :]) for row in controls])
    assert np.array_equal(together, apart)


def test_the_demon_of_two_coupled_dots_moves_particles_against_the_bias():
    """Catalogue B8: dot x between two leads whose couplings depend on dot y, on a colder lead of its own."""
    double = Levels(
        {"none": "0", "x": "ex", "y": "ey", "both": "ex + ey + u"},
        parameters={"ex": -1.0, "ey": 0.0, "u": 2.0},
    )
    low, high, other = "none -> x", "y -> both", ("none -> y", "x -> both")
    leads = [
        Lead("left_0", on=low, rate=1.0, mu=0.1),
        Lead("left_1", on=high, rate=0.1, mu=0.1),
        Lead("right_0", on=low, rate=0.1, mu=-0.1),
        Lead("right_1", on=high, rate=1.0, mu=-0.1),
        Lead("below", on=other, rate=20.0, mu=1.0),
    ]
    generator = made(double, *leads)
    assert particle_numbers(generator) == (0, 1, 1, 2)
    found = generator.rates(np.zeros((1, 0)), [[1.0, 1.0, 1.0, 1.0, 3.0]], np.ones(5, dtype=bool))
    flux = stationary(generator, found)[0, generator.sources] * found[0] * generator.particles
    current = {name: flux[generator.baths == b].sum() for b, name in enumerate(generator.bath_names)}
    assert -(current["right_0"] + current["right_1"]) == pytest.approx(-0.084246, abs=5e-7)
    assert current["left_0"] + current["left_1"] == pytest.approx(-0.084246, abs=5e-7)
    assert current["below"] == pytest.approx(0.0, abs=1e-15)


def test_the_current_through_a_dot():
    """INTERFACE story 8: J = (f_left - f_right) / 2 at equal couplings."""
    generator = made(DOT, LEFT, Lead("right", on=EDGE, rate=1.0, mu="-V/2"))
    found = rates(generator, [[0.5, 2.0]])
    p = stationary(generator, found)[0]
    assert p[0] * found[0, 0] - p[1] * found[0, 1] == pytest.approx((fermi(-0.5) - fermi(1.5)) / 2, rel=1e-14)


@pytest.mark.parametrize(
    ("bath", "line"),
    [
        (
            Lead("l", on="empty -> fulll", rate=1, mu=0),
            "'fulll' is not a level (dynamics.baths.l.on): levels are empty, full; did you mean 'full'?",
        ),
        (
            Lead("l", on=EDGE, rate=1, mu="cos(t)"),
            'time in a chemical potential (dynamics.baths.l.mu): declare a control and ramp it, A="cos(t)"',
        ),
        (
            Lead("l", on=EDGE, rate="W", mu=0),
            "'W' is not declared (dynamics.baths.l.rate, column 1): names are V eps pi",
        ),
        (
            BoseBath("p", rate=1, spectrum="eps*omega"),
            "'eps' is not declared (dynamics.baths.p.spectrum, column 1): names are omega pi",
        ),
        (
            BoseBath("p", on="X", rate=1),
            "'X' is no edge (dynamics.baths.p.on): write two levels, \"empty -> full\"",
        ),
        (
            BoseBath("p", rate=1, dephasing=1),
            "levels have no phase (dynamics.baths.p.dephasing): leave it out",
        ),
        (
            Arrhenius("h", on=EDGE, rate=1, barrier="beta"),
            "'beta' is not declared (dynamics.baths.h.barrier, column 1): names are V eps pi",
        ),
    ],
)
def test_a_bath_that_does_not_fit_the_levels_is_refused(bath, line):
    with pytest.raises(InvalidInput) as error:
        made(DOT, bath)
    assert str(error.value) == line


def test_names_that_a_spectrum_needs_are_not_taken():
    system = Levels({"a": "0", "b": "omega"}, controls="omega")
    with pytest.raises(InvalidInput, match="'omega' is the frequency in a spectrum"):
        made(system, BoseBath("p", rate=1))


def test_fixed_operators_do_not_act_on_levels():
    with pytest.raises(InvalidInput, match="expected Lead, BoseBath, Arrhenius or Rates"):
        made(DOT, LocalBath("p", on="X", rate=1, quantum=1))
