"""Overdamped Langevin dynamics; the kernel's text is `kernels/overdamped.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.langevin import Langevin, PerCoordinate
from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.forms import Contacts, Floats, Link, Move, Piece
from fluctua.stochastic.potential import Potential

if TYPE_CHECKING:
    from fluctua.stochastic.schedule import Schedule

SCHEMES = ("euler-maruyama", "heun")


class Overdamped(Langevin):
    r"""Overdamped Langevin dynamics: each coordinate drifts along its force and diffuses in its one bath.

        gamma_i dq_i = F_i(q, lambda) dt + sqrt(2 gamma_i T_i) dB_i                                   (1)

    Parameters
    ----------
    friction : float or mapping of coordinate to float, energy time / length^2
        gamma, positive; short for one bath called ``bath``.
    baths : sequence of Bath
        Named baths, each on some of the coordinates.
    scheme : {"euler-maruyama", "heun"}
        Euler-Maruyama, weak order 1: heat is the exact log-ratio of the step's path probabilities. Stochastic
        Heun, weak order 2 for additive noise: heat is the Stratonovich integral of the force; no `log_ratio`
        column.

    Raises
    ------
    InvalidInput
        Neither or both of friction and baths, or two baths on one coordinate: their heat current would
        diverge as the time step goes to 0 (Parrondo, Espanol, Am. J. Phys. 64, 1125, 1996).

    Source
    ------
    Sekimoto, Stochastic Energetics (2010), chapter 4; Kloeden, Platen, Numerical Solution of Stochastic
    Differential Equations (1992), chapters 14, 15.
    """

    criterion: ClassVar[str] = "time_step * curvature / friction"
    coarse: ClassVar[float] = 0.1

    def __init__(
        self,
        friction: PerCoordinate | None = None,
        *,
        baths: Sequence[Bath] | None = None,
        scheme: str = "euler-maruyama",
    ) -> None:
        self._set_baths(friction, baths)
        if scheme not in SCHEMES:
            raise not_among(scheme, "scheme", SCHEMES, "dynamics.scheme")
        self._set(scheme=scheme)

    @property
    def move(self) -> Move:
        """The step of the scheme."""
        return BrownianStep(self.scheme)

    def resolve(self, system: Potential) -> tuple[Link, ...]:
        """List the one bath of each coordinate."""
        links = super().resolve(system)
        for link in links:
            names = [self.bath_names[other.bath] for other in links if other.coordinate == link.coordinate]
            if len(names) > 1:
                raise InvalidInput(
                    f"{system.coordinates[link.coordinate]} touches {' and '.join(names)}, and without"
                    " inertia the heat current between two baths diverges as the time step goes to 0",
                    "dynamics.baths",
                    "use Underdamped, or one bath a coordinate",
                )
        return links

    def resistance_of(self, system: Potential) -> tuple[float, ...]:
        """List the friction of each coordinate."""
        return tuple(link.friction for link in self.resolve(system))

    def overshoot(self, time_step: float, curvature: float) -> float:
        """Give dt lambda, lambda = curvature / friction: the map multiplies by 1 - dt lambda."""
        return time_step * curvature


@dataclass(frozen=True)
class BrownianStep(Move):
    """One step without inertia.

    q' = q + mu dt F + sqrt(2 mu T dt) z,   mu = 1/gamma                                          (2)
    """

    text: ClassVar[str] = "overdamped"
    underdamped: ClassVar[bool] = False
    columns: ClassVar[tuple[str, ...]] = ("spread", "inverse_spread", "temperature")
    each: ClassVar[tuple[str, ...]] = ("mobility_time", "limit")

    @property
    def order(self) -> int:
        """Give 1 for Euler-Maruyama, and 2 for Heun's scheme, as the noise is the same everywhere."""
        return 2 if self.scheme == "heun" else 1

    @property
    def log_ratio(self) -> bool:
        """Whether the scheme is Euler-Maruyama: Heun's noise is no closed function of both ends of a step."""
        return self.scheme != "heun"

    def normals(self, contacts: Contacts) -> int:
        """Count one normal number a link."""
        return len(contacts)

    def pieces(self, _contacts: Contacts, _turned: bool) -> list[Piece]:
        """Give the function of the scheme."""
        return [Piece(self.scheme.replace("-", "_"))]

    def step_numbers(self, link: Link, _masses: Sequence[float], schedule: Schedule) -> dict[str, Floats]:
        """Give the spread of the noise, sqrt(2 mu T dt), and the temperature."""
        beta = schedule.beta[:, link.bath]
        spread = np.sqrt(2.0 * schedule.move / (link.friction * beta))
        return {"spread": spread, "inverse_spread": 1.0 / spread, "temperature": 1.0 / beta}

    def kept(self, _link: Link, _masses: Sequence[float], _time_step: float) -> float:
        """Give 1: displacements add up."""
        return 1.0

    def run_numbers(
        self, links: Sequence[Link], _masses: Sequence[float], time_step: float
    ) -> dict[str, float]:
        """Give mu dt of each coordinate, and the curvature at which a step overshoots."""
        numbers = {f"mobility_time_{link.coordinate}": time_step / link.friction for link in links}
        return numbers | {f"limit_{link.coordinate}": 2.0 * link.friction / time_step for link in links}
