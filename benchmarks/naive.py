"""What a user writes without us, same ledger: a loop for Numba, NumPy as it comes, NumPy with care."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import job
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def loop_overdamped(rows: Floats, dt: float, out: Floats) -> None:
    """Euler-Maruyama, trajectory by trajectory."""
    for i in range(out.shape[1]):
        q = 0.0
        work = dimensionless = heat = entropy = shadow = ratio = square = cubic = 0.0
        for j in range(rows.shape[0]):
            k, h, k_next, h_next, beta, beta_next, beta_change, _, spread, _, temperature = rows[j]
            z = np.random.normal()
            energy = q**4 / 4 + k * q**2 / 2 - h * q
            force = -(q**3) - k * q + h
            new = q + force * dt + spread * z
            new_energy = new**4 / 4 + k * new**2 / 2 - h * new
            new_force = -(new**3) - k * new + h
            back = (new - q + new_force * dt) / spread
            log_ratio = (back**2 - z**2) / 2
            ratio += log_ratio
            absorbed = -temperature * log_ratio
            heat += absorbed
            entropy -= beta * absorbed
            shadow += new_energy - energy + (force + new_force) * (new - q) / 2
            shadow += dt * (new_force**2 - force**2) / 4
            square += dt * (q**2 + new**2) / 2
            cubic += (q**3 + new**3) * (new - q) / 2
            done = new**4 / 4 + k_next * new**2 / 2 - h_next * new - new_energy
            work += done
            dimensionless += beta_next * done + beta_change * new_energy
            q = new
        out[:, i] = q, 0.0, work, dimensionless, heat, entropy, shadow, ratio, square, cubic


def loop_underdamped(rows: Floats, dt: float, out: Floats) -> None:
    """BAOAB, trajectory by trajectory."""
    for i in range(out.shape[1]):
        q = v = 0.0
        work = dimensionless = heat = entropy = shadow = ratio = square = cubic = 0.0
        for j in range(rows.shape[0]):
            k, h, k_next, h_next, beta, beta_next, beta_change, keep, spread, _, _ = rows[j]
            z = np.random.normal()
            energy = q**4 / 4 + k * q**2 / 2 - h * q
            kicked = v + dt / 2 * (-(q**3) - k * q + h)
            new = q + dt / 2 * kicked
            slowed = keep * kicked + spread * z
            absorbed = (slowed**2 - kicked**2) / 2
            heat += absorbed
            entropy -= beta * absorbed
            back = (kicked - keep * slowed) / spread
            ratio += (back**2 - z**2) / 2
            new = new + dt / 2 * slowed
            last = slowed + dt / 2 * (-(new**3) - k * new + h)
            new_energy = new**4 / 4 + k * new**2 / 2 - h * new
            shadow += new_energy - energy + (last**2 - slowed**2 + kicked**2 - v**2) / 2
            square += dt * (q**2 + new**2) / 2
            cubic += (q**3 + new**3) * (new - q) / 2
            done = new**4 / 4 + k_next * new**2 / 2 - h_next * new - new_energy
            work += done
            dimensionless += beta_next * done + beta_change * (new_energy + last**2 / 2)
            q, v = new, last
        out[:, i] = q, v, work, dimensionless, heat, entropy, shadow, ratio, square, cubic


@cache
def compiled(dynamics: str) -> Any:
    """Compile the loop as Numba's documentation says."""
    from numba import njit

    return njit(loop_overdamped if dynamics == "overdamped" else loop_underdamped)


def numba_loop(dynamics: str, trajectories: int, steps: int = job.STEPS) -> Floats:
    """Run the compiled loop from the origin."""
    out = np.empty((10, trajectories))
    compiled(dynamics)(job.table(dynamics, steps)[1], job.TIME_STEP, out)
    return out


def numpy_first(dynamics: str, trajectories: int, steps: int = job.STEPS) -> Floats:
    """Run the NumPy that one writes first: whole arrays, the formulas as in the paper."""
    dt, random = job.TIME_STEP, np.random.default_rng(1)
    q, v = np.zeros((2, trajectories))
    work, dimensionless, heat, entropy, shadow, ratio, square, cubic = np.zeros((8, trajectories))
    for k, h, k_next, h_next, beta, beta_next, beta_change, keep, spread, _, temperature in job.table(
        dynamics, steps
    )[1]:
        z = random.standard_normal(trajectories)
        energy = q**4 / 4 + k * q**2 / 2 - h * q
        force = -(q**3) - k * q + h
        if dynamics == "overdamped":
            new = q + force * dt + spread * z
            new_force = -(new**3) - k * new + h
            back = (new - q + new_force * dt) / spread
            absorbed = -temperature * (back**2 - z**2) / 2
            excess = (force + new_force) * (new - q) / 2 + dt * (new_force**2 - force**2) / 4
            last = v
        else:
            kicked = v + dt / 2 * force
            slowed = keep * kicked + spread * z
            new = q + dt / 2 * kicked + dt / 2 * slowed
            last = slowed + dt / 2 * (-(new**3) - k * new + h)
            back = (kicked - keep * slowed) / spread
            absorbed = (slowed**2 - kicked**2) / 2
            excess = (last**2 - slowed**2 + kicked**2 - v**2) / 2
        new_energy = new**4 / 4 + k * new**2 / 2 - h * new
        ratio += (back**2 - z**2) / 2
        heat += absorbed
        entropy -= beta * absorbed
        shadow += new_energy - energy + excess
        square += dt * (q**2 + new**2) / 2
        cubic += (q**3 + new**3) * (new - q) / 2
        done = new**4 / 4 + k_next * new**2 / 2 - h_next * new - new_energy
        work += done
        dimensionless += beta_next * done + beta_change * (new_energy + last**2 / 2)
        q, v = new, last
    return np.array([q, v, work, dimensionless, heat, entropy, shadow, ratio, square, cubic])


def numpy_tuned(dynamics: str, trajectories: int, steps: int = job.STEPS) -> Floats:
    """Run NumPy with care: no powers, shared terms computed once, one evaluation of the energy a step."""
    dt, random = job.TIME_STEP, np.random.default_rng(1)
    half, (opening, rows) = job.TIME_STEP / 2, job.table(dynamics, steps)
    q, v, q2, energy = np.zeros((4, trajectories))
    force = np.full(trajectories, opening[3])
    work, dimensionless, heat, entropy, shadow, ratio, square, cubic = np.zeros((8, trajectories))
    for k, h, k_next, h_next, beta, beta_next, beta_change, keep, spread, inverse, temperature in rows:
        z = random.standard_normal(trajectories)
        if dynamics == "overdamped":
            new = q + force * dt + spread * z
        else:
            kicked = v + half * force
            slowed = keep * kicked + spread * z
            new = q + half * (kicked + slowed)
        new2 = new * new
        new_force = h - new * (new2 + k)
        new_energy = new2 * (0.25 * new2 + 0.5 * k) - h * new
        moved = new - q
        if dynamics == "overdamped":
            back = (moved + new_force * dt) * inverse
            excess = (0.5 * moved) * (force + new_force) + (0.25 * dt) * (
                (new_force - force) * (new_force + force)
            )
        else:
            back = (kicked - keep * slowed) * inverse
            last = slowed + half * new_force
            excess = 0.5 * (last * last - slowed * slowed + kicked * kicked - v * v)
        log_ratio = 0.5 * (back * back - z * z)
        ratio += log_ratio
        absorbed = (
            -temperature * log_ratio
            if dynamics == "overdamped"
            else 0.5 * (slowed * slowed - kicked * kicked)
        )
        heat += absorbed
        entropy -= beta * absorbed
        shadow += new_energy - energy + excess
        square += half * (q2 + new2)
        cubic += (0.5 * moved) * (q * q2 + new * new2)
        energy = new2 * (0.25 * new2 + 0.5 * k_next) - h_next * new
        done = energy - new_energy
        work += done
        if dynamics == "overdamped":
            dimensionless += beta_next * done + beta_change * new_energy
        else:
            dimensionless += beta_next * done + beta_change * (new_energy + 0.5 * (last * last))
            v = last
        force = h_next - new * (new2 + k_next)
        q, q2 = new, new2
    return np.array([q, v, work, dimensionless, heat, entropy, shadow, ratio, square, cubic])
