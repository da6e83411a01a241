"""Protocols: all that changes in time, controls and temperatures, as a list of steps."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fluctua.stochastic.borders import (
    Borders,
    borders_of,
    is_thermal,
    named_baths,
    place_of,
    quantity,
    ramps_of,
    thermal_ramps,
)
from fluctua.stochastic.course import Course
from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.ramps import Ramp
from fluctua.stochastic.reversal import reversed_step, temperatures_at
from fluctua.stochastic.schedule import MOST_STROKES, Schedule, ends_of_strokes, held_values, moves_of
from fluctua.stochastic.steps import (
    KINDS,
    WORDS,
    Hold,
    Isolated,
    Isothermal,
    Quench,
    Step,
    Thermal,
    Thermostatic,
    read_thermal,
)
from fluctua.stochastic.values import Value, build, integer, number, sequence
from fluctua.stochastic.values import name as read_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Hold",
    "Isolated",
    "Isothermal",
    "Protocol",
    "Quench",
    "Thermostatic",
    "stirling_cycle",
]

_NAMES_SHOWN = 6
_STEP_WORDS = ("duration", "name", "baths", *WORDS)


class Protocol(Value):
    """A list of steps, done once or in cycles, from given values of the controls.

    Between steps nothing jumps, unless a `Quench` says so; more than one cycle must close.

    Parameters
    ----------
    steps : sequence of Step
        `Isothermal`, `Thermostatic`, `Quench`, `Isolated` or `Hold`.
    cycles : int
        How often the steps are done, at least once.
    beta, temperature : float or mapping of bath to float, optional
        Of all baths, or of each by name, at the start. Left out, it is the first value that a step names.
    **controls : float
        Controls at the start. A control left out starts at the first value that a step names.

    Attributes
    ----------
    controls : mapping of str to float
        Controls at the start, without those that a step gives as well.
    word : str or None
        ``"beta"`` or ``"temperature"``, whichever the protocol uses.
    names : tuple of str
        The name of each step, defaults filled in.
    duration : float, time
        Of all cycles.

    Raises
    ------
    InvalidInput
        If a control or a temperature jumps at a border, a cycle does not close, two steps share a name, or a
        value is not what it should be. `check` looks at names of controls and baths, which need the system.

    Examples
    --------
    >>> Protocol([Isothermal(1.0, k=(1.0, 4.0))], beta=1.0)
    Protocol: 1 step, 1 long: 1 isothermal
    """

    implied_kind: ClassVar[bool] = True

    steps: tuple[Step, ...]
    cycles: int
    beta: Thermal | None
    temperature: Thermal | None
    controls: Mapping[str, float]
    word: str | None
    _named: tuple[str, ...]
    _borders: Borders

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        cycles: int = 1,
        beta: float | Mapping[str, float] | None = None,
        temperature: float | Mapping[str, float] | None = None,
        **controls: float,
    ) -> None:
        if beta is not None and temperature is not None:
            raise InvalidInput("beta and temperature are given", "protocol", "give one of them")
        word = "beta" if beta is not None else "temperature" if temperature is not None else None
        thermal = _read_start_temperature(beta if temperature is None else temperature, f"protocol.{word}")
        at_start = {control: _read_start(value, f"protocol.{control}") for control, value in controls.items()}
        read = _read_steps(steps)
        self._set(
            cycles=integer(cycles, "protocol.cycles", least=1, most=MOST_STROKES), word=_one_word(read, word)
        )
        self._set(_named=named_baths([thermal, *(step.thermal for step in read)]))
        warm = thermal_ramps(thermal, self.word, self._named)
        borders = borders_of(read, {**at_start, **warm}, self._named, self.cycles)
        self._set(_borders=borders, steps=_normal_steps(read, borders, self._named))
        self._set(controls={name: value for name, value in at_start.items() if name not in borders.implied})
        follows = set(warm) <= borders.implied and set(named_baths([thermal])) <= set(_named_in(read))
        kept = None if follows else thermal
        self._set(
            beta=kept if self.word == "beta" else None,
            temperature=kept if self.word == "temperature" else None,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each step: its own, or its number and kind."""
        return tuple(step.name or _default_name(step, number) for number, step in enumerate(self.steps))

    @property
    def duration(self) -> float:
        """Time that all cycles take."""
        return self.cycles * sum(step.duration for step in self.steps)

    @property
    def start_temperatures(self) -> dict[str, float]:
        """Temperatures at the first instant, in the protocol's `word`, such as ``{"beta of hot": 0.5}``."""
        keys = thermal_ramps(1.0, self.word, self._named)
        return {name: value for name, value in self._borders.start.items() if name in keys}

    def repeat(self, times: int) -> Protocol:
        """Return the protocol done several times over.

        Raises
        ------
        InvalidInput
            If it does not end where it began.
        """
        cycles = self.cycles * integer(times, "times", least=1, most=MOST_STROKES)
        return Protocol(**{**self.table(), "cycles": cycles})

    def reversed(self) -> Protocol:
        """Return the protocol run backwards, in words.

        Steps keep their names, formulas are mirrored, a quench leads back to what stood before it. The
        reverse of the reverse is the protocol itself (but for rounding, where a formula meets a quench).

        Raises
        ------
        InvalidInput
            If it would have to start with a temperature for all baths and another for one of them.
        """
        *before, end = self._borders.instants()
        steps = [
            reversed_step(step, name, now, self._named)
            for step, name, now in zip(self.steps, self.names, before, strict=True)
        ]
        given: dict[str, Any] = {name: value for name, value in end.items() if not is_thermal(name)}
        if self.word is not None:
            at_start = getattr(self, self.word)
            by_name = at_start if isinstance(at_start, Mapping) else ()
            named = {bath: end[quantity(self.word, bath)] for bath in by_name}
            given[self.word] = named or temperatures_at(end, self.word, self._named)
        return Protocol(steps[::-1], cycles=self.cycles, **given)

    def check(
        self, controls: Sequence[str], baths: Sequence[str], dynamics_allows_isolated: bool = True
    ) -> None:
        """Check the protocol against the system and the dynamics that it is to drive.

        Parameters
        ----------
        controls : sequence of str
            The controls of the system.
        baths : sequence of str
            The baths of the dynamics.
        dynamics_allows_isolated : bool
            Whether the system moves without its baths; an overdamped one does not.

        Raises
        ------
        InvalidInput
            If a control or bath is unknown, has no value, or is disconnected where it must not be.
        """
        self._check_controls(controls)
        self._check_temperatures(baths)
        for number_, step in enumerate(self.steps):
            place = place_of(step, number_)
            for bath in step.baths or ():
                if bath not in baths:
                    raise not_among(bath, "bath", baths, f"{place}.baths")
            missing = [bath for bath in baths if bath not in _connected(step, baths)]
            if missing and step.duration and not dynamics_allows_isolated:
                raise InvalidInput(
                    f"an overdamped system cannot lose its bath, {missing[0]} is off",
                    place,
                    "use Underdamped",
                )

    def schedule(
        self,
        time_step: float | None,
        controls: Sequence[str],
        baths: Sequence[str],
        boltzmann: float = 1.0,
        hbar: float = 1.0,
    ) -> Schedule:
        """Return the protocol as tables.

        Parameters
        ----------
        time_step : float or None, time
            Must divide the duration of each step; None for dynamics that needs none.
        controls : sequence of str
            The controls of the system: columns of the tables.
        baths : sequence of str
            The baths of the dynamics: columns of the tables.
        boltzmann : float, energy / temperature
            Boltzmann's constant, for protocols in temperatures: ``beta = 1 / (boltzmann * temperature)``.
        hbar : float, energy time
            Planck's constant over 2 pi, for quantum dynamics.

        Raises
        ------
        InvalidInput
            As `check` does, and if the time step does not divide a duration or a formula is not finite.
        """
        self.check(controls, baths)
        quantities = [*controls, *(self._quantity(bath) for bath in baths)]
        step = None if time_step is None else number(time_step, "time_step", positive=True)
        moves = moves_of(self.steps, self.cycles, step)
        held = held_values(self.steps, moves, quantities, self._borders, self._named)
        opening, closing = ends_of_strokes(quantities, self._borders, closed=self.cycles > 1)
        connected = np.array(
            [[bath in _connected(step, baths) for bath in baths] for step in self.steps], dtype=bool
        )
        split, cycles = len(controls), self.cycles

        def beta(rows: Floats) -> Floats:
            return np.tile(self._as_beta(rows[:, split:], boltzmann), (cycles, 1))

        def control(rows: Floats) -> Floats:
            return np.tile(rows[:, :split], (cycles, 1))

        return Schedule(
            time_step=step,
            steps=sum(moves) * cycles,
            controls=control(held),
            beta=beta(held),
            coupled=np.tile(np.repeat(connected, moves, axis=0), (cycles, 1)),
            names=list(self.names) * cycles,
            cycle=[cycle for cycle in range(1, cycles + 1) for _ in moves],
            moves=np.tile(np.array(moves, dtype=np.int64), cycles),
            opening_controls=control(opening),
            closing_controls=control(closing),
            opening_beta=beta(opening),
            closing_beta=beta(closing),
            course=self._course(quantities, split, boltzmann),
            hbar=hbar,
        )

    def _course(self, quantities: Sequence[str], controls: int, boltzmann: float) -> Course:
        """Return the same in continuous time."""
        return Course(
            steps=self.steps,
            instants=list(self._borders.instants()),
            quantities=quantities,
            controls=controls,
            named=self._named,
            cycles=self.cycles,
            as_beta=partial(self._as_beta, boltzmann=boltzmann),
        )

    def _as_beta(self, thermal: Floats, boltzmann: float) -> Floats:
        """Return inverse temperatures from values in the protocol's own word."""
        with np.errstate(all="ignore"):
            beta = thermal if self.word == "beta" else 1.0 / (boltzmann * thermal)
        if not (np.isfinite(beta) & (beta > 0.0)).all():
            raise InvalidInput(
                "an inverse temperature out of range", f"protocol.{self.word}", "check the units"
            )
        return beta

    def _quantity(self, bath: str) -> str:
        return quantity(self.word or "beta", bath if bath in self._named else None)

    def _check_controls(self, controls: Sequence[str]) -> None:
        for name in self.controls:
            if name not in controls:
                raise not_among(name, "control", controls, "protocol", ("cycles", *WORDS))
        for number_, step in enumerate(self.steps):
            for name in step.moves:
                if name not in controls:
                    raise not_among(name, "control", controls, place_of(step, number_), _STEP_WORDS)
        for name in controls:
            if name not in self._borders.start:
                raise InvalidInput(
                    f"{name} has no value", "protocol", f"give {name}= at the start or move it in a step"
                )

    def _check_temperatures(self, baths: Sequence[str]) -> None:
        for bath in self._named:
            if bath not in baths:
                raise not_among(bath, "bath", baths, f"protocol.{self.word}")
        for bath in baths:
            if self.word is None:
                raise InvalidInput("no temperature", "protocol", "give beta= or temperature=")
            if self._quantity(bath) not in self._borders.start:
                remedy = f'add "{bath}"; a source of work, which gives no heat, may have that of another bath'
                raise InvalidInput(f"{bath} has no temperature", f"protocol.{self.word}", remedy)

    def __repr__(self) -> str:
        """Return the size and the names of the steps on one line."""
        count = len(self.steps)
        cycles = f" x {self.cycles} cycles" if self.cycles > 1 else ""
        names = ", ".join(self.names[:_NAMES_SHOWN]) + (", ..." if count > _NAMES_SHOWN else "")
        return f"Protocol: {count} step{'s' if count > 1 else ''}{cycles}, {self.duration:g} long: {names}"

    def __str__(self) -> str:
        """Return a table with a line for each step."""
        rows = list(self._rows())
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        cycles = f", {self.cycles} cycles" if self.cycles > 1 else ""
        return "\n".join(
            [f"Protocol, {self.duration:g} long{cycles}", *(f"  {line}".rstrip() for line in lines)]
        )

    def _repr_html_(self) -> str:
        """Return the table of `print` for notebooks."""
        head, *body = (tuple(html.escape(cell) for cell in row) for row in self._rows())
        title = "".join(f"<th>{cell}</th>" for cell in head)
        title = f"<thead><tr>{title}</tr></thead>"
        lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
        caption = html.escape(str(self).partition("\n")[0])
        return f"<table><caption>{caption}</caption>{title}<tbody>{lines}</tbody></table>"

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """Give the head of the printed table, then a row for each step."""
        quantities = list(self._borders.start)
        some_off = any(step.baths is not None or not step.connected for step in self.steps)
        yield "step", "kind", "duration", *quantities, *(["baths"] if some_off else [])
        for step, name, now in zip(self.steps, self.names, self._borders.instants(), strict=False):
            ramps = ramps_of(step, self._named)
            jumping = ramps if isinstance(step, Quench) else ()
            cells = [
                _cell(ramps.get(quantity, now[quantity]), quantity in jumping) for quantity in quantities
            ]
            baths = "none" if not step.connected else ", ".join(step.baths or ("all",))
            yield name, step.kind, f"{step.duration:g}", *cells, *([baths] if some_off else [])


def stirling_cycle(
    *,
    duration: float,
    beta: tuple[float, float] | None = None,
    temperature: tuple[float, float] | None = None,
    cycles: int = 1,
    **controls: tuple[float, float],
) -> Protocol:
    """Return the Stirling cycle: hot isotherm, cooling, cold isotherm, heating, each of the same duration.

    Controls go from their first to their second value while hot, and back while cold.

    Parameters
    ----------
    duration : float, time
        Of each of the four steps.
    beta, temperature : pair of float
        Hot, then cold; the word used is linear in time while cooling and heating.
    cycles : int
        How often the cycle is done.
    **controls : pair of float
        At the beginning and at the end of the hot isotherm.

    Raises
    ------
    InvalidInput
        If a pair is not two numbers, no control is given, or the first temperature is not the hot one.

    Examples
    --------
    >>> stirling_cycle(E=(1.0, 0.0), beta=(1.0, 3.0), duration=30.0, cycles=3)
    Protocol: 4 steps x 3 cycles, 360 long: hot isotherm, cooling, cold isotherm, heating
    """
    if (beta is None) == (temperature is None):
        raise InvalidInput("give beta or temperature, one of them", "protocol", "hot first: beta=(1.0, 3.0)")
    word, warm = ("beta", beta) if temperature is None else ("temperature", temperature)
    hot, cold = _pair(warm, word)
    if (hot > cold) == (word == "beta") or hot == cold:
        raise InvalidInput(
            f"{hot!r} is not hotter than {cold!r}", f"protocol.{word}", "give the hot one first"
        )
    if not controls:
        raise InvalidInput(
            "no control moves", "protocol", "give its values at both ends of the hot isotherm, E=(1.0, 0.0)"
        )
    moving = {read_name(control, "protocol"): value for control, value in controls.items()}
    there: dict[str, Any] = {control: _pair(value, control) for control, value in moving.items()}
    back: dict[str, Any] = {control: value[::-1] for control, value in there.items()}
    down: dict[str, Any] = {word: (hot, cold)}
    up: dict[str, Any] = {word: (cold, hot)}
    steps = [
        Isothermal(duration, name="hot isotherm", **there),
        Thermostatic(duration, name="cooling", **down),
        Isothermal(duration, name="cold isotherm", **back),
        Thermostatic(duration, name="heating", **up),
    ]
    return Protocol(steps, cycles=cycles)


def _pair(value: object, name: str) -> tuple[float, float]:
    where = f"protocol.{name}"
    pair = sequence(value, where, "pair of numbers")
    if len(pair) != 2:
        raise InvalidInput(f"{len(pair)} values", where, f"give two, {name}=(first, second)")
    first, second = (number(item, where) for item in pair)
    return first, second


def _read_steps(steps: object) -> tuple[Step, ...]:
    """Return the steps, made from tables where they are tables; each name only once."""
    items = sequence(steps, "protocol.steps", "step")
    if not items:
        raise InvalidInput("no steps", "protocol.steps", "give at least one, such as Hold(1.0)")
    return tuple(build(item, KINDS, _place_of_table(item, number)) for number, item in enumerate(items))


def _place_of_table(item: object, number: int) -> str:
    name = item.get("name") if isinstance(item, Mapping) else None
    named = isinstance(name, str) and name.isprintable() and len(name) <= 80
    return f"protocol.steps.{name if named else number}"


def _read_start(value: object, where: str) -> float:
    return number(
        value, where, remedy="a protocol takes the value at the start; ramps and formulas belong to its steps"
    )


def _read_start_temperature(value: object, where: str) -> float | Mapping[str, float] | None:
    thermal = read_thermal(value, where)
    if isinstance(thermal, Mapping):
        return {bath: _at_rest(ramp, where) for bath, ramp in thermal.items()}
    return None if thermal is None else _at_rest(thermal, where)


def _at_rest(temperature: Ramp, where: str) -> float:
    if isinstance(temperature, float):
        return temperature
    remedy = "give its value at the start; to move it use Thermostatic"
    raise InvalidInput("the temperature moves", where, remedy)


def _one_word(steps: Sequence[Step], word: str | None) -> str | None:
    """Return the word that a protocol uses for temperatures; two words could not be compared at a border."""
    for position, step in enumerate(steps):
        if word and step.word and step.word != word:
            raise InvalidInput(
                f"{step.word} here, {word} elsewhere", place_of(step, position), "use one of them throughout"
            )
        word = word or step.word
    return word


def _named_in(steps: Sequence[Step]) -> tuple[str, ...]:
    return named_baths([step.thermal for step in steps])


def _normal_steps(steps: Sequence[Step], borders: Borders, named: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps in the form that equal protocols share: no default names, no bath left to guess."""
    result, seen = [], set[str]()
    for position, (step, change) in enumerate(zip(steps, borders.changes, strict=True)):
        default = _default_name(step, position)
        own = step.name or default
        if own in seen:
            raise InvalidInput(f"two steps are called {own!r}", place_of(step, position), "rename one")
        seen.add(own)
        changed: dict[str, Any] = {"name": None} if step.name == default else {}
        if step.word and not isinstance(step.thermal, Mapping) and step.word not in change:
            changed[step.word] = {bath: change[quantity(step.word, bath)] for bath in named}
        result.append(type(step)(**{**step.table(), **changed}) if changed else step)
    return tuple(result)


def _default_name(step: Step, number: int) -> str:
    return f"{number + 1} {step.kind.lower()}"


def _connected(step: Step, baths: Sequence[str]) -> Sequence[str]:
    """Return the baths that are on during a step."""
    if not step.connected:
        return ()
    return baths if step.baths is None else step.baths


def _cell(ramp: Ramp, jumps: bool) -> str:
    """Return a value in time as it stands in the printed table."""
    if isinstance(ramp, str):
        return ramp
    if isinstance(ramp, float):
        return f"jumps to {ramp:.6g}" if jumps else f"{ramp:.6g}"
    between = f" ({len(ramp)} values)" if len(ramp) > 2 else ""
    return f"{ramp[0]:.6g} -> {ramp[-1]:.6g}{between}"
