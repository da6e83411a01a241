"""Kernels against their slow twins, the first law, equal bits, records, failures."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from fluctua.stochastic import compiling, tables
from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Point, Steady
from fluctua.stochastic.langevin import LANES
from fluctua.stochastic.langevin import LangevinPropagator as Propagator
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.status import Status
from fluctua.stochastic.steps import Hold, Isolated, Isothermal, Quench, Thermostatic
from fluctua.stochastic.streams import draw_normals

import reference

COUNT = 150  # a whole block and a ragged one
ROUNDING = 1e-11  # 1e-15 a step and operation, 100 steps, energies up to some tens

QUARTIC = Potential("x**4/4 + k/2*x**2 - h*x", coordinates="x", controls=("k", "h"))
RAMP = Protocol(
    [
        Isothermal(0.5, k=(1.0, 2.0), h="sin(t)"),
        Quench(h=-0.5),
        Thermostatic(0.45, beta=(1.0, 2.5), k=(2.0, 1.0)),
        Hold(0.2),
    ],
    beta=1.0,
    h=0.0,
)


def quartic_world(**more):
    def energy(q, c):
        return q[0] ** 4 / 4 + c[0] / 2 * q[0] ** 2 - c[1] * q[0]

    def force(q, c):
        return -(q**3 + c[0] * q - c[1])

    return reference.World(energy=energy, force=force, **more)


def run_both(system, world, dynamics, protocol, time_step, initial, state, **more):
    """The kernel's block and the twin's ledger on the same normals and the same start."""
    propagator = Propagator(
        system, dynamics, protocol, time_step=time_step, seed=7, initial=initial, strokes=True, **more
    )
    first = 40
    block = propagator.run(first, COUNT)
    draws = propagator.schedule.steps * propagator.form.normals
    z = draw_normals(7, "forward", "noise", first, COUNT, draws).reshape(propagator.schedule.steps, -1, COUNT)
    n = propagator.form.coordinates
    q = np.repeat(np.array(state[:n], dtype=float)[:, None], COUNT, axis=1)
    v = np.repeat(np.array(state[n:], dtype=float)[:, None], COUNT, axis=1) if dynamics.underdamped else None
    return propagator, block, reference.simulate(world, propagator.schedule, z, q, v)


def assert_same_ledger(propagator, block, twin):
    columns = block.columns
    pairs = {
        name: twin[name]
        for name in ("shadow_work", "entropy_flow", "dimensionless_work", "log_ratio")
        if name in columns
    }
    pairs["work"] = twin["control_work"] + twin["force_work"]
    pairs["heat"] = twin["heat"].sum(axis=0)
    pairs["energy_change"] = twin["energy_end"] - twin["energy_start"]
    if len(propagator.bath_names) > 1:
        pairs |= {
            f"heat_{name}": heat for name, heat in zip(propagator.bath_names, twin["heat"], strict=True)
        }
    for i, name in enumerate(propagator.system.coordinates):
        pairs[f"{name}_final"] = twin["q"][i]
        if twin["v"] is not None:
            pairs[f"v_{name}_final"] = twin["v"][i]
    for name, expected in pairs.items():
        np.testing.assert_allclose(columns[name], expected, rtol=0, atol=ROUNDING, err_msg=name)


@pytest.mark.parametrize("scheme", ["euler-maruyama", "heun"])
def test_overdamped_kernels_agree_with_their_twin(scheme):
    world = quartic_world(links=((0, 0, 0.8),), scheme=scheme)
    got = run_both(QUARTIC, world, Overdamped(friction=0.8, scheme=scheme), RAMP, 0.01, Point(x=0.3), [0.3])
    assert_same_ledger(*got)


@pytest.mark.parametrize("scheme", ["BAOAB", "OBABO", "ABOBA", "AOBOA", "BOAOB", "OABAO", "BABOBAB"])
def test_splittings_agree_with_their_twin(scheme):
    world = quartic_world(masses=(1.3,), links=((0, 0, 0.8),), scheme=scheme)
    dynamics = Underdamped(mass=1.3, friction=0.8, scheme=scheme)
    got = run_both(QUARTIC, world, dynamics, RAMP, 0.01, Point(x=0.3, v_x=-0.2), [0.3, -0.2])
    assert_same_ledger(*got)


WEB = Potential(
    "exp(-x**2) + k*cos(y)*x + log(2 + z**2) + tanh(x*y) + sqrt(1 + (z - y)**2) + 1/(1 + x**2)"
    " + a*(x**2 + y**2 + z**2)",
    coordinates=("x", "y", "z"),
    controls="k",
    parameters={"a": 0.6, "w": 0.3},
    forces={"x": "w*y", "y": "-w*x"},
)


def web_world(**more):
    def energy(q, c):
        x, y, z = q
        return (
            np.exp(-(x**2))
            + c[0] * np.cos(y) * x
            + np.log(2 + z**2)
            + np.tanh(x * y)
            + np.sqrt(1 + (z - y) ** 2)
            + 1 / (1 + x**2)
            + 0.6 * (x**2 + y**2 + z**2)
        )

    def force(q, c):
        x, y, z = q
        bend, stretch = 1 - np.tanh(x * y) ** 2, (z - y) / np.sqrt(1 + (z - y) ** 2)
        return -np.array(
            [
                -2 * x * np.exp(-(x**2)) + c[0] * np.cos(y) + y * bend - 2 * x / (1 + x**2) ** 2 + 1.2 * x,
                -c[0] * np.sin(y) * x + x * bend - stretch + 1.2 * y,
                2 * z / (2 + z**2) + stretch + 1.2 * z,
            ]
        )

    def swirl(q, _c):
        return np.array([0.3 * q[1], -0.3 * q[0], np.zeros_like(q[0])])

    return reference.World(energy=energy, force=force, swirl=swirl, **more)


HOT_COLD = Protocol(
    [Isothermal(0.5, k=(0.0, 1.0)), Isothermal(0.3, k=(1.0, 0.5))], temperature={"hot": 2.0, "cold": 1.0}
)


def test_three_coordinates_two_baths_and_a_swirl_overdamped():
    dynamics = Overdamped(
        baths=[Bath("hot", on="x", friction=1.0), Bath("cold", on=("y", "z"), friction=2.0)]
    )
    world = web_world(links=((0, 0, 1.0), (1, 1, 2.0), (2, 1, 2.0)), scheme="euler-maruyama")
    got = run_both(WEB, world, dynamics, HOT_COLD, 0.01, Point(x=0.3, y=-0.4, z=0.1), [0.3, -0.4, 0.1])
    assert_same_ledger(*got)
    np.testing.assert_allclose(got[1].columns["force_work"], got[2]["force_work"], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("scheme", ["BAOAB", "OBABO"])
def test_two_baths_on_every_coordinate_take_turns(scheme):
    links = tuple((i, b, friction) for i in range(3) for b, friction in ((0, 1.0), (1, 0.5)))
    world = web_world(masses=(1.0, 2.0, 3.0), links=links, scheme=scheme)
    masses = {"x": 1.0, "y": 2.0, "z": 3.0}
    dynamics = Underdamped(
        mass=masses, baths=[Bath("hot", friction=1.0), Bath("cold", friction=0.5)], scheme=scheme
    )
    protocol = Protocol(
        [Isothermal(0.5, k=(0.0, 1.0)), Isolated(0.2, k=(1.0, 0.5)), Isothermal(0.1, baths=["hot"])],
        temperature={"hot": 2.0, "cold": 1.0},
    )
    start = [0.3, -0.4, 0.1, 0.0, 0.0, 0.0]
    got = run_both(WEB, world, dynamics, protocol, 0.01, Point(x=0.3, y=-0.4, z=0.1), start)
    assert_same_ledger(*got)


def test_one_o_and_two_baths_need_an_even_number_of_steps():
    dynamics = Underdamped(mass=1.0, baths=[Bath("hot", friction=1.0), Bath("cold", friction=0.5)])
    protocol = Protocol([Hold(0.51)], beta=1.0, k=1.0, h=0.0)
    with pytest.raises(InvalidInput, match=r"51 steps are an odd number.*52"):
        Propagator(QUARTIC, dynamics, protocol, time_step=0.01, seed=1)


def test_isolated_steps_take_no_heat_at_all():
    protocol = Protocol([Isolated(1.0, h=(0.0, 1.0))], beta=1.0, k=1.0)
    columns = (
        Propagator(QUARTIC, Underdamped(1.0, friction=1.0), protocol, time_step=0.01, seed=1)
        .run(0, 64)
        .columns
    )
    assert np.all(columns["heat"] == 0.0)
    assert np.all(columns["log_ratio"] == 0.0)


@pytest.mark.parametrize(
    "dynamics", [Overdamped(friction=1.0), Underdamped(mass=1.0, friction=1.0)], ids=["over", "under"]
)
def test_first_law_holds_to_rounding_over_a_thousand_steps(dynamics):
    protocol = Protocol([Isothermal(5.0, h=(0.0, 1.0)), Thermostatic(5.0, beta=(1.0, 2.0))], beta=1.0, k=1.0)
    columns = Propagator(QUARTIC, dynamics, protocol, time_step=0.01, seed=3).run(0, 1000).columns
    residual = columns["energy_change"] - columns["work"] - columns["heat"] - columns["shadow_work"]
    largest = np.abs(columns["energy_change"]).max()
    assert np.abs(residual).max() < 1e-12 * (1 + largest)
    control = (
        columns["energy_change"] - columns["work"] - columns["heat"]
    )  # without shadow work it is no identity
    assert np.abs(control).max() > 1e-6


# ---- records, strokes, paths

RECORD = {
    "area": "integral(x**2)",
    "swept": "integral(x**3 - k*x, x)",
    "highest": "max(x)",
    "lowest": "min(x - h)",
    "crossed": "first(x > 0.7 and h >= 0)",
    "last": "final(x*k)",
}


def recorded(**more):
    return Propagator(
        QUARTIC,
        Overdamped(friction=1.0),
        RAMP,
        time_step=0.01,
        seed=5,
        record=RECORD,
        paths=40,
        initial=Point(x=0.3),
        **more,
    )


def test_integrals_agree_with_the_twin():
    world = quartic_world(
        links=((0, 0, 1.0),),
        scheme="euler-maruyama",
        integrals={"area": lambda q, _v, _c: q[0] ** 2},
        stratonovich={"swept": (lambda q, _v, c: q[0] ** 3 - c[0] * q[0], 0)},
    )
    dynamics = Overdamped(friction=1.0)
    _, block, twin = run_both(QUARTIC, world, dynamics, RAMP, 0.01, Point(x=0.3), [0.3], record=RECORD)
    for name in ("area", "swept"):
        np.testing.assert_allclose(block.columns[name], twin[name], rtol=0, atol=ROUNDING)


def test_extremes_first_passages_and_last_values_agree_with_the_paths():
    propagator = recorded(path_every=1)
    block = propagator.run(0, 60)
    steps = propagator.schedule.steps
    x = block.paths["x"].reshape(40, steps + 1)
    time = block.paths["time"].reshape(40, steps + 1)
    np.testing.assert_array_equal(block.columns["highest"][:40], x.max(axis=1))
    over = (x > 0.7) & (time <= 0.5)  # later h is negative
    first = np.where(over.any(axis=1), time[np.arange(40), over.argmax(axis=1)], np.nan)
    assert np.isnan(first).any()
    assert np.isfinite(first).any()
    np.testing.assert_array_equal(block.columns["crossed"][:40], first)
    np.testing.assert_array_equal(
        block.columns["last"][:40], x[:, -1] * propagator.schedule.closing_controls[-1, 0]
    )


def test_strokes_add_up_to_the_whole():
    block = recorded(strokes=True).run(0, 60)
    rows = {name: column.reshape(60, 4) for name, column in block.strokes.items()}
    for name in (
        "work",
        "heat",
        "dimensionless_work",
        "energy_change",
        "entropy_flow",
        "shadow_work",
        "area",
        "swept",
    ):
        np.testing.assert_allclose(rows[name].sum(axis=1), block.columns[name], rtol=0, atol=ROUNDING)
    np.testing.assert_array_equal(rows["highest"].max(axis=1), block.columns["highest"])
    np.testing.assert_array_equal(rows["lowest"].min(axis=1), block.columns["lowest"])
    np.testing.assert_array_equal(rows["x_final"][:, 0], rows["x_initial"][:, 1])
    quench = rows["work"][:, 1]
    np.testing.assert_allclose(quench, (0.5 + np.sin(0.5)) * rows["x_final"][:, 1], rtol=0, atol=1e-13)
    assert np.all(rows["heat"][:, 1] == 0.0)


def test_what_is_recorded_changes_no_bit_of_the_rest():
    plain = (
        Propagator(QUARTIC, Overdamped(friction=1.0), RAMP, time_step=0.01, seed=5, initial=Point(x=0.3))
        .run(0, 60)
        .columns
    )
    full = recorded(strokes=True, path_every=7).run(0, 60).columns
    for name, column in plain.items():
        np.testing.assert_array_equal(column, full[name], err_msg=name)


# ---- the same bits


def digest(columns):
    sha = hashlib.sha256()
    for name in sorted(columns):
        sha.update(name.encode() + np.ascontiguousarray(columns[name]).tobytes())
    return sha.hexdigest()


def web(lanes=LANES, **more):
    baths = [Bath("hot", friction=1.0), Bath("cold", friction=0.5)]
    start = Steady(duration=0.2)
    return Propagator(
        WEB,
        Underdamped(mass=1.0, baths=baths),
        HOT_COLD,
        time_step=0.01,
        seed=11,
        lanes=lanes,
        initial=start,
        **more,
    )


def joined(propagator, cuts):
    blocks = {first: propagator.run(first, last - first).columns for first, last in cuts}
    parts = [blocks[first] for first in sorted(blocks)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_any_cutting_and_order_gives_the_same_bits():
    whole = digest(joined(web(), [(0, 300)]))
    assert digest(joined(web(), [(170, 300), (0, 33), (33, 170)])) == whole


def well(lanes=LANES):
    """One coordinate: a kernel that is compiled soon."""
    return Propagator(
        QUARTIC, Underdamped(1.3, friction=0.8), RAMP, time_step=0.01, seed=11, lanes=lanes, strokes=True
    )


@pytest.mark.parametrize(
    ("system", "lanes"),
    [
        (well, 64),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((well, 256), (web, 64), (web, 256))),
    ],
)
def test_any_block_size_gives_the_same_bits(system, lanes):
    assert digest(joined(system(lanes=lanes), [(0, 300)])) == digest(joined(system(), [(0, 300)]))


def test_threads_give_the_same_bits():
    propagator, parts = web(), {}

    def work(first):
        parts[first] = propagator.run(first, 100).columns

    threads = [threading.Thread(target=work, args=(first,)) for first in (200, 0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    columns = {name: np.concatenate([parts[first][name] for first in sorted(parts)]) for name in parts[0]}
    assert digest(columns) == digest(joined(web(), [(0, 300)]))


GOLDEN_WEB = "160a87599a3369fc7a713f05cb9fca29dcca719b78042ec0a0dec5be451d9f4b"


def test_golden_bits():
    """exp, log, cos, tanh, sqrt, division, three coordinates, two baths each: the promise of equal bits."""
    assert digest(web().run(0, 200).columns) == GOLDEN_WEB


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["generic", "haswell"])
def test_other_processors_give_the_same_bits(processor, tmp_path):
    """Emulated by the compiler's target; an empty feature list, or the host's features would stay."""
    code = "from test_propagator import *; print(digest(web().run(0, 200).columns))"
    env = os.environ | {
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": "",
        "FLUCTUA_CACHE_DIR": str(tmp_path),
    }
    here = Path(__file__).parent
    env |= {"PYTHONHASHSEED": "3", "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == GOLDEN_WEB


def test_trajectories_beyond_two_to_the_32_do_not_repeat():
    propagator = Propagator(
        QUARTIC, Overdamped(friction=1.0), RAMP, time_step=0.05, seed=5, initial=Point(x=0.3)
    )
    low, high = propagator.run(0, 64).columns, propagator.run(2**32, 64).columns
    assert not np.any(low["heat"] == high["heat"])
    assert high["trajectory"][0] == 2**32


def test_directions_and_seeds_have_noise_of_their_own():
    def heat(**more):
        return (
            Propagator(QUARTIC, Overdamped(friction=1.0), HELD, time_step=0.05, **more)
            .run(0, 9)
            .columns["heat"]
        )

    assert np.array_equal(heat(seed=1), heat(seed=1))
    assert not np.any(heat(seed=1) == heat(seed=2))
    assert not np.any(heat(seed=1) == heat(seed=1, direction="reverse"))


HELD = Protocol([Hold(1.0)], beta=1.0, k=1.0, h=0.0)


# ---- failures


def held(system, dynamics, time_step, steps, start, **controls):
    """A propagator that does nothing but let a system move for some steps."""
    hold = Protocol([Hold(steps * time_step)], beta=1.0, **controls)
    return Propagator(system, dynamics, hold, time_step=time_step, seed=1, initial=start)


def test_failed_trajectories_stay_as_rows_of_nan():
    """A hill without walls: what falls from it is not finite, and no step of it was too long."""
    hill = Potential("x**2/2 - x**4/20", coordinates="x")
    columns = held(hill, Overdamped(friction=1.0), 0.01, 400, Point(x=0.0)).run(0, 500).columns
    failed = columns["status"] == Status.NON_FINITE
    assert 0 < failed.sum() < 500
    assert np.all(columns["status"][~failed] == Status.OK)
    assert np.isnan(columns["work"][failed]).all()
    assert np.isnan(columns["x_final"][failed]).all()
    assert np.isfinite(columns["heat"][~failed]).all()
    assert np.array_equal(columns["trajectory"], np.arange(500))


SCHEMES = {
    "euler-maruyama": Overdamped(friction=2.0),
    "heun": Overdamped(friction=2.0, scheme="heun"),
    "BAOAB": Underdamped(mass=2.0, friction=1.0),
    "BABOBAB": Underdamped(mass=2.0, friction=1.0, scheme="BABOBAB"),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_in_a_harmonic_trap_every_step_beyond_the_limit_is_found_and_none_below(scheme):
    """dt k/gamma, or dt omega, close to 2; less for Heun's, which hardly moves there: 1 - z + z^2/2 = 1."""
    dynamics = SCHEMES[scheme]
    k = 3e4  # so stiff that thermal motion sees no more than a millionth of the quartic part
    limit = 2.0 * np.sqrt(2.0 / k) if dynamics.underdamped else 2.0 * 2.0 / k
    close = 0.05 if scheme == "heun" else 0.001
    for share, expected in ((1.0 - close, Status.OK), (1.0 + close, Status.OVERSHOT)):
        start = Point(x=0.01)
        columns = held(QUARTIC, dynamics, limit * share, 20, start, k=k, h=0.0).run(0, 1000).columns
        assert np.all(columns["status"] == expected)
        assert np.all(np.isnan(columns["heat"]) == (expected != Status.OK))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_steps_too_long_are_found_where_the_twin_finds_them(scheme):
    dynamics = SCHEMES[scheme]
    links, masses = ((0, 0, dynamics.friction),), (2.0,) if dynamics.underdamped else ()
    world = quartic_world(links=links, masses=masses, scheme=scheme)
    start = Point(x=1.0)
    time_step = {"euler-maruyama": 0.5, "heun": 0.6}.get(scheme, 1.0)
    hold = Protocol([Hold(20 * time_step)], beta=1.0, k=1.0, h=0.0)
    with np.errstate(all="ignore"):
        got = run_both(QUARTIC, world, dynamics, hold, time_step, start, [1.0] + [0.0] * len(masses))
    status, overshot = got[1].columns["status"], got[2]["overshot"]
    finite = status != Status.NON_FINITE
    assert np.array_equal(status[finite] == Status.OVERSHOT, overshot[finite])
    assert 0 < overshot[finite].sum() < finite.sum()


def test_three_coordinates_and_a_swirl_are_watched_as_the_twin_watches_them():
    dynamics = Overdamped(
        baths=[Bath("hot", on="x", friction=1.0), Bath("cold", on=("y", "z"), friction=2.0)]
    )
    world = web_world(links=((0, 0, 1.0), (1, 1, 2.0), (2, 1, 2.0)), scheme="euler-maruyama")
    protocol = Protocol([Isothermal(8.0, k=(0.0, 1.0))], temperature={"hot": 2.0, "cold": 1.0})
    got = run_both(WEB, world, dynamics, protocol, 0.8, Point(x=0.3, y=-0.4, z=0.1), [0.3, -0.4, 0.1])
    assert np.array_equal(got[1].columns["status"] == Status.OVERSHOT, got[2]["overshot"])
    assert 0 < got[2]["overshot"].sum() < COUNT


def test_a_rotation_is_no_stiffness():
    """An antisymmetric force of any strength has no curvature; the control is a trap as strong."""

    def trap(c):
        return Potential(
            "c/2*(x**2 + y**2)",
            coordinates=("x", "y"),
            parameters={"c": c},
            forces={"x": "30*y", "y": "-30*x"},
        )

    start = Point(x=1.0, y=0.0)
    for c, expected in ((0.0, Status.OK), (30.0, Status.OVERSHOT)):
        columns = held(trap(c), Overdamped(friction=1.0), 0.1, 10, start).run(0, 200).columns
        assert np.all(columns["status"] == expected)


def test_finite_and_wrong_trajectories_are_found():
    """x^4/4 at dt = 0.15: what survives of an unguarded run looks fine, <x^2> = 0.70 instead of 0.676."""
    well = {"k": 0.0, "h": 0.0}
    dynamics = Overdamped(friction=1.0)
    columns = held(QUARTIC, dynamics, 0.15, 134, Point(x=0.0), **well).run(0, 20_000).columns
    counts = np.bincount(columns["status"], minlength=4)
    assert counts[Status.NON_FINITE] < 20
    assert counts[Status.OVERSHOT] > 200
    fine = held(QUARTIC, dynamics, 0.01, 2000, Point(x=0.0), **well).run(0, 20_000).columns
    assert np.all(fine["status"] == Status.OK)


@pytest.mark.parametrize(
    "dynamics", [Overdamped(friction=1.0), Underdamped(mass=1.0, friction=1.0)], ids=["over", "under"]
)
def test_rounding_is_no_stiffness(dynamics, monkeypatch):
    """A gentle trap written so that its force is a difference of 10^11: 5 10^7 steps, none is suspected.

    Forces are known to some 10^-5, and limit = 40 or 1600: some displacements are so small, 10^-7 or 10^-8,
    that the change of force they meet is rounding. Without the allowance they are found.
    """
    c = 3000.0
    text = f"x**4/4 - {c}*x**3 + {1.5 * c * c}*x**2 - {c**3}*x + h*x"
    flat = Potential(text, coordinates="x", parameters={"h": -1.0})
    start, count = Point(x=c), 1_000_000
    found = held(flat, dynamics, 0.05, 50, start).run(0, count).columns["status"]
    assert np.count_nonzero(found) == 0
    monkeypatch.setattr(tables, "ROUNDING", 0.0)
    suspected = held(flat, dynamics, 0.05, 50, start).run(0, count).columns["status"]
    assert np.count_nonzero(suspected == Status.OVERSHOT) > 0


def test_a_relaxation_that_steps_too_far_is_no_start():
    """Many relaxed starts fail although the one step that is recorded is sound; of short steps none."""
    for time_step, most in ((0.2, 1000), (0.02, 0)):
        start = Steady(duration=20.0)
        one = held(QUARTIC, Overdamped(friction=1.0), time_step, 1, start, k=0.0, h=0.0)
        failed = np.count_nonzero(one.run(0, 1000).columns["status"])
        assert (failed > 100) if most else (failed == 0)


# ---- the path-probability ratio is exact at any time step


def test_the_log_ratio_theorem_holds_at_a_coarse_time_step():
    """<exp(-(W + W_shadow) + dF)> = 1 at any step: |z| < 4 (false alarm 6e-5); without it, not."""
    trap = Potential("k/2*x**2", coordinates="x", controls="k")
    squeeze = Protocol([Isothermal(1.0, k=(1.0, 4.0))], beta=1.0)
    columns = (
        Propagator(trap, Overdamped(friction=1.0), squeeze, time_step=0.1, seed=2).run(0, 100_000).columns
    )

    def z(work):
        y = np.exp(-work) * 2.0  # dF = ln(4)/2
        return (y.mean() - 1.0) / (y.std() / np.sqrt(y.size))

    assert abs(z(columns["work"] + columns["shadow_work"])) < 4
    assert abs(z(columns["work"])) > 8


def test_kernels_may_be_made_from_many_threads_at_once():
    propagators = [
        Propagator(QUARTIC, Overdamped(friction=1.0), HELD, time_step=0.05, seed=seed) for seed in range(8)
    ]
    works: list[float] = []
    threads = [
        threading.Thread(target=lambda p=p: works.append(p.run(0, 16).columns["work"].sum()))
        for p in propagators
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(works) == 8


def test_a_compilation_elsewhere_does_not_hold_up_a_run():
    propagator = Propagator(QUARTIC, Overdamped(friction=1.0), HELD, time_step=0.05, seed=1)
    propagator.run(0, 16)
    done = threading.Event()

    def run():
        propagator.run(0, 16)
        done.set()

    with compiling.one_at_a_time():
        thread = threading.Thread(target=run)
        thread.start()
        assert done.wait(timeout=60)
    thread.join()


# ---- many coordinates


def chain(size):
    energies = [f"x{i}**4/4 + k/2*x{i}**2" for i in range(size)]
    bonds = [f"(x{i + 1} - x{i})**2/2" for i in range(size - 1)]
    coordinates = tuple(f"x{i}" for i in range(size))
    return Potential(" + ".join(energies + bonds), coordinates=coordinates, controls="k")


def chain_world(size, **more):
    def energy(q, c):
        return (q**4 / 4 + c[0] / 2 * q**2).sum(axis=0) + ((q[1:] - q[:-1]) ** 2).sum(axis=0) / 2

    def force(q, c):
        bond = q[1:] - q[:-1]
        f = -(q**3) - c[0] * q
        f[:-1] += bond
        f[1:] -= bond
        return f

    return reference.World(energy=energy, force=force, links=tuple((i, 0, 0.7) for i in range(size)), **more)


@pytest.mark.parametrize("size", [5, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scheme", ["euler-maruyama", "BAOAB"])
def test_many_coordinates_agree_with_their_twin(scheme, size):
    protocol = Protocol([Isothermal(0.3, k=(1.0, 2.0))], beta=1.0)
    start = {f"x{i}": 0.1 * i for i in range(size)}
    if scheme == "BAOAB":
        dynamics = Underdamped(1.5, friction=0.7)
        world = chain_world(size, masses=(1.5,) * size, scheme=scheme)
        state = [*start.values(), *[0.0] * size]
    else:
        dynamics, world, state = Overdamped(friction=0.7), chain_world(size, scheme=scheme), [*start.values()]
    got = run_both(chain(size), world, dynamics, protocol, 0.01, Point(**start), state)
    assert_same_ledger(*got)
