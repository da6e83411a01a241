r"""The steady state of quantum jumps at fixed controls: currents, noise, and all cumulants at long times.

A counted quantity X of amounts c_k tilts the generator, and its largest eigenvalue is the scaled cumulant
generating function,

    L(s) = L + sum_k (exp(s c_k) - 1) L_k . L_k^+,   mu(s) = lim ln<exp(s X)> / t = max Re spec L(s)       (1)

Mean and covariance per time follow exactly, with ``M_a = sum_k a_k L_k . L_k^+`` and Tr x = 0:

    J_a = Tr M_a pi,     C_ab = Tr (M_ab pi - M_a x_b - M_b x_a),     L x_a = M_a pi - J_a pi              (2)

M. Esposito, U. Harbola, S. Mukamel, Rev. Mod. Phys. 81, 1665 (2009).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.counting_fields import read_fields
from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.long_times import LongTimes
from fluctua.stochastic.quantum.evolution import Piece, levels, outcomes
from fluctua.stochastic.quantum.generator import generator_of
from fluctua.stochastic.quantum.tilted import jump_amounts, refuse_unmeasured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.channels import Model
    from fluctua.stochastic.quantum.generator import Generator
    from fluctua.stochastic.schedule import Schedule

    Complex = NDArray[np.complex128]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SteadyState(LongTimes):
    """A Lindblad generator at fixed controls and temperatures, once it has forgotten how it started.

    Made by `Lindblad.steady`. Quantities are called as the columns of a run, or by the name of a channel,
    whose jumps are counted. What stands in the energy is bounded, so that at long times work is minus heat.

    Parameters
    ----------
    piece : Piece
        The generator and the inverse temperatures; its duration is one unit of time.
    bath_names, channel_names : tuples of str
    channels : (K,) array of int
        Number of the channel of each operator.
    measured : bool
        Whether the energy is measured at both ends of a run; without, its work and entropies are not known.
    controls : str
        What they are, as it is said.

    Examples
    --------
    >>> steady = atom.exact().steady()                                                   # doctest: +SKIP
    >>> steady.mean("activity"), steady.fano("activity") - 1.0                           # doctest: +SKIP
    (0.25, -0.75)
    """

    piece: Piece
    bath_names: tuple[str, ...]
    channel_names: tuple[str, ...]
    channels: NDArray[np.int64]
    measured: bool = True
    controls: str = ""

    @classmethod
    def at(cls, model: Model, schedule: Schedule, stroke: int, fraction: float) -> SteadyState:
        """Make that of an instant: a fraction of a stroke's duration."""
        controls, beta = schedule.values(stroke, np.array([fraction]))
        held = model.held(controls, beta, schedule.coupled_in(stroke)[None, :])
        made = generator_of(held, 0, model.hamiltonian(controls).complex[0], model.hbar)
        said = model.system.said(controls[0]).removeprefix(" at ")
        names = model.bath_names, model.channel_names
        return cls(Piece(made, 1.0, beta[0]), *names, held.channel, model.measured, said)

    def __repr__(self) -> str:
        """Write the controls and the populations on one line; of many levels the first four."""
        found = [f"level_{k} {value:.4g}" for k, value in enumerate(self.populations[:4].tolist())]
        more = ["..."] if len(self.populations) > 4 else []
        return f"SteadyState({', '.join([*([self.controls] if self.controls else []), *found, *more])})"

    @cached_property
    def state(self) -> Complex:
        """Density matrix, in the basis of the operators, shape (d, d)."""
        return self.piece.held.steady_state()

    @property
    def populations(self) -> Floats:
        """Probability of each energy level, ascending, shape (d,)."""
        return outcomes(levels(self.piece)[1], self.state)

    @cached_property
    def generator(self) -> Complex:
        """Superoperator of the Lindblad equation, density matrices row by row, shape (d^2, d^2), 1 / time."""
        return self.piece.held.superoperator()

    @cached_property
    def fluxes(self) -> Floats:
        """Jumps per time through each channel, shape (C,), 0 of one that is closed."""
        count = len(self.channel_names)
        return np.bincount(self.channels, weights=self._rates, minlength=count).astype(np.float64)

    @property
    def entropy_production(self) -> float:
        """Entropy produced per time: ``sum_k flux_k ln(rate_k / rate of the way back)``, k_B / time."""
        return self.mean("log_ratio")

    @property
    def activity(self) -> float:
        """Jumps per time."""
        return float(self._rates.sum())

    def mean(self, name: str) -> float:
        """Return what is counted per time, J of equation (2)."""
        return float(self._rates @ self._amounts(name))

    def covariance(self, name: str, other: str) -> float:
        """Return the covariance of two quantities per time, C of equation (2)."""
        first, second = self._amounts(name), self._amounts(other)
        one, two = self.piece.held.jumps(first), self.piece.held.jumps(second)
        memory = _trace(one @ self._response(two)) + _trace(two @ self._response(one))
        return float(self._rates @ (first * second)) - memory

    @property
    def _levels(self) -> Generator:
        """The generator in the eigenbasis of the energy, where fast phases stand apart from slow jumps."""
        return self.piece.held.in_eigenbasis[1]

    @cached_property
    def _rates(self) -> Floats:
        return self.piece.held.rates(self.state)

    def _response(self, carried: Complex) -> Complex:
        """Solve for x of equation (2)."""
        still = self.state.reshape(-1)
        gained = carried @ still
        right = (gained - _trace(gained) * still).reshape(self.state.shape)
        return self.piece.held.solved(right, trace=0.0).reshape(-1)

    def _size(self, name: str) -> float:
        return float(self._rates @ np.abs(self._amounts(name)))

    def _amounts(self, name: str) -> Floats:
        if name in self.channel_names:
            counted: Floats = (self.channels == self.channel_names.index(name)).astype(np.float64)
            return counted
        if not self.measured:
            refuse_unmeasured(name)
        known = jump_amounts(self.bath_names)
        if name not in known:
            raise not_among(name, "observable", known)
        amounts = known[name](self.piece)
        if not np.isfinite(amounts).all():
            raise InvalidInput(f"{name}: a channel without a way back", "dynamics", "heat its bath")
        return amounts

    def _tilted(self, fields: Mapping[str, float]) -> Complex:
        exponents = np.zeros(len(self.channels))
        for name, s in read_fields(fields).items():
            exponents = exponents + s * self._amounts(name)
        with np.errstate(over="ignore"):
            factors = np.exp(exponents)
        if not np.isfinite(factors).all():
            raise InvalidInput("a counting field too large", "fields", "its exponential overflows")
        return self._levels.superoperator(factors)

    def _value_and_slope(self, name: str, s: float) -> tuple[float, float]:
        """Return mu(s) and mu'(s) = left L'(s) right / (left right), from the dominant eigenvectors."""
        amounts, tilted = self._amounts(name), self._tilted({name: s})
        values, right = np.linalg.eig(tilted)
        transposed, left = np.linalg.eig(tilted.T)
        top = int(values.real.argmax())
        one, two = left[:, int(transposed.real.argmax())], right[:, top]
        slope = one @ self._levels.jumps(amounts * np.exp(s * amounts)) @ two / (one @ two)
        return float(values[top].real), float(slope.real)


def _trace(flat: Complex) -> float:
    d = round(len(flat) ** 0.5)
    return float(flat[:: d + 1].sum().real)
