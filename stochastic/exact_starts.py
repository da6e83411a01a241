"""Starts that are drawn exactly: equilibrium, and the steady state of a linear system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.cumulative import EquilibriumTable
from fluctua.stochastic.equilibrium import bound_coordinates
from fluctua.stochastic.first_instant import Start
from fluctua.stochastic.linear import Gaussian
from fluctua.stochastic.steady import driven_coordinates, steady_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.first_instant import FirstInstant

    Array = NDArray[np.float64]


def exact_equilibrium(instant: FirstInstant, law: Gaussian | EquilibriumTable, beta: float) -> Start:
    """Start from a known law of positions, and the Maxwell law of velocities; free coordinates from 0."""
    bound = list(bound_coordinates(instant.system))
    spreads = thermal_spreads(instant, [1.0 / beta] * len(instant.masses))

    def draw(first: int, count: int) -> Array:
        if isinstance(law, EquilibriumTable):
            return drawn_from_tables(instant, {bound[0]: law}, spreads, first, count)
        state = np.zeros((len(instant.names), count))
        positions, velocities = instant.normals(first, count)
        state[bound] = law.draw(positions[: len(bound)])
        return _with_velocities(instant, state, spreads, velocities)

    notes = _free_notes(instant, bound, "the energy does not contain it")
    return Start(draw, {"law": "equilibrium", "beta": beta, **_method(law), "notes": notes})


def _method(law: Gaussian | EquilibriumTable) -> dict[str, Any]:
    if isinstance(law, Gaussian):
        return {"method": "exact Gaussian"}
    return {
        "method": "inverse cumulative distribution",
        "window": [law.lower, law.upper],
        "cells": law.cells,
        "error": law.error,
    }


def _free_notes(instant: FirstInstant, bound: Sequence[int], reason: str) -> list[str]:
    return [
        f"{name} starts at 0: {reason}" for i, name in enumerate(instant.system.coordinates) if i not in bound
    ]


def thermal_spreads(instant: FirstInstant, temperatures: Sequence[float]) -> list[float]:
    """Give the standard deviation of each velocity, sqrt(T / m)."""
    return [
        float(np.sqrt(temperature / mass))
        for temperature, mass in zip(temperatures, instant.masses, strict=True)
    ]


def _with_velocities(instant: FirstInstant, state: Array, spreads: Sequence[float], normals: Array) -> Array:
    """Fill in independent velocities."""
    for row, (spread, normal) in enumerate(
        zip(spreads, normals, strict=True), len(instant.system.coordinates)
    ):
        state[row] = spread * normal
    return state


def drawn_from_tables(
    instant: FirstInstant,
    tables: Mapping[int, EquilibriumTable],
    spreads: Sequence[float],
    first: int,
    count: int,
) -> Array:
    """State with some coordinates drawn from tables, the others at 0, and independent velocities."""
    state = np.zeros((len(instant.names), count))
    if tables:
        uniforms = instant.uniforms(first, count)
        for coordinate, table in tables.items():
            state[coordinate] = table.draw(uniforms[coordinate])
    if spreads:
        _, normals = instant.normals(first, count)
        state = _with_velocities(instant, state, spreads, normals)
    return state


def linear_steady_state(instant: FirstInstant) -> Start:
    """Start from the exact steady state of a linear system."""
    law = steady_state(instant.system, instant.controls, instant.contacts, instant.masses)
    driven = driven_coordinates(instant.system)
    n = len(instant.system.coordinates)
    rows = [*driven, *range(n, n + len(instant.masses))]

    def draw(first: int, count: int) -> Array:
        state = np.zeros((len(instant.names), count))
        positions, velocities = instant.normals(first, count)
        state[rows] = law.draw(np.concatenate([positions[list(driven)], velocities]))
        return state

    notes = _free_notes(instant, driven, "no force depends on it")
    return Start(
        draw, {"law": "steady state", "method": "exact Gaussian, in continuous time", "notes": notes}
    )
