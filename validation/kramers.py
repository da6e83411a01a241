"""The Kramers equation of one driven particle, solved in phase space.

It gives ensemble averages of work and heat without a single random number, for potentials that have no
closed answer. The cases that quote its numbers keep them as literals; ``tests/validation/test_kramers.py``
computes every one of them again, to the error that three time steps and two grids show. Weak friction (many
modes) and strong friction (short steps) take a minute: these tests are marked ``slow``.

Unit mass. The density is ``P(q, p, t) = sum_l c_l(q, t) psi_l(p)`` with orthonormal Hermite functions
``psi_l`` of width ``sigma`` (``psi_0 ~ exp(-p^2 / 2 sigma^2)``) and obeys

    dP/dt = -p dP/dq + d/dp [ (U'(q) - E) P + gamma (p + T d/dp) P ].

In the eigenbasis of ``D = d/dp`` (eigenvalues ``i s``) force and diffusion are factors, in that of
multiplication by ``p`` streaming is a shift of ``q``; friction is one constant matrix. Strang splitting of
exact sub-flows: friction, streaming, [force, diffusion], streaming, friction; second order in the step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Density = NDArray[np.float64]
TimeFunction = Callable[[float], float]


@dataclass(frozen=True)
class Stroke:
    """One stroke: ``beta`` and the field ``E`` as functions of ``s`` in (0, 1)."""

    duration: float
    beta: TimeFunction
    field: TimeFunction


@dataclass(frozen=True)
class Ledger:
    """Mean work, dimensionless work and heat of one stroke, ``H = p^2/2 + U - E q``.

    ``work`` is the integral of ``-dE/dt <q>``, ``dimensionless_work`` that of
    ``dbeta/dt <H> - beta dE/dt <q>``, ``heat`` is ``Delta<H> - work``.
    """

    work: float
    dimensionless_work: float
    heat: float


def ramp(start: float, end: float) -> TimeFunction:
    """Give the linear function of ``s`` from ``start`` to ``end``."""
    return lambda s: start + (end - start) * s


@dataclass(frozen=True)
class Kramers:
    """Solver for ``U(q)`` a polynomial, friction ``gamma``, on ``points`` in ``(-reach, reach)``.

    Parameters
    ----------
    potential
        Coefficients of ``U``, constant first; energy.
    friction
        ``gamma``, inverse time (unit mass).
    modes
        Hermite functions kept. Weak friction needs more of them (48 below 0.2).
    points
        Grid points in ``q``; the density must vanish at ``reach``.
    variance
        ``sigma^2`` of the Hermite functions, between the smallest and the largest temperature met.
    """

    potential: Sequence[float]
    friction: float
    modes: int = 32
    points: int = 96
    reach: float = 5.2
    variance: float = 0.6
    grid: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Lay out the periodic grid in ``q``."""
        step = 2 * self.reach / self.points
        object.__setattr__(self, "grid", -self.reach + step * np.arange(self.points))

    @cached_property
    def _ladder(self) -> tuple[Floats, Floats]:
        """Matrices of ``d/dp`` and of multiplication by ``p`` in the Hermite functions."""
        up = np.diag(np.sqrt(np.arange(1, self.modes) / 2), 1)
        sigma = np.sqrt(self.variance)
        return (up - up.T) / sigma, sigma * (up + up.T)

    @cached_property
    def _energy(self) -> Floats:
        return np.asarray(Polynomial(self.potential)(self.grid))

    @cached_property
    def _slope(self) -> Floats:
        return np.asarray(Polynomial(self.potential).deriv()(self.grid))

    @cached_property
    def _moments(self) -> tuple[Floats, Floats]:
        """Integrals of ``psi_l`` and of ``p^2 psi_l`` over ``p``."""
        whole = np.zeros(self.modes)
        whole[0] = np.sqrt(2 * np.sqrt(np.pi * self.variance))
        for order in range(2, self.modes, 2):
            whole[order] = np.sqrt((order - 1) / order) * whole[order - 2]
        # the recursion for p acts on rows, one mode beyond the last is needed twice: take a larger ladder
        square = self.variance * np.array([self._square(whole, order) for order in range(self.modes)])
        return whole, square

    @staticmethod
    def _square(whole: Floats, order: int) -> float:
        """Give ``int p^2 psi_l / sigma^2`` from ``p psi_l`` = raising and lowering halves."""
        below = np.sqrt(order * (order - 1)) * whole[order - 2] if order >= 2 else 0.0
        above = np.sqrt((order + 1) / (order + 2)) * whole[order]
        return float(
            (below + (2 * order + 1) * whole[order] + np.sqrt((order + 1) * (order + 2)) * above) / 2
        )

    def equilibrium(self, beta: float, field: float) -> Density:
        """Give the normalised Gibbs density at ``beta`` and ``E = field``, shape ``(modes, points)``."""
        weight = np.exp(-beta * (self._energy - field * self.grid - self._energy.min()))
        weight /= weight.sum() * (self.grid[1] - self.grid[0])
        return np.asarray(np.outer(self._maxwellian(1 / beta), weight))

    def _maxwellian(self, temperature: float) -> Floats:
        """Expand a centred Gaussian of variance ``temperature`` in the Hermite functions."""
        ratio = (temperature - self.variance) / (temperature + self.variance)
        c = np.zeros(self.modes)
        c[0] = np.sqrt(2 * np.sqrt(np.pi * self.variance)) / np.sqrt(2 * np.pi)
        c[0] *= 1 / np.sqrt(temperature + self.variance)
        for order in range(2, self.modes, 2):
            c[order] = c[order - 2] * ratio * np.sqrt((order - 1) / order)
        return c

    def averages(self, density: Density) -> tuple[float, float, float]:
        """Give ``(norm, <q>, <p^2/2 + U>)`` of a density; the averages are divided by the norm."""
        whole, square = self._moments
        step = self.grid[1] - self.grid[0]
        in_space, kinetic = whole @ density, square @ density / 2
        norm = float(in_space.sum() * step)
        energy = float((kinetic + self._energy * in_space).sum() * step)
        return norm, float((self.grid * in_space).sum() * step) / norm, energy / norm

    def stroke(self, density: Density, stroke: Stroke, time_step: float) -> tuple[Density, Ledger]:
        """Carry ``density`` through one stroke; give the new density and the mean ledger.

        Averages are held at the middle of each step (mean of its two ends), ramps enter by their exact
        change.
        """
        steps = round(stroke.duration / time_step)
        flow = _Flow(self, stroke.duration / steps)
        work = dimensionless = 0.0
        _, q, energy = self.averages(density)
        first = energy - stroke.field(0.0) * q
        for n in range(steps):
            old, middle, new = n / steps, (n + 0.5) / steps, (n + 1) / steps
            density = flow.step(density, stroke.beta(middle), stroke.field(middle))
            _, q_new, energy_new = self.averages(density)
            q_mean, energy_mean = (q + q_new) / 2, (energy + energy_new) / 2
            change = stroke.field(new) - stroke.field(old)
            work -= change * q_mean
            dimensionless += (stroke.beta(new) - stroke.beta(old)) * (
                energy_mean - stroke.field(middle) * q_mean
            )
            dimensionless -= stroke.beta(middle) * change * q_mean
            q, energy = q_new, energy_new
        heat = energy - stroke.field(1.0) * q - first - work
        return density, Ledger(work, dimensionless, heat)

    def cycle(
        self, density: Density, strokes: Sequence[Stroke], time_step: float
    ) -> tuple[Density, list[Ledger]]:
        """Carry ``density`` through the strokes; give the new density and one ledger a stroke."""
        ledgers = []
        for stroke in strokes:
            density, ledger = self.stroke(density, stroke, time_step)
            ledgers.append(ledger)
        return density, ledgers

    def tilted(
        self, density: Density, stroke: Stroke, time_step: float, weight: Callable[[float, Floats], Floats]
    ) -> float:
        """Give ``<exp(-X)>`` at the end of a stroke, ``X = int weight(s, q) dt``, by Feynman and Kac.

        ``weight`` is a function of position only; half of its factor stands at either end of a step.
        """
        steps = round(stroke.duration / time_step)
        h = stroke.duration / steps
        flow = _Flow(self, h)
        for n in range(steps):
            middle = (n + 0.5) / steps
            half = np.exp(-h / 2 * weight(middle, self.grid))
            density = half * flow.step(half * density, stroke.beta(middle), stroke.field(middle))
        return self.averages(density)[0]


class _Flow:
    """The split step of one time step, with its constant matrices made once."""

    def __init__(self, solver: Kramers, time_step: float) -> None:
        derivative, momentum = solver._ladder
        self.grid, self.slope = solver.grid, solver._slope
        self.time_step, self.friction = time_step, solver.friction
        self.damp = _exponential(solver.friction * time_step / 2 * derivative @ momentum)
        speeds, self.to_speed = np.linalg.eigh(momentum)
        waves = 2j * np.pi * np.fft.rfftfreq(solver.points, self.grid[1] - self.grid[0])
        self.shift = np.exp(-waves[None, :] * speeds[:, None] * time_step / 2)
        self.waves, self.to_wave = np.linalg.eigh(-1j * derivative)

    def step(self, density: Density, beta: float, field: float) -> Density:
        """Apply one Strang step at frozen ``beta`` and field."""
        density = self._stream(self.damp @ density)
        modes = self.to_wave.conj().T @ density
        modes *= np.exp(1j * self.time_step * self.waves[:, None] * (self.slope - field)[None, :])
        modes *= np.exp(-self.friction / beta * self.time_step * self.waves**2)[:, None]
        density = (self.to_wave @ modes).real
        return self.damp @ self._stream(density)

    def _stream(self, density: Density) -> Density:
        by_speed = np.fft.rfft(self.to_speed.T @ density, axis=1) * self.shift
        return np.asarray(self.to_speed @ np.fft.irfft(by_speed, n=self.grid.size, axis=1))


def _exponential(matrix: Floats) -> Floats:
    from scipy.linalg import expm

    return np.asarray(expm(matrix))
