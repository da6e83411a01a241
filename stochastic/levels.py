"""Levels: a system of discrete states, the energy of each a formula of the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.lanes import exp, log
from fluctua.stochastic.rate_formulas import as_formula, parse
from fluctua.stochastic.system import System, read_parameters
from fluctua.stochastic.values import MOST_NAMES, mapping, name, names, number, share_namespace

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class Levels(System):
    """A system that is in one of n levels at a time.

    Parameters
    ----------
    energy : mapping of str to str
        For each level, by name, its energy as a formula of controls and parameters. Time enters through a
        control, so that it is work.
    controls : str or sequence of str
        What a protocol may change.
    parameters : mapping of str to float, optional
        Numbers fixed for the run.
    order : sequence of str, optional
        The levels in the order in which columns count them, from 0; as typed if left out.

    Attributes
    ----------
    states : tuple of str
        The levels, in their order.
    names : mapping of str to str
        Each name that a formula may contain, with its symbol in the trees. Other names give the same trees.

    Raises
    ------
    InvalidInput
        If a formula contains time, an unknown name or anything that formulas may not; if two names clash; if
        there are fewer than two levels.

    Examples
    --------
    >>> Levels({"empty": "0", "full": "eps"}, controls="eps")
    Levels(empty, full; eps): 0, eps
    """

    energy: Mapping[str, str]
    order: tuple[str, ...]

    def __init__(
        self,
        energy: Mapping[str, str],
        *,
        controls: str | Sequence[str] = (),
        parameters: Mapping[str, float] | None = None,
        order: Sequence[str] | None = None,
    ) -> None:
        given = _read_energy(energy)
        levels = tuple(given) if order is None else _read_order(order, given)
        self._set(
            energy={level: given[level] for level in levels},
            order=levels,
            controls=names(controls, "system.controls"),
            parameters=read_parameters(parameters),
        )
        groups = {"level": self.states, "control": self.controls, "parameter": tuple(self.parameters)}
        share_namespace(groups, "system")
        self._set(_trees=self._read())

    def table(self) -> dict[str, Any]:
        """Return the keywords of this system; the order is one where the alphabet is not.

        Tables are equal in whatever order their keys stand, and the order of levels is the meaning of their
        numbers in columns: it has to be said.
        """
        table = super().table()
        if list(self.order) == sorted(self.order):
            del table["order"]
        return table

    # ---- names and trees

    @property
    def states(self) -> tuple[str, ...]:
        """The levels, in their order."""
        return self.order

    @property
    def constants(self) -> dict[str, float]:
        """The number of each level, for which its name stands in formulas of columns."""
        return {level: float(k) for k, level in enumerate(self.states)}

    @property
    def controls_affine(self) -> bool:
        """Whether each energy is visibly affine in all controls together: exclusive work is defined."""
        graph, nodes = self._trees
        symbols = [self.names[word] for word in self.controls]
        return all(graph.affine_in(node, symbols) for node in nodes)

    _trees: tuple[Graph, tuple[int, ...]]

    def _read(self) -> tuple[Graph, tuple[int, ...]]:
        graph = Graph()
        nodes = [
            parse(graph, formula, self.names, f"system.energy.{level}", "an energy")
            for level, formula in self.energy.items()
        ]
        return graph, tuple(nodes)

    # ---- numbers

    @cached_property
    def _numbers(self) -> tuple[Graph, tuple[int, ...]]:
        """The same trees again, since computing adds nodes."""
        return self._read()

    def symbol_values(self, controls: ArrayLike) -> dict[str, Any]:
        """Return the numbers of all symbols, for controls of shape (N, C) in their order."""
        rows = np.asarray(controls, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.controls):
            known = ", ".join(self.controls) or "none"
            raise InvalidInput(f"controls of shape {rows.shape}", "controls", f"controls are {known}")
        return super().symbol_values(rows)

    def energies(self, controls: ArrayLike) -> Floats:
        """Return the energy of each level.

        Parameters
        ----------
        controls : (N, C) array
            In the order of `controls`.

        Returns
        -------
        (N, n) array
            NaN where a formula is undefined.
        """
        values = self.symbol_values(controls)
        graph, nodes = self._numbers
        result = np.empty((len(np.asarray(controls)), len(nodes)))
        for k, node in enumerate(nodes):
            result[:, k] = graph.evaluate(node, values)
        return result

    def free_energy(self, beta: float, **controls: float) -> float:
        r"""Return the free energy, :math:`-\beta^{-1}\ln\sum_i e^{-\beta E_i}`.

        Parameters
        ----------
        beta : float, 1 / energy
            Greater than zero.
        **controls : float
            A value for each control.

        Raises
        ------
        InvalidInput
            If a control is missing or unknown, or an energy is not finite.
        """
        inverse = number(beta, "beta", positive=True)
        values = [number(value, word) for word, value in self.in_order(controls).items()]
        return minus_log_sum(inverse * self.energies([values])[0]) / inverse

    def __repr__(self) -> str:
        """Return names and formulas on one line."""
        controls = f"; {', '.join(self.controls)}" if self.controls else ""
        return f"Levels({', '.join(self.states)}{controls}): {', '.join(self.energy.values())}"


def minus_log_sum(exponents: Floats) -> float:
    r"""Return :math:`-\ln\sum_i e^{-x_i}`, the smallest exponent first taken out.

    Raises
    ------
    InvalidInput
        If an exponent is not finite.
    """
    if not np.isfinite(exponents).all():
        raise InvalidInput("an energy is not finite", "system.energy", "give other controls")
    lowest = exponents.min()
    return float(lowest - log(np.cumsum(exp(lowest - exponents))[-1]))


def boltzmann(exponents: Floats) -> Floats:
    """Return the probabilities proportional to exp(-x), shape (n,); they add up to 1 to rounding."""
    weights = exp(exponents.min() - exponents)
    probabilities: Floats = weights / np.cumsum(weights)[-1]
    return probabilities


def _read_energy(energy: object) -> dict[str, str]:
    given = mapping(energy, "system.energy")
    if not 2 <= len(given) <= MOST_NAMES:
        raise InvalidInput(f"{len(given)} levels", "system.energy", f"give 2 to {MOST_NAMES}")
    levels = [name(level, "system.energy") for level in given]
    return {
        level: str(as_formula(formula, f"system.energy.{level}", text_only=True))
        for level, formula in zip(levels, given.values(), strict=True)
    }


def _read_order(order: object, given: Mapping[str, str]) -> tuple[str, ...]:
    levels = names(order, "system.order")
    for level in levels:
        if level not in given:
            raise not_among(level, "level", given, "system.order")
    for level in given:
        if level not in levels:
            raise InvalidInput(f"{level} is missing", "system.order", "name every level once")
    return levels
