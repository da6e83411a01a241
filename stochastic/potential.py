"""Potentials: the energy of positions as a formula, and forces that no energy gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.grammar import not_text
from fluctua.stochastic.system import System, read_parameters
from fluctua.stochastic.values import mapping, names, number, share_namespace

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Controls = Mapping[str, float] | Sequence[float]

#: A formula has a period if its values agree to this fraction of the largest one, a few thousand roundings.
_SAME = 1e-11


@dataclass(frozen=True)
class Formulas:
    """The trees of a potential: nodes of one graph, with canonical symbols ``q_0 v_0 c_0 p_0``."""

    graph: Graph
    energy: int
    gradient: tuple[int, ...]
    forces: tuple[int, ...]


class Potential(System):
    """A system of n coordinates with an energy ``U(q, controls)``, and non-conservative forces if it has any.

    The total force on coordinate ``x`` is ``-dU/dx + forces[x]``.

    Parameters
    ----------
    energy : str
        A formula of coordinates, controls and parameters. Time enters through a control, so that it is work.
    coordinates : str or sequence of str
        Names of the n coordinates; the velocity of ``x`` is ``v_x`` wherever velocities may stand.
    controls : str or sequence of str
        What a protocol may change.
    parameters : mapping of str to float, optional
        Numbers fixed for the run.
    forces : mapping of str to str, optional
        For some coordinates, a formula of the non-conservative force on it.
    periodic : mapping of str to float or str, optional
        For some coordinates, the period of energy and forces: ``{"q": "2*pi"}``. Positions are never wrapped.

    Attributes
    ----------
    velocities : tuple of str
        The velocity of each coordinate.
    names : mapping of str to str
        Each name that a formula may contain, with its symbol in the trees. Other names give the same trees.
    graph, energy_node, gradient, force_nodes
        The trees: energy, its derivative along each coordinate, the force on each (zero where there is none).
    periods : dict of str to float
        Each period as a number.

    Raises
    ------
    InvalidInput
        If a formula contains time, a velocity, an unknown name or anything that formulas may not; if two
        names clash; if the energy does not have the period that is said.

    Examples
    --------
    >>> Potential("k/2 * (q - c)**2", coordinates="q", controls=("k", "c"))
    Potential(q; k, c): k/2 * (q - c)**2
    """

    energy: str
    coordinates: tuple[str, ...]
    controls: tuple[str, ...]
    parameters: Mapping[str, float]
    forces: Mapping[str, str]
    periodic: Mapping[str, float | str]
    _formulas: Formulas

    def __init__(
        self,
        energy: str,
        *,
        coordinates: str | Sequence[str],
        controls: str | Sequence[str] = (),
        parameters: Mapping[str, float] | None = None,
        forces: Mapping[str, str] | None = None,
        periodic: Mapping[str, float | str] | None = None,
    ) -> None:
        self._set(
            coordinates=names(coordinates, "system.coordinates"),
            controls=names(controls, "system.controls"),
            parameters=read_parameters(parameters),
        )
        self._check_names()
        swirl = self._by_coordinate(forces, "forces")
        self._set(energy=_as_text(energy, "system.energy"))
        self._set(forces={word: _as_text(force, f"system.forces.{word}") for word, force in swirl.items()})
        self._set(_formulas=self._read())
        periods = self._by_coordinate(periodic, "periodic")
        self._set(
            periodic={coordinate: _as_period(period, coordinate) for coordinate, period in periods.items()}
        )
        self._check_periods()

    # ---- names

    @property
    def states(self) -> tuple[str, ...]:
        """The coordinates."""
        return self.coordinates

    @property
    def velocities(self) -> tuple[str, ...]:
        """The velocity of each coordinate."""
        return tuple(f"v_{coordinate}" for coordinate in self.coordinates)

    @property
    def names(self) -> dict[str, str]:
        """Each name that a formula may contain, with its canonical symbol."""
        groups = {
            "q": self.coordinates,
            "v": self.velocities,
            "c": self.controls,
            "p": tuple(self.parameters),
        }
        return {word: f"{letter}_{k}" for letter, group in groups.items() for k, word in enumerate(group)}

    def _check_names(self) -> None:
        if not self.coordinates:
            raise InvalidInput("no coordinates", "system.coordinates", "name at least one")
        moving = (*self.coordinates, *self.velocities)
        share_namespace(
            {
                "coordinate": self.coordinates,
                "velocity": self.velocities,
                "control": self.controls,
                "parameter": self.parameters,
                "column": [f"{word}_{end}" for word in moving for end in ("initial", "final")],
            },
            "system",
        )

    def _by_coordinate(self, values: object, field: str) -> dict[str, Any]:
        read = mapping(values, f"system.{field}")
        for coordinate in read:
            if coordinate not in self.coordinates:
                raise not_among(coordinate, "coordinate", self.coordinates, f"system.{field}")
        return read

    # ---- trees

    @property
    def graph(self) -> Graph:
        """The graph that holds the trees of this potential."""
        return self._formulas.graph

    @property
    def energy_node(self) -> int:
        """The energy."""
        return self._formulas.energy

    @property
    def gradient(self) -> tuple[int, ...]:
        """The derivative of the energy along each coordinate."""
        return self._formulas.gradient

    @property
    def force_nodes(self) -> tuple[int, ...]:
        """The non-conservative force on each coordinate."""
        return self._formulas.forces

    @property
    def is_quadratic(self) -> bool:
        """Whether the energy is visibly a polynomial of degree 2 in the coordinates."""
        return self.graph.quadratic_in(self.energy_node, self._symbols(self.coordinates))

    @property
    def controls_affine(self) -> bool:
        """Whether the energy is visibly affine in all controls together: exclusive work is defined."""
        return self.graph.affine_in(self.energy_node, self._symbols(self.controls))

    def _symbols(self, words: Sequence[str]) -> list[str]:
        return [self.names[word] for word in words]

    def _read(self) -> Formulas:
        graph = Graph()
        energy = self._parse(graph, self.energy, "system.energy", "an energy")
        forces = [
            self._parse(graph, self.forces.get(coordinate, 0.0), f"system.forces.{coordinate}", "a force")
            for coordinate in self.coordinates
        ]
        try:
            gradient = [graph.derivative(energy, symbol) for symbol in self._symbols(self.coordinates)]
        except InvalidInput as error:
            raise InvalidInput(
                f"the derivative of the energy: {error.what}", "system.energy", error.remedy
            ) from None
        return Formulas(graph, energy, tuple(gradient), tuple(forces))

    def _parse(self, graph: Graph, formula: str | float, where: str, noun: str) -> int:
        words = set(re.findall(r"[A-Za-z_]\w*", formula)) if isinstance(formula, str) else set()
        if words & {"t", "s"}:
            raise InvalidInput(f"time in {noun}", where, 'declare a control and ramp it, A="cos(t)"')
        for velocity in self.velocities:
            if velocity in words:
                raise InvalidInput(
                    f"the velocity {velocity} in {noun}", where, "friction and mass belong to the dynamics"
                )
        known = {word: symbol for word, symbol in self.names.items() if word not in self.velocities}
        return graph.parse(formula, known, where)

    # ---- numbers

    @cached_property
    def _numbers(self) -> Formulas:
        """The same trees again: computing adds nodes, and the graph of the kernel must not depend on that."""
        return self._read()

    def evaluate_energy(self, q: ArrayLike, controls: Controls = ()) -> Floats:
        """Return the energy of N states.

        Parameters
        ----------
        q : (n, N) array
            Positions; with one coordinate also of shape (N,).
        controls : mapping of str to float, or sequence in the order of `controls`

        Returns
        -------
        (N,) array
            NaN where the formula is undefined.
        """
        values = self._values(q, controls)
        result: Floats = self._numbers.graph.evaluate(self._numbers.energy, values)
        return result

    def force(self, q: ArrayLike, controls: Controls = ()) -> Floats:
        """Return the total force, ``-dU/dq + force``, shape (n, N), of states as in `evaluate_energy`."""
        values, trees = self._values(q, controls), self._numbers
        forces = [
            trees.graph.sub(force, slope) for force, slope in zip(trees.forces, trees.gradient, strict=True)
        ]
        return np.array([trees.graph.evaluate(force, values) for force in forces])

    def free_energy(self, beta: float, **controls: float) -> float:
        """Return the configurational free energy, ``-ln(Z) / beta``, ``Z`` the integral of ``exp(-beta U)``.

        Momenta are left out: at one temperature they cancel in differences. Exact for a quadratic energy; by
        quadrature, and refused where that does not converge, for any other energy of one coordinate.

        Parameters
        ----------
        beta : float, 1 / energy
            Greater than zero.
        **controls : float
            A value for each control.

        Raises
        ------
        InvalidInput
            If a control is missing, ``Z`` is infinite, or an energy of several coordinates is not quadratic.
        """
        from fluctua.stochastic.equilibrium import free_energy

        values = [number(value, word) for word, value in self.in_order(controls).items()]
        return free_energy(self, values, number(beta, "beta", positive=True))

    def _values(self, q: ArrayLike, controls: Controls) -> dict[str, Any]:
        """Return the numbers of all symbols."""
        rows = np.atleast_2d(np.asarray(q, dtype=np.float64))
        if rows.ndim != 2 or len(rows) != len(self.coordinates):
            raise InvalidInput(
                f"positions of shape {rows.shape}",
                "q",
                f"give {len(self.coordinates)} rows, one a coordinate",
            )
        named = controls if isinstance(controls, Mapping) else self._named(controls)
        known = {
            **dict(zip(self.coordinates, rows, strict=True)),
            **self.in_order(named),
            **self.parameters,
        }
        return {self.names[word]: value for word, value in known.items()}

    def _named(self, controls: Sequence[float]) -> dict[str, float]:
        if len(controls) != len(self.controls):
            raise InvalidInput(
                f"{len(controls)} controls", "controls", f"controls are {', '.join(self.controls) or 'none'}"
            )
        return dict(zip(self.controls, controls, strict=True))

    # ---- periods

    @cached_property
    def periods(self) -> dict[str, float]:
        """Each period as a number."""
        graph = Graph()
        where = "system.periodic"
        nodes = {
            coordinate: graph.parse(value, {}, f"{where}.{coordinate}")
            for coordinate, value in self.periodic.items()
        }
        values = {coordinate: graph.constant(node) for coordinate, node in nodes.items()}
        return {word: number(value, f"{where}.{word}", positive=True) for word, value in values.items()}

    def _check_periods(self) -> None:
        """Refuse a period that energy or forces do not have, by trying a few states."""
        n = len(self.coordinates)
        # Arbitrary values: no formula has a symmetry that makes all of them agree by chance.
        q = 0.3 + 0.7 * np.arange(1.0, 3.0 * n + 1.0).reshape(n, 3)
        controls = [1.0 + 0.1 * k for k in range(len(self.controls))]
        for coordinate, period in self.periods.items():
            there = q.copy()
            there[self.coordinates.index(coordinate)] += period
            here, there = (
                np.vstack([self.evaluate_energy(x, controls), self.force(x, controls)]) for x in (q, there)
            )
            scale = np.abs(here).max()
            if np.isfinite(here).all() and not (np.abs(there - here) <= _SAME * scale).all():
                raise InvalidInput(
                    f"energy or force changes over the period {period:.6g}",
                    f"system.periodic.{coordinate}",
                    "put a constant slope into forces, or correct the period",
                )

    def __repr__(self) -> str:
        """Return names and formulas on one line."""
        controls = f"; {', '.join(self.controls)}" if self.controls else ""
        forces = "".join(f", force on {coordinate}: {force}" for coordinate, force in self.forces.items())
        return f"Potential({', '.join(self.coordinates)}{controls}): {self.energy}{forces}"


def _as_text(formula: object, where: str) -> str:
    """Return a formula as text; a number counts as one."""
    if isinstance(formula, str):
        return formula.strip()
    if isinstance(formula, Real) and not isinstance(formula, bool):
        return repr(number(formula, where))
    raise not_text(formula, where)


def _as_period(period: object, coordinate: str) -> float | str:
    where = f"system.periodic.{coordinate}"
    return period.strip() if isinstance(period, str) else number(period, where, positive=True)
