"""Energies that are no energies of a small system: nearly always a wrong unit.

Labels of units never convert anything, so a wrong one is no error: joule in place of pN um makes one kT
smaller by 18 orders of magnitude, and the first law still holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.ensembles.columns import balance_of
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset

SMALLEST, LARGEST = 1e-6, 1e6  # kT: beyond these nothing of what fluctuates can be seen in an average
_JOULES = 1e-12  # kT: what is smaller is nearly always in joules, of which one kT is 4e-21


def remark_on_scale(run: Dataset) -> str:
    """Say that energies are absurdly large or small in kT, or nothing.

    Parameters
    ----------
    run : Dataset
        Its first batch tells: a median is far from being known well enough long before it matters here.

    Returns
    -------
    str
        Empty where the typical size, the largest median of work, heat and energy change, is below 1e6 kT and
        something is above 1e-6 kT (most trajectories may do nothing but round), and where nothing happens.
    """
    terms = balance_of(column.name for column in run.columns)
    batch = next(run.batches(terms), None) if terms else None
    if batch is None or batch.num_rows == 0:
        return ""
    schedule = run.spec.schedule
    beta = float(schedule.start_beta[0])
    sizes = [beta * np.abs(batch[name].to_numpy()) for name in terms]
    typical, largest = (max(float(over(size)) for size in sizes) for over in (np.median, np.max))
    if typical == 0.0 or (typical <= LARGEST and largest >= SMALLEST):
        return ""
    own = run.spec.units.label("energy")
    return (
        f"energies are about {typical:.0e} kT here, and one kT is {1.0 / beta:.3g} {own}: "
        f"check units and temperature"
    )


def check_scale(low: float, high: float, units: str, place: str) -> None:
    """Refuse numbers of somebody else whose unit is another than was said.

    Small ones are told by the largest of them, not by their spread: work that is the same in all trajectories
    but for rounding is work of some process. Large ones are told by their spread: all of them may lie far
    from 0.

    Parameters
    ----------
    low, high : float
        The smallest and the largest, in kT (or k_B).
    units : str
        What they were given in; ``"k_B"`` for entropy.

    Raises
    ------
    InvalidInput
        ``the values spread over 8e-21 kT (forward): joules? add units='J', temperature=298``.
    """
    largest, spread = max(abs(low), abs(high)), high - low
    if (largest == 0.0 or largest >= SMALLEST) and spread <= LARGEST:
        return
    unit = "k_B" if units == "k_B" else "kT"
    raise InvalidInput(
        f"the values spread over {spread or largest:.0e} {unit}", place, _remedy(largest, spread, units)
    )


def _remedy(largest: float, spread: float, units: str) -> str:
    if units == "kT" and largest < _JOULES:
        return "joules? add units='J', temperature=298"
    if units == "k_B" and largest < _JOULES:
        return "joules per kelvin? divide by 1.380649e-23"
    if units not in ("kT", "k_B") and spread > 1.0 / _JOULES:
        return "in kT already? leave units and temperature out"
    return "check the column and its units"
