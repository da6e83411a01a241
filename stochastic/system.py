"""Systems: energy as a function of state and controls. What every kind of them has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from fluctua.stochastic.values import Value


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

    @abstractmethod
    def free_energy(self, beta: float, **controls: float) -> float:
        """Return the free energy, ``-ln(Z) / beta``, at a value of each control."""
