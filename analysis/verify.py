"""One call from numbers to verdicts: runs, pairs of runs, or anybody's arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fluctua.analysis.claims import CLAIMS, TOLERANCES
from fluctua.analysis.claims.subject import Rules
from fluctua.analysis.fitted import FittedPotential
from fluctua.analysis.given import (
    PLACES,
    KnownDifference,
    check_partners,
    flattened,
    groups_of,
    is_file,
    is_run,
    notes_of,
    numbers_of,
    opened,
)
from fluctua.analysis.integral import expected_average
from fluctua.analysis.judging import judge_entropy, judge_exchanged, judge_runs, judge_work
from fluctua.analysis.protocols import are_several, judge_several_protocols
from fluctua.analysis.verdict import Report, check_alpha
from fluctua.stochastic.errors import InvalidInput, not_among, shown


def verify(
    forward: Any = None,
    reverse: Any = None,
    *,
    entropy: Any = None,
    column: str | None = None,
    group: Any = None,
    units: str = "kT",
    temperature: float | None = None,
    delta_f: float | None = None,
    success: str | None = None,
    current: str | None = None,
    potential: FittedPotential | None = None,
    affinity: float | None = None,
    irreversible_weight: float | None = None,
    claims: str | Iterable[str] | None = None,
    tolerance: Mapping[str, float] | None = None,
    alpha: float = 0.05,
) -> Report:
    """Judge the fluctuation theorems and the laws of thermodynamics on runs, or on anybody's work.

    Parameters
    ----------
    forward, reverse : Dataset, folder, file, array or Series
        The process and its reverse, work as measured in each: positive where it is done on the system. A
        folder (or a sweep) that holds both may stand alone. Files: text with commas, tabs or blanks, Parquet,
        GROMACS ``.xvg``, also gzipped (`fluctua.analysis.reading`). A list of arrays, files or runs as
        `forward`, with no `reverse`, is several speeds of one process: one start, one end, one ΔF.
    entropy : Dataset, folder, file, array or Series
        Total entropy production of each trajectory in k_B, instead of work; plus infinity where the way back
        is impossible.
    column : str, optional
        Which column of a run, a frame or a file to judge; of a file also by its number, from ``"1"``. In a
        file or a frame it is guessed if it is not named, and a note says so.
    group : str, array or pair of arrays, optional
        Which trajectories belong together (replica, molecule, day): the column of a frame or a file that says
        it, or labels, one a value: an array for one direction, ``(g_forward, g_reverse)`` for both.
    units : str
        Unit of energies in arrays and files, and of `delta_f`: ``"kT"``, ``"kJ/mol"``, ``"pN nm"`` and the
        like; for a run, kT or the run's own.
    temperature : float, optional
        In kelvin; needed for arrays and files in any unit but kT.
    delta_f : float, optional
        The known free-energy difference of the forward process, in `units`. Left out, it is taken from a
        run's spec where the spec knows it exactly.
    success : str, optional
        Which trajectories of a run ended as they should, an erasure for example: a condition on coordinates
        at the end, ``"x > 0"``. Asks for the claim ``landauer``.
    current : str, optional
        A formula of a run's columns that is an integrated current, for the claims ``tur`` and ``exchange``.
    affinity : float, optional
        What the exchange of one unit produces, in k_B: the difference of inverse temperatures for heat, of
        μ/kT for particles. Asks for the claim ``exchange``, of a run on `current`; arrays and files given as
        `forward` are then what was exchanged in each trajectory, in whatever unit, and not work.
    irreversible_weight : float, optional
        The probability, in the reverse process, of what the start of the forward process leaves out: 0.876
        where <exp(-s)> should be 1 - 0.876. A run knows its own.
    claims : str or iterable of str, optional
        Which claims to judge, ``"crooks,jarzynski"`` for example; by default all that apply.
    tolerance : mapping of str to float, optional
        What counts as equal, where it should not be the default: ``slope`` 0.05, ``delta_f`` 0.1 (kT),
        ``integral`` 0.1, ``second-law`` 0.05 (kT); `fluctua.analysis.TOLERANCES` has all of them.
    alpha : float
        Error rate of ``violated``, and of ``holds`` at the edge of the tolerance.
    potential : FittedPotential, optional
        Beside `entropy` that was made with a density fitted to data: how the fit's error enters it.

    Returns
    -------
    Report

    Raises
    ------
    InvalidInput
        Nothing to judge, numbers that are none, a missing temperature, an unknown claim, runs that are not
        each other's reverse.
    Unstable
        Failed trajectories: what is left is a biased sample.
    Damaged
        A run or a file that is not as it was written.
    """
    _check_potential(potential, entropy)
    rules = Rules(check_alpha(alpha), _tolerances(tolerance))
    weight = _weight(irreversible_weight)
    driven = _number(affinity, "affinity")
    wanted = _claims(claims)
    known = KnownDifference(_number(delta_f, "delta_f"), units, _temperature(temperature))
    if entropy is not None:
        if driven is not None:
            raise InvalidInput(
                "an affinity beside entropy", "affinity", "give what was exchanged, as forward"
            )
        _refuse_without_a_run(success=success, current=current)
        if forward is not None or reverse is not None:
            raise InvalidInput("work and entropy together", "entropy", "judge them in two calls")
        (labels,) = groups_of(group, 1)
        produced = opened(entropy, "entropy", column, labels, "entropy")
        sample = numbers_of(produced, column, labels, "entropy", "entropy")
        notes = notes_of([sample], [entropy], ["entropy"])
        return judge_entropy(sample, rules, wanted, potential, weight).with_notes(notes)
    if forward is None:
        raise InvalidInput("nothing to judge", "forward", "give a run, a pair of runs, or work of your own")
    if are_several(forward):
        _refuse_without_a_run(success=success, current=current)
        _refuse_beside("several protocols", affinity=driven, irreversible_weight=weight)
        if reverse is not None:
            remedy = "judge each protocol beside its own reverse, in calls of their own"
            raise InvalidInput("several protocols and one reverse", "reverse", remedy)
        return judge_several_protocols(forward, known, rules, wanted, column=column, group=group)
    values = [forward] if reverse is None else [forward, reverse]
    if any(map(is_file, values)) and driven is None:
        known.size_of_kt()  # a missing temperature is told before a long file is read
    given = [opened(value, place, column, group) for value, place in zip(values, PLACES, strict=False)]
    runs = flattened(given)
    if len(runs) == 2 and all(is_run(run) for run in runs):
        check_partners(*runs)
    if all(is_run(run) for run in runs) and column is None:
        if group is not None:
            raise InvalidInput("trajectories of a run are independent", "group", "leave it out")
        return judge_runs(
            runs,
            known,
            rules,
            wanted,
            success=success,
            current=current,
            affinity=driven,
            irreversible_weight=weight,
        )
    _refuse_without_a_run(success=success, current=current)
    groups = groups_of(group, len(runs))
    samples = [numbers_of(one, column, *rest) for one, *rest in zip(runs, groups, PLACES, strict=False)]
    notes = notes_of(samples, values, PLACES)
    if driven is not None:
        reverse_too = samples[1:] or None
        _refuse_beside("an exchange", reverse=reverse_too, delta_f=delta_f, irreversible_weight=weight)
        return judge_exchanged(samples[0], driven, rules, wanted).with_notes(notes)
    return judge_work(samples, known, rules, wanted, weight).with_notes(notes)


# ---- options -------------------------------------------------------------------------------------


def _check_potential(potential: object, entropy: object) -> None:
    if potential is None:
        return
    if entropy is None:
        remedy = "give entropy=; for runs and work it comes with the reconstruction of potentials"
        raise InvalidInput("a potential without the entropy production made with it", "potential", remedy)
    if not isinstance(potential, FittedPotential):
        remedy = "give a fluctua.analysis.FittedPotential"
        raise InvalidInput(f"{shown(potential)} is no fitted potential", "potential", remedy)


def _weight(given: object) -> float | None:
    """Return the probability of absolute irreversibility, checked."""
    weight = _number(given, "irreversible_weight")
    if weight is not None:
        expected_average(weight)
    return weight


def _refuse_without_a_run(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise InvalidInput(
                f"{shown(value)} is a formula of a run's columns, and no run is judged",
                name,
                "give a run; arrays go to fluctua.analysis.landauer or fluctua.analysis.tur",
            )


_NOUNS = {
    "reverse": "a reverse",
    "delta_f": "a known ΔF",
    "affinity": "an affinity",
    "irreversible_weight": "an irreversible weight",
}


def _refuse_beside(judged: str, **given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise InvalidInput(f"{_NOUNS[name]} beside {judged}", name, "leave it out")


def _claims(claims: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the names of the claims that were asked for; none: all that apply."""
    if claims is None:
        return ()
    wanted = tuple(map(str.strip, claims.split(","))) if isinstance(claims, str) else tuple(claims)
    for claim in wanted:
        if claim not in CLAIMS:
            raise not_among(claim if isinstance(claim, str) else shown(claim), "claim", CLAIMS, "claims")
    return wanted


def _tolerances(given: Mapping[str, float] | None) -> dict[str, float]:
    if not isinstance(given, Mapping | None):
        raise InvalidInput(f"{shown(given)} names no tolerance", "tolerance", 'write {"slope": 0.02}')
    for name, value in (given or {}).items():
        if name not in TOLERANCES:
            raise not_among(
                name if isinstance(name, str) else shown(name), "tolerance", TOLERANCES, "tolerance"
            )
        if _finite(value, f"tolerance.{name}") <= 0.0:
            raise InvalidInput(
                f"{shown(value)} is no tolerance", f"tolerance.{name}", "give a number above 0"
            )
    return {**TOLERANCES, **(given or {})}


def _number(value: object, where: str) -> float | None:
    return None if value is None else _finite(value, where)


def _finite(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise InvalidInput(f"{shown(value)} is no finite number", where)
    return float(value)


def _temperature(value: object) -> float | None:
    temperature = _number(value, "temperature")
    if temperature is not None and temperature <= 0.0:
        raise InvalidInput(f"{shown(value)} is no temperature", "temperature", "give kelvin, above 0")
    return temperature
