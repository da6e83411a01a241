"""From a schedule to the numbers a kernel reads: one row a step, one a stroke, and the constants of the run.

Everything here and in the moves is made of + - * / and square roots, and of exponentials taken in decimal
arithmetic: what a table is made of decides the bits of a run as much as the kernel does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.first_instant import coupled_at_start
from fluctua.stochastic.forms import Floats, Form, Layout, Link
from fluctua.stochastic.schedule import Schedule

ROUNDING = 1e-6  # of a temperature: what `watch` may find negative by rounding, see `kernels/ledger.py`


@dataclass(frozen=True)
class Tables:
    """What a kernel reads, as arrays; see `kernels/block.py`."""

    table: Floats
    openings: Floats
    closings: Floats
    stops: NDArray[np.int64]
    constants: Floats


def tables_of(
    form: Form,
    layout: Layout,
    schedule: Schedule,
    links: Sequence[Link],
    masses: Sequence[float],
    parameters: Sequence[float],
) -> Tables:
    """Tabulate a schedule for one form of kernel."""
    openings, closings = _strokes(schedule)
    return Tables(
        table=_steps(form, layout, schedule, links, masses),
        openings=openings,
        closings=closings,
        stops=np.cumsum(schedule.moves).astype(np.int64),
        constants=_constants(form, layout, schedule, links, masses, parameters),
    )


def with_noise_of(
    tables: Tables, form: Form, links: Sequence[Link], masses: Sequence[float], finer: int
) -> Tables:
    """Append to the constants the weights of finer steps' normals, link by link, and their number."""
    if not form.coarse:
        return tables
    fine_step = float(tables.constants[0]) / finer
    weights = [weights_of(form.move.kept(link, masses, fine_step), finer) for link in links]
    return replace(tables, constants=np.concatenate([tables.constants, *weights, [float(finer)]]))


def weights_of(kept: float, finer: int) -> Floats:
    r"""Weigh the normals of finer steps in that of the step that they make up.

    .. math:: w_i = c^{m-1-i} \Big/ \Big[\sum_{j<m} c^{2j}\Big]^{1/2}

    Parameters
    ----------
    kept : float, 0 to 1
        c, what a finer step keeps of what noise has done; 0 where it keeps nothing that a float can hold.
    finer : int
        m, how many there are.
    """
    weights = np.ones(finer)
    for i in range(finer - 1, 0, -1):
        weights[i - 1] = weights[i] * kept
    weights /= np.sqrt(np.sum(weights * weights))
    return weights


def held_still(schedule: Schedule, steps: int) -> Schedule:
    """Give a schedule that holds the first instant of another for some steps: what relaxation runs under."""
    controls, beta = schedule.opening_controls[:1], schedule.opening_beta[:1]
    coupled = np.repeat(coupled_at_start(schedule)[None], steps, axis=0)
    return Schedule(
        time_step=schedule.time_step,
        steps=steps,
        controls=np.repeat(controls, steps, axis=0),
        beta=np.repeat(beta, steps, axis=0),
        coupled=coupled,
        names=["relaxation"],
        cycle=[1],
        moves=np.array([steps]),
        opening_controls=controls,
        closing_controls=controls,
        opening_beta=beta,
        closing_beta=beta,
    )


def _next(held: Floats, closing: Floats, moves: NDArray[np.int64]) -> Floats:
    """List what each step changes to: what the next step of its stroke holds, or the stroke's last value."""
    after = np.empty_like(held)
    after[:-1] = held[1:]
    ends = np.cumsum(moves) - 1
    moving = moves > 0
    after[ends[moving]] = closing[moving]
    return after


def _steps(
    form: Form, layout: Layout, schedule: Schedule, links: Sequence[Link], masses: Sequence[float]
) -> Floats:
    columns: dict[str, Floats] = {}
    moves = np.asarray(schedule.moves)
    after = _next(schedule.controls, schedule.closing_controls, moves)
    for k in range(form.controls):
        columns[f"c_{k}"], columns[f"n_{k}"] = schedule.controls[:, k], after[:, k]
    beta_next = _next(schedule.beta, schedule.closing_beta, moves)[:, 0]
    columns["beta_next"], columns["beta_change"] = beta_next, beta_next - schedule.beta[:, 0]
    for b in range(form.baths):
        columns[f"beta_{b}"] = schedule.beta[:, b]
    for number, link in enumerate(links):
        made = form.move.step_numbers(link, masses, schedule)
        columns |= {f"{name}_{number}": column for name, column in made.items()}
    table = np.zeros((schedule.steps, len(layout.table)))
    for at, name in enumerate(layout.table):
        table[:, at] = columns[name]
    return table


def _strokes(schedule: Schedule) -> tuple[Floats, Floats]:
    """Give the control changes that open strokes, and the controls that close them, in a step's columns."""
    begin = np.cumsum(schedule.moves) - schedule.moves
    moving = np.asarray(schedule.moves) > 0
    first = np.minimum(begin, max(schedule.steps - 1, 0))
    rows = []
    for opening, closing, held in (
        (schedule.opening_controls, schedule.closing_controls, schedule.controls),
        (schedule.opening_beta[:, :1], schedule.closing_beta[:, :1], schedule.beta[:, :1]),
    ):
        before = np.concatenate([opening[:1], closing[:-1]])
        rows.append((before, np.where(moving[:, None], held[first] if schedule.steps else closing, closing)))
    (c, n), (beta, beta_next) = rows
    openings = np.hstack([c, n, beta_next, beta_next - beta])
    last = schedule.closing_controls
    return np.ascontiguousarray(openings), np.ascontiguousarray(np.hstack([last, last]))


def _constants(
    form: Form,
    layout: Layout,
    schedule: Schedule,
    links: Sequence[Link],
    masses: Sequence[float],
    parameters: Sequence[float],
) -> Floats:
    time_step = schedule.move
    values = {"time_step": time_step, "half_step": 0.5 * time_step}
    values["allowance"] = ROUNDING * _lowest_temperature(schedule)
    values |= {f"p_{k}": value for k, value in enumerate(parameters)}
    values |= form.move.run_numbers(links, masses, time_step)
    return np.array([values[name] for name in layout.constants])


def _lowest_temperature(schedule: Schedule) -> float:
    """Give the lowest temperature of any bath at any time, in units of energy."""
    tables = (schedule.beta, schedule.opening_beta, schedule.closing_beta)
    return 1.0 / max(float(beta.max()) for beta in tables if beta.size)
