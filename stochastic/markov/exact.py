"""Exact companions of Markov jump dynamics: what a run samples, from the spec's own values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Equilibrium, Samples
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.counting import Counting, SpeedLimit
from fluctua.stochastic.markov.dual import Dual
from fluctua.stochastic.markov.starts import populations
from fluctua.stochastic.markov.steady_state import Cycle, SteadyState

if TYPE_CHECKING:
    from fluctua.stochastic.dynamics.markov_jump import MarkovJump
    from fluctua.stochastic.initial import Initial
    from fluctua.stochastic.protocol import Protocol

__all__ = ["Counting", "Cycle", "Dual", "SpeedLimit", "SteadyState", "exact"]

_REMEDY = "ask the spec, spec.exact()"


def exact(
    system: Levels,
    dynamics: MarkovJump,
    protocol: Protocol,
    *,
    initial: Initial | None = None,
    direction: str = "forward",
    boltzmann: float = 1.0,
) -> Counting:
    """Return the exact statistics of what an ensemble samples; of a spec, `EnsembleSpec.exact` does.

    Parameters
    ----------
    system : Levels
    dynamics : MarkovJump
    protocol : Protocol
    initial : Initial, optional
        Any but `Samples`; equilibrium if left out.
    direction : {"forward", "reverse"}
    boltzmann : float, energy / temperature

    Raises
    ------
    InvalidInput
        If the dynamics is another, or the start has no known law.

    Examples
    --------
    >>> exact(spec.system, spec.dynamics, spec.protocol, initial=spec.initial).mean("work")   # doctest: +SKIP
    """
    from fluctua.stochastic.dynamics.markov_jump import MarkovJump

    if not (isinstance(system, Levels) and isinstance(dynamics, MarkovJump)):
        raise InvalidInput("these are exact statistics of MarkovJump and Levels", "dynamics", _REMEDY)
    if isinstance(initial, Samples):
        raise InvalidInput("Samples have no known law", "initial", "give Populations(...) in their place")
    dynamics.check(system)
    schedule = protocol.schedule(None, system.controls, dynamics.bath_names, boltzmann)
    if direction == "reverse":
        schedule = schedule.reversed()
    dynamics.check_protocol(system, schedule)
    generator = dynamics.generator(system)
    return Counting(generator, schedule, populations(initial or Equilibrium(), generator, schedule))
