"""What a dynamics is: how baths move the state of a system, and what a run of it writes down.

Everything else, from specs to files to verdicts, knows a dynamics by this face alone. A new one is a file in
this package, with the propagator that it makes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.columns import Column
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.status import Status
from fluctua.stochastic.system import System
from fluctua.stochastic.values import Value

if TYPE_CHECKING:
    from fluctua.stochastic.initial import Initial
    from fluctua.stochastic.propagator import Propagator
    from fluctua.stochastic.protocol import Protocol
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]
Get = Callable[[str], NDArray[Any]]


class Dynamics(Value, ABC):
    """How baths move the state."""

    moves: ClassVar[type[System]]
    """The kind of system whose state it moves."""

    timed: ClassVar[bool] = True
    """Whether it needs a time step; without one a stroke is one move, exact in time."""

    uncertainty: ClassVar[Literal["classical", "inertial", "quantum"]] = "classical"
    """Whether the thermodynamic uncertainty relation binds its currents, or what may beat it."""

    phases: ClassVar[bool] = False
    """Whether states have phases, which turn with energy over hbar."""

    failure: ClassVar[Status]
    """How a trajectory may fail, besides numbers that are not finite."""

    criterion: ClassVar[str] = ""
    """What must stay below 2 for a time step to be stable, in words; empty where nothing can blow up."""

    coarse: ClassVar[float] = math.inf
    """What `overshoot` may be before averages are poor, although stable."""

    @property
    @abstractmethod
    def bath_names(self) -> tuple[str, ...]:
        """Names of the baths."""

    @property
    def named_baths(self) -> tuple[str, ...]:
        """Names of the baths that a user gave: they may not clash with others."""
        return self.bath_names

    @property
    @abstractmethod
    def allows_isolated(self) -> bool:
        """Whether the system moves without its baths."""

    # ---- does it fit?

    @abstractmethod
    def check(self, system: Any) -> None:
        """Check that it fits a system of the kind that it moves.

        Raises
        ------
        InvalidInput
            An unknown coordinate, level or operator, or a part of the system that nothing moves.
        """

    def check_protocol(self, system: Any, schedule: Schedule) -> None:
        """Check what depends on the values that a schedule takes."""

    @abstractmethod
    def check_start(self, initial: Initial, system: Any, schedule: Schedule) -> None:
        """Check that a start is possible, as far as that takes no computation."""

    @abstractmethod
    def check_record(self, record: Mapping[str, str], system: Any) -> None:
        """Check the formulas that a run records."""

    @abstractmethod
    def namespace(self, system: Any) -> dict[str, Iterable[str]]:
        """Give the names that are taken, by what they stand for; controls, parameters, baths left out."""

    # ---- what a run writes

    @abstractmethod
    def ledger(self, system: Any, schedule: Schedule) -> list[Column]:
        """List the columns of energies and entropies of a trajectory."""

    def stroke_ledger(self, system: Any, schedule: Schedule) -> list[Column]:
        """List those of a stroke; by default the same."""
        return self.ledger(system, schedule)

    @abstractmethod
    def ends(self, system: Any) -> list[Column]:
        """List the columns of a trajectory's first and last state, and of what was counted in between."""

    def stroke_ends(self, system: Any) -> list[Column]:
        """List those of a stroke's; by default the same."""
        return self.ends(system)

    @abstractmethod
    def path_state(self, system: Any) -> list[Column]:
        """List the columns of the state on a sampled path."""

    @property
    def jumps(self) -> bool:
        """Whether trajectories are made of jumps, which a table may list."""
        return False

    # ---- how much it takes

    @property
    def order(self) -> int | None:
        """Power of the time step with which averages err, of dynamics whose runs share a Brownian path."""
        return None

    def cost(self, system: Any) -> int:
        """Say how many coordinates a move takes as long as."""
        return 1

    # ---- is a time step short enough? Asked where there is a criterion

    def curvature(self, system: Any, states: Floats, controls: Floats) -> Floats:
        """Return the matrix of curvatures that a time step feels at some states, shape (N, n, n).

        Parameters
        ----------
        system : System
        states, controls : (n, N), (C, N) array
        """
        return np.zeros((states.shape[1], len(states), len(states)))

    def overshoot(self, time_step: float, curvature: float) -> float:
        """Give the side of the criterion that must stay below 2.

        Parameters
        ----------
        time_step : float
        curvature : float
            The largest eigenvalue of a matrix of curvatures, not negative.
        """
        return 0.0

    # ---- computing it

    @abstractmethod
    def propagator(
        self,
        system: Any,
        protocol: Protocol,
        *,
        time_step: float | None,
        seed: int,
        direction: str,
        initial: Initial,
        record: Mapping[str, str],
        boltzmann: float,
        hbar: float,
        strokes: bool,
        paths: int,
        path_every: int,
        finer: int,
        lanes: int | None,
    ) -> Propagator:
        """Make what computes its trajectories.

        Parameters
        ----------
        system : System
        protocol : Protocol
        time_step : float or None, time
        seed : int, 0 <= seed < 2**64
        direction : {"forward", "reverse"}
        initial : Initial
        record : mapping of column name to formula
        boltzmann, hbar : float
            Constants of nature in the units of the run.
        strokes, paths, path_every
            Which tables to keep besides a row a trajectory.
        finer : int
            Make the noise of a step of that of so many finer ones.
        lanes : int or None
            Trajectories in a block; changes no bit.

        Raises
        ------
        InvalidInput
            Whatever cannot be run.
        """

    def exact(
        self,
        system: Any,
        protocol: Protocol,
        *,
        time_step: float | None,
        initial: Initial,
        direction: str,
        boltzmann: float,
        hbar: float,
    ) -> Any:
        """Return the exact statistics of what a run samples; parameters are those of `propagator`.

        Raises
        ------
        InvalidInput
            If there is none of this dynamics.
        """
        raise InvalidInput(
            f"no exact companion of {self.kind}", "dynamics", "MarkovJump and QuantumJump have one"
        )

    # ---- what judges ask

    @abstractmethod
    def minus_log_z(self, system: Any, controls: Sequence[float], beta: float) -> float:
        """Return minus the logarithm of the equilibrium sum over states.

        Raises
        ------
        InvalidInput
            Where no exact way to it is known.
        """

    @abstractmethod
    def energy(self, system: Any, controls: Sequence[float], which: str, column: Get) -> Floats:
        """Return the energy of each trajectory at its ``"initial"`` or ``"final"`` state."""

    def lacks_density(self, initial: Initial) -> str:
        """Say what is missing for the entropy at the ends of a path; empty where `boundary` can be asked."""
        return ""

    @abstractmethod
    def boundary(self, system: Any, schedule: Schedule, initial: Initial, column: Get) -> Floats | str:
        r"""Return :math:`\ln p_0(x_0)-\ln p_\tau(\bar x_\tau)` of each trajectory, or what is missing for it.

        Both densities are of the same known kind: where a reverse process would start. ``column`` gives a
        column of the run by its name.
        """

    def no_equilibrium(self, system: Any, schedule: Schedule) -> str:
        """Say why the steady state at one temperature is no equilibrium; empty where it is."""
        return ""

    def no_theorems(self) -> str:
        """Say why its numbers obey no fluctuation theorem; empty where they do."""
        return ""

    def first_law(self) -> str:
        """Say why its first law is no test, as some term is what the others leave; empty where it is one."""
        return ""

    def irreversible_weight(self, system: Any, schedule: Schedule, initial: Initial) -> float:
        """Return the probability of reverse trajectories that have no forward partner.

        The integral theorem is then ``<exp(-s)> = 1 - weight`` (Murashita, Funo, Ueda, PRE 90, 042110, 2014).
        """
        return 0.0

    def even(self, system: Any, record: Mapping[str, str]) -> Collection[str]:
        """Name the columns that time reversal does not turn around: they are no currents."""
        return ()
