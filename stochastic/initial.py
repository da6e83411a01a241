"""Where trajectories start: equilibrium, a steady state, one point, or rows of a file.

A start is prepared once for a run and then draws any trajectories, the same for each whatever block it stands
in. Velocities come with every start of underdamped dynamics, in the order positions, velocities. A reverse
run is prepared with the reversed schedule, so that it starts the same way at its own first instant.
"""

from __future__ import annotations

import math
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fluctua.stochastic.equilibrium import bound_coordinates, equilibrium
from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.exact_starts import exact_equilibrium, linear_steady_state
from fluctua.stochastic.first_instant import Start, beta_at_start, first_instant
from fluctua.stochastic.given_starts import at_point, checksum, from_samples, read_bytes
from fluctua.stochastic.relaxed_starts import burnt_in, relaxed_to_steady_state
from fluctua.stochastic.steady import driven_coordinates
from fluctua.stochastic.values import Value, number, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fluctua.stochastic.dynamics.langevin import Langevin
    from fluctua.stochastic.first_instant import FirstInstant, Relax
    from fluctua.stochastic.potential import Potential
    from fluctua.stochastic.schedule import Schedule


class Initial(Value):
    """How trajectories start; `reversible` tells whether a reverse process has such a start too."""

    reversible: ClassVar[bool] = True

    def check_direction(self, direction: str) -> None:
        """Refuse a reverse process of a start that fixes one end only.

        Raises
        ------
        InvalidInput
            The direction is ``"reverse"``, and this is not reversible.
        """
        if direction == "reverse" and not self.reversible:
            raise InvalidInput(
                f"no reverse process starts from {self.kind}",
                "initial",
                "start from Equilibrium() or Steady()",
            )


class Equilibrium(Initial):
    """Canonical equilibrium at the protocol's first instant.

    Positions follow ``exp(-beta U) / Z``, velocities ``sqrt(m beta / 2 pi) exp(-beta m v^2 / 2)``, without
    the non-conservative forces. Exact for a quadratic energy; by a table with stated error for any other
    energy of one coordinate, over one period if it is periodic. A coordinate that the energy does not contain
    starts at 0.

    Parameters
    ----------
    beta : float, 1 / energy, optional
        Inverse temperature; needed where the baths that are connected at the first instant differ.
    burn_in : float, time, optional
        For any other energy of several coordinates: how long to relax, with the run's own time step and the
        first instant's controls, from each coordinate's own equilibrium with the others at 0.

    Raises
    ------
    InvalidInput
        If a number is not positive; when prepared, if the equilibrium is ambiguous, cannot be normalised, has
        no exact sampler, or leaves a coordinate without a law on which a force depends.
    """

    beta: float | None
    burn_in: float | None

    def __init__(self, beta: float | None = None, burn_in: float | None = None) -> None:
        self._set(
            beta=None if beta is None else number(beta, "initial.beta", positive=True),
            burn_in=None if burn_in is None else number(burn_in, "initial.burn_in", positive=True),
        )


class Steady(Initial):
    """The steady state at the protocol's first instant, with all forces and baths as they are then.

    Parameters
    ----------
    duration : float, time, optional
        How long to relax, with the run's own time step, from equilibrium at the mean temperature or the
        nearest to it that is known. Without it the steady state is exact, which takes a linear system, or one
        temperature and no non-conservative force. A coordinate that no force depends on starts at 0, its
        velocity in its own steady state.

    Raises
    ------
    InvalidInput
        If `duration` is not positive; when prepared, if there is no steady state or no exact one is known.
    """

    duration: float | None

    def __init__(self, duration: float | None = None) -> None:
        self._set(duration=None if duration is None else number(duration, "initial.duration", positive=True))


class Point(Initial):
    """One and the same state for all trajectories: ``Point(x=0.0, v_x=0.0)``, ``Point(state="empty")``.

    Parameters
    ----------
    **values : float, str or sequence
        Each coordinate, and velocities by the name ``v_x``; a velocity left out is 0. Of a system with
        levels its `state`, by name; of a quantum system also `amplitudes` in the basis of its operators, a
        number each, or a pair of real and imaginary part.
    """

    reversible: ClassVar[bool] = False
    values: dict[str, Any]

    def __init__(self, /, **values: Any) -> None:
        self._set(values={name: _component(value, f"initial.{name}") for name, value in values.items()})


def _component(value: object, where: str) -> Any:
    """Read a component: a number; the state by name; amplitudes, numbers and pairs of them."""
    if where == "initial.state":
        return text(value, where)
    if where == "initial.amplitudes":
        entries = np.asarray(value).tolist() if hasattr(value, "__array__") else value
        if not isinstance(entries, list | tuple):
            raise InvalidInput(f"{shown(value)} is no list", where, "give an amplitude for each basis state")
        return tuple(_amplitude(entry, f"{where}.{k}") for k, entry in enumerate(entries))
    return number(value, where)


def _amplitude(value: object, where: str) -> float | tuple[float, float]:
    """Read an amplitude; a complex one becomes the pair of its parts."""
    if isinstance(value, complex) and not isinstance(value, Real):
        value = (value.real, value.imag)
    if isinstance(value, list | tuple) and len(value) == 2:
        return number(value[0], where), number(value[1], where)
    return number(value, where)


class Populations(Initial):
    """Levels drawn with given probabilities: ``Populations(empty=0.9, full=0.1)``; those left out have none.

    Parameters
    ----------
    **probabilities : float
        Of levels by name, not negative, 1 together.

    Raises
    ------
    InvalidInput
        If one is negative or they do not add up to 1, to a part in 10^9; if a name is no level.
    """

    reversible: ClassVar[bool] = False
    probabilities: dict[str, float]

    def __init__(self, /, **probabilities: float) -> None:
        read = {name: number(value, f"initial.{name}") for name, value in probabilities.items()}
        for name, value in read.items():
            if value < 0.0:
                raise InvalidInput(f"a probability of {value:g}", f"initial.{name}", "give 0 to 1")
        total = math.fsum(read.values())
        if abs(total - 1.0) > 1e-9:
            what = f"probabilities add up to {total:.10g}"
            raise InvalidInput(
                what, "initial", f"divide each by {total:.10g}" if total > 0.0 else "give some"
            )
        self._set(probabilities=read)


class Samples(Initial):
    """States from a Parquet file: trajectory i starts from row i, counted on from the top after the last.

    Parameters
    ----------
    file : str
        Parquet file with a column for each coordinate, and for each velocity (``v_x``) when underdamped.
        Others are ignored.
    sha256 : str, optional
        Checksum of the file's bytes, filled in when the value is made and verified whenever it is read.

    Raises
    ------
    InvalidInput
        If there is no such file, or it lacks a column or a finite value.
    Damaged
        If the file is not the one that the checksum was taken of.
    """

    reversible: ClassVar[bool] = False
    file: str
    sha256: str

    def __init__(self, file: str, sha256: str | None = None) -> None:
        file = text(str(file) if isinstance(file, Path) else file, "initial.file")
        known = checksum(read_bytes(file)) if sha256 is None else text(sha256, "initial.sha256").lower()
        if len(known) != 64 or not set(known) <= set("0123456789abcdef"):
            raise InvalidInput(
                f"{shown(sha256)} is no SHA-256", "initial.sha256", "leave it out to have it filled in"
            )
        self._set(file=file, sha256=known)


def prepare(
    initial: Initial,
    system: Potential,
    dynamics: Langevin,
    schedule: Schedule,
    *,
    seed: int,
    direction: str,
    relax: Relax | None = None,
) -> Start:
    """Prepare the start of a run.

    Parameters
    ----------
    initial : Equilibrium, Steady, Point or Samples
    system : Potential
    dynamics : Overdamped or Underdamped
    schedule : Schedule
        As the run goes through it: reversed for a reverse run.
    seed : int
    direction : {"forward", "reverse"}
    relax : function (state, steps, first, purpose) -> state
        Carries states on with the run's own kernel at the first instant's controls and temperatures.

    Raises
    ------
    InvalidInput
        If the start does not fit the system.
    """
    initial.check_direction(direction)
    instant = first_instant(system, dynamics, schedule, seed=seed, direction=direction, relax=relax)
    match initial:
        case Equilibrium():
            return _prepare_equilibrium(initial, instant)
        case Steady():
            return _prepare_steady(initial, instant)
        case Point():
            return at_point(initial, instant)
        case Samples():
            return from_samples(initial, instant)
    raise InvalidInput(
        f"{shown(initial)} is not a start", "initial", "use Equilibrium, Steady, Point or Samples"
    )


def _prepare_equilibrium(initial: Equilibrium, instant: FirstInstant) -> Start:
    beta = check_equilibrium(initial, instant.system, instant.schedule, instant.bath_names)
    law = equilibrium(instant.system, instant.controls, beta)
    if law is None:
        return burnt_in(initial, instant, beta)
    return exact_equilibrium(instant, law, beta)


def check_equilibrium(
    initial: Equilibrium, system: Potential, schedule: Schedule, bath_names: Sequence[str]
) -> float:
    """Give the inverse temperature of an equilibrium start.

    Raises
    ------
    InvalidInput
        If the baths that are connected at the first instant differ, or a coordinate has no equilibrium.
    """
    _refuse_driven_but_not_bound(system)
    return beta_at_start(schedule, bath_names) if initial.beta is None else initial.beta


def _refuse_driven_but_not_bound(system: Potential) -> None:
    """Refuse a coordinate that the energy lacks while a force depends on it.

    Equilibrium gives such a coordinate no law, and where it stands would change work and heat. Where no force
    depends on it, it may be anywhere: the rest of the state moves alike for each of its values.
    """
    bound = bound_coordinates(system)
    for i in driven_coordinates(system):
        if i not in bound:
            name = system.coordinates[i]
            raise InvalidInput(
                f"no equilibrium of {name}, a force depends on it and the energy does not contain it",
                "initial",
                f"start from Steady(), Steady(duration=...) or Point({name}=...)",
            )


def _prepare_steady(initial: Steady, instant: FirstInstant) -> Start:
    if initial.duration is not None:
        return relaxed_to_steady_state(initial.duration, instant)
    one_temperature = len({contact.temperature for contact in instant.contacts}) == 1
    if one_temperature and not instant.system.forces and _has_table(instant.system):
        exact = _prepare_equilibrium(Equilibrium(), instant)
        return Start(exact.draw, {**exact.facts, "law": "steady state, which is equilibrium"})
    return linear_steady_state(instant)


def _has_table(system: Potential) -> bool:
    """Tell whether equilibrium goes by a table; a quadratic energy is left to the linear steady state."""
    return len(bound_coordinates(system)) == 1 and not system.is_quadratic
