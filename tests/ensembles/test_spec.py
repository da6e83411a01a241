from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Equilibrium, Point, Steady
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold, Isolated, Isothermal, Quench, Thermostatic
from fluctua.stochastic.units import Units

TWEEZERS = """\
trajectories = 100_000
time_step = 2e-5
seed = 1
units = { energy = "pN um", length = "um", time = "s", temperature = "K" }

[system]
kind = "Potential"
energy = "k/2 * (x - c)**2"
coordinates = ["x"]
controls = ["k", "c"]

[dynamics]
kind = "Overdamped"
friction = 0.00839

[protocol]
temperature = 298.15
k = 10.0
steps = [
  { kind = "Isothermal", duration = 0.02, c = [0.0, 0.1], name = "drag" },
  { kind = "Hold", duration = 0.01 },
]
"""

STIRLING = """\
trajectories = 200_000
time_step = 0.02
seed = 1
strokes = true

[system]
kind = "Potential"
energy = "0.1*q**2 + 0.02*q**3 + 0.05*q**4 - E*q"
coordinates = ["q"]
controls = ["E"]

[dynamics]
kind = "Underdamped"
mass = 1.0
friction = 1.0

[protocol]
cycles = 3
steps = [
  { kind = "Isothermal", duration = 30.0, E = [1.0, 0.0], name = "hot isotherm" },
  { kind = "Thermostatic", duration = 30.0, beta = [1.0, 3.0], name = "cooling" },
  { kind = "Isothermal", duration = 30.0, E = [0.0, 1.0], name = "cold isotherm" },
  { kind = "Thermostatic", duration = 30.0, beta = [3.0, 1.0], name = "heating" },
]
"""

GYRATOR = """
trajectories = 10_000
time_step = 0.01
seed = 1
system = { kind = "Potential", energy = "k/2*(x**2 + y**2) + u*x*y", coordinates = ["x", "y"], parameters = { k = 1.0, u = 0.5 } }
dynamics = { kind = "Overdamped", baths = [{ name = "hot", on = "x", friction = 1.0 }, { name = "cold", on = "y", friction = 1.0 }] }
protocol = { temperature = { hot = 2.0, cold = 1.0 }, steps = [{ kind = "Hold", duration = 40.0 }] }
initial = { kind = "Steady" }
record = { torque = "integral(x*(-k*y - u*x) - y*(-k*x - u*y))" }
"""  # noqa: E501

POINTS = {"x": 0.0}


def tweezers(**changes: Any) -> EnsembleSpec:
    words: dict[str, Any] = {
        "trajectories": 100_000,
        "time_step": 2e-5,
        "seed": 1,
        "units": Units(energy="pN um", length="um", time="s", temperature="K"),
    }
    trap = Potential("k/2 * (x - c)**2", coordinates="x", controls=("k", "c"))
    drag = Protocol([Isothermal(0.02, c=(0.0, 0.1), name="drag"), Hold(0.01)], temperature=298.15, k=10.0)
    return EnsembleSpec(trap, Overdamped(friction=8.39e-3), drag, **{**words, **changes})


def stirling() -> EnsembleSpec:
    field = Potential("0.1*q**2 + 0.02*q**3 + 0.05*q**4 - E*q", coordinates="q", controls="E")
    cycle = Protocol(
        [
            Isothermal(30.0, E=(1.0, 0.0), name="hot isotherm"),
            Thermostatic(30.0, beta=(1.0, 3.0), name="cooling"),
            Isothermal(30.0, E=(0.0, 1.0), name="cold isotherm"),
            Thermostatic(30.0, beta=(3.0, 1.0), name="heating"),
        ],
        cycles=3,
    )
    kramers = Underdamped(mass=1.0, friction=1.0)
    return EnsembleSpec(field, kramers, cycle, trajectories=200_000, time_step=0.02, seed=1, strokes=True)


def gyrator(**changes: Any) -> EnsembleSpec:
    well = Potential("k/2*(x**2 + y**2) + u*x*y", coordinates=("x", "y"), parameters={"k": 1.0, "u": 0.5})
    two = Overdamped(baths=[Bath("hot", on="x", friction=1.0), Bath("cold", on="y", friction=1.0)])
    words: dict[str, Any] = {
        "trajectories": 10_000,
        "time_step": 0.01,
        "seed": 1,
        "initial": Steady(),
        "record": {"torque": "integral(x*(-k*y - u*x) - y*(-k*x - u*y))"},
    }
    return EnsembleSpec(
        well, two, Protocol([Hold(40.0)], temperature={"hot": 2.0, "cold": 1.0}), **{**words, **changes}
    )


def ring() -> EnsembleSpec:
    around = Potential("cos(q)", coordinates="q", controls="f", forces={"q": "f"}, periodic={"q": "2*pi"})
    return EnsembleSpec(
        around,
        Overdamped(friction=1.0),
        Protocol([Hold(50.0)], temperature=0.5, f=1.0),
        trajectories=20_000,
        time_step=0.005,
        seed=1,
        initial=Steady(duration=20.0),
        record={"distance": "integral(1, q)"},
    )


def two_baths() -> EnsembleSpec:
    bead = Potential("q**2/2", coordinates="q")
    both = Underdamped(mass=1.0, baths=[Bath("left", friction=1.0), Bath("right", friction=1.0)])
    rest = Protocol([Hold(1.0)], temperature={"left": 2.0, "right": 1.0})
    return EnsembleSpec(bead, both, rest, trajectories=500_000, time_step=0.01, seed=1, initial=Steady())


STORIES = [tweezers, stirling, gyrator, ring, two_baths]


# ---- text


@pytest.mark.parametrize(
    ("text", "spec"), [(TWEEZERS, tweezers()), (STIRLING, stirling()), (GYRATOR, gyrator())]
)
def test_toml_equals_the_python_above_it(text: str, spec: EnsembleSpec) -> None:
    read = EnsembleSpec.from_toml(text)
    assert read == spec
    assert hash(read) == hash(spec)
    assert read.digest == spec.digest


def test_a_printed_spec_is_the_file_that_a_person_writes() -> None:
    assert str(tweezers()) == TWEEZERS
    assert str(stirling()) == STIRLING


@pytest.mark.parametrize("story", STORIES)
def test_specs_survive_toml_json_and_files(story: Any, tmp_path: Path) -> None:
    spec = story()
    assert EnsembleSpec.from_toml(str(spec)) == spec
    assert EnsembleSpec.from_json(spec.to_json()) == spec
    for name in ("spec.toml", "spec.json"):
        spec.save(tmp_path / name)
        assert EnsembleSpec.load(tmp_path / name) == spec


finite = st.floats(0.1, 9.0).map(lambda x: round(x, 3))


@st.composite
def specs(draw: st.DrawFn) -> EnsembleSpec:
    """Specs of many shapes: dynamics, baths, kinds of steps, starts, records, options."""
    underdamped, several = draw(st.booleans()), draw(st.booleans())
    baths = (
        [Bath("a", friction=draw(finite)), Bath("b", friction=draw(finite))]
        if several and underdamped
        else None
    )
    bath: dict[str, Any] = {"baths": baths} if baths else {"friction": draw(finite)}
    dynamics: Any = Underdamped(mass=draw(finite), **bath) if underdamped else Overdamped(**bath)
    first, last = draw(finite), draw(finite)
    steps: list[Any] = [Isothermal(1.0, k=(first, last), name=draw(st.sampled_from([None, "ramp"])))]
    if draw(st.booleans()):
        steps.append(Quench(k=draw(finite)))
    if draw(st.booleans()):
        steps.append(Hold(draw(st.sampled_from([0.5, 2.0]))))
    warm = {"a": draw(finite), "b": draw(finite)} if baths else draw(finite)
    word = draw(st.sampled_from(["beta", "temperature"]))
    start: Any = Steady() if baths else draw(st.sampled_from([Equilibrium(), Steady(2.0), Point(x=0.5)]))
    return EnsembleSpec(
        Potential("k/2*x**2 + a_*x", coordinates="x", controls="k", parameters={"a_": draw(finite)}),
        dynamics,
        Protocol(steps, **{word: warm}),
        trajectories=draw(st.integers(10, 10**9)),
        time_step=draw(st.sampled_from([0.5, 0.25, 0.1])),
        seed=draw(st.integers(0, 2**64 - 1)),
        initial=start,
        record=draw(
            st.sampled_from([{}, {"area": "integral(x)"}, {"top": "max(x*k)", "late": "first(x > 1)"}])
        ),
        strokes=draw(st.booleans()),
        paths=draw(st.sampled_from([0, 5])),
        path_every=draw(st.sampled_from([1, 2])),
    )


@settings(max_examples=60, deadline=None)
@given(specs())
def test_round_trip_is_a_law(spec: EnsembleSpec) -> None:
    again = EnsembleSpec.from_json(EnsembleSpec.from_toml(str(spec)).to_json())
    assert again == spec
    assert again.digest == spec.digest
    assert again.columns == spec.columns
    if not isinstance(spec.initial, Point):
        assert spec.reversed().reversed() == spec
        assert spec.reversed().digest != spec.digest


@settings(max_examples=40, deadline=None)
@given(specs(), specs())
def test_equal_digests_mean_equal_laws(one: EnsembleSpec, other: EnsembleSpec) -> None:
    same = one.replace({"trajectories": 77}) == other.replace({"trajectories": 77})
    assert (one.digest == other.digest) == same


# ---- identity


def test_the_digest_of_a_spec_never_changes() -> None:
    """A golden digest: a change of it would orphan every stored run."""
    assert tweezers().digest == "43b2bf2a1dd541a0e0ba07c406f93a0f33d85d9b31f57d7759e00591264ab2e8"


def test_the_digest_names_the_law_and_not_the_sample() -> None:
    spec = tweezers()
    assert spec.replace({"trajectories": 7}).digest == spec.digest
    for path, value in {"seed": 2, "time_step": 1e-5, "direction": "reverse", "strokes": True}.items():
        assert spec.replace({path: value}).digest != spec.digest


def test_a_drawn_seed_is_kept_and_remembered_as_drawn() -> None:
    spec = tweezers(seed=None)
    assert spec.seed_was_drawn
    assert spec.reversed().seed == spec.seed
    assert spec.reversed().seed_was_drawn
    assert f"seed = {spec.seed}\n" in str(spec)
    assert not spec.replace({"seed": 3}).seed_was_drawn
    assert tweezers(seed=None).seed != spec.seed


def test_the_line_that_stands_for_a_spec() -> None:
    assert repr(tweezers()) == (
        "EnsembleSpec 43b2bf2a: Potential(x), Overdamped, 2 steps, 1,500 time steps, "
        "100,000 trajectories, seed 1, forward"
    )


# ---- others like it


def test_paths_lead_everywhere() -> None:
    spec = gyrator()
    assert spec.replace({"dynamics.baths.hot.friction": 3.0}).dynamics.baths[0].friction == 3.0
    assert spec.replace({"dynamics.baths.1.friction": 3.0}).dynamics.baths[1].friction == 3.0
    assert spec.replace({"protocol.temperature.hot": 5.0}).protocol.temperature["hot"] == 5.0
    assert spec.replace({"record.torque": None}).record == {}
    assert spec.replace({"units.length": "nm"}).units.length == "nm"
    trap = tweezers()
    assert trap.replace({"protocol.steps.drag.c": (0.0, 0.2)}).protocol.steps[0].moves["c"] == (0.0, 0.2)
    assert trap.replace({"protocol.steps.0.c": np.array([0.0, 0.2])}) == trap.replace(
        {"protocol.steps.drag.c": [0.0, 0.2]}
    )
    assert trap.replace({"initial.beta": 200.0}).initial == Equilibrium(beta=200.0)
    assert trap.replace({"initial": Point(x=0.0)}).initial == Point(x=0.0)
    kick = {"kind": "Isothermal", "duration": 0.02, "c": [0.0, 0.3]}
    assert trap.replace({"protocol.steps.0": kick}).protocol.steps[0] == Isothermal(0.02, c=(0.0, 0.3))


def test_variations_are_a_product_or_points() -> None:
    spec = stirling()
    product = spec.vary({"dynamics.friction": [0.1, 1.0, 3.0], "protocol.cycles": [3, 5]})
    assert [(one.dynamics.friction, one.protocol.cycles) for one in product] == [
        (friction, cycles) for friction in (0.1, 1.0, 3.0) for cycles in (3, 5)
    ]
    points = spec.vary([{"dynamics.friction": 0.1, "seed": 5}, {"dynamics.friction": 3.0}])
    assert [(one.dynamics.friction, one.seed) for one in points] == [(0.1, 5), (3.0, 1)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dynamics.frction": 1.0}, "'frction' is unknown (dynamics): "),
        ({"dinamics.friction": 1.0}, "'dinamics' is unknown (dinamics): keys are"),
        ({"protocol.steps.7.k": 1.0}, "'7' is not an item (protocol.steps.7)"),
        ({"dynamics.friction.x": 1.0}, "0.00839 has no parts (dynamics.friction)"),
        ({"system.energy.x": 1.0}, "has no parts (system.energy)"),
        ({"": 1.0}, "is not a path"),
        ({"protocol..k": 1.0}, "is not a path"),
        ({"system": None}, "no system (system)"),
    ],
)
def test_wrong_paths_are_told(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        tweezers().replace(changes)
    assert said in str(caught.value)


# ---- what makes no sense


def build(energy: str = "k/2*x**2", steps: Any = None, dynamics: Any = None, **words: Any) -> EnsembleSpec:
    """Make a spec of which one thing is wrong."""
    thermal = {key: words.pop(key) for key in ("beta", "temperature", "k") if key in words} or {"beta": 1.0}
    names = {key: words.pop(key) for key in ("parameters",) if key in words}
    system = Potential(energy, coordinates="x", controls="k", **names)
    protocol = Protocol(steps or [Isothermal(2.0, k=(1.0, 4.0))], **thermal)
    defaults: dict[str, Any] = {"trajectories": 10, "time_step": 0.01, "seed": 1}
    return EnsembleSpec(system, dynamics or Overdamped(friction=1.0), protocol, **{**defaults, **words})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            {"steps": [Isothermal(1.0, kk=(1, 4))], "k": 1.0},
            "'kk' is not a control (protocol.steps.0): controls are k; did you mean 'k'?",
        ),
        (
            {"time_step": 0.013},
            "does not divide the duration (time_step, protocol.steps.0): 0.0129870130 does, in 154 steps",
        ),
        ({"time_step": None}, "no time_step (time_step)"),
        ({"time_step": "0.1"}, "'0.1' is not a number (time_step)"),
        ({"time_step": True}, "True is not a number (time_step)"),
        ({"time_step": float("nan")}, "not finite (time_step)"),
        ({"time_step": -0.1}, "not positive (time_step)"),
        ({"trajectories": 0}, "0 is less than 1 (trajectories)"),
        ({"trajectories": 1e6}, "is not a whole number (trajectories)"),
        ({"trajectories": True}, "is not a whole number (trajectories)"),
        ({"seed": -1}, "(seed)"),
        ({"seed": 2**64}, "(seed)"),
        ({"direction": "revers"}, "'revers' is not a direction (direction)"),
        ({"strokes": 1}, "1 is neither true nor false (strokes)"),
        ({"paths": 11}, "11 paths of 10 trajectories (paths)"),
        ({"paths": 1, "path_every": 0}, "(path_every)"),
        ({"paths": 1, "path_every": 500}, "500 of 200 time steps (path_every)"),
        ({"record": {"area": "integral(z)"}}, "record.area"),
        ({"record": {"area": "summ(x)"}}, "'summ' is not a kind of record (record.area)"),
        ({"record": {"area": 3}}, "3 is not a formula (record.area)"),
        ({"record": {"v": "integral(v_x)"}}, "record.v"),
        ({"record": {"x": "integral(x)"}}, "'x' is the name of coordinate and record (record)"),
        ({"record": {"work": "integral(x)"}}, "'work' has a meaning of its own (record.work)"),
        ({"record": {"x_final": "integral(x)"}}, "'x_final' is the name of record and column (record)"),
        ({"record": {"pi": "integral(x)"}}, "(record.pi)"),
        ({"energy": "k/2*x**2*t", "parameters": {}}, "(system.energy)"),
        ({"energy": "k/2 * x^2"}, "'^' is not a power (system.energy, column 8): write **"),
        (
            {"dynamics": {"kind": "Overdamped", "friction": 1.0, "shceme": "heun"}},
            "'shceme' is unknown (dynamics)",
        ),
        ({"dynamics": {"kind": "Overdampd", "friction": 1.0}}, "did you mean 'Overdamped'?"),
        ({"dynamics": 3}, "3 does not fit here (dynamics)"),
        ({"steps": [Isolated(1.0, k=(1.0, 4.0))], "beta": 1.0}, "an overdamped system cannot lose its bath"),
        ({"direction": "reverse", "initial": Point(x=0.0)}, "there is no reverse after Point (initial)"),
    ],
)
def test_nonsense_does_not_construct(words: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        build(**words)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_baths_on_an_overdamped_coordinate_are_refused_with_the_reason() -> None:
    with pytest.raises(InvalidInput, match="diverges"):
        build(dynamics=Overdamped(baths=[Bath("a", friction=1.0), Bath("b", friction=1.0)]))


def test_equilibrium_between_two_temperatures_is_ambiguous() -> None:
    with pytest.raises(InvalidInput) as caught:
        gyrator(initial=Equilibrium())
    assert str(caught.value) == (
        "equilibrium is ambiguous, hot and cold differ (initial): "
        "Equilibrium(beta=...) or Steady(duration=...)"
    )
    assert gyrator(initial=Equilibrium(beta=1.0)).initial.beta == 1.0


def test_equilibrium_is_with_the_baths_connected_at_the_first_instant() -> None:
    both = Underdamped(mass=1.0, baths=[Bath("hot", friction=1.0), Bath("cold", friction=1.0)])
    trap, temperature = Potential("x**2/2", coordinates="x"), {"hot": 2.0, "cold": 1.0}
    engine = Protocol([Hold(1.0, baths=["hot"]), Hold(1.0, baths=["cold"])], temperature=temperature)
    spec = EnsembleSpec(trap, both, engine, trajectories=1, time_step=0.1, seed=1)
    assert spec.reversed().schedule.start_beta.tolist() == [0.5, 1.0]
    with pytest.raises(InvalidInput, match="hot and cold differ"):
        spec.replace({"protocol": Protocol([Hold(1.0)], temperature=temperature)})


def test_a_coordinate_that_only_a_force_binds_has_no_equilibrium() -> None:
    pulled = Potential("0", coordinates="x", forces={"x": "-x"})
    with pytest.raises(InvalidInput, match="no equilibrium of x, a force depends on it"):
        EnsembleSpec(pulled, Overdamped(1.0), Protocol([Hold(1.0)], beta=1.0), trajectories=1, time_step=0.1)


def test_after_a_point_there_is_no_reverse() -> None:
    with pytest.raises(InvalidInput, match="no reverse after Point"):
        build(initial=Point(x=0.0)).reversed()


def test_kelvin_without_units_is_remarked_upon() -> None:
    with pytest.warns(
        UserWarning, match=r"298 is an energy here \(protocol.temperature\): for kelvin add units"
    ):
        build(temperature=298)
    with pytest.warns(UserWarning, match="298 is an energy here") as made:
        spec = build(temperature=298)
    ways = (
        lambda: spec.replace({"seed": 2}),
        lambda: spec.vary({"seed": [3]}),
        lambda: EnsembleSpec.from_table(spec.table()),
    )
    for way in ways:
        with pytest.warns(UserWarning, match="298 is an energy here") as again:
            way()
        made = [*made, *again]
    assert [one.filename for one in made] == [__file__] * 4, "the line of the caller, however deep it is made"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tweezers()


def test_a_file_must_be_there_and_hold_one_spec(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        EnsembleSpec.load(tmp_path / "none.toml")
    (tmp_path / "sweep.toml").write_text(f"{STIRLING}\n[sweep]\ndynamics.friction = [1.0]\n")
    with pytest.raises(InvalidInput, match="holds a sweep"):
        EnsembleSpec.load(tmp_path / "sweep.toml")
    (tmp_path / "wrong.toml").write_text(STIRLING.replace("trajectories", "trajectoris"))
    with pytest.raises(InvalidInput, match="did you mean 'trajectories'"):
        EnsembleSpec.load(tmp_path / "wrong.toml")
