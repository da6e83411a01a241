"""Hamiltonians: the energy of a small quantum system as a sum of operators."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic import lanes
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.grammar import not_text
from fluctua.stochastic.operators import Term, is_hermitian, is_pauli_string, read_operators, read_sum
from fluctua.stochastic.quantum.matrices import Matrices, hermitian_eigen
from fluctua.stochastic.system import System, read_parameters
from fluctua.stochastic.values import names, number, share_namespace

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fluctua.stochastic.operators import Complex

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sum:
    """A sum of operators: the graph of its coefficients, and its terms."""

    graph: Graph
    terms: tuple[Term, ...]


class Hamiltonian(System):
    r"""A quantum system of dimension 2 to 16 with the energy operator :math:`H=\sum_k c_k(\lambda) A_k`.

    Parameters
    ----------
    energy : str
        A formula, affine in the names of operators, with coefficients of controls and parameters:
        ``"delta/2*X + epsilon/2*Z"``. Operators are Pauli strings of one length, up to four of the letters
        ``I X Y Z P M`` (``P = |0><1|`` raises, ``M = |1><0|`` lowers, ``|0>`` has ``Z = +1``), and those of
        `operators`. Time enters through a control, so that it is work.
    controls : str or sequence of str
        What a protocol may change.
    parameters : mapping of str to float, optional
        Numbers fixed for the run.
    operators : mapping of str to matrix, optional
        Further operators: arrays or nested lists, real or complex.

    Attributes
    ----------
    dimension : int
        d, derived from the operators.
    levels : tuple of str
        ``level_0`` to the highest, by ascending energy at every instant.

    Raises
    ------
    InvalidInput
        A formula that is no sum of operators, operators of different dimensions, an operator that is not
        Hermitian and whose adjoint does not stand beside it with the same coefficient, a clash of names.

    Examples
    --------
    >>> Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": 1.0})
    Hamiltonian(2 levels; epsilon): delta/2*X + epsilon/2*Z
    """

    energy: str
    controls: tuple[str, ...]
    parameters: Mapping[str, float]
    operators: Mapping[str, Any]
    _sum: Sum

    def __init__(
        self,
        energy: str,
        *,
        controls: str | Sequence[str] = (),
        parameters: Mapping[str, float] | None = None,
        operators: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(energy, str):
            raise not_text(energy, "system.energy")
        self._set(
            energy=energy.strip(),
            controls=names(controls, "system.controls"),
            parameters=read_parameters(parameters),
            operators=read_operators(operators, "system.operators"),
        )
        self._check_names()
        if set(re.findall(r"[A-Za-z_]\w*", self.energy)) & {"t", "s"}:
            raise InvalidInput(
                "time in an energy", "system.energy", 'declare a control and ramp it, A="cos(t)"'
            )
        graph = Graph()
        self._set(_sum=Sum(graph, read_sum(graph, self.energy, self.names, self.operators, "system.energy")))
        self._check_hermitian()

    # ---- names

    @property
    def dimension(self) -> int:
        """Number of levels."""
        return len(self._sum.terms[0].matrix)

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels, by ascending energy."""
        return tuple(f"level_{k}" for k in range(self.dimension))

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the levels: where a measurement of the energy finds the system."""
        return self.levels

    @property
    def constants(self) -> dict[str, float]:
        """The number of each level, for which its name stands in formulas of columns."""
        return {level: float(k) for k, level in enumerate(self.levels)}

    def _check_names(self) -> None:
        groups = {"control": self.controls, "parameter": tuple(self.parameters)}
        share_namespace({**groups, "operator": tuple(self.operators)}, "system")
        for noun, words in groups.items():
            for word in words:
                if is_pauli_string(word):
                    raise InvalidInput(f"{word!r} is a Pauli string", f"system.{noun}s", "rename it")

    def _check_hermitian(self) -> None:
        """Refuse what is not its own adjoint for all values: terms of one coefficient count together."""
        for coefficient in dict.fromkeys(term.coefficient for term in self._sum.terms):
            group = [term for term in self._sum.terms if term.coefficient == coefficient]
            total = sum((term.matrix for term in group[1:]), group[0].matrix)
            if self._sum.graph.is_zero(coefficient) or is_hermitian(total):
                continue
            odd = next(term.name for term in group if not is_hermitian(term.matrix))
            raise InvalidInput(
                f"{odd} is not Hermitian", "system.energy", "add its adjoint with the same coefficient"
            )

    # ---- matrices

    @cached_property
    def _operators(self) -> Matrices:
        """The matrices that coefficients multiply."""
        return Matrices.of(np.array([term.matrix for term in self._sum.terms]))

    def matrices(self, controls: ArrayLike) -> Matrices:
        """Return the energy operator at rows of controls.

        Parameters
        ----------
        controls : (N, C) array
            In the order of `controls`.

        Returns
        -------
        Matrices
            N rows, Hermitian to the bit; not finite where a coefficient is not.
        """
        rows = np.asarray(controls, dtype=np.float64)
        rows = rows.reshape(len(rows), len(self.controls))
        values = self.symbol_values(rows)
        d = self.dimension
        re, im = np.zeros((len(rows), d, d)), np.zeros((len(rows), d, d))
        for k, term in enumerate(self._sum.terms):
            coefficient = np.broadcast_to(self._sum.graph.evaluate(term.coefficient, values), len(rows))
            with np.errstate(invalid="ignore"):
                re += coefficient[:, None, None] * self._operators.re[k]
                im += coefficient[:, None, None] * self._operators.im[k]
        # A typed operator is Hermitian to rounding only.
        with np.errstate(invalid="ignore"):
            return Matrices(0.5 * (re + re.transpose(0, 2, 1)), 0.5 * (im - im.transpose(0, 2, 1)))

    def eigen(self, controls: ArrayLike) -> tuple[Floats, Matrices]:
        """Return energies, shape (N, d), ascending, and eigenvectors as columns, at rows of controls."""
        return hermitian_eigen(self.matrices(controls))

    def operator(self, text: str, where: str) -> Complex:
        """Return the matrix of an operator text whose coefficients hold parameters only: a bath's coupling.

        Raises
        ------
        InvalidInput
            As for the energy, and if its dimension is another.
        """
        known = {word: symbol for word, symbol in self.names.items() if word in self.parameters}
        graph = Graph()
        terms = read_sum(graph, text, known, self.operators, where)
        result = np.zeros_like(terms[0].matrix)
        values = {self.names[word]: value for word, value in self.parameters.items()}
        for term in terms:
            result = result + float(graph.evaluate(term.coefficient, values)) * term.matrix
        if len(result) != self.dimension:
            raise InvalidInput(
                f"{text} has dimension {len(result)}", where, f"the energy has dimension {self.dimension}"
            )
        if not np.isfinite(result).all():
            raise InvalidInput(f"{text} is not finite", where)
        return result

    def said(self, controls: Floats) -> str:
        """Say where, for an error: `` at epsilon = 0.3``; empty without controls."""
        values = ", ".join(
            f"{word} = {value:.6g}" for word, value in zip(self.controls, controls, strict=True)
        )
        return f" at {values}" if values else ""

    # ---- equilibrium

    def free_energy(self, beta: float, **controls: float) -> float:
        r"""Return the free energy, :math:`F=-\beta^{-1}\ln\mathrm{Tr}\,e^{-\beta H}`.

        Parameters
        ----------
        beta : float, 1 / energy
            Greater than zero.
        **controls : float
            A value for each control.

        Raises
        ------
        InvalidInput
            If a control is missing or the energy is not finite.
        """
        beta = number(beta, "beta", positive=True)
        values = [number(value, word) for word, value in self.in_order(controls).items()]
        return self.minus_log_z(values, beta) / beta

    def minus_log_z(self, controls: Sequence[float], beta: float) -> float:
        """Return ``-ln Tr exp(-beta H)``."""
        _, log_z = self.populations(controls, beta)
        return -log_z

    def populations(self, controls: Sequence[float], beta: float) -> tuple[Floats, float]:
        """Return the equilibrium probability of each level, and ``ln Z``.

        Raises
        ------
        InvalidInput
            If the energy is not finite there.
        """
        energies = self.eigen(np.asarray(controls, dtype=np.float64).reshape(1, -1))[0][0]
        if not np.isfinite(energies).all():
            raise InvalidInput("the energy is not finite", "system.energy", "change the controls")
        weights = lanes.exp(-beta * (energies - energies[0]))
        total = float(np.cumsum(weights)[-1])
        return weights / total, float(lanes.log(total)) - beta * float(energies[0])

    def __repr__(self) -> str:
        """Return dimension, controls and formula on one line."""
        controls = f"; {', '.join(self.controls)}" if self.controls else ""
        return f"Hamiltonian({self.dimension} levels{controls}): {self.energy}"
