"""A dynamics is one class file and its kernel's text: found, written, tabulated and judged without a list."""

import sys

import numpy as np
import pytest

from fluctua.ensembles import spec as specs
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.stability import stiffest
from fluctua.stochastic import dynamics, writing
from fluctua.stochastic.compiling import kernel_text
from fluctua.stochastic.forms import layout_of
from fluctua.stochastic.initial import Point
from fluctua.stochastic.langevin import form_of
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Isothermal

CLASS = '''
from dataclasses import dataclass

from fluctua.stochastic.dynamics.langevin import Langevin
from fluctua.stochastic.forms import Move, Piece


class Descent(Langevin):
    """Steepest descent: gamma dq = F dt, the limit of no noise."""

    criterion, coarse = "time_step * curvature / friction", 0.1

    def __init__(self, friction=None, *, baths=None):
        self._set_baths(friction, baths)

    @property
    def move(self):
        return Down("descent")

    def resistance_of(self, system):
        return tuple(link.friction for link in self.resolve(system))

    def overshoot(self, time_step, curvature):
        return time_step * curvature


class HalfMade(Langevin):
    """Without a move it is no dynamics."""


@dataclass(frozen=True)
class Down(Move):
    text, underdamped, columns, each, log_ratio = "descent", False, (), ("mobility_time", "limit"), False

    def normals(self, contacts):
        return 0

    def pieces(self, contacts, turned):
        return [Piece("descend")]

    def step_numbers(self, link, masses, schedule):
        return {}

    def kept(self, link, masses, time_step):
        return 1.0

    def run_numbers(self, links, masses, time_step):
        numbers = {f"mobility_time_{link.coordinate}": time_step / link.friction for link in links}
        return numbers | {f"limit_{link.coordinate}": 2.0 * link.friction / time_step for link in links}
'''
TEXT = '''
def descend():
    """Heat is -(F + F') dq/2, as of Heun."""
    for i in COORDINATES:
        q[i] = fma(mobility_time[i], force[i], q[i])
    meet()
    shadow_work += energy_met - energy
    left = allowance
    for i in COORDINATES:
        moved = q[i] - q_old[i]
        left = fma(moved, fma(limit[i], moved, force_met[i] - force[i]), left)
        absorbed = -0.5 * (force[i] + force_met[i]) * (q[i] - q_old[i])
        heat[BATH_OF[i]] += absorbed
        entropy_flow = fma(-beta[BATH_OF[i]], absorbed, entropy_flow)
        shadow_work -= absorbed
    watch()
'''
TRAP = Potential("k/2 * q**2", coordinates="q", controls="k")
FASTER = Protocol([Isothermal(0.5, k=(1.0, 2.0))], beta=1.0)


@pytest.fixture
def descent(tmp_path, monkeypatch):
    """The class file and the text as if they stood in the package; nothing else knows of them."""
    (tmp_path / "descent.py").write_text(CLASS)
    monkeypatch.setattr(dynamics, "__path__", [*dynamics.__path__, str(tmp_path)])
    monkeypatch.setattr(writing, "kernel_text", lambda name: TEXT if name == "descent" else kernel_text(name))
    monkeypatch.setattr(specs, "DYNAMICS", dynamics.catalogue())
    yield dynamics.catalogue()["Descent"](friction=2.0)
    del sys.modules["fluctua.stochastic.dynamics.descent"]


def down(trajectories=3):
    """A run of it, called by its name as a file would."""
    table = {"kind": "Descent", "friction": 2.0}
    return EnsembleSpec(
        TRAP, table, FASTER, trajectories=trajectories, time_step=0.1, seed=1, initial=Point(q=1.0)
    )


def test_the_catalogue_finds_every_dynamics():
    assert list(dynamics.catalogue()) == ["MarkovJump", "Overdamped", "QuantumJump", "Underdamped"]
    assert dynamics.catalogue() == specs.DYNAMICS


def test_a_new_file_is_found_and_what_is_half_made_is_not(descent):
    assert list(dynamics.catalogue()) == ["Descent", "MarkovJump", "Overdamped", "QuantumJump", "Underdamped"]
    assert down().dynamics == descent
    assert EnsembleSpec.from_toml(str(down())) == down()


def test_its_move_makes_the_kernel(descent):
    spec = down()
    form = form_of(TRAP, descent, spec.schedule, descent.resolve(TRAP), {})
    layout, text = layout_of(form, 128), writing.module_text(form, 128, "lanes", "noise")
    assert layout.table == ("c_0", "n_0", "beta_next", "beta_change", "beta_0")
    assert layout.constants == ("time_step", "half_step", "allowance", "mobility_time_0", "limit_0")
    assert "q_0 = fma(mobility_time_0, force_0, q_0)\n" in text
    assert "control_work += done\n" in text  # the ledger, which it has not written


@pytest.mark.usefixtures("descent")
def test_it_says_its_columns_and_its_longest_step():
    spec = down()
    assert "log_ratio" not in [column.name for column in spec.columns]
    paths = {"time": np.arange(5) * 0.1, "trajectory": np.zeros(5), "q": np.ones(5)}
    steepest = spec.schedule.controls.max()
    assert stiffest(spec, paths, 1).ratio == pytest.approx(0.1 * steepest / 2.0, rel=1e-14)  # a few roundings


@pytest.mark.slow
def test_it_runs(descent):
    """Against the map by hand, q' = q (1 - k dt / friction); 1e-14: five steps of two roundings each."""
    table = simulate(down(), progress=False).to_pandas()
    expected = np.prod(1.0 - down().schedule.controls[:, 0] * 0.1 / descent.friction)
    np.testing.assert_allclose(table["q_final"], expected, rtol=0, atol=1e-14)
    gap = table["energy_change"] - table["work"] - table["heat"] - table["shadow_work"]
    np.testing.assert_allclose(gap, 0.0, rtol=0, atol=1e-14)
