"""Stochastic trajectories of small driven systems, and calibrated verdicts on the fluctuation theorems.

Everything public is a name of this module, imported when first asked for; ``import fluctua`` costs nothing.

>>> import fluctua as fl
>>> trap = fl.Potential("k/2 * (q - c)**2", coordinates="q", controls=("k", "c"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluctua.analysis.compare import compare as compare
    from fluctua.analysis.shared_path import time_step as time_step
    from fluctua.analysis.verdict import Report as Report
    from fluctua.analysis.verdict import Verdict as Verdict
    from fluctua.analysis.verify import verify as verify
    from fluctua.ensembles.dataset import Dataset as Dataset
    from fluctua.ensembles.estimate import Estimate as Estimate
    from fluctua.ensembles.runs import Runs as Runs
    from fluctua.ensembles.runs import open as open
    from fluctua.ensembles.spec import EnsembleSpec as EnsembleSpec
    from fluctua.making import simulate as simulate
    from fluctua.making import sweep as sweep
    from fluctua.stochastic import systems as systems
    from fluctua.stochastic.baths import Bath as Bath
    from fluctua.stochastic.dynamics.markov_jump import MarkovJump as MarkovJump
    from fluctua.stochastic.dynamics.overdamped import Overdamped as Overdamped
    from fluctua.stochastic.dynamics.quantum_jump import QuantumJump as QuantumJump
    from fluctua.stochastic.dynamics.underdamped import Underdamped as Underdamped
    from fluctua.stochastic.errors import Busy as Busy
    from fluctua.stochastic.errors import Damaged as Damaged
    from fluctua.stochastic.errors import InvalidInput as InvalidInput
    from fluctua.stochastic.errors import StorageError as StorageError
    from fluctua.stochastic.errors import Unstable as Unstable
    from fluctua.stochastic.hamiltonian import Hamiltonian as Hamiltonian
    from fluctua.stochastic.initial import Equilibrium as Equilibrium
    from fluctua.stochastic.initial import Point as Point
    from fluctua.stochastic.initial import Populations as Populations
    from fluctua.stochastic.initial import Samples as Samples
    from fluctua.stochastic.initial import Steady as Steady
    from fluctua.stochastic.levels import Levels as Levels
    from fluctua.stochastic.potential import Potential as Potential
    from fluctua.stochastic.protocol import Hold as Hold
    from fluctua.stochastic.protocol import Isolated as Isolated
    from fluctua.stochastic.protocol import Isothermal as Isothermal
    from fluctua.stochastic.protocol import Protocol as Protocol
    from fluctua.stochastic.protocol import Quench as Quench
    from fluctua.stochastic.protocol import Thermostatic as Thermostatic
    from fluctua.stochastic.protocol import stirling_cycle as stirling_cycle
    from fluctua.stochastic.reservoirs import Arrhenius as Arrhenius
    from fluctua.stochastic.reservoirs import BoseBath as BoseBath
    from fluctua.stochastic.reservoirs import Lead as Lead
    from fluctua.stochastic.reservoirs import LocalBath as LocalBath
    from fluctua.stochastic.reservoirs import Rates as Rates
    from fluctua.stochastic.units import Units as Units
    from fluctua.validation.calibrate import calibrate as calibrate
    from fluctua.validation.validate import validate as validate

    __version__: str

# The same list for the interpreter; a test holds the two together.
_HOMES = {
    "stochastic.potential": ("Potential",),
    "stochastic.levels": ("Levels",),
    "stochastic.hamiltonian": ("Hamiltonian",),
    "stochastic.baths": ("Bath",),
    "stochastic.reservoirs": ("Lead", "BoseBath", "Arrhenius", "Rates", "LocalBath"),
    "stochastic.dynamics.overdamped": ("Overdamped",),
    "stochastic.dynamics.underdamped": ("Underdamped",),
    "stochastic.dynamics.markov_jump": ("MarkovJump",),
    "stochastic.dynamics.quantum_jump": ("QuantumJump",),
    "stochastic.protocol": (
        "Protocol", "Isothermal", "Thermostatic", "Isolated", "Hold", "Quench", "stirling_cycle",
    ),
    "stochastic.initial": ("Equilibrium", "Steady", "Point", "Populations", "Samples"),
    "stochastic.units": ("Units",),
    "stochastic.errors": ("InvalidInput", "Unstable", "Damaged", "StorageError", "Busy"),
    "ensembles.spec": ("EnsembleSpec",),
    "making": ("simulate", "sweep"),
    "ensembles.dataset": ("Dataset",),
    "ensembles.runs": ("Runs", "open"),
    "ensembles.estimate": ("Estimate",),
    "analysis.verify": ("verify",),
    "analysis.compare": ("compare",),
    "analysis.shared_path": ("time_step",),
    "analysis.verdict": ("Report", "Verdict"),
    "validation.calibrate": ("calibrate",),
    "validation.validate": ("validate",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Arrhenius", "Bath", "BoseBath", "Busy", "Damaged", "Dataset", "EnsembleSpec", "Equilibrium", "Estimate",
    "Hamiltonian", "Hold", "InvalidInput", "Isolated", "Isothermal", "Lead", "Levels", "LocalBath",
    "MarkovJump", "Overdamped", "Point", "Populations", "Potential", "Protocol", "QuantumJump", "Quench",
    "Rates", "Report", "Runs", "Samples", "Steady", "StorageError", "Thermostatic", "Underdamped", "Units",
    "Unstable", "Verdict", "calibrate", "compare", "simulate", "stirling_cycle", "sweep", "systems",
    "time_step", "validate", "verify",
]  # fmt: skip

if not TYPE_CHECKING:  # a checker that saw this would take every misspelt name for right

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for."""
        if name == "systems":
            found = import_module("fluctua.stochastic.systems")
        elif name == "__version__":
            from importlib.metadata import version

            found = version("fluctua")
        elif name in _HOME_OF:
            found = getattr(import_module(f"fluctua.{_HOME_OF[name]}"), name)
        else:
            raise AttributeError(f"module 'fluctua' has no attribute {name!r}")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted([*__all__, "open", "__version__"])
