"""Units as labels: nothing is converted, the numbers typed are the numbers computed and stored.

Three labels fix all others. With energy in pN um, length in um and time in s, friction is in pN s/um and mass
in pN s²/um: any three units will do. Only a temperature that is no energy needs a number, Boltzmann's.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from fluctua.stochastic.errors import InvalidInput, not_among, shown
from fluctua.stochastic.values import Value, text

if TYPE_CHECKING:
    from fluctua.stochastic.protocol import Protocol

#: Exact by the definition of the SI units (BIPM, The International System of Units, 9th edition, 2019).
_BOLTZMANN = Decimal("1.380649e-23")
_AVOGADRO = Decimal("6.02214076e23")
_ELECTRONVOLT = Decimal("1.602176634e-19")
_CALORIE = Decimal("4.184")

#: Powers of energy, length, time and temperature in each kind of quantity.
_POWERS = {
    "energy": (1, 0, 0, 0),
    "length": (0, 1, 0, 0),
    "time": (0, 0, 1, 0),
    "temperature": (0, 0, 0, 1),
    "velocity": (0, 1, -1, 0),
    "force": (1, -1, 0, 0),
    "stiffness": (1, -2, 0, 0),
    "power": (1, 0, -1, 0),
    "friction": (1, -2, 1, 0),
    "mass": (1, -2, 2, 0),
    "beta": (-1, 0, 0, 0),
    "rate": (0, 0, -1, 0),
    "number": (0, 0, 0, 0),
}

#: Powers of ten; the micro sign and the Greek letter are two characters.
_PREFIXES = {
    "": 0,
    "k": 3,
    "M": 6,
    "c": -2,
    "m": -3,
    "u": -6,
    "\N{MICRO SIGN}": -6,
    "\N{GREEK SMALL LETTER MU}": -6,
}
_PREFIXES |= {"n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24}
#: Units that an energy may be made of: in SI, and as powers of joule, newton and metre.
_PARTS: dict[str, tuple[Decimal, tuple[int, int, int]]] = {
    "J": (Decimal(1), (1, 0, 0)),
    "eV": (_ELECTRONVOLT, (1, 0, 0)),
    "cal": (_CALORIE, (1, 0, 0)),
    "erg": (Decimal("1e-7"), (1, 0, 0)),
    "N": (Decimal(1), (0, 1, 0)),
    "m": (Decimal(1), (0, 0, 1)),
    "mol": (_AVOGADRO, (0, 0, 0)),
}
_PLANCK = Decimal(
    "1.054571817646156391262428003302280744722826330020413122421923470598435912734741e-34"
)  # J s
_LONGEST = 60  # letters of a label
_LABELS = 'write a label such as "pN um" or "kJ/mol"'
_ENERGIES = "J, kJ/mol, kcal/mol, eV, pN nm, and their like"

#: Where laboratories are; an energy in this range is rare.
_ROOM = (200.0, 500.0)


class Units(Value):
    """Names for the units of a run; left out, they are energy, length, time, and a temperature is an energy.

    Parameters
    ----------
    energy, length, time : str, optional
        Labels such as ``"pN um"``, ``"um"``, ``"s"``; products by blanks, quotients by ``/``, powers ``^``.
    temperature : str, optional
        ``"K"``, also with a prefix (``"mK"``); `energy` must then be a known unit.

    Attributes
    ----------
    boltzmann, hbar : float
        Boltzmann's constant in these units, `energy` over `temperature`, and Planck's over 2 pi, `energy`
        times `time`; 1 where temperatures are energies.

    Raises
    ------
    InvalidInput
        If a temperature unit is asked for and Boltzmann's constant is not known in the energy unit.

    Examples
    --------
    >>> units = Units(energy="pN um", length="um", time="s", temperature="K")
    >>> units.label("friction"), units.label("mass"), units.boltzmann
    ('pN s/um', 'pN s²/um', 1.380649e-05)
    """

    implied_kind: ClassVar[bool] = True

    energy: str | None
    length: str | None
    time: str | None
    temperature: str | None
    boltzmann: float

    def __init__(
        self,
        energy: str | None = None,
        length: str | None = None,
        time: str | None = None,
        temperature: str | None = None,
    ) -> None:
        labels = {"energy": energy, "length": length, "time": time, "temperature": temperature}
        read = {
            word: None if label is None else _read_label(label, f"units.{word}")
            for word, label in labels.items()
        }
        self._set(**read, boltzmann=_boltzmann(read["energy"], read["temperature"]))

    @property
    def hbar(self) -> float:
        """Planck's constant over 2 pi, `energy` times `time`; 1 where temperatures are energies.

        NaN where the unit of time is not known in seconds: only quantum dynamics asks for it.
        """
        if self.temperature is None:
            return 1.0
        assert self.energy is not None
        return _planck(self.energy, self.time or "")

    def label(self, kind: str) -> str:
        """Return the unit of a kind of quantity: ``"energy"``, ``"velocity"``, ``"friction"`` and the like.

        A pure ``"number"`` has the unit ``"1"``.
        """
        if kind not in _POWERS:
            raise not_among(kind, "kind of quantity", _POWERS)
        energy = self.energy or "energy"
        base = (energy, self.length or "length", self.time or "time", self.temperature or energy)
        total: Counter[str] = Counter()
        for label, power in zip(base, _POWERS[kind], strict=True):
            for part, exponent in _factors(label, "units"):
                total[part] += power * exponent
        return _written(total)

    def __repr__(self) -> str:
        """Return the labels on one line."""
        given = ", ".join(f"{word} {label}" for word, label in self.table().items())
        return f"Units({given or 'k_B = 1'})"


def _read_label(label: object, where: str) -> str:
    read = text(label, where)
    if len(read) > _LONGEST:
        raise InvalidInput(f"{shown(read)} is too long for a unit", where, f"use at most {_LONGEST} letters")
    _factors(read, where)
    return read


def _factors(label: str, where: str) -> list[tuple[str, int]]:
    """Split a label into its parts and their powers: ``"pN s²/um"`` into pN 1, s 2, um -1."""
    factors = []
    exponents = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    plain = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda digits: f"^{digits[0].translate(exponents)}", label)
    for sign, part in re.findall(r"(/?)\s*([^\s/*·]+)", plain.replace("**", "^")):
        word, _, power = part.partition("^")
        if not word.isalpha() or not re.fullmatch(r"-?\d{1,3}|", power):
            raise InvalidInput(f"{label!r} is not a unit", where, _LABELS)
        factors.append((word, int(power or 1) * (-1 if sign else 1)))
    if not factors:
        raise InvalidInput(f"{label!r} is not a unit", where, _LABELS)
    return factors


def _written(powers: Counter[str]) -> str:
    """Write parts and powers as one label: numerator first, then each denominator behind a stroke."""
    over = " ".join(_raised(part, power) for part, power in powers.items() if power > 0)
    under = "".join(f"/{_raised(part, -power)}" for part, power in powers.items() if power < 0)
    return (over or "1") + under


def _raised(part: str, power: int) -> str:
    return part if power == 1 else part + str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _boltzmann(energy: str | None, temperature: str | None) -> float:
    """Return Boltzmann's constant in units of energy over temperature."""
    if temperature is None:
        return 1.0
    if not temperature.endswith("K") or temperature[:-1] not in _PREFIXES:
        raise InvalidInput(
            f"{temperature!r} is not a unit of temperature", "units.temperature", 'use "K", or leave it out'
        )
    if energy is None:
        raise InvalidInput("kelvin without a unit of energy", "units", f"add energy = one of {_ENERGIES}")
    constant = float((_BOLTZMANN / _joules(energy)).scaleb(_PREFIXES[temperature[:-1]]))
    if not 0.0 < constant < math.inf:
        raise _unknown_energy(energy)
    return constant


def _planck(energy: str, time: str) -> float:
    """Return Planck's constant over 2 pi in units of energy times time; NaN without a known unit of time."""
    if not time.endswith("s") or time[:-1] not in _PREFIXES:
        return math.nan
    seconds = Decimal(1).scaleb(_PREFIXES[time[:-1]])
    return float(_PLANCK / _joules(energy) / seconds)


def _joules(energy: str) -> Decimal:
    """Return an energy unit in joules; in decimals, so that the constant is rounded only once."""
    size, dimension = Decimal(1), [0, 0, 0]
    for part, power in _factors(energy, "units.energy"):
        factor, powers = _part(part, energy)
        size *= factor**power
        dimension = [total + power * one for total, one in zip(dimension, powers, strict=True)]
    if dimension not in ([1, 0, 0], [0, 1, 1]):
        raise _unknown_energy(energy)
    return size


def _part(part: str, energy: str) -> tuple[Decimal, tuple[int, int, int]]:
    for name, (size, powers) in _PARTS.items():
        prefix = part.removesuffix(name)
        if part.endswith(name) and prefix in _PREFIXES:
            return size.scaleb(_PREFIXES[prefix]), powers
    raise _unknown_energy(energy)


def _unknown_energy(energy: str) -> InvalidInput:
    return InvalidInput(
        f"no Boltzmann constant in {energy!r}", "units.energy", f"use {_ENERGIES}, or leave temperature out"
    )


def kelvin_warning(protocol: Protocol, units: Units) -> str | None:
    """Return the remark on a temperature that looks like kelvin where temperatures are energies, or None."""
    if units.temperature is not None or protocol.word != "temperature":
        return None
    for value in protocol.start_temperatures.values():
        if _ROOM[0] <= value <= _ROOM[1]:
            remedy = 'for kelvin add units with temperature = "K"'
            return str(InvalidInput(f"{value:g} is an energy here", "protocol.temperature", remedy))
    return None


def planck_warning(units: Units) -> str | None:
    """Return the remark on hbar = 1 where units of energy and time say what it is, or None."""
    if units.temperature is not None or units.energy is None or units.time is None:
        return None
    try:
        value = _planck(units.energy, units.time)
    except InvalidInput:  # an energy unit of one's own
        return None
    if math.isnan(value):
        return None
    what = f"hbar is 1 {units.energy} {units.time} here, Planck's constant is {value:.4g}"
    remedy = 'add temperature = "K", with temperatures in kelvin, or leave the labels out'
    return str(InvalidInput(what, "units", remedy))
