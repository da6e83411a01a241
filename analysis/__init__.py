"""Numbers out of columns: estimators, tests, verdicts, plots, report. Estimators take plain arrays in kT.

What takes arrays stands here; `verify` takes runs and files, too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fluctua.analysis.claims import CLAIMS, TOLERANCES
from fluctua.analysis.compare import compare
from fluctua.analysis.crooks import bar, fit_crooks, judge_crooks
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.estimate import Estimate
from fluctua.analysis.exchange import judge_exchange, least_noise
from fluctua.analysis.fitted import FittedPotential
from fluctua.analysis.free_energies import Method, free_energies
from fluctua.analysis.integral import exponential_average, judge_integral
from fluctua.analysis.jarzynski import jarzynski, judge_jarzynski, judge_jarzynski_pair
from fluctua.analysis.landauer import erasure, judge_landauer
from fluctua.analysis.parts import Part, holm
from fluctua.analysis.rule import judge
from fluctua.analysis.second_law import judge_second_law
from fluctua.analysis.several import judge_several
from fluctua.analysis.tur import judge_tur, uncertainty
from fluctua.analysis.verdict import FreeEnergy, Report, Verdict
from fluctua.analysis.verify import verify

if TYPE_CHECKING:
    from fluctua.analysis.coin_figures import (
        direction_probability,
        direction_walk,
        sign_probability,
        sign_walk,
    )
    from fluctua.analysis.exponential_figure import exponential_terms
    from fluctua.analysis.figures import work_distributions
    from fluctua.analysis.free_energy_figure import free_energy_by_method
    from fluctua.analysis.overlap_figure import overlap_information
    from fluctua.analysis.sequential import Wealth, dissipation_of_pairs, wealth_against
    from fluctua.analysis.slope_bounds import SlopeBounds, SlopeInterval, slope_interval
    from fluctua.analysis.time_step import TimeStepReport, judge_time_steps
    from fluctua.analysis.watching import Watched, watch

# The same list for the interpreter, which imports these when they are asked for: no verdict needs them.
_HOME_OF = {
    name: home
    for home, names in {
        "coin_figures": ("direction_probability", "direction_walk", "sign_probability", "sign_walk"),
        "exponential_figure": ("exponential_terms",),
        "figures": ("work_distributions",),
        "free_energy_figure": ("free_energy_by_method",),
        "overlap_figure": ("overlap_information",),
        "sequential": ("Wealth", "dissipation_of_pairs", "wealth_against"),
        "slope_bounds": ("SlopeBounds", "SlopeInterval", "slope_interval"),
        "time_step": ("TimeStepReport", "judge_time_steps"),
        "watching": ("Watched", "watch"),
    }.items()
    for name in names
}

__all__ = [
    "CLAIMS", "TOLERANCES", "Estimate", "FittedPotential", "FreeEnergy", "Method", "Part", "Report",
    "SlopeBounds", "SlopeInterval", "TimeStepReport",
    "Verdict", "Watched", "Wealth", "bar", "compare", "direction_probability", "direction_walk",
    "dissipation_of_pairs", "erasure", "exponential_average", "exponential_terms", "fit_crooks",
    "fit_detailed", "free_energies", "free_energy_by_method", "holm", "jarzynski", "judge", "judge_crooks",
    "judge_detailed", "judge_exchange", "judge_integral", "judge_jarzynski", "judge_jarzynski_pair",
    "judge_landauer", "judge_second_law", "judge_several", "judge_time_steps", "judge_tur", "least_noise",
    "overlap_information",
    "sign_probability", "sign_walk", "slope_interval", "uncertainty", "verify", "watch", "wealth_against",
    "work_distributions",
]  # fmt: skip

if not TYPE_CHECKING:  # a checker that saw this would take every misspelt name for right

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for."""
        if name not in _HOME_OF:
            raise AttributeError(f"module 'fluctua.analysis' has no attribute {name!r}")
        return getattr(import_module(f"fluctua.analysis.{_HOME_OF[name]}"), name)
