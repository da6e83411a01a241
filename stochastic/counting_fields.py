"""Counting fields, the s of ``<exp(s X)>``: finite numbers."""

from __future__ import annotations

from collections.abc import Mapping

from fluctua.stochastic.values import number


def read_fields(fields: Mapping[str, float]) -> dict[str, float]:
    """Return the counting field of each quantity as a finite float.

    Raises
    ------
    InvalidInput
        If one is none.
    """
    return {
        name: number(s, f"fields.{name}", remedy="give a finite number, such as -1.0")
        for name, s in fields.items()
    }
