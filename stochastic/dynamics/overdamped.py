"""Overdamped Langevin dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.langevin import Langevin, PerCoordinate
from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.writing import Link

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

    underdamped: ClassVar[bool] = False

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

    def masses_of(self, _system: Potential) -> tuple[float, ...]:
        """List no masses: the momenta are always in equilibrium and not part of the state."""
        return ()
