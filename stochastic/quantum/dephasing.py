r"""Loss of phases between energy levels without a quantum, through the channel of zero frequency.

.. math:: \dot\rho_{ab} = \ldots - \tfrac12 \gamma_0 |A_{aa} - A_{bb}|^2 \rho_{ab}

with the bath's `dephasing` :math:`\gamma_0`, for a coupling operator A in the eigenbasis of the energy;
without an operator each level has a channel of its own, and each coherence decays at :math:`\gamma_0`.

Breuer, Petruccione, The Theory of Open Quantum Systems (2002), section 3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.quantum.couplings import PairCoupling
from fluctua.stochastic.quantum.matrices import Matrices, transformed
from fluctua.stochastic.quantum.slots import SAME_GAP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.channels import Channels, Model

    Floats = NDArray[np.float64]

_NOTHING = 1e-9  # of the operator's largest element; phases are lost by its square


def refuse_idle_dephasing(model: Model, found: Channels, coupled: NDArray[np.bool_]) -> None:
    """Refuse a dephasing that no phase feels in any of some rows of held values.

    Parameters
    ----------
    model : Model
    found : Channels
        What `Model.held` gives for the rows.
    coupled : (M, B) array of bool

    Raises
    ------
    InvalidInput
        If a bath has a `dephasing`, is connected, and its operators have the same value in each energy level.
    """
    felt: dict[int, list[bool]] = {}
    for coupling in model.couplings:
        rows = np.flatnonzero(coupled[:, coupling.bath])
        if isinstance(coupling, PairCoupling) and coupling.dephasing > 0.0 and len(rows):
            spread = _spread(coupling, found.energies[rows], found.vectors[rows])
            felt.setdefault(coupling.bath, []).append(spread > _NOTHING * coupling.size)
    for number, each in felt.items():
        if not any(each):
            bath = model.dynamics.baths[number]
            raise InvalidInput(
                f"{', '.join(bath.on or ())}: the same value in each energy level, so that no phase is lost",
                f"{bath.where}.dephasing",
                "couple through an operator that tells levels apart, or leave on or dephasing out",
            )


def _spread(coupling: PairCoupling, energies: Floats, vectors: Matrices) -> float:
    """Return how far the zero-frequency part of the operator is from a number times the identity."""
    if coupling.operator is None:
        return coupling.size
    elements = transformed(coupling.operator, vectors)
    distance = np.abs(energies[:, :, None] - energies[:, None, :])
    same = distance <= SAME_GAP * (energies[:, -1] - energies[:, 0])[:, None, None]
    kept = Matrices(np.where(same, elements.re, 0.0), np.where(same, elements.im, 0.0))
    mean = np.broadcast_to((elements.trace[0] / elements.dimension)[:, None], energies.shape)
    return float((kept - Matrices.diagonal(mean)).largest.max())
