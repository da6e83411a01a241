"""B5: the Brownian gyrator, two coordinates in one well, each with its own bath.

    U = k (x^2 + y^2)/2 + u x y,   T_1 on x, T_2 on y.

Heat flows from hot to cold and the particle circles, on average. Both follow from the covariance of the
steady state. The Ito sum of the same force is wrong by ``-k T_1/gamma``, a rate: the control.
"""

from collections.abc import Iterator

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.gyrator import (
    entropy_production,
    gyrator,
    heat_current,
    stationary_covariance,
    torque,
)
from fluctua.validation.case import FALSE_ALARM, Bench, Case, Floats, Row, claims, mean, must_differ

K, U, FRICTION, HOT, COLD = 1.0, 0.5, 1.0, 2.0, 1.0
LONG, SHORT = 40.0, 2.0

WELL = {"hot": HOT, "cold": COLD, "stiffness": K, "coupling": U}
CURRENT = heat_current(**WELL, friction=FRICTION)


def spec(duration: float, trajectories: int, seed: int, paths: int = 0) -> EnsembleSpec:
    """Watch the gyrator in its steady state."""
    baths = [Bath("hot", on="x", friction=FRICTION), Bath("cold", on="y", friction=FRICTION)]
    return EnsembleSpec(
        gyrator(stiffness=K, coupling=U),
        Overdamped(baths=baths),
        Protocol([Hold(duration)], temperature={"hot": HOT, "cold": COLD}),
        trajectories=trajectories,
        time_step=0.002,
        seed=seed,
        initial=Steady(),
        record={"torque": "integral(x*(-k*y - u*x) - y*(-k*x - u*y))"},
        paths=paths,
    )


def ito_current() -> float:
    """Give the rate of ``sum -F_x dx``, the force before the step: the heat current less ``k T_1/gamma``."""
    return CURRENT - K * HOT / FRICTION


def check(bench: Bench) -> Iterator[Row]:
    """Judge currents and torque; catch the Ito sum taken for the heat."""
    run = bench.simulate(spec(LONG, 50_000, 105))
    yield mean("<Q_hot>/t", run["heat_hot"] / LONG, CURRENT)
    yield mean("<Q_cold>/t", run["heat_cold"] / LONG, -CURRENT)
    production = entropy_production(**WELL, friction=FRICTION)
    yield mean("entropy flow per time", run["entropy_flow"] / LONG, production)
    yield mean("torque", run["torque"] / LONG, torque(**WELL))
    covariance = stationary_covariance(**WELL)
    yield mean("<x^2>", run["x_final"] ** 2, float(covariance[0, 0]))
    yield mean("<x y>", run["x_final"] * run["y_final"], float(covariance[0, 1]))
    brief = bench.simulate(spec(SHORT, 200_000, 205, paths=2_000))
    yield from claims(
        verify(brief, claims=["first-law", "second-law", "integral"], alpha=FALSE_ALARM), f"t = {SHORT:g}"
    )
    wrong = ito_heat(brief) / SHORT
    yield mean("Ito sum of the force per time", wrong, ito_current())
    yield must_differ("Ito sum taken for <Q_hot>/t", wrong, CURRENT)


def ito_heat(run: Dataset) -> Floats:
    """Sum ``(k x + u y) dx`` along each recorded path with the force before the step, shape ``(paths,)``."""
    table = run.paths.to_pandas(["trajectory", "time", "x", "y"])
    x, y = (table.pivot(index="trajectory", columns="time", values=name).to_numpy() for name in "xy")
    return np.asarray(np.sum((K * x + U * y)[:, :-1] * np.diff(x, axis=1), axis=1))


CASE = Case(
    name="b5",
    title="Brownian gyrator between two baths",
    source="Filliger, Reimann, PRL 99, 230602 (2007)",
    check=check,
)
