"""A5: the work theorem while the temperature of the bath changes.

    dv/dt = -U'(q) + E(t) - gamma v + sqrt(2 gamma/beta(t)) xi,   H = v^2/2 + U(q) - E q.

Only the dimensionless work ``int d(beta H)/dt`` at fixed state, kinetic energy included, obeys Jarzynski's
equality: ``<exp(-w)> = Z_1/Z_0``. Leaving out the kinetic energy gives another, known, number.
"""

from collections.abc import Iterator
from math import exp

from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Thermostatic
from fluctua.stochastic.systems.stirling_field import log_phase_integral, stirling_field
from fluctua.validation.case import FALSE_ALARM, Bench, Case, Row, claims, exponential, mean, must_be_violated

BETA, FIELD, DURATION = (1.0, 2.0), (0.0, 0.5), 2.0

SPEC = EnsembleSpec(
    stirling_field(),
    Underdamped(mass=1.0, friction=1.0),
    Protocol([Thermostatic(DURATION, beta=BETA, E=FIELD)]),
    trajectories=400_000,
    time_step=0.01,
    seed=105,
    record={"kinetic": "integral(v_q**2/2)"},
)

MEAN_DIMENSIONLESS_WORK = 0.715510
"""From the Kramers equation (``kramers.py``); the tests compute it again."""

WITHOUT_KINETIC_ENERGY = 1.111736
"""``<exp(-w')>`` of the work without kinetic energy; tilted Kramers equation, likewise."""


def log_partition_change() -> float:
    """Give ``ln(Z_1/Z_0)``, the Planck potential's change."""
    return log_phase_integral(FIELD[1], beta=BETA[1]) - log_phase_integral(FIELD[0], beta=BETA[0])


def check(bench: Bench) -> Iterator[Row]:
    """Judge the dimensionless work; catch the one that forgets the kinetic energy."""
    forward, reverse = bench.pair(SPEC)
    work, change = forward["dimensionless_work"], log_partition_change()
    yield mean("<w>", work, MEAN_DIMENSIONLESS_WORK)
    yield exponential("<exp(-w)>", work, exp(change))
    yield from claims(verify(forward, reverse, delta_f=-change, alpha=FALSE_ALARM))
    without = work - (BETA[1] - BETA[0]) / DURATION * forward["kinetic"]
    yield exponential("<exp(-w)> without kinetic energy", without, WITHOUT_KINETIC_ENERGY)
    wrong = verify(without, delta_f=-change, alpha=FALSE_ALARM)
    yield must_be_violated(wrong["jarzynski"], "without kinetic energy")


CASE = Case(
    name="a5",
    title="Jarzynski's equality at changing temperature",
    source="Chatelain, J. Stat. Mech. P04011 (2007); Williams, Searles, Evans, PRL 100, 250601 (2008)",
    check=check,
)
