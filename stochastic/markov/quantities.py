r"""What a jump trajectory carries: an amount for each jump, and a function of the first and the last level.

At fixed controls every quantity X grows by jumps alone. What grows between jumps, at frozen level, is the
change of some function F of level and controls (work of F = E, dimensionless work of F = beta (E - mu N)),
and an integral over the path turns that into jumps and ends:

    X = sum_jumps a_k + F(x_tau, tau) - F(x_0, 0),        a_k = c_k - (F_target - F_source)                (1)

with c_k what the jump itself carries. So no derivative in time is ever needed, and instant changes of
controls need no care. ``amounts`` gives a_k, ``ends`` gives F.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.markov.equilibrium import particle_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.markov.frozen import Array, Frozen
    from fluctua.stochastic.markov.generator import Generator


@dataclass(frozen=True)
class Quantity:
    """One thing that is counted.

    Parameters
    ----------
    name : str
        As the column of a run is called.
    amounts : function of Frozen
        What each jump adds, a_k of equation (1), shape (N, K).
    ends : function of Frozen, optional
        F of equation (1), shape (N, n); 0 if left out.
    density : bool
        Whether ``-ln p(x, t)`` is added to `ends`, p being the populations of the ensemble.
    whole : bool
        Whether it is a count, a whole number whatever controls and temperatures are.
    """

    name: str
    amounts: Callable[[Frozen], Array]
    ends: Callable[[Frozen], Array] | None = None
    density: bool = False
    whole: bool = False

    def of_ends(self, frozen: Frozen, populations: Array) -> Array:
        """Return F at one instant, shape (n,); a level that is empty has no density and gets none."""
        values = np.zeros(frozen.size) if self.ends is None else self.ends(frozen)[0]
        return values - _log_of_occupied(populations) if self.density else values


def quantities(names: Iterable[str], generator: Generator) -> list[Quantity]:
    """Look quantities up.

    Parameters
    ----------
    names : iterable of str
        ``activity``, ``heat``, ``work`` and its parts, ``entropy_flow``, ...; ``particles_<bath>``,
        ``energy_<bath>``, ``heat_<bath>``; or a channel, whose jumps are counted.
    generator : Generator

    Raises
    ------
    InvalidInput
        If there is none of that name.
    """
    known = {
        quantity.name: quantity for quantity in (*_PLAIN, *_of_baths(generator), *_of_channels(generator))
    }
    found = []
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise not_among(name, "observable", known)
        found.append(known[name])
    return found


def tilts(frozen: Frozen, fields: Mapping[str, float | complex]) -> NDArray[Any]:
    """Return the factor of each channel in the tilted generator, ``exp(sum_x s_x a_x)``, shape (N, K).

    Raises
    ------
    InvalidInput
        If one overflows.
    """
    exponents: NDArray[Any] = np.zeros_like(frozen.rates)
    for quantity, s in zip(quantities(fields, frozen.generator), fields.values(), strict=True):
        exponents = exponents + s * quantity.amounts(frozen)
    with np.errstate(over="ignore"):
        factors = np.exp(np.where(frozen.rates > 0.0, exponents, 0.0))
    if not np.isfinite(factors).all():
        raise InvalidInput("a counting field too large", "fields", "its exponential overflows")
    return factors


def _log_of_occupied(populations: Array) -> Array:
    return np.log(np.where(populations > 0.0, populations, 1.0))


def _none(frozen: Frozen) -> Array:
    return np.zeros_like(frozen.rates)


def _each(frozen: Frozen) -> Array:
    return np.ones_like(frozen.rates)


def _energies(frozen: Frozen) -> Array:
    return frozen.energies


def _energies_without_controls(frozen: Frozen) -> Array:
    energies: Array = frozen.generator.energies(np.zeros_like(frozen.controls))
    return energies


def _heat(frozen: Frozen) -> Array:
    return frozen.heat


def _minus_heat(frozen: Frozen) -> Array:
    return -frozen.heat


def _entropy_flow(frozen: Frozen) -> Array:
    return -frozen.beta[:, frozen.generator.baths] * frozen.heat


def _steady_potential(frozen: Frozen) -> Array:
    return -np.log(frozen.populations)


def _minus_potential_rise(frozen: Frozen) -> Array:
    if not frozen.coupled.any():  # no jumps, hence nothing that they carry
        return _none(frozen)
    return -frozen.rise(_steady_potential(frozen))


def _housekeeping(frozen: Frozen) -> Array:
    return frozen.affinities - _minus_potential_rise(frozen)


def _grand_energies(frozen: Frozen) -> Array:
    """Return beta (E - mu N), where one beta and one mu reign."""
    generator = frozen.generator
    if (frozen.beta != frozen.beta[:, :1]).any():
        raise InvalidInput("dimensionless_work needs one temperature", "protocol", "the baths differ")
    exchange = frozen.potentials[:, generator.particles != 0]
    if not exchange.size:
        return frozen.beta[:, :1] * frozen.energies
    if (exchange != exchange[:, :1]).any():
        raise InvalidInput("dimensionless_work needs one chemical potential", "dynamics", "the baths differ")
    numbers = np.array(particle_numbers(generator), dtype=np.float64)
    return frozen.beta[:, :1] * (frozen.energies - exchange[:, :1] * numbers)


def _grand_amounts(frozen: Frozen) -> Array:
    """Return what forces do in a jump, in units of temperature, without what the ends count."""
    return frozen.beta[:, :1] * frozen.pushes - frozen.rise(_grand_energies(frozen))


_PLAIN = (
    Quantity("activity", _each, whole=True),
    Quantity("heat", _heat),
    Quantity("work", _minus_heat, _energies),
    Quantity("control_work", lambda now: -now.rise(now.energies), _energies),
    Quantity("chemical_work", lambda now: now.potentials * now.generator.particles),
    Quantity("force_work", lambda now: now.pushes),
    Quantity("exclusive_work", _minus_heat, _energies_without_controls),
    Quantity("energy_change", _none, _energies),
    Quantity("dimensionless_work", _grand_amounts, _grand_energies),
    Quantity("entropy_flow", _entropy_flow),
    Quantity("log_ratio", lambda now: now.affinities),
    Quantity("housekeeping_entropy", _housekeeping),
    Quantity("hatano_sasa", _minus_potential_rise, _steady_potential),
    Quantity("system_entropy", _none, density=True),
    Quantity("total_entropy", _entropy_flow, density=True),
    Quantity("nonadiabatic_entropy", _minus_potential_rise, density=True),
)


def _particles_through(frozen: Frozen, share: Array) -> Array:
    return _each(frozen) * (share * frozen.generator.particles)


def _energy_through(frozen: Frozen, share: Array) -> Array:
    return share * (frozen.heat + frozen.potentials * frozen.generator.particles)


def _heat_through(frozen: Frozen, share: Array) -> Array:
    return share * frozen.heat


def _jumps_through(frozen: Frozen, share: Array) -> Array:
    return _each(frozen) * share


def _of_baths(generator: Generator) -> list[Quantity]:
    """Particles, energy and heat taken in from each bath."""
    found = []
    for bath, name in enumerate(generator.bath_names):
        share = (generator.baths == bath).astype(np.float64)
        found += [
            Quantity(f"particles_{name}", partial(_particles_through, share=share), whole=True),
            Quantity(f"energy_{name}", partial(_energy_through, share=share)),
            Quantity(f"heat_{name}", partial(_heat_through, share=share)),
        ]
    return found


def _of_channels(generator: Generator) -> list[Quantity]:
    """Jumps through each channel."""
    return [
        Quantity(channel.name, partial(_jumps_through, share=share), whole=True)
        for channel, share in zip(generator.channels, np.eye(len(generator.channels)), strict=True)
    ]
