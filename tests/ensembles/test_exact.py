"""A spec has an exact companion: of what it samples, in its own units."""

import numpy as np
import pytest

from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Point, Populations, Samples, Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.exact import exact as exact_levels
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Hold, Isothermal, Protocol
from fluctua.stochastic.quantum.exact import exact as exact_waves
from fluctua.stochastic.reservoirs import BoseBath, Lead, LocalBath
from fluctua.stochastic.units import Units

QUBIT = Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": 1.0})
SWEEP = Protocol([Isothermal(5.0, epsilon=(-2.0, 2.0))], beta=1.0)
SUPERPOSITION = Point(amplitudes=[0.6, 0.8])
PHONONS = BoseBath("phonons", rate=0.05)
DOT = Levels({"empty": "0", "full": "eps"}, controls="eps")
LEADS = MarkovJump([Lead(name, on="empty -> full", rate=1.0, mu=mu) for name, mu in (("l", "1"), ("r", "0"))])


def unmeasured(bath, trajectories=1):
    return EnsembleSpec(
        QUBIT,
        QuantumJump([bath], measured=False),
        SWEEP,
        trajectories=trajectories,
        time_step=0.01,
        seed=3,
        initial=SUPERPOSITION,
    )


def test_energies_without_measurements_are_those_of_the_state():
    known = unmeasured(PHONONS).exact()
    assert known.mean("work") == pytest.approx(-0.5555, abs=1e-4)  # measured at both ends: -0.2547
    assert known.mean("energy_change") == pytest.approx(-0.7919, abs=1e-4)  # and -0.5505
    assert known.mean("quantum_heat") == pytest.approx(0.0, abs=1e-12)  # quanta of a BoseBath are definite
    assert known.variance("heat") == known.variance("heat_phonons") > 0.0
    coarse = unmeasured(PHONONS).replace({"time_step": 0.25}).exact()
    values, probabilities = coarse.distribution("activity")
    assert values @ probabilities == pytest.approx(coarse.mean("activity"), rel=1e-9)


@pytest.mark.filterwarnings("ignore:.*local master equation")
def test_a_run_without_measurements_samples_them():
    # A local bath does not act between levels, so that its quanta leave heat over. |z| > 5 by chance: 6e-7.
    spec = unmeasured(LocalBath("phonons", on="M", rate=0.3, quantum="1"), trajectories=20_000)
    run, known = simulate(spec), spec.exact()
    for name in ("work", "energy_change", "quantum_heat", "heat", "activity"):
        sampled = run.mean(name)
        assert abs(sampled.value - known.mean(name)) < 5.0 * sampled.standard_error
    assert abs(known.mean("quantum_heat")) > 20.0 * run.mean("quantum_heat").standard_error
    heat = np.exp(-0.5 * run["heat"])
    expected = np.exp(known.log_generating_function({"heat": -0.5}))
    assert abs(heat.mean() - expected) < 5.0 * heat.std() / np.sqrt(len(heat))


@pytest.mark.parametrize("name", ["work", "energy_change", "quantum_heat"])
def test_laws_of_expectations_are_known_only_by_sampling(name):
    known = unmeasured(PHONONS).exact()
    for ask in (known.variance, known.fano, lambda name: known.log_generating_function({name: -1.0})):
        with pytest.raises(InvalidInput, match=f"{name} .* is known only by sampling"):
            ask(name)
    for absent in ("dimensionless_work", "total_entropy"):
        with pytest.raises(InvalidInput, match=f"no {absent} without measurements"):
            known.mean(absent)


def test_units_of_the_run_are_those_of_the_companion():
    units = Units(energy="meV", time="ps", temperature="K")
    warm = 10.0 * units.boltzmann  # energy of 10 K
    long = units.hbar / warm
    here = Protocol([Isothermal(5.0, epsilon=(-2.0, 2.0))], temperature=1.0)
    there = Protocol([Isothermal(5.0 * long, epsilon=(-2.0 * warm, 2.0 * warm))], temperature=10.0)
    plain = EnsembleSpec(QUBIT, QuantumJump([PHONONS]), here, trajectories=1, seed=1, time_step=0.05).exact()
    named = EnsembleSpec(
        Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": warm}),
        QuantumJump([BoseBath("phonons", rate=0.05 / long)]),
        there,
        trajectories=1,
        seed=1,
        time_step=0.05 * long,
        units=units,
    ).exact()
    assert named.mean("activity") == pytest.approx(plain.mean("activity"), rel=1e-9)
    assert named.mean("work") == pytest.approx(warm * plain.mean("work"), rel=1e-9)


def test_levels_in_kelvin():
    units = Units(energy="meV", time="ps", temperature="K")
    hot = Protocol([Hold(2.0)], temperature=10.0, eps=1.0)
    spec = EnsembleSpec(DOT, LEADS, hot, trajectories=1, seed=1, initial=Steady(), units=units)
    filled = [1.0 / (1.0 + np.exp((1.0 - mu) / (10.0 * units.boltzmann))) for mu in (1.0, 0.0)]
    assert spec.exact().mean("particles_l") == pytest.approx(filled[0] - filled[1], rel=1e-9)


def test_a_reverse_run_has_its_own():
    sweep = Protocol([Hold(1.0), Isothermal(1.0, eps=(0.0, 2.0))], beta=1.0, eps=0.0)
    one = MarkovJump([Lead("lead", on="empty -> full", rate=1.0, mu="0")])
    spec = EnsembleSpec(DOT, one, sweep, trajectories=1, seed=1)
    forward, reverse = spec.exact(), spec.reversed().exact()
    assert reverse.initial[1] == pytest.approx(1.0 / (1.0 + np.exp(2.0)), rel=1e-12)
    assert forward.initial[1] == pytest.approx(0.5, rel=1e-12)


def test_what_has_no_companion_says_so(tmp_path):
    spring = Potential("k*x**2/2", coordinates="x", controls="k")
    colloid = Overdamped(friction=1.0)
    held = Protocol([Hold(1.0)], beta=1.0, k=1.0)
    spec = EnsembleSpec(spring, colloid, held, trajectories=1, seed=1, time_step=0.01)
    with pytest.raises(InvalidInput, match=r"^no exact companion of Overdamped \(dynamics\): MarkovJump and"):
        spec.exact()
    for ask in (exact_levels, lambda *of: exact_waves(*of, time_step=0.01)):
        with pytest.raises(InvalidInput, match=r"^these are exact statistics of .*: ask the spec"):
            ask(spring, colloid, held)
    drawn = tmp_path / "levels.csv"
    drawn.write_text("state\n0\n1\n")
    still = Protocol([Hold(1.0)], beta=1.0, eps=0.0)
    spec = EnsembleSpec(DOT, LEADS, still, trajectories=1, seed=1, initial=Samples(str(drawn)))
    with pytest.raises(InvalidInput, match="Samples have no known law"):
        spec.exact()


def test_the_start_is_that_of_the_spec():
    held = Protocol([Hold(1.0)], beta=1.0, eps=0.0)
    spec = EnsembleSpec(DOT, LEADS, held, trajectories=1, seed=1, initial=Populations(empty=0.25, full=0.75))
    assert spec.exact().initial == pytest.approx([0.25, 0.75], rel=1e-12)
