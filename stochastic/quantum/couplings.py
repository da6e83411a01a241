"""How baths couple to a Hamiltonian: their operators, rates and the names of their channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.markov.generator import bosons
from fluctua.stochastic.operators import is_hermitian, is_number
from fluctua.stochastic.quantum.matrices import Matrices
from fluctua.stochastic.rate_formulas import parse
from fluctua.stochastic.reservoirs import BoseBath, LocalBath, Reservoir

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
    from fluctua.stochastic.hamiltonian import Hamiltonian
    from fluctua.stochastic.quantum.slots import Instants

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Formula:
    """A formula of controls and parameters, and of `omega` where it is a spectrum."""

    system: Hamiltonian
    graph: Graph
    node: int
    where: str

    @classmethod
    def of(cls, system: Hamiltonian, text: float | str, where: str, noun: str, **also: str) -> _Formula:
        graph = Graph()
        known = system.names if not also else {word: system.names[word] for word in system.parameters}
        return cls(system, graph, parse(graph, text, {**known, **also}, where, noun), where)

    def at(self, controls: Floats, **also: Floats) -> Floats:
        """Return its values at rows of controls."""
        values = self.system.symbol_values(controls) | also
        found = self.graph.evaluate(self.node, values)
        return np.broadcast_to(found, (len(controls),)).astype(np.float64)

    def slope(self, symbol: str) -> _Formula:
        """Give its derivative."""
        return _Formula(self.system, self.graph, self.graph.derivative(self.node, symbol), self.where)


@dataclass(frozen=True, eq=False)
class PairCoupling:
    """A Hermitian coupling operator, or none: then every pair of levels is coupled alike.

    Parameters
    ----------
    bath : int
    operator : Matrices or None
        One row, in the fixed basis.
    size : float
        Its largest element.
    pairs : two (P,) arrays
        Levels a < b of each pair.
    dephasing : float, 1 / time
    """

    bath: int
    name: str
    levels: tuple[str, ...]
    operator: Matrices | None
    size: float
    pairs: tuple[Integers, Integers]
    dephasing: float
    rate: _Formula
    spectrum: _Formula

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Four a pair, down, up, and both again for several pairs of one gap; then those of dephasing."""
        names = []
        for a, b in zip(*self.pairs, strict=True):
            low, high = self.levels[a], self.levels[b]
            ways = [f"{self.name}: {high} -> {low}", f"{self.name}: {low} -> {high}"]
            names += [*ways, *(f"{way} ..." for way in ways)]
        if self.operator is not None:
            return (*names, f"{self.name}: dephasing")
        return (*names, *(f"{self.name}: dephasing of {level}" for level in self.levels))

    def rates(self, at: Instants, row: Integers, gap: Floats, beta: Floats) -> tuple[Floats, Floats]:
        """Return the rates down and up of gaps in rows, without the squared element.

        At a gap of 0 both have the limit ``rate * spectrum'(0) / (beta hbar)``, if the spectrum is 0 there.
        """
        controls, omega = at.controls[row], gap / at.hbar
        rate = not_negative(self.rate.at(controls), controls, self.rate)
        weight = not_negative(self.spectrum.at(controls, omega=omega), controls, self.spectrum)
        with np.errstate(all="ignore"):
            down, up = (weight * bosons(sign * beta * gap) for sign in (-1.0, 1.0))
            limit = self.spectrum.slope("omega").at(controls, omega=omega) / (beta * at.hbar)
        limit = np.where(weight == 0.0, limit, np.inf)
        down, up = (np.where(gap > 0.0, way, limit) for way in (down, up))
        both = np.where(rate > 0.0, rate * down, 0.0), np.where(rate > 0.0, rate * up, 0.0)
        if not np.isfinite(both[0]).all():
            worst = int(np.argmin(np.isfinite(both[0])))
            raise InvalidInput(
                f"the rate is infinite where levels meet{self.rate.system.said(controls[worst])}",
                self.rate.where.rsplit(".", 1)[0],
                'let the spectrum vanish there, spectrum="omega", or keep the levels apart',
            )
        return both

    def infinite_without_gap(self, controls: Floats) -> NDArray[np.bool_]:
        """Tell in which rows of controls the rates of a gap that closes grow without bound."""
        omega = np.zeros(len(controls))
        with np.errstate(all="ignore"):
            weight, slope = (
                formula.at(controls, omega=omega) for formula in (self.spectrum, self.spectrum.slope("omega"))
            )
            found: NDArray[np.bool_] = (self.rate.at(controls) > 0.0) & ~(
                (weight == 0.0) & np.isfinite(slope)
            )
        return found


@dataclass(frozen=True, eq=False)
class LocalCoupling:
    """A fixed operator that takes a quantum out of a part of the system.

    Parameters
    ----------
    operator : Matrices
        One row, in the fixed basis.
    quantum : formula or None
        None where nothing is said of energy.
    reverse : bool
        Whether its adjoint brings the quantum back.
    """

    bath: int
    name: str
    operator: Matrices
    size: float
    rate: _Formula
    quantum: _Formula | None
    reverse: bool

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Down, and up if there is a way back."""
        return (f"{self.name}: down", f"{self.name}: up") if self.reverse else (f"{self.name}: down",)

    def rates(self, at: Instants, beta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the quantum and the rates down and up in each row."""
        rate = not_negative(self.rate.at(at.controls), at.controls, self.rate)
        quantum = np.zeros(len(beta)) if self.quantum is None else self.quantum.at(at.controls)
        if not self.reverse:
            return quantum, rate, np.zeros_like(rate)
        assert self.quantum is not None
        wrong = ~((quantum > 0.0) & np.isfinite(quantum))
        if wrong.any():
            worst = int(np.argmax(wrong))
            raise InvalidInput(
                f"the quantum is {quantum[worst]:.6g}{self.quantum.system.said(at.controls[worst])}",
                self.quantum.where,
                "it is what the operator takes out, above 0; exchange the operator with its adjoint",
            )
        with np.errstate(all="ignore"):
            down, up = rate * bosons(-beta * quantum), rate * bosons(beta * quantum)
        return quantum, down, up


Coupling = PairCoupling | LocalCoupling


def not_negative(values: Floats, controls: Floats, formula: _Formula) -> Floats:
    """Return rates, or refuse one that is negative or not finite."""
    wrong = ~((values >= 0.0) & np.isfinite(values))
    if wrong.any():
        worst = int(np.argmax(wrong))
        raise InvalidInput(
            f"the rate is {values[worst]:.6g}{formula.system.said(controls[worst])}",
            formula.where,
            "a rate is 0 or more",
        )
    return values


def couplings_of(system: Hamiltonian, dynamics: QuantumJump, *, turned: bool = False) -> tuple[Coupling, ...]:
    """Read how each bath couples; `turned` conjugates the operators.

    Raises
    ------
    InvalidInput
        An operator that cannot be read, has another dimension or couples without being Hermitian; a bath that
        does not act on a Hamiltonian.
    """
    found: list[Coupling] = []
    for number, bath in enumerate(dynamics.baths):
        match bath:
            case BoseBath():
                found += _pair_couplings(system, number, bath)
            case LocalBath():
                found.append(_local_coupling(system, number, bath))
            case _:
                raise InvalidInput(
                    f"{bath.kind} does not act on a Hamiltonian", bath.where, "use BoseBath or LocalBath"
                )
    return tuple(_conjugated(one) if turned else one for one in found)


def _conjugated(coupling: Coupling) -> Coupling:
    return coupling if coupling.operator is None else replace(coupling, operator=coupling.operator.conjugate)


def _pair_couplings(system: Hamiltonian, number: int, bath: BoseBath) -> list[PairCoupling]:
    if "omega" in system.names:
        raise InvalidInput(
            "'omega' is the frequency in a spectrum", "system", "rename the control or parameter"
        )
    common: dict[str, Any] = {
        "bath": number,
        "levels": system.levels,
        "pairs": np.triu_indices(system.dimension, 1),
        "dephasing": bath.dephasing,
        "rate": _Formula.of(system, bath.rate, f"{bath.where}.rate", "a rate"),
        "spectrum": _Formula.of(system, bath.spectrum, f"{bath.where}.spectrum", "a spectrum", omega="omega"),
    }
    if bath.on is None:
        return [PairCoupling(name=bath.name, operator=None, size=1.0, **common)]
    couplings = []
    for text in bath.on:
        name = bath.name if len(bath.on) == 1 else f"{bath.name} through {text}"
        operator, size = _operator(system, text, bath, hermitian=True)
        couplings.append(PairCoupling(name=name, operator=operator, size=size, **common))
    return couplings


def _local_coupling(system: Hamiltonian, number: int, bath: LocalBath) -> LocalCoupling:
    assert bath.on is not None
    operator, size = _operator(system, bath.on[0], bath, hermitian=False)
    quantum = None
    if bath.quantum is not None:
        quantum = _Formula.of(system, bath.quantum, f"{bath.where}.quantum", "a quantum")
    rate = _Formula.of(system, bath.rate, f"{bath.where}.rate", "a rate")
    return LocalCoupling(number, bath.name, operator, size, rate, quantum, bath.reverse)


def _operator(system: Hamiltonian, text: str, bath: Reservoir, *, hermitian: bool) -> tuple[Matrices, float]:
    where = f"{bath.where}.on"
    matrix = system.operator(text, where)
    if hermitian and not is_hermitian(matrix):
        raise InvalidInput(
            f"{text} is not Hermitian", where, "a coupling is; for an operator of one direction use LocalBath"
        )
    size = float(np.abs(matrix).max())
    if size == 0.0:
        raise InvalidInput(f"{text} is zero", where, "name an operator that does something")
    if hermitian and is_number(matrix):
        what = f"{text} couples to nothing, it is a number times the identity"
        raise InvalidInput(what, where, 'name an operator that tells states apart, "X", or leave it out')
    return Matrices.of(matrix), size
