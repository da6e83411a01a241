"""What all jump dynamics share: several baths, and probabilities of levels at both ends."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.baths import several
from fluctua.stochastic.dynamics.dynamics import Dynamics, Get
from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.initial import Initial, Samples
from fluctua.stochastic.lanes import log
from fluctua.stochastic.reservoirs import Reservoir

if TYPE_CHECKING:
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]


class JumpDynamics(Dynamics):
    """Several baths, through whose channels levels jump.

    A dynamics adds the probabilities of levels: those that a start gives, and what becomes of them.

    baths : sequence of Reservoir
    """

    baths: tuple[Reservoir, ...]

    def _set_baths(
        self, baths: object, kinds: Mapping[str, type[Reservoir]], remedy: str, flags: Mapping[str, object]
    ) -> None:
        made = several([baths] if isinstance(baths, Reservoir) else baths, kinds, remedy)
        for key, value in flags.items():
            if not isinstance(value, bool):
                raise InvalidInput(f"{shown(value)} is neither true nor false", f"dynamics.{key}")
        self._set(baths=made, **flags)

    def __repr__(self) -> str:
        """Return the baths on one line."""
        return f"{self.kind}({', '.join(repr(bath) for bath in self.baths)})"

    @property
    def bath_names(self) -> tuple[str, ...]:
        """Names of the baths."""
        return tuple(bath.name for bath in self.baths)

    @property
    def allows_isolated(self) -> bool:
        """Whether levels without baths make sense: they wait or evolve, and a control still does work."""
        return True

    @property
    def jumps(self) -> bool:
        """Whether trajectories have jumps: they have."""
        return True

    # ---- probabilities of levels

    @abstractmethod
    def populations(
        self, system: Any, schedule: Schedule, initial: Initial, *, turned: bool = False
    ) -> Floats:
        """Return the probability of each level at the first instant, shape (n,).

        Parameters
        ----------
        system : System
        schedule : Schedule
        initial : Initial
        turned : bool
            Whether the system is as time reversal sees it; the schedule is then that of the reverse.

        Raises
        ------
        InvalidInput
            If they are not defined.
        """

    @abstractmethod
    def carried(self, system: Any, schedule: Schedule, first: Floats, *, turned: bool = False) -> Floats:
        """Return what becomes of the probabilities of levels until the last instant, shape (n,)."""

    def border_populations(self, system: Any, schedule: Schedule, initial: Initial) -> tuple[Floats, Floats]:
        """Return the probabilities of levels where a run starts, and where its reverse starts."""
        first = self.populations(system, schedule, initial)
        if initial.reversible:
            return first, self.populations(system, schedule.reversed(), initial, turned=True)
        return first, self.carried(system, schedule, first)

    # ---- what judges ask

    def boundary(self, system: Any, schedule: Schedule, initial: Initial, column: Get) -> Floats | str:
        r"""Return :math:`\ln p_0(x_0)-\ln p_\tau(x_\tau)` of each trajectory, or what is missing for it.

        After equilibrium or a steady state the last probabilities are of the same kind; after a point or
        given populations they are what has become of the first ones.
        """
        if self.no_theorems():
            return f"needs entropy: {self.no_theorems()}"
        if isinstance(initial, Samples):
            return "needs a start whose probabilities are known: Equilibrium, Steady, Point or Populations"
        try:
            first, last = self.border_populations(system, schedule, initial)
        except InvalidInput as error:
            return f"needs the probabilities at both ends: {error.what}"
        with np.errstate(all="ignore"):
            result: Floats = log(first)[levels_at(column, "initial")] - log(last)[levels_at(column, "final")]
        return result

    def irreversible_weight(self, system: Any, schedule: Schedule, initial: Initial) -> float:
        """Return the probability of reverse trajectories that end where no forward one starts.

        Only a point or populations with empty levels leave such levels.
        """
        if self.no_theorems() or isinstance(initial, Samples):
            return 0.0
        first, last = self.border_populations(system, schedule, initial)
        empty = first == 0.0
        if not empty.any():
            return 0.0
        back = self.carried(system, schedule.reversed(), last, turned=True)
        return float(np.cumsum(back[empty])[-1])

    def even(self, system: Any, record: Mapping[str, str]) -> list[str]:
        """Name the columns that time reversal does not turn around: activity, and all that is recorded."""
        return ["activity", *record]


def levels_at(column: Get, which: str) -> NDArray[np.int64]:
    """Return the first or last levels by number; a reader of columns may have made them floats."""
    return np.asarray(column(f"state_{which}")).astype(np.int64)
