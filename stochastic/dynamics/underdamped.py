"""Underdamped Langevin (Kramers) dynamics by splitting; the kernel's text is `kernels/underdamped.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.langevin import Langevin, PerCoordinate, per_coordinate, value_at
from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.forms import Contacts, Floats, Link, Move, Piece
from fluctua.stochastic.potential import Potential

if TYPE_CHECKING:
    from fluctua.stochastic.schedule import Schedule


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

    uncertainty: ClassVar[Literal["classical", "inertial", "quantum"]] = "inertial"
    criterion: ClassVar[str] = "time_step * frequency"
    coarse: ClassVar[float] = 0.5

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

    @property
    def move(self) -> Move:
        """The letters of the splitting."""
        return Splitting(self.scheme)

    def masses_of(self, system: Potential) -> tuple[float, ...]:
        """List the mass of each coordinate."""
        return tuple(
            value_at(self.mass, name, system.coordinates, "dynamics.mass") for name in system.coordinates
        )

    def resistance_of(self, system: Potential) -> tuple[float, ...]:
        """List the mass of each coordinate."""
        return self.masses_of(system)

    def overshoot(self, time_step: float, curvature: float) -> float:
        """Give dt omega, omega^2 = curvature / mass: no splitting grows below 2, at any friction."""
        return float(time_step * np.sqrt(curvature))


@dataclass(frozen=True)
class Splitting(Move):
    """One step of a splitting: its letters in their order; what they do stands in the kernel's text."""

    text: ClassVar[str] = "underdamped"
    underdamped: ClassVar[bool] = True
    columns: ClassVar[tuple[str, ...]] = ("keep", "spread", "inverse_spread", "half")
    single: ClassVar[tuple[str, ...]] = ("drift_time",)
    each: ClassVar[tuple[str, ...]] = ("half_mass", "impulse", "limit")

    def normals(self, contacts: Contacts) -> int:
        """Count one normal number for each O and link."""
        return len(contacts) * self.scheme.count("O")

    def alternates(self, contacts: Contacts) -> bool:
        """Tell whether several baths on one coordinate force their order to alternate from step to step."""
        touched = [coordinate for coordinate, _ in contacts]
        return self.scheme.count("O") % 2 == 1 and len(set(touched)) < len(touched)

    def pieces(self, contacts: Contacts, turned: bool) -> list[Piece]:
        """Put the letters in their order; forces are made anew where positions have changed since."""
        pieces, fresh, occurrence = [Piece("depart")], True, 0
        for place, letter in enumerate(self.scheme):
            if letter == "B":
                pieces += [Piece("kick")] if fresh else [Piece("renew"), Piece("kick")]
                fresh = True
            elif letter == "A":
                fresh = "A" not in self.scheme[place + 1 :]
                pieces += [Piece("drift"), Piece("arrive")] if fresh else [Piece("drift")]
            else:
                pieces += _baths(contacts, occurrence, turned != (occurrence % 2 == 1))
                occurrence += 1
        return [*pieces, Piece("settle")]

    def step_numbers(self, link: Link, masses: Sequence[float], schedule: Schedule) -> dict[str, Floats]:
        """V' = keep v + spread z, exactly; a bath that is off keeps everything and spreads nothing."""
        mass, coupled = masses[link.coordinate], schedule.coupled[:, link.bath]
        with localcontext(prec=40):
            exponent = self._exponent(link, masses, schedule.move)
            keep, lost = float(exponent.exp()), float(1 - (2 * exponent).exp())
        spread = np.sqrt(lost / (schedule.beta[:, link.bath] * mass))
        return {
            "keep": np.where(coupled, keep, 1.0),
            "spread": np.where(coupled, spread, 0.0),
            "inverse_spread": np.where(coupled, 1.0 / spread, 0.0),
            "half": np.where(coupled, 0.5, 0.0),
        }

    def kept(self, link: Link, masses: Sequence[float], time_step: float) -> float:
        """Give exp(-gamma dt / (o m)), o = number of O in the step."""
        with localcontext(prec=40):
            return float(self._exponent(link, masses, time_step).exp())

    def _exponent(self, link: Link, masses: Sequence[float], time_step: float) -> Decimal:
        rate = link.friction / masses[link.coordinate] / self.scheme.count("O")
        return Decimal(-rate) * Decimal(time_step)

    def run_numbers(
        self, _links: Sequence[Link], masses: Sequence[float], time_step: float
    ) -> dict[str, float]:
        """Give the time of a drift, m/2 for the kinetic energy, and the kick of a unit force."""
        numbers = {"drift_time": time_step / self.scheme.count("A")}
        for i, mass in enumerate(masses):
            numbers[f"half_mass_{i}"] = 0.5 * mass
            numbers[f"impulse_{i}"] = time_step / self.scheme.count("B") / mass
            numbers[f"limit_{i}"] = 4.0 * mass / (time_step * time_step)
        return numbers


def _baths(contacts: Contacts, occurrence: int, backwards: bool) -> list[Piece]:
    """O for every link; the second of two O letters, and odd steps of an alternating order, go backwards."""
    order = range(len(contacts))
    pieces = []
    for link in reversed(order) if backwards else order:
        coordinate, bath = contacts[link]
        normal = occurrence * len(contacts) + link
        pieces.append(Piece("bath", {"LINK": link, "COORDINATE": coordinate, "BATH": bath, "NORMAL": normal}))
    return pieces


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
