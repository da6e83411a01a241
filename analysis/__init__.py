"""Numbers out of columns: estimators, tests, verdicts, plots, report. Estimators take plain arrays in kT."""

from fluctua.analysis.claims import CLAIMS, TOLERANCES
from fluctua.analysis.compare import compare
from fluctua.analysis.crooks import bar, fit_crooks, judge_crooks
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.estimate import Estimate
from fluctua.analysis.integral import exponential_average, judge_integral
from fluctua.analysis.jarzynski import jarzynski, judge_jarzynski, judge_jarzynski_pair
from fluctua.analysis.parts import Part, holm
from fluctua.analysis.rule import judge
from fluctua.analysis.second_law import judge_second_law
from fluctua.analysis.verdict import FreeEnergy, Report, Verdict
from fluctua.analysis.verify import verify

__all__ = [
    "CLAIMS", "TOLERANCES", "Estimate", "FreeEnergy", "Part", "Report", "Verdict", "bar", "compare",
    "exponential_average", "fit_crooks", "fit_detailed", "holm", "jarzynski", "judge", "judge_crooks",
    "judge_detailed", "judge_integral", "judge_jarzynski", "judge_jarzynski_pair", "judge_second_law",
    "verify",
]  # fmt: skip
