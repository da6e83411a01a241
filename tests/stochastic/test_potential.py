import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.potential import Potential

TRAP = Potential("k/2 * (q - c)**2", coordinates="q", controls=("k", "c"))
RING = Potential("cos(q)", coordinates="q", controls="f", forces={"q": "f"}, periodic={"q": "2*pi"})
SWIRL = Potential(
    "(x**2 + y**2)/2", coordinates=("x", "y"), parameters={"a": 0.3}, forces={"x": "a*y", "y": "-a*x"}
)


def potentials():
    """Potentials of x and y with everything that a potential may have."""
    return st.builds(
        lambda energy, controls, parameters, forces, periodic: Potential(
            energy,
            coordinates=("x", "y"),
            controls=controls,
            parameters=parameters,
            forces=forces,
            periodic=periodic,
        ),
        st.sampled_from(["x**2 + y**2", "cos(x) + y**4", " 1 + cos(x)*sin(2*y) ", 0, 1.5]),
        st.sampled_from(["k", ("k", "c"), [], np.array(["c"])]),
        st.dictionaries(st.sampled_from(["a", "b"]), st.floats(-5, 5)),
        st.sampled_from([None, {}, {"x": "y"}, {"y": "tanh(x)", "x": 2}]),
        st.just(None),
    )


@given(potentials())
def test_a_potential_is_its_table(potential):
    assert Potential(**potential.table()) == potential
    assert pickle.loads(pickle.dumps(potential)) == potential
    assert hash(Potential(**potential.table())) == hash(potential)


def test_the_table_is_what_toml_says():
    assert RING.table() == {
        "energy": "cos(q)",
        "coordinates": ["q"],
        "controls": ["f"],
        "forces": {"q": "f"},
        "periodic": {"q": "2*pi"},
    }


def test_energy_and_force_are_those_of_the_formula():
    q = np.array([[0.0, 1.0, 2.5]])
    assert TRAP.evaluate_energy(q, {"c": 1.0, "k": 2.0}).tolist() == [1.0, 0.0, 2.25]
    assert TRAP.evaluate_energy(q[0], (2.0, 1.0)).tolist() == [1.0, 0.0, 2.25]
    assert TRAP.force(q, (2.0, 1.0)).tolist() == [[2.0, 0.0, -3.0]]
    assert RING.force([0.0], {"f": 0.5}).tolist() == [[0.5]]
    assert np.allclose(SWIRL.force([[1.0], [2.0]]), [[-1.0 + 0.6], [-2.0 - 0.3]], rtol=0, atol=4e-16)


def test_force_is_minus_the_slope_of_the_energy():
    bumpy = Potential("exp(-x**2)*sin(3*y) + log(2 + x**2)/(1 + y**2)", coordinates=("x", "y"))
    q, h = np.array([[0.3, -0.8, 1.7], [0.2, 0.9, -1.1]]), 1e-5
    for i in range(2):
        shift = np.zeros((2, 1))
        shift[i] = h
        slope = (bumpy.evaluate_energy(q + shift) - bumpy.evaluate_energy(q - shift)) / (2 * h)
        # Third derivatives are below 100: h^2 * 100 / 6, and rounding eps/h.
        assert np.allclose(bumpy.force(q)[i], -slope, rtol=0, atol=2e-9)


def test_trees_have_canonical_symbols_so_that_names_do_not_matter():
    other = Potential("stiffness/2 * (x - centre)**2", coordinates="x", controls=("stiffness", "centre"))
    assert TRAP.names == {"q": "q_0", "v_q": "v_0", "k": "c_0", "c": "c_1"}
    assert TRAP.graph.emit([TRAP.energy_node, *TRAP.gradient]) == other.graph.emit(
        [other.energy_node, *other.gradient]
    )
    assert [TRAP.graph.is_zero(node) for node in TRAP.force_nodes] == [True]


def test_computing_numbers_leaves_the_trees_of_the_kernel_alone():
    fresh, used = (Potential("x**4 + k*x**2", coordinates="x", controls="k") for _ in range(2))
    used.evaluate_energy([1.0], (1.0,))
    used.force([1.0], (1.0,))
    assert used.graph.symbol("new") == fresh.graph.symbol("new")


def test_what_is_visibly_quadratic_or_affine():
    assert TRAP.is_quadratic
    assert not TRAP.controls_affine
    assert not RING.is_quadratic
    assert RING.controls_affine
    assert Potential("k*x**2 - F*x", coordinates="x", controls=("k", "F")).controls_affine
    assert not Potential("x**2*y", coordinates=("x", "y")).is_quadratic
    assert Potential("x*y", coordinates=("x", "y")).is_quadratic


def test_free_energy_differences():
    """Harmonic: ln(k1/k0)/(2 beta). Quartic: ln(g1/g0)/(4 beta), by quadrature stated to 1e-9 of Z."""
    difference = TRAP.free_energy(2.0, k=4.0, c=1.0) - TRAP.free_energy(2.0, k=1.0, c=0.0)
    assert abs(difference - np.log(4.0) / 4.0) < 1e-15
    quartic = Potential("g*x**4", coordinates="x", controls="g")
    assert abs(quartic.free_energy(2.0, g=3.0) - quartic.free_energy(2.0, g=1.0) - np.log(3.0) / 8.0) < 1e-9
    field = Potential("x**2/2 - E*x", coordinates="x", controls="E")
    assert abs(field.free_energy(1.0, E=2.0) - field.free_energy(1.0, E=0.0) + 2.0) < 1e-14


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (lambda: TRAP.free_energy(1.0, k=1.0), "c has no value (controls): give c="),
        (lambda: TRAP.free_energy(1.0, k=1.0, c=0.0, d=0.0), "'d' is not a control"),
        (lambda: TRAP.free_energy(0.0, k=1.0, c=0.0), "0.0 is not positive (beta)"),
        (lambda: TRAP.free_energy(1.0, k="1", c=0.0), "'1' is not a number (k)"),
        (lambda: TRAP.free_energy(1.0, k=-1.0, c=0.0), "no normalisable equilibrium"),
        (lambda: Potential("x**3", coordinates="x").free_energy(1.0), "no normalisable equilibrium"),
        (lambda: Potential("x**4*y**2", coordinates=("x", "y")).free_energy(1.0), "no exact free energy"),
        (lambda: TRAP.evaluate_energy(np.zeros((2, 3)), (1.0, 0.0)), "positions of shape (2, 3) (q)"),
        (lambda: TRAP.evaluate_energy([0.0], (1.0,)), "1 controls (controls): controls are k, c"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(call, fault):
    with pytest.raises(InvalidInput) as caught:
        call()
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("energy", "keywords", "line"),
    [
        ("k/2 * x^2", {}, "'^' is not a power (system.energy, column 8): write **"),
        (
            "k*x**2 - k*cos(t)*x",
            {},
            'time in an energy (system.energy): declare a control and ramp it, A="cos(t)"',
        ),
        (
            "x**2",
            {"forces": {"x": "sin(t)"}},
            "time in a force (system.forces.x): declare a control and ramp it",
        ),
        (
            "v_x**2/2",
            {},
            "the velocity v_x in an energy (system.energy): friction and mass belong to the dynamics",
        ),
        (
            "kk*x**2",
            {},
            "'kk' is not declared (system.energy, column 1): names are k pi x; did you mean 'k'?",
        ),
        ("x.real", {}, "'x.real' is not allowed in a formula (system.energy, column 1)"),
        ("", {}, "the formula is empty (system.energy)"),
        (None, {}, "a formula is text, not NoneType (system.energy)"),
        (True, {}, "a formula is text, not bool (system.energy)"),
        (float("nan"), {}, "nan is not finite (system.energy)"),
        ("x**2", {"coordinates": ()}, "no coordinates (system.coordinates): name at least one"),
        ("x**2", {"coordinates": ("x", "x")}, "'x' stands twice (system.coordinates)"),
        ("x**2", {"coordinates": "beta"}, "'beta' has a meaning of its own (system.coordinates)"),
        ("x**2", {"controls": "x"}, "'x' is the name of coordinate and control (system): rename one"),
        ("x**2", {"controls": "v_x"}, "'v_x' is the name of velocity and control (system): rename one"),
        ("x**2", {"controls": "x_final"}, "'x_final' is the name of control and column (system): rename one"),
        ("x**2", {"controls": "heat"}, "'heat' has a meaning of its own (system.controls)"),
        ("x**2", {"parameters": {"k": 1.0}}, "'k' is the name of control and parameter (system)"),
        ("x**2", {"parameters": {"a": float("inf")}}, "inf is not finite (system.parameters.a)"),
        ("x**2", {"parameters": [1.0]}, "[1.0] is not a table (system.parameters)"),
        ("x**2", {"forces": {"y": "1"}}, "'y' is not a coordinate (system.forces): coordinates are x"),
        ("x**2", {"periodic": {"y": 1.0}}, "'y' is not a coordinate (system.periodic)"),
        ("cos(x)", {"periodic": {"x": "-2*pi"}}, "-6.283185307179586 is not positive (system.periodic.x)"),
        ("cos(x)", {"periodic": {"x": "k"}}, "'k' is not declared (system.periodic.x"),
        (
            "cos(x)",
            {"periodic": {"x": 6.28}},
            "energy or force changes over the period 6.28 (system.periodic.x)",
        ),
        ("cos(x) - k*x", {"periodic": {"x": "2*pi"}}, "energy or force changes over the period"),
    ],
)
def test_wrong_potentials_get_one_line(energy, keywords, line):
    with pytest.raises(InvalidInput) as caught:
        Potential(energy, **{"coordinates": "x", "controls": "k", **keywords})
    assert str(caught.value).startswith(line)


def test_a_small_unit_of_energy_hides_no_missing_period():
    with pytest.raises(InvalidInput, match="changes over the period"):
        Potential("1e-21*cos(q) - 1e-22*q", coordinates="q", periodic={"q": "2*pi"})


def test_periods_are_numbers():
    assert RING.periods == {"q": 2 * np.pi}
    assert RING.periodic == {"q": "2*pi"}


def test_the_repr_is_one_line():
    assert repr(Potential("k/2 * x**2", coordinates="x", controls="k")) == "Potential(x; k): k/2 * x**2"
    assert repr(RING) == "Potential(q; f): cos(q), force on q: f"
    assert repr(Potential("0", coordinates=("x", "y"))) == "Potential(x, y): 0"
