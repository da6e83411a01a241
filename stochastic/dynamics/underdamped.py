"""Underdamped Langevin (Kramers) dynamics by splitting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.langevin import Langevin, PerCoordinate, per_coordinate, value_at
from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.potential import Potential


class Underdamped(Langevin):
    r"""Underdamped Langevin dynamics: Newton's equation with friction and noise from any number of baths.

        dq_i = v_i dt
        m_i dv_i = F_i(q, lambda) dt + sum_nu [ -gamma_nu v_i dt + sqrt(2 gamma_nu T_nu) dB_nu ]      (1)

    A step is a palindrome of three exact maps, at frozen controls: B kicks the velocities, A drifts the
    positions, O is the Ornstein-Uhlenbeck process of every bath in turn; the heat of a bath is the kinetic
    energy that its own map changes. Several baths on one coordinate act in an order that is its own reverse;
    with one O in the step the order alternates, and the number of steps must be even.

    Parameters
    ----------
    mass : float or mapping of coordinate to float, energy time^2 / length^2
        Positive.
    friction : float or mapping of coordinate to float, energy time / length^2
        gamma, positive; short for one bath called ``bath``.
    baths : sequence of Bath
        Named baths, each on some of the coordinates.
    scheme : str
        The letters of the splitting, a palindrome of A, B and O, each at least once; a letter that stands k
        times acts for 1/k of the time step.

    Raises
    ------
    InvalidInput
        A splitting that is no palindrome or lacks a letter, neither or both of friction and baths, a mass
        that is not positive.

    Source
    ------
    Leimkuhler, Matthews, Appl. Math. Res. Express 2013, 34 (BAOAB); Sivak, Chodera, Crooks, Phys. Rev. X 3,
    011007 (2013) (shadow work).
    """

    underdamped: ClassVar[bool] = True

    mass: PerCoordinate

    def __init__(
        self,
        mass: PerCoordinate,
        friction: PerCoordinate | None = None,
        *,
        baths: Sequence[Bath] | None = None,
        scheme: str = "BAOAB",
    ) -> None:
        self._set_baths(friction, baths)
        if mass is None:
            raise InvalidInput("no mass", "dynamics.mass", "give a positive number, or use Overdamped")
        self._set(mass=per_coordinate(mass, "dynamics.mass"), scheme=_splitting(scheme))

    def masses_of(self, system: Potential) -> tuple[float, ...]:
        """List the mass of each coordinate."""
        return tuple(
            value_at(self.mass, name, system.coordinates, "dynamics.mass") for name in system.coordinates
        )


def _splitting(scheme: object) -> str:
    where = "dynamics.scheme"
    if not isinstance(scheme, str) or not 3 <= len(scheme) <= 32:
        raise InvalidInput(f"{shown(scheme)} is not a splitting", where, 'write letters such as "BAOAB"')
    letters = scheme.replace(" ", "")
    if set(letters) != set("ABO"):
        raise InvalidInput(
            f"{scheme!r} is not a splitting", where, "use each of the letters A, B and O, and no other"
        )
    if letters != letters[::-1]:
        raise InvalidInput(
            f"{scheme!r} is not its own reverse, so the reversed process would be another one",
            where,
            "write a palindrome, BAOAB",
        )
    return letters
