r"""Dual rates: the dynamics with the same steady state and all its currents turned round.

    w+_(i <- j) = w_(j <- i) pi_i / pi_j,        channel by channel, pi the steady state at that instant   (1)

Housekeeping entropy obeys a detailed theorem against the dual dynamics, non-adiabatic entropy against the
reversed protocol with dual rates. Source: Esposito, Van den Broeck, PRL 104, 090601 (2010).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.markov.generator import Generator
from fluctua.stochastic.markov.stationary import stationary

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class Dual(Generator):
    """The generator of the dual dynamics, equation (1).

    Levels, channels, energies and potentials are those of the generator it is made from; the dual of the dual
    is that generator. Heat and entropy flow still count energy: they are not ln of the ratio of these rates.

    Parameters
    ----------
    generator : Generator

    Raises
    ------
    InvalidInput
        If a channel has no way back; when rates are asked for, if there is no single steady state.
    """

    def __init__(self, generator: Generator) -> None:
        self.__dict__.update(generator.__dict__)  # all that does not depend on rates is shared
        self.primal, self.balanced = generator, False
        if (generator.reverses < 0).any():
            name = generator.channels[int(np.argmax(generator.reverses < 0))].name
            raise InvalidInput(f"{name!r} has no way back", "dynamics.baths", "no dual rates are defined")

    def rates(self, controls: ArrayLike, beta: ArrayLike, coupled: ArrayLike) -> Floats:
        """Return the dual rate of each channel, shape (N, K), 1 / time; arguments as of `Generator.rates`."""
        rates = self.primal.rates(controls, beta, coupled)
        populations = stationary(self.primal, rates)
        if np.isnan(populations).any():
            raise InvalidInput(
                "no single steady state, so no dual rates", "dynamics.baths", "connect all levels"
            )
        dual: Floats = rates[:, self.reverses] * populations[:, self.targets] / populations[:, self.sources]
        return dual
