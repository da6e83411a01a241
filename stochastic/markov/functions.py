"""What a jump process is made of at an instant: rates, energies, what a jump brings, the steady potential."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.lanes import log
from fluctua.stochastic.markov.equilibrium import particle_numbers
from fluctua.stochastic.markov.hazards import Values
from fluctua.stochastic.markov.layout import STATES
from fluctua.stochastic.markov.stationary import stationary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.markov.recording import Recording

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

VANISHING = 1e-290  # a rate whose last digits are lost


@dataclass(frozen=True, eq=False)
class Functions:
    """What a jump process is made of, at any controls and temperatures."""

    generator: Generator
    thermodynamics: bool
    housekeeping: bool
    dimensionless: bool
    integrals: Recording

    @cached_property
    def _numbers(self) -> Floats:
        """Particles in each level, where dimensionless work asks for them."""
        return np.array(particle_numbers(self.generator), dtype=np.float64)

    def at(self, controls: Floats, beta: Floats, coupled: Mask, steady: Mask, where: str) -> Values:
        """Return all functions at N instants; `steady` tells which baths make the steady state."""
        generator, count = self.generator, len(controls)
        rates = generator.rates(controls, beta, coupled)
        states = np.zeros((count, len(generator.levels), STATES))
        amounts = np.zeros((count, len(generator.channels), 3))
        if self.thermodynamics:
            energies, mu = generator.energies(controls), generator.potentials(controls)
            states[:, :, 0] = energies
            amounts[:, :, 0] = mu * generator.particles
            amounts[:, :, 1] = generator.pushes(controls)
            amounts[:, :, 2] = self._log_ratios(rates, coupled, beta, energies, amounts)
            if self.dimensionless:
                states[:, :, 1] = beta[:, :1] * (energies - self._potential(mu)[:, None] * self._numbers)
        if self.housekeeping:
            states[:, :, 2] = self._steady_potential(controls, beta, steady, where)
        return Values(states, self.integrals.at(controls), rates, amounts, beta)

    def _potential(self, mu: Floats) -> Floats:
        """Return the one chemical potential of all leads, 0 without any."""
        leads = np.flatnonzero(self.generator.particles)
        found: Floats = mu[:, leads[0]] if leads.size else np.zeros(len(mu))
        return found

    def _log_ratios(
        self, rates: Floats, coupled: Mask, beta: Floats, energies: Floats, amounts: Floats
    ) -> Floats:
        """Return ln of each channel's rate over that of its way back, 0 where its bath is off.

        Of rates that vanish, or nearly so, it is what local detailed balance gives them: -beta times heat.
        """
        generator = self.generator
        back = rates[:, generator.reverses]
        rise = energies[:, generator.targets] - energies[:, generator.sources]
        balance = -beta[:, generator.baths] * (rise - amounts[:, :, 0] - amounts[:, :, 1])
        with np.errstate(all="ignore"):
            found: Floats = np.where(np.minimum(rates, back) < VANISHING, balance, log(rates) - log(back))
        found[:, ~coupled[generator.baths] | (generator.reverses < 0)] = 0.0
        return found

    def _steady_potential(self, controls: Floats, beta: Floats, steady: Mask, where: str) -> Floats:
        populations = stationary(self.generator, self.generator.rates(controls, beta, steady))
        with np.errstate(all="ignore"):
            found: Floats = -log(populations)
        if not np.isfinite(found).all():
            remedy = "connect all levels, or leave housekeeping out"
            raise InvalidInput("no one steady state that holds all levels", where, remedy)
        return found
