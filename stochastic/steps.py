"""The steps of a protocol: what moves, what stays connected, for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.ramps import Ramp, read_ramp
from fluctua.stochastic.values import Value, mapping, names, number, text

Thermal = Ramp | Mapping[str, Ramp]

WORDS = ("beta", "temperature")
"""The two words for a temperature; the word used is the one that is linear in a ramp."""


class Step(Value):
    """One step of a protocol; use one of its kinds.

    Attributes
    ----------
    duration : float, time
        Zero for a quench.
    name : str or None
        None for the default, number and kind: ``"1 isothermal"``.
    baths : tuple of str or None
        The baths that are connected; None for all of them.
    beta, temperature : value in time, mapping of bath to value in time, or None
        Of all baths, or of some by name; at most one of the two is given.
    moves : mapping of str to value in time
        Controls by name.
    """

    connected: ClassVar[bool] = True
    """Whether baths are on during the step."""

    duration: float
    name: str | None
    baths: tuple[str, ...] | None
    beta: Thermal | None
    temperature: Thermal | None
    moves: Mapping[str, Ramp]

    def _set_step(
        self,
        duration: object,
        name: object,
        baths: object = None,
        thermal: tuple[object, object] = (None, None),
        moves: Mapping[str, object] | None = None,
    ) -> None:
        beta, temperature = thermal
        if beta is not None and temperature is not None:
            raise InvalidInput("beta and temperature are given", "temperature", "give one of them")
        self._set(
            duration=duration,
            name=None if name is None else _read_name(name),
            baths=None if baths is None else _read_baths(baths),
            beta=read_thermal(beta, "beta"),
            temperature=read_thermal(temperature, "temperature"),
            moves={control: read_ramp(value, control) for control, value in (moves or {}).items()},
        )

    @property
    def word(self) -> str | None:
        """The word that the step uses for temperatures, if it names any."""
        return next((word for word in WORDS if getattr(self, word) is not None), None)

    @property
    def thermal(self) -> Thermal | None:
        """What the step says of temperatures, in its own word."""
        return None if self.word is None else getattr(self, self.word)

    def _refuse_moving_temperature(self) -> None:
        values = self.thermal.values() if isinstance(self.thermal, Mapping) else [self.thermal]
        if self.word and not all(isinstance(value, float) for value in values):
            raise InvalidInput("the temperature moves", self.word, "use Thermostatic, or give one number")

    def __repr__(self) -> str:
        """Return the call that makes this step; long tables are summed up."""
        duration = [] if isinstance(self, Quench) else [repr(self.duration)]
        said = [("name", self.name), ("baths", self.baths), (self.word, self.thermal), *self.moves.items()]
        words = [f"{word}={_summed_up(value)}" for word, value in said if value is not None]
        return f"{self.kind}({', '.join(duration + words)})"


class Isothermal(Step):
    """Controls move, the baths keep their temperatures.

    Parameters
    ----------
    duration : float, time
        Greater than zero.
    name : str, optional
        Unique in its protocol.
    baths : sequence of str, optional
        The baths that stay connected; all of them if left out.
    beta, temperature : float or mapping of bath to float, optional
        Restates the temperature, or names it for the first time.
    **moves : value in time
        Controls: ``c=(0.0, 2.0)`` is a linear ramp, ``c="2*sin(pi*s/2)"`` a formula.

    Examples
    --------
    >>> Isothermal(0.02, c=(0.0, 0.1), name="drag")
    Isothermal(0.02, name='drag', c=(0.0, 0.1))
    """

    def __init__(
        self,
        duration: float,
        *,
        name: str | None = None,
        baths: Sequence[str] | None = None,
        beta: float | Mapping[str, float] | None = None,
        temperature: float | Mapping[str, float] | None = None,
        **moves: Any,
    ) -> None:
        self._set_step(_read_duration(duration), name, baths, (beta, temperature), moves)
        self._refuse_moving_temperature()


class Thermostatic(Step):
    """Temperatures move; controls may move too.

    Parameters
    ----------
    duration : float, time
        Greater than zero.
    name : str, optional
        Unique in its protocol.
    baths : sequence of str, optional
        The baths that stay connected; all of them if left out.
    beta, temperature : value in time, or mapping of bath to value in time
        One of the two, greater than zero; the one used is linear in a ramp.
    **moves : value in time
        Controls.

    Examples
    --------
    >>> Thermostatic(30.0, beta={"hot": (1, 2)})
    Thermostatic(30.0, beta={'hot': (1.0, 2.0)})
    """

    def __init__(
        self,
        duration: float,
        *,
        name: str | None = None,
        baths: Sequence[str] | None = None,
        beta: Any = None,
        temperature: Any = None,
        **moves: Any,
    ) -> None:
        self._set_step(_read_duration(duration), name, baths, (beta, temperature), moves)
        if self.word is None:
            raise InvalidInput(
                "no temperature moves", "beta", "give beta= or temperature=, or use Isothermal"
            )


class Quench(Step):
    """Controls or temperatures jump at once, at frozen state.

    Parameters
    ----------
    name : str, optional
        Unique in its protocol.
    beta, temperature : float or mapping of bath to float, optional
        The value after the jump.
    **moves : float
        Controls: their values after the jump.

    Examples
    --------
    >>> Quench(c=1.0)
    Quench(c=1.0)
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        beta: float | Mapping[str, float] | None = None,
        temperature: float | Mapping[str, float] | None = None,
        **moves: float,
    ) -> None:
        for word in ("duration", "baths"):
            if word in moves:
                raise InvalidInput(f"a quench has no {word}", word, "leave it out")
        for control, value in moves.items():
            number(value, control, remedy="a quench goes to one value")
        self._set_step(0.0, name, None, (beta, temperature), moves)
        self._refuse_moving_temperature()
        if not self.moves and self.word is None:
            raise InvalidInput("a quench of nothing", "", "give the value after the jump, Quench(c=1.0)")


class Isolated(Step):
    """Controls move, no bath is connected: Hamiltonian motion.

    Parameters
    ----------
    duration : float, time
        Greater than zero.
    name : str, optional
        Unique in its protocol.
    **moves : value in time
        Controls.

    Examples
    --------
    >>> Isolated(1.0, k=(1.0, 4.0))
    Isolated(1.0, k=(1.0, 4.0))
    """

    connected: ClassVar[bool] = False

    def __init__(self, duration: float, *, name: str | None = None, **moves: Any) -> None:
        for word in ("baths", *WORDS):
            if word in moves:
                raise InvalidInput(f"an isolated step has no {word}", word, "leave it out, or use Isothermal")
        self._set_step(_read_duration(duration), name, moves=moves)


class Hold(Step):
    """Nothing moves.

    Parameters
    ----------
    duration : float, time
        Greater than zero.
    name : str, optional
        Unique in its protocol.
    baths : sequence of str, optional
        The baths that stay connected; all of them if left out.
    beta, temperature : float or mapping of bath to float, optional
        Restates the temperature, or names it for the first time.

    Examples
    --------
    >>> Hold(0.01)
    Hold(0.01)
    """

    def __init__(
        self,
        duration: float,
        *,
        name: str | None = None,
        baths: Sequence[str] | None = None,
        beta: float | Mapping[str, float] | None = None,
        temperature: float | Mapping[str, float] | None = None,
    ) -> None:
        self._set_step(_read_duration(duration), name, baths, (beta, temperature))
        self._refuse_moving_temperature()


KINDS: dict[str, type[Step]] = {
    cls.__name__: cls for cls in (Isothermal, Thermostatic, Quench, Isolated, Hold)
}
"""The kinds of steps, by the name that a table gives as `kind`."""


def read_thermal(value: object, where: str) -> Thermal | None:
    """Return temperatures of all baths, or of some by name, as plain positive values in time."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return read_ramp(value, where, positive=True)
    if not value:
        raise InvalidInput("no bath is named", where, "give one number for all baths, or one a bath")
    return {
        bath: read_ramp(item, f"{where}.{bath}", positive=True)
        for bath, item in mapping(value, where).items()
    }


def _read_duration(value: object) -> float:
    return number(value, "duration", positive=True, remedy="a step takes time; for a jump use Quench")


def _read_name(value: object) -> str:
    read = text(value, "name")
    # A dot or a number could not be told from the rest of a dotted path.
    if not read.isprintable() or len(read) > 80 or "." in read or read.isdigit():
        raise InvalidInput(
            f"{shown(read)} is not a name for a step", "name", "use letters, up to 80, and no dot"
        )
    return read


def _read_baths(value: object) -> tuple[str, ...]:
    read = names(value, "baths")
    if not read:
        raise InvalidInput("no bath is connected", "baths", "use Isolated")
    return read


def _summed_up(value: Any) -> str:
    """Return a value in time on one short line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name!r}: {_summed_up(item)}" for name, item in value.items()) + "}"
    if isinstance(value, tuple) and len(value) > 4:
        return f"({value[0]!r}, ... {len(value) - 2} values ..., {value[-1]!r})"
    return repr(value)
