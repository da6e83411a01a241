"""Values: the frozen, comparable, printable pieces that a spec is made of, and how tables become values."""

from __future__ import annotations

import functools
import inspect
import keyword
import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from fluctua.stochastic.errors import InvalidInput, did_you_mean, shown
from fluctua.stochastic.grammar import FUNCTIONS

RESERVED = frozenset(
    {
        "t", "s", "pi", "duration", "beta", "temperature", "baths", "name", "on", "steps", "cycles", "kind",
        "integral", "final", "max", "min", "first", "self",
    }
)  # fmt: skip
"""Words with a meaning of their own in formulas, protocols or records."""

_LONGEST_NAME = 64
MOST_NAMES = 200  # in one list: as many as a formula has parts
MOST_ENTRIES = 1000  # in one table of names

LEDGER = frozenset(
    {
        "trajectory", "status", "work", "control_work", "force_work", "chemical_work", "exclusive_work",
        "dimensionless_work", "heat", "entropy_flow", "shadow_work", "energy_change", "log_ratio",
        "time", "cycle", "stroke", "channel", "state", "activity", "path_work", "quantum_heat",
        "housekeeping_entropy", "hatano_sasa",
    }
)  # fmt: skip
"""Columns that every table may have."""


class Value:
    """A piece of a spec: made once, never changed, equal to another when it says the same.

    A subclass sets one attribute for each keyword of its constructor, under the same name, through
    `_set`; a ``**keywords`` catch-all becomes an attribute holding a mapping. Everything else
    follows: ``table()`` gives the keywords back as plain numbers, texts, lists and dictionaries with
    the defaults left out, and ``type(value)(**value.table()) == value``.
    """

    implied_kind: ClassVar[bool] = False
    """Whether this is the only class that fits its place, so that a table need not name it."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Let a constructor refuse unknown keywords as a table's are refused, with those that it takes."""
        super().__init_subclass__(**keywords)
        if "__init__" in vars(cls):
            cls.__init__ = _with_known_keywords(cls)  # type: ignore[method-assign]

    def _set(self, **attributes: Any) -> None:
        """Store the attributes of a value under construction."""
        self.__dict__.update({name: _frozen(value) for name, value in attributes.items()})

    @property
    def kind(self) -> str:
        """The name of the class, as a TOML table writes it."""
        return type(self).__name__

    def table(self) -> dict[str, Any]:
        """Return the keywords that make this value, defaults left out, as TOML values."""
        keywords: dict[str, Any] = {}
        for parameter in _parameters(type(self)):
            value = self.__dict__.get(parameter.name)
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                keywords.update(_plain(value or {}))
            elif not _is_default(value, parameter.default):
                keywords[parameter.name] = _plain(value)
        return keywords

    def tagged(self) -> dict[str, Any]:
        """Return the table as it stands inside another one: with its `kind`, unless that is implied."""
        return self.table() if self.implied_kind else {"kind": self.kind, **self.table()}

    @property
    def _identity(self) -> Any:
        """Everything that makes two values equal, hashable and independent of the order of keywords."""
        if "_identity_" not in self.__dict__:
            self.__dict__["_identity_"] = (self.kind, _hashable(self.table()))
        return self.__dict__["_identity_"]

    def __eq__(self, other: object) -> bool:
        """Tell whether the other value is of the same class and says the same."""
        if not isinstance(other, Value):
            return NotImplemented
        return type(self) is type(other) and bool(self._identity == other._identity)

    def __hash__(self) -> int:
        """Hash what makes two values equal."""
        return hash(self._identity)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: values do not change."""
        raise AttributeError(
            f"{_with_article(self.kind)} does not change: make a new one instead of setting {name!r}"
        )

    def __delattr__(self, name: str) -> None:
        """Refuse: values do not change."""
        raise AttributeError(f"{_with_article(self.kind)} does not change: {name!r} stays")

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as plain data: a pickled or copied value is rebuilt from its table."""
        return _rebuild, (type(self), self.table())

    def __copy__(self) -> Self:
        """Return itself, as it cannot change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself, as it cannot change."""
        return self

    def __repr__(self) -> str:
        """Return the call that makes this value, on one line."""
        words = ", ".join(f"{name}={value!r}" for name, value in self.table().items())
        return f"{self.kind}({words})"


Built = TypeVar("Built", bound=Value)


def build(table: object, kinds: Mapping[str, type[Built]], where: str, default: str | None = None) -> Built:
    """Return the value that a table describes: `kind` is the class, the other keys are its keywords.

    Parameters
    ----------
    table : mapping or Value
        A table of a TOML or JSON file. A value of one of the classes is returned as it is.
    kinds : mapping of str to class
        The classes that fit this place, by name.
    where : str
        Dotted path of the table; errors of its parts are placed inside it.
    default : str, optional
        The class meant by a table without `kind`. Where only one class fits, it is that one.

    Raises
    ------
    InvalidInput
        If this is no table, names no class that fits, lacks a keyword or has an unknown one.
    """
    for cls in kinds.values():
        if isinstance(table, cls):
            return table
    if not isinstance(table, Mapping):
        named = isinstance(table, str) and table in kinds
        remedy = f'write {{ kind = "{table}" }}' if named else f"expected {_one_of(kinds)}"
        raise InvalidInput(f"{shown(table)} does not fit here", where, remedy)
    keywords = dict(table)
    chosen = _class_of(keywords.pop("kind", default), kinds, where)
    _check_keywords(chosen, keywords, where)
    try:
        return chosen(**keywords)
    except InvalidInput as error:
        raise error.within(where) from None


def _class_of(kind: object, kinds: Mapping[str, type[Built]], where: str) -> type[Built]:
    if kind is None and len(kinds) == 1:
        return next(iter(kinds.values()))
    if kind is None:
        raise InvalidInput("no kind", where, f"expected {_one_of(kinds)}")
    if not isinstance(kind, str) or kind not in kinds:
        suggestion = did_you_mean(kind, kinds)
        raise InvalidInput(
            f"{shown(kind)} does not fit here", f"{where}.kind", f"expected {_one_of(kinds)}{suggestion}"
        )
    return kinds[kind]


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"


def _one_of(names: Iterable[str]) -> str:
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _with_known_keywords(cls: type[Value]) -> Callable[..., None]:
    """Return the constructor of a class, which refuses keywords that it does not know."""
    construct = vars(cls)["__init__"]

    @functools.wraps(construct)
    def checked(self: Value, *given: Any, **keywords: Any) -> None:
        if keywords:
            _refuse_unknown(cls, keywords, cls.__name__)
        construct(self, *given, **keywords)

    return checked


def _check_keywords(cls: type[Value], keywords: Mapping[Any, Any], where: str) -> None:
    """Refuse keywords that the class does not know, and the lack of those it needs."""
    _refuse_unknown(cls, keywords, where)
    for parameter in _parameters(cls):
        needed = parameter.default is parameter.empty and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        if needed and parameter.name not in keywords:
            raise InvalidInput(f"no {parameter.name}", where, f"{cls.__name__} needs it")


def _refuse_unknown(cls: type[Value], keywords: Iterable[Any], where: str) -> None:
    parameters = _parameters(cls)
    open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    known = [
        parameter.name for parameter in parameters if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    for name in keywords:
        # A catch-all cannot take `self`, which Python has taken already.
        if not isinstance(name, str) or not (name in known or (open_ended and name != "self")):
            remedy = f"{cls.__name__} takes {', '.join(known)}{did_you_mean(name, known)}"
            raise InvalidInput(f"{shown(name)} is unknown", where, remedy)


def _parameters(cls: type[Value]) -> tuple[inspect.Parameter, ...]:
    """Return the parameters of the constructor, without `self`."""
    return tuple(inspect.signature(cls.__init__).parameters.values())[1:]


def _rebuild(cls: type[Value], table: dict[str, Any]) -> Value:
    return cls(**table)


def _is_default(value: object, default: object) -> bool:
    if default is None:
        return value is None or (isinstance(value, tuple | Mapping) and not value)
    return type(value) is type(default) and bool(value == default)


def _plain(value: Any) -> Any:
    """Return numbers, texts, lists and dictionaries in place of values, tuples and read-only mappings."""
    if isinstance(value, Value):
        return value.tagged()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return frozenset((name, _hashable(item)) for name, item in value.items())
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    return value


def _frozen(value: Any) -> Any:
    return MappingProxyType(dict(value)) if isinstance(value, dict) else value


def number(value: object, where: str, *, positive: bool = False, remedy: str = "") -> float:
    """Return a finite float; truth values, texts and complex numbers are not numbers.

    Parameters
    ----------
    value : object
        An int, float, or NumPy scalar (also an array of no dimension).
    where : str
        Dotted path for the error.
    positive : bool
        Whether zero and negative numbers are refused too.
    remedy : str
        What to do instead, for the error.

    Returns
    -------
    float
        Minus zero becomes zero, so that equal numbers print alike.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise InvalidInput(f"{shown(value)} is not a number", where, remedy)
    try:
        result = float(value) + 0.0
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise InvalidInput(f"{shown(value)} is not finite", where, remedy)
    if positive and result <= 0.0:
        raise InvalidInput(f"{result!r} is not positive", where, remedy)
    return result


def integer(value: object, where: str, *, least: int | None = None, most: int | None = None) -> int:
    """Return a whole number within bounds; truth values and floats are not whole numbers."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise InvalidInput(f"{shown(value)} is not a whole number", where)
    result = int(value)
    if least is not None and result < least:
        raise InvalidInput(f"{shown(result)} is less than {least}", where)
    if most is not None and result > most:
        raise InvalidInput(f"{shown(result)} is more than {most}", where)
    return result


def text(value: object, where: str) -> str:
    """Return a text without blanks around it; anything else is refused, and so is an empty one."""
    if not isinstance(value, str):
        raise InvalidInput(f"{shown(value)} is not a text", where)
    if not value.strip():
        raise InvalidInput("an empty text", where)
    return str(value).strip()


def name(value: object, where: str) -> str:
    """Return a name that a formula can use: a Python identifier of ASCII letters, no reserved word."""
    word = text(value, where)
    if not (word.isascii() and word.isidentifier()) or keyword.iskeyword(word):
        raise InvalidInput(
            f"{shown(word)} is not a name", where, "begin with a letter, use letters, digits and _"
        )
    if len(word) > _LONGEST_NAME:
        raise InvalidInput(
            f"{shown(word)} is too long for a name", where, f"use at most {_LONGEST_NAME} letters"
        )
    if word in RESERVED or word in FUNCTIONS or word in LEDGER:
        raise InvalidInput(f"{shown(word)} has a meaning of its own", where, "choose another name")
    return word


def names(value: object, where: str) -> tuple[str, ...]:
    """Return a tuple of different names from a single name or a sequence of them."""
    if isinstance(value, str):
        return (name(value, where),)
    result = tuple(name(item, where) for item in sequence(value, where, "name", most=MOST_NAMES))
    for item in result:
        if result.count(item) > 1:
            raise InvalidInput(f"{item!r} stands twice", where)
    return result


def sequence(value: object, where: str, noun: str, *, most: int | None = None) -> tuple[Any, ...]:
    """Return a tuple from a list, tuple or one-dimensional array, with at most so many items."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{shown(value)} is not a {noun} or a list of them", where)
    if most is not None and len(value) > most:
        raise InvalidInput(f"{len(value):,} {noun}s", where, f"give at most {most:,}")
    return tuple(value)


def mapping(value: object, where: str) -> dict[str, Any]:
    """Return a dictionary with texts as keys; None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{shown(value)} is not a table", where, "write name = value pairs")
    if len(value) > MOST_ENTRIES:
        raise InvalidInput(f"{len(value):,} entries", where, f"give at most {MOST_ENTRIES:,}")
    for key in value:
        if not isinstance(key, str):
            raise InvalidInput(f"{shown(key)} is not a name", where)
    return {str(key): item for key, item in value.items()}


def share_namespace(groups: Mapping[str, Iterable[str]], where: str = "") -> None:
    """Refuse a name that two things have.

    Parameters
    ----------
    groups : mapping of str to iterable of str
        The names in use by what they stand for: ``{"coordinate": ("x",), "control": ("k",)}``.
    where : str
        Dotted path for the error.
    """
    owner: dict[str, str] = {}
    for noun, members in groups.items():
        for member in members:
            if member in owner:
                meanings = f"{owner[member]} and {noun}" if owner[member] != noun else f"two {noun}s"
                raise InvalidInput(f"{member!r} is the name of {meanings}", where, "rename one")
            owner[member] = noun
