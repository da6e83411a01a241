"""A remark on energies that are no energies of a small system: nearly always a wrong unit.

Labels of units never convert anything, so a wrong one is no error: joule in place of pN um makes one kT
smaller by 18 orders of magnitude, and the first law still holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset

SMALLEST, LARGEST = 1e-6, 1e6  # kT: beyond these nothing of what fluctuates can be seen in an average
_TERMS = ("work", "heat", "energy_change")


def remark_on_scale(run: Dataset) -> str:
    """Say that energies are absurdly large or small in kT, or nothing.

    Parameters
    ----------
    run : Dataset
        Its first batch tells: a median is far from being known well enough long before it matters here.

    Returns
    -------
    str
        Empty where the typical size, the largest median of work, heat and energy change, lies between 1e-6
        and 1e6 kT, and where nothing happens at all.
    """
    batch = next(run.batches(_TERMS), None)
    if batch is None or batch.num_rows == 0:
        return ""
    schedule = run.spec.schedule
    beta = float(schedule.start_beta[0])
    typical = beta * max(float(np.median(np.abs(batch[name].to_numpy()))) for name in _TERMS)
    if typical == 0.0 or SMALLEST <= typical <= LARGEST:
        return ""
    own = run.spec.units.label("energy")
    return (
        f"energies are about {typical:.0e} kT here, and one kT is {1.0 / beta:.3g} {own}: "
        f"check units and temperature"
    )
