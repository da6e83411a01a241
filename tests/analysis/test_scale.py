"""Wrong units are remarked on: the numbers still compute, and mean nothing."""

import warnings

import pytest

import fluctua as fl

UNITS = {"length": "um", "time": "s", "temperature": "K"}


def bead(energy, stiffness=10.0):
    """A bead in tweezers, its numbers in pN, um and s, whatever the label says."""
    trap = fl.Potential("k/2 * (x - c)**2", coordinates="x", controls=("k", "c"))
    drag = fl.Protocol([fl.Isothermal(0.01, c=(0.0, 0.1))], temperature=298.15, k=stiffness)
    spec = fl.EnsembleSpec(
        trap,
        fl.Overdamped(friction=8.39e-3),
        drag,
        trajectories=2_000,
        time_step=5e-5,
        seed=1,
        units=fl.Units(energy=energy, **UNITS),
    )
    return fl.simulate(spec)


def test_joule_in_place_of_piconewton_micrometre_is_remarked():
    with pytest.warns(UserWarning, match=r"energies are about \de\+\d\d kT here, and one kT is 4\.12e-21 J"):
        fl.verify(bead("J"), claims="first-law")


def test_energies_far_below_kt_are_remarked():
    slow = fl.Potential("f*cos(2*pi*x)", coordinates="x", controls="f", periodic={"x": 1.0})
    tilt = fl.Protocol([fl.Isothermal(1.0, f=(0.0, 1e-9))], beta=1.0)
    start = fl.Point(x=0.5)
    spec = fl.EnsembleSpec(
        slow, fl.Overdamped(friction=1.0), tilt, trajectories=500, time_step=0.1, seed=1, initial=start
    )
    with pytest.warns(UserWarning, match=r"energies are about \de-\d\d kT"):
        fl.verify(fl.simulate(spec), claims="first-law")


def test_work_that_is_mostly_rounding_is_not_remarked():
    """A qubit driven on a circle keeps its levels: two of three trajectories end where they began."""
    qubit = fl.Hamiltonian("Z/2 + cos(phi)*X + sin(phi)*Y", controls="phi")
    circle = fl.Protocol([fl.Isolated(1.0, phi=(0.0, 1.5))], beta=1.0)
    bath = fl.QuantumJump([fl.BoseBath("bath", rate=0.1)])
    run = fl.simulate(fl.EnsembleSpec(qubit, bath, circle, trajectories=500, time_step=0.1, seed=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fl.verify(run, claims="first-law")


def test_the_right_unit_is_not_remarked():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fl.verify(bead("pN um"), claims="first-law")
