"""What is judged: work or entropy production in kT, with all that is known about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.crooks import CrooksFit, fit_crooks
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.fitted import FittedPotential
from fluctua.analysis.free_energies import free_energies
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.parts import known
from fluctua.analysis.several import ForwardWork
from fluctua.analysis.verdict import FreeEnergy

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Rules:
    """How strictly to judge: the error rate, and what counts as equal."""

    alpha: float
    tolerance: Mapping[str, float]


@dataclass(frozen=True)
class Subject:
    """Work or entropy production with all that is known about it.

    More can be known: each such thing becomes an optional field.

    Parameters
    ----------
    rules : Rules
        How strictly to judge.
    work, reverse : ndarray, optional
        Work of each trajectory in both directions, in kT.
    exact, exact_reverse : ndarray, optional
        The same with shadow work.
    missing : str
        Why the work obeys no theorem; empty where it does.
    delta_f : float, optional
        In kT, where it is known.
    given : bool
        Whether `delta_f` came from the user.
    entropy : ndarray, optional
        Total entropy production in k_B, instead of work.
    ledgers : tuple of Ledger
        The runs behind the numbers; none for arrays.
    assumptions : tuple of str
        What is taken for granted.
    groups : tuple of ndarray
        For each of `work` and `reverse`, or for `entropy`, the number of each trajectory's group, the same
        in both directions; empty where no groups were named.
    success : str, optional
        Condition of a trajectory that ended as a protocol should make it end.
    current : str, optional
        Formula of columns that is an integrated current.
    potential : FittedPotential, optional
        What `entropy` was made with, where that was fitted to data.
    exchanged : ndarray, optional
        What was exchanged in each trajectory, instead of work.
    affinity : float, optional
        What the exchange of one unit produces, in k_B.
    weight : float, optional
        Probability, in the reverse process, of what the start leaves out, as the user has it.
    protocols : tuple of ForwardWork
        Forward work of several protocols between the same ends; `work` and its `groups` are those of the one
        that takes the least.
    """

    rules: Rules
    work: Floats | None = None
    reverse: Floats | None = None
    exact: Floats | None = None
    exact_reverse: Floats | None = None
    missing: str = ""
    delta_f: float | None = None
    given: bool = False
    entropy: Floats | None = None
    ledgers: tuple[Ledger, ...] = ()
    assumptions: tuple[str, ...] = ()
    groups: tuple[Codes, ...] = ()
    success: str | None = None
    current: str | None = None
    potential: FittedPotential | None = None
    exchanged: Floats | None = None
    affinity: float | None = None
    weight: float | None = None
    protocols: tuple[ForwardWork, ...] = ()

    @cached_property
    def fit(self) -> CrooksFit | None:
        """Both directions fitted; none where there are not two."""
        if self.missing or self.work is None or self.reverse is None:
            return None
        known = bool(self.ledgers) and self.irreversible_weight == 0.0
        return fit_crooks(self.work, self.reverse, alpha=self.rules.alpha, reversible=known)

    @cached_property
    def exact_fit(self) -> CrooksFit | None:
        """The same with shadow work."""
        if self.missing or self.exact is None or self.exact_reverse is None:
            return None
        return fit_crooks(self.exact, self.exact_reverse, alpha=self.rules.alpha)

    @cached_property
    def dependence(self) -> Dependence:
        """How the scores of both directions depend on each other; trajectories of a run never do."""
        if self.ledgers or self.fit is None or self.work is None or self.reverse is None:
            return INDEPENDENT
        groups = (self.groups[0], self.groups[1]) if len(self.groups) == 2 else None
        return Dependence.of(self.work, self.reverse, self.fit.free_energy, groups)

    def dependence_of_mean(self, values: Floats) -> Dependence:
        """Return how values of the first sample depend on each other, one a trajectory, for their mean."""
        if self.ledgers:
            return INDEPENDENT
        return Dependence.of_mean(values, self.groups[0] if self.groups else None)

    @cached_property
    def dependence_of_average(self) -> Dependence:
        """The same of exp(-w), or exp(-s), up to a factor."""
        values = self.work if self.entropy is None else self.entropy
        if values is None or self.ledgers:
            return INDEPENDENT
        return Dependence.of_average(values, self.groups[0] if self.groups else None)

    @cached_property
    def dependence_of_signs(self) -> Dependence:
        """The same of the signs of entropy production."""
        if self.ledgers or self.entropy is None:
            return INDEPENDENT
        return Dependence.of_signs(self.entropy, self.groups[0] if self.groups else None)

    @cached_property
    def irreversible_weight(self) -> float:
        """Probability, in the reverse process, of what the start leaves out; 0 where none is known."""
        if self.weight is not None:
            return self.weight
        return self.ledgers[0].irreversible_weight if self.ledgers else 0.0

    @property
    def shares_start(self) -> bool:
        """Whether the reverse process starts in the same kind of state, as far as it is known."""
        return not self.ledgers or self.ledgers[0].spec.initial.reversible

    @cached_property
    def possible_entropy(self) -> Floats | None:
        """Entropy production that was given, of the trajectories that have a way back."""
        if self.entropy is None or np.isfinite(self.entropy).all():
            return self.entropy
        return self.entropy[np.isfinite(self.entropy)]

    @cached_property
    def total_entropy(self) -> Floats | str:
        """Total entropy production of each trajectory in k_B, or what is missing for it."""
        if self.entropy is not None:
            return self.entropy
        if self.ledgers:
            return self.ledgers[0].total_entropy()
        return "needs the total entropy production (entropy=)"

    @cached_property
    def entropy_pair(self) -> tuple[Floats, Floats] | None:
        """Total entropy production of both directions, where the detailed theorem binds the two.

        The work of such a drive obeys no theorem, and each direction starts where the entropy of the other
        one's end is reckoned, in every state: then s of a path is -s of its reverse.
        """
        bound = self.of_entropy and self.paired and self.shares_start and self.irreversible_weight == 0.0
        if not bound or self.entropy is not None or self.ledgers[0].stationary:
            return None
        forward, reverse = self.total_entropy, self.ledgers[1].total_entropy()
        if isinstance(forward, str) or isinstance(reverse, str):
            return None
        return forward, reverse

    @cached_property
    def unfit(self) -> str:
        """Why no verdict follows from entropy production with a fitted density; empty where one does."""
        if self.potential is None or self.entropy is None:
            return ""
        return self.potential.refusal(self.entropy.size)

    @property
    def paired(self) -> bool:
        """Whether both directions were given, as arrays or as runs."""
        return self.reverse is not None or (len(self.ledgers) > 1 and not self.protocols)

    @property
    def of_entropy(self) -> bool:
        """Whether it is entropy production that is judged: given, or of a run whose work obeys no theorem."""
        run = next(iter(self.ledgers), None)
        return self.entropy is not None or (run is not None and self.missing != "" and not run.lacks_entropy)

    @cached_property
    def varies(self) -> bool:
        """Whether the temperature varies, so that work is dimensionless and no ΔF is in kT."""
        return any(ledger.beta is None for ledger in self.ledgers)

    @property
    def symbol(self) -> str:
        """What -ln<exp(-w)> is called."""
        return "-ΔΞ" if self.varies else "ΔF"

    @property
    def free_energy(self) -> FreeEnergy | None:
        """The free-energy difference that the work gives."""
        if self.missing or self.work is None or self.varies:
            return None
        if self.fit is not None:
            error = self.fit.free_energy_error * math.sqrt(self.dependence.free_energy_variance_ratio)
            reason = self.dependence.free_energy_reason or str(self.fit.unmatched or "")
            return FreeEnergy(
                self.fit.free_energy,
                error if self.fit.overlaps and not reason else None,
                method="BAR",
                information=self.fit.information,
                freedom=self.dependence.freedom,
                refused=reason if self.fit.overlaps else "",
                independent=self.dependence.independent and not reason,
            )
        return self._of_one_direction(self.work)

    def _of_one_direction(self, work: Floats) -> FreeEnergy:
        """Return Jarzynski's value, with an error where `free_energies` gives it an interval."""
        found, dependence = free_energies(work, alpha=self.rules.alpha)[0], self.dependence_of_average
        refused = found.refused or dependence.reason
        error = known(found.standard_error) * math.sqrt(dependence.mean_variance_ratio)
        return FreeEnergy(
            known(found.value),
            None if refused else error,
            method=f"Jarzynski, {self.protocols[0].name}" if self.protocols else "Jarzynski",
            freedom=dependence.freedom,
            refused=refused,
            independent=dependence.independent and not dependence.reason,
        )

    @property
    def widened(self) -> dict[str, float]:
        """By what dependence widens the band of a walk of residuals, by the claim that it belongs to."""
        found = {"crooks": self.dependence, "detailed": self.dependence_of_signs}
        return {
            claim: math.sqrt(one.shape_variance_ratio) for claim, one in found.items() if not one.independent
        }

    @property
    def shares(self) -> tuple[str, ...]:
        """What is taken for granted about ΔF."""
        known = () if self.delta_f is None or self.given else (f"{self.symbol} is that of the spec, exact",)
        return (*self.assumptions, *known)
