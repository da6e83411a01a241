"""What one writes without us: a loop for Numba, and the same systems in QuTiP."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jump_jobs
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import fluctua as fl

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

QUIET = {"progress_bar": "", "keep_runs_results": True, "store_states": False}
#: The fastest of QuTiP's integrators for each job, with its tolerances as they come.
QUBIT_METHOD, LADDER_METHOD = "tsit5", "vern7"
SAMPLES = 2001  # of the qubit's coefficients; QuTiP draws cubic splines through them


# ---- Gillespie


def gillespie(
    total: Floats,
    chance: Floats,
    target: Integers,
    bath: Integers,
    particles: Integers,
    duration: float,
    out: Integers,
) -> None:
    """Jump trajectory by trajectory, as Gillespie (1976) writes it."""
    for i in range(out.shape[1]):
        level, time = 0, 0.0
        left = right = activity = 0
        while True:
            time += np.random.exponential(1.0 / total[level])
            if time > duration:
                break
            channel = 0 if np.random.random() < chance[level] else 1
            if bath[level, channel] == 0:
                left += particles[level, channel]
            else:
                right += particles[level, channel]
            activity += 1
            level = target[level, channel]
        out[0, i], out[1, i], out[2, i], out[3, i] = activity, left, right, level


@cache
def _compiled() -> Any:
    import numba

    return numba.njit(gillespie)


def numba_loop(spec: fl.EnsembleSpec, trajectories: int, *, compiled: bool = True) -> Integers:
    """Run the loop for levels with two channels out of each; activity, particles from both, last level."""
    rows = jump_jobs.channels(spec)
    rate = np.array([row["rate"] for row in rows])
    table = (np.array([row[name] for row in rows]) for name in ("target", "bath", "particles"))
    out = np.empty((4, trajectories), np.int64)
    loop = _compiled() if compiled else gillespie
    loop(rate.sum(axis=1), rate[:, 0] / rate.sum(axis=1), *table, spec.schedule.duration, out)
    return out


# ---- QuTiP


@cache
def qutip() -> Any:
    """Give QuTiP, or None where it is not installed."""
    try:
        import qutip as module
    except ImportError:
        return None
    return module


class Qubit:
    """The driven qubit in QuTiP: with the jump operators of its instantaneous levels as splines in time.

    Parameters
    ----------
    turning : bool
        Whether the equations are turned into the instantaneous eigenbasis first, which is fastest. There each
        jump operator is a constant matrix times the root of its rate, so that its square is one term, and the
        drive turns the basis: H' = E/2 Z - (da/dt)/2 Y, tan a = delta / epsilon. In the fixed basis,
        L = (cos(a) X - sin(a) Z -+ i Y) / 2 times that root.
    """

    def __init__(self, *, turning: bool) -> None:
        qt, duration, delta = qutip(), jump_jobs.DURATION, jump_jobs.DELTA
        times = np.linspace(0.0, duration, SAMPLES)
        epsilon = jump_jobs.EPSILON * (2.0 * times / duration - 1.0)
        gap, angle = np.hypot(epsilon, delta), np.arctan2(delta, epsilon)
        bosons = 1.0 / np.expm1(jump_jobs.BETA * gap)
        roots = np.sqrt(jump_jobs.RATE * (bosons + 1.0)), np.sqrt(jump_jobs.RATE * bosons)
        x, y, z = qt.sigmax(), qt.sigmay(), qt.sigmaz()

        def moving(*terms: tuple[Any, Floats]) -> Any:
            return qt.QobjEvo([[matrix, qt.coefficient(values, tlist=times)] for matrix, values in terms])

        if turning:
            drive = delta * (2.0 * jump_jobs.EPSILON / duration) / gap**2
            hamiltonian = moving((0.5 * z, gap), (0.5 * y, drive))
            operators = [moving((qt.sigmam(), roots[0])), moving((qt.sigmap(), roots[1]))]
            self.levels = [qt.basis(2, 1), qt.basis(2, 0)]
            upper = self.levels[1]
        else:
            hamiltonian = 0.5 * delta * x + moving((0.5 * z, epsilon))
            flips = [(0.5 * x, np.cos(angle)), (-0.5 * z, np.sin(angle))]
            operators = [
                moving(*((matrix, root * values) for matrix, values in flips), (sign * 0.5j * y, root))
                for root, sign in zip(roots, (-1.0, 1.0), strict=True)
            ]
            self.levels = [_level(angle[0] + np.pi), _level(angle[0])]
            upper = _level(angle[-1])
        self.upper = upper.proj()
        self.solver = qt.MCSolver(hamiltonian, operators, options={**QUIET, "method": QUBIT_METHOD})
        weight = 1.0 / (1.0 + np.exp(jump_jobs.BETA * gap[0]))
        self.populations = [1.0 - weight, weight]

    def run(self, trajectories: int) -> dict[str, Floats]:
        """Solve so many trajectories, their starts in proportion to equilibrium."""
        columns = [
            self._from(level, round(weight * trajectories))
            for level, weight in zip(self.levels, self.populations, strict=True)
        ]
        return _joined([one for one in columns if one])

    def _from(self, state: Any, trajectories: int) -> dict[str, Floats] | None:
        if not trajectories:
            return None
        result = self.solver.run(state, [0.0, jump_jobs.DURATION], trajectories, e_ops=[self.upper])
        heat = [
            np.sum(np.where(np.array(which) == 0, -1.0, 1.0) * _gap(np.array(times)))
            for times, which in zip(result.col_times, result.col_which, strict=True)
        ]
        activity = [float(len(times)) for times in result.col_times]
        return {
            "activity": np.array(activity),
            "heat": np.array(heat),
            "upper": np.asarray(result.runs_expect[0])[:, -1].real,
        }


class Ladder:
    """A spin chain that relaxes, as QuTiP solves it fastest: sparse, in its eigenbasis."""

    def __init__(self, spec: fl.EnsembleSpec) -> None:
        qt = qutip()
        self.duration = spec.schedule.duration
        hamiltonian = spec.system.operator(spec.system.energy, "energy")
        energies, vectors = np.linalg.eigh(hamiltonian)
        bath = spec.dynamics.baths[0]
        coupling = vectors.conj().T @ spec.system.operator(bath.on[0], "on") @ vectors
        operators, self.quanta = _channels(coupling, energies)
        self.energy = qt.Qobj(np.diag(energies)).to("CSR")
        self.solver = qt.MCSolver(
            self.energy,
            [qt.Qobj(operator).to("CSR") for operator in operators],
            options={**QUIET, "method": LADDER_METHOD},
        )
        self.top = qt.basis(len(energies), len(energies) - 1)

    def run(self, trajectories: int) -> dict[str, Floats]:
        """Solve so many trajectories from the highest level."""
        result = self.solver.run(self.top, [0.0, self.duration], trajectories, e_ops=[self.energy])
        return {
            "activity": np.array([float(len(times)) for times in result.col_times]),
            "heat": np.array([self.quanta[np.array(which, int)].sum() for which in result.col_which]),
            "energy": np.asarray(result.runs_expect[0])[:, -1].real,
        }


def _level(angle: float) -> Any:
    """Give the upper level of cos(a) Z + sin(a) X."""
    return qutip().Qobj(np.array([np.cos(angle / 2), np.sin(angle / 2)]))


def _gap(times: Floats) -> Floats:
    epsilon = jump_jobs.EPSILON * (2.0 * times / jump_jobs.DURATION - 1.0)
    gap: Floats = np.hypot(epsilon, jump_jobs.DELTA)
    return gap


def _channels(
    coupling: NDArray[np.complex128], energies: Floats
) -> tuple[list[NDArray[np.complex128]], Floats]:
    """Give the operators of each Bohr frequency with roots of their rates (ohmic), and their quanta."""
    gaps = energies[None, :] - energies[:, None]
    open_ = (gaps > 1e-9) & (np.abs(coupling) > 1e-12)
    operators, quanta = [], []
    for gap in np.unique(np.round(gaps[open_], 9)):
        part = np.where(open_ & (np.abs(gaps - gap) < 1e-8), coupling, 0.0)
        bosons = 1.0 / np.expm1(jump_jobs.BETA * gap)
        operators += [np.sqrt(jump_jobs.RATE * gap * (bosons + 1.0)) * part]
        operators += [np.sqrt(jump_jobs.RATE * gap * bosons) * part.conj().T]
        quanta += [-gap, gap]
    return operators, np.array(quanta)


def _joined(columns: list[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
