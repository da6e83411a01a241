"""Reservoirs of jump processes: which jumps they cause, and how often.

Their temperatures belong to the protocol.

A bath that thermalises makes jumps whose rates obey local detailed balance,

    ln(rate / rate of the way back) = -beta * heat,
    heat = E(target) - E(source) - mu * particles - work,

all counted into the system. `Lead`, `BoseBath` and `Arrhenius` do so by construction.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import Any, ClassVar

from fluctua.stochastic.errors import InvalidInput, did_you_mean, shown
from fluctua.stochastic.rate_formulas import as_formula
from fluctua.stochastic.values import Value, name, number, sequence, text

MOST_EDGES = 1000

Formula = float | str
Edge = tuple[str, str]


class Reservoir(Value, ABC):
    """What all reservoirs have: a name, what they act on, and where errors say that they stand."""

    takes: ClassVar[tuple[str, ...]]

    name: str
    on: tuple[str, ...] | None

    def _begin(self, bath: object, unknown: dict[str, Any]) -> str:
        """Read the name, refuse unknown keywords, and return the place of this bath."""
        word = name(bath, "dynamics.baths")
        where = f"dynamics.baths.{word}"
        for key, value in unknown.items():
            if key in ("beta", "temperature"):
                remedy = f'give {key}={{"{word}": {shown(value)}}} to the protocol'
                raise InvalidInput("a bath has no temperature", where, remedy)
            known = ("name", *self.takes)
            remedy = f"{self.kind} takes {', '.join(known)}{did_you_mean(key, known)}"
            raise InvalidInput(f"{shown(key)} is unknown", where, remedy)
        self._set(name=word)
        return where

    def _read(self, formulas: dict[str, Any], where: str) -> None:
        """Store formulas, each of which must be there."""
        for key, formula in formulas.items():
            if formula is None:
                raise InvalidInput(f"no {key}", where, f"{self.kind} needs it")
            self._set(**{key: as_formula(formula, f"{where}.{key}")})

    @property
    def where(self) -> str:
        """Where errors say that it stands."""
        return f"dynamics.baths.{self.name}"

    def table(self) -> dict[str, Any]:
        """Return the keywords of this bath; what stands alone in `on` stands without brackets."""
        table = super().table()
        if isinstance(table.get("on"), list) and len(table["on"]) == 1:
            table["on"] = table["on"][0]
        return table

    def __repr__(self) -> str:
        """Return name, edges and formulas on one line."""
        touched = f" on {', '.join(self.on)}" if self.on else ""
        words = [f"{key} {value}" for key, value in self.table().items() if key not in ("name", "on")]
        return f"{self.kind}({', '.join([self.name + touched, *words])})"


class Lead(Reservoir):
    """A fermionic lead: a particle enters along each edge, and leaves against it.

        rate of entering = rate * f(x),   rate of leaving = rate * (1 - f(x)),
        f(x) = 1 / (1 + exp(x)),   x = beta * (E(target) - E(source) - mu)

    Parameters
    ----------
    name : str
        What columns call it: ``particles_left``.
    on : str or sequence of str
        Edges along which one particle enters: ``"empty -> full"``.
    rate : float or str, 1 / time
        The tunnelling rate, a formula of controls and parameters; never negative.
    mu : float or str, energy
        The chemical potential, a formula of controls and parameters.

    Raises
    ------
    InvalidInput
        If a temperature is given, a keyword is unknown or missing, or an edge cannot be read.

    Examples
    --------
    >>> Lead("left", on="empty -> full", rate=1.0, mu="V/2")
    Lead(left on empty -> full, rate 1.0, mu V/2)
    """

    takes = ("on", "rate", "mu")

    rate: Formula
    mu: Formula

    def __init__(
        self,
        name: str,
        *,
        on: str | Sequence[str] | None = None,
        rate: Formula | None = None,
        mu: Formula | None = None,
        **unknown: Any,
    ) -> None:
        where = self._begin(name, unknown)
        self._read({"rate": rate, "mu": mu}, where)
        self._set(on=_read_edges(on, f"{where}.on"))


class BoseBath(Reservoir):
    """A bath of bosons, such as phonons: one is absorbed or emitted in each jump.

        rate of going down = rate * spectrum(omega) * (n(omega) + 1),   n = 1 / (exp(beta omega) - 1),
        rate of going up   = rate * spectrum(omega) * n(omega)

    The sign of the gap tells which is which, at every instant; omega is its magnitude.

    Parameters
    ----------
    name : str
        What columns call it: ``heat_phonons``.
    on : str or sequence of str, optional
        Edges between levels, in either direction, or for a Hamiltonian the coupling operator; every pair of
        levels if left out.
    rate : float or str, 1 / time
        A formula of controls and parameters; never negative.
    spectrum : float or str
        A formula of `omega` and parameters, never negative. It must vanish at ``omega = 0`` where the gap
        closes, as the number of bosons is infinite there: ``"omega"``.
    dephasing : float, 1 / time
        For a Hamiltonian: phases between energy levels are lost besides, that of levels a and b at the rate
        ``dephasing * |A_aa - A_bb|^2 / 2`` for a coupling operator A in the eigenbasis of the energy, at the
        rate `dephasing` for all if `on` is left out. It is the rate of the channel of zero frequency.

    Raises
    ------
    InvalidInput
        If a temperature is given, or a keyword is unknown or missing. With a protocol: if phases are to be
        lost, and the operator has the same value in each energy level all along.

    Examples
    --------
    >>> BoseBath("phonons", rate=0.2, spectrum="omega")
    BoseBath(phonons, rate 0.2, spectrum omega)
    """

    takes = ("on", "rate", "spectrum", "dephasing")

    rate: Formula
    spectrum: Formula
    dephasing: float

    def __init__(
        self,
        name: str,
        *,
        on: str | Sequence[str] | None = None,
        rate: Formula | None = None,
        spectrum: Formula = "1",
        dephasing: float = 0.0,
        **unknown: Any,
    ) -> None:
        where = self._begin(name, unknown)
        self._read({"rate": rate, "spectrum": spectrum}, where)
        lost = number(dephasing, f"{where}.dephasing")
        if lost < 0.0:
            raise InvalidInput(f"{lost} is negative", f"{where}.dephasing", "a rate is 0 or more")
        self._set(on=None if on is None else _read_texts(on, f"{where}.on"), dephasing=lost)


class Arrhenius(Reservoir):
    """Thermal activation over a barrier, in both directions of each edge.

        rate of leaving a level = rate * exp(-beta * (barrier - E(level)))

    Parameters
    ----------
    name : str
    on : str or sequence of str
        Edges, ``"a -> b"``; the direction says nothing but the names of the channels.
    rate : float or str, 1 / time
        The attempt frequency, a formula of controls and parameters; never negative.
    barrier : float or str, energy
        The energy at the top, a formula of controls and parameters, on the scale of the levels.

    Raises
    ------
    InvalidInput
        If a temperature is given, a keyword is unknown or missing, or an edge cannot be read.
    """

    takes = ("on", "rate", "barrier")

    rate: Formula
    barrier: Formula

    def __init__(
        self,
        name: str,
        *,
        on: str | Sequence[str] | None = None,
        rate: Formula | None = None,
        barrier: Formula | None = None,
        **unknown: Any,
    ) -> None:
        where = self._begin(name, unknown)
        self._read({"rate": rate, "barrier": barrier}, where)
        self._set(on=_read_edges(on, f"{where}.on"))


class Rates(Reservoir):
    """Rates of one's own.

    Local detailed balance, ``ln(forward / backward) = -beta (E(target) - E(source) - work)``, is checked
    along the protocol of a run.

    Parameters
    ----------
    name : str
    on : str or sequence of str
        Edges, ``"a -> b"``.
    forward, backward : float or str, 1 / time
        Rates along and against each edge: formulas of controls, parameters and `beta`, that of this bath;
        never negative. A backward rate of 0 leaves no way back, hence no entropy.
        What they do over less than 1/1000 of a step of the protocol may pass unseen; split the step there.
    work : float or str, energy
        What a non-conservative force does on the system in a jump along an edge, and minus that against it: a
        formula of controls and parameters.

    Raises
    ------
    InvalidInput
        If a temperature is given, a keyword is unknown or missing, or an edge cannot be read.
    """

    takes = ("on", "forward", "backward", "work")

    forward: Formula
    backward: Formula
    work: Formula

    def __init__(
        self,
        name: str,
        *,
        on: str | Sequence[str] | None = None,
        forward: Formula | None = None,
        backward: Formula | None = None,
        work: Formula = 0.0,
        **unknown: Any,
    ) -> None:
        where = self._begin(name, unknown)
        self._read({"forward": forward, "backward": backward, "work": work}, where)
        self._set(on=_read_edges(on, f"{where}.on"))


class LocalBath(Reservoir):
    """Fixed Lindblad operators of one's own, for a part of a quantum system.

        sqrt(rate * (n + 1)) A  and  sqrt(rate * n) A^+,   n = 1 / (exp(beta quantum) - 1)

    They know the quantum of their part alone, not the energies of the whole: the laws of thermodynamics hold
    to the order of what couples the parts.

    Parameters
    ----------
    name : str
    on : str
        The operator A, a formula of named operators.
    rate : float or str, 1 / time
        A formula of controls and parameters; never negative.
    quantum : float or str, energy, optional
        What A takes out of the system, a formula of controls and parameters.
    reverse : bool
        Whether there is the way back; without it ``sqrt(rate) A`` acts alone and no entropy is defined.

    Raises
    ------
    InvalidInput
        If a temperature is given, a keyword is unknown or missing, or a way back has no quantum.
    """

    takes = ("on", "rate", "quantum", "reverse")

    rate: Formula
    quantum: Formula | None
    reverse: bool

    def __init__(
        self,
        name: str,
        *,
        on: str | None = None,
        rate: Formula | None = None,
        quantum: Formula | None = None,
        reverse: bool = True,
        **unknown: Any,
    ) -> None:
        where = self._begin(name, unknown)
        if not isinstance(reverse, bool):
            raise InvalidInput(f"{shown(reverse)} is neither true nor false", f"{where}.reverse")
        if on is None:
            raise InvalidInput("no on", where, 'name the operator, on="X"')
        if reverse and quantum is None:
            remedy = "give the energy that the operator takes out, or reverse=False"
            raise InvalidInput("a way back, and no quantum", where, remedy)
        self._read({"rate": rate}, where)
        self._set(
            on=(text(on, f"{where}.on"),),
            quantum=None if quantum is None else as_formula(quantum, f"{where}.quantum"),
            reverse=reverse,
        )


RESERVOIRS: dict[str, type[Reservoir]] = {
    kind.__name__: kind for kind in (Lead, BoseBath, Arrhenius, Rates, LocalBath)
}


def edges_of(bath: Reservoir, levels: Sequence[str]) -> tuple[Edge, ...]:
    """List the edges between levels that a bath acts on, each as (from, to); of every pair if it names none.

    Raises
    ------
    InvalidInput
        If an edge cannot be read, or stands twice.
    """
    if bath.on is None:
        return tuple((a, b) for k, a in enumerate(levels) for b in levels[k + 1 :])
    return tuple(_edge(edge, f"{bath.where}.on") for edge in _read_edges(bath.on, f"{bath.where}.on"))


def _read_texts(on: object, where: str) -> tuple[str, ...]:
    several = (on,) if isinstance(on, str) else sequence(on, where, "text", most=MOST_EDGES)
    if not several:
        raise InvalidInput("a bath that touches nothing", where, "name what it acts on")
    return tuple(text(item, where) for item in several)


def _read_edges(on: object, where: str) -> tuple[str, ...]:
    """Read edges, each written ``"a -> b"`` in the end; the same pair of levels stands once."""
    if on is None:
        raise InvalidInput("no edges", where, 'say which levels it connects, on="a -> b"')
    edges = [_edge(item, where) for item in _read_texts(on, where)]
    for k, (a, b) in enumerate(edges):
        if (a, b) in edges[:k]:
            raise InvalidInput(f"{a} -> {b} stands twice", where, "leave one out")
        if (b, a) in edges[:k]:
            raise InvalidInput(f"{a} -> {b} is {b} -> {a} the other way", where, "an edge has both ways")
    return tuple(f"{a} -> {b}" for a, b in edges)


def _edge(written: str, where: str) -> Edge:
    ends = [part.strip() for part in written.split("->")]
    if len(ends) != 2 or not all(end.isidentifier() for end in ends):
        raise InvalidInput(f"{shown(written)} is no edge", where, 'write two levels, "empty -> full"')
    if ends[0] == ends[1]:
        raise InvalidInput(f"{written} leads from {ends[0]} to itself", where, "name two levels")
    return ends[0], ends[1]
