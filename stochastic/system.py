"""Systems: energy as a function of state and controls. What every kind of them has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.values import Value, mapping, name, number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class System(Value, ABC):
    """A system whose energy depends on its state and on controls.

    Attributes
    ----------
    controls : tuple of str
        What a protocol may change.
    parameters : mapping of str to float
        Numbers fixed for the run.
    """

    controls: tuple[str, ...]
    parameters: Mapping[str, float]

    @property
    @abstractmethod
    def states(self) -> tuple[str, ...]:
        """What its state is made of: names of coordinates, or of levels."""

    @property
    def names(self) -> dict[str, str]:
        """Each name that a formula of controls and parameters may contain, with its canonical symbol."""
        groups = {"c": self.controls, "p": tuple(self.parameters)}
        return {word: f"{letter}_{k}" for letter, group in groups.items() for k, word in enumerate(group)}

    @property
    def constants(self) -> dict[str, float]:
        """Names that stand for a number in formulas of columns: levels, for what `state_final` counts."""
        return {}

    def symbol_values(self, controls: ArrayLike) -> dict[str, Any]:
        """Return the numbers of the symbols in formulas, for controls of shape (N, C) in their order."""
        rows = np.asarray(controls, dtype=np.float64)
        known = {word: rows[:, k] for k, word in enumerate(self.controls)} | dict(self.parameters)
        return {self.names[word]: value for word, value in known.items()}

    def in_order(self, controls: Mapping[str, float]) -> dict[str, float]:
        """Return controls by name in their own order.

        Raises
        ------
        InvalidInput
            One is unknown, or has no value.
        """
        for word in controls:
            if word not in self.controls:
                raise not_among(word, "control", self.controls)
        for word in self.controls:
            if word not in controls:
                raise InvalidInput(f"{word} has no value", "controls", f"give {word}=")
        return {word: controls[word] for word in self.controls}

    @abstractmethod
    def free_energy(self, beta: float, **controls: float) -> float:
        """Return the free energy, ``-ln(Z) / beta``, at a value of each control."""


def read_parameters(parameters: object) -> dict[str, float]:
    """Read the numbers that are fixed for a run, by name."""
    return {
        name(word, "system.parameters"): number(value, f"system.parameters.{word}")
        for word, value in mapping(parameters, "system.parameters").items()
    }
