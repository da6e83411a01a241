"""Crooks' theorem in pairs, without ΔF."""

import numpy as np
import pytest

from fluctua.analysis import fit_detailed
from fluctua.analysis.pairs import slope_of_pairs


def pair(rng, n, scale=1.0, free_energy=5.0, dissipation=1.0):
    spread = np.sqrt(2.0 * dissipation)
    forward = rng.normal(dissipation + free_energy, spread, n)
    return scale * forward, scale * rng.normal(dissipation - free_energy, spread, n)


def test_it_is_the_score_of_the_detailed_theorem():
    """The slow twin: the fit of one sample, on the sums."""
    forward, reverse = pair(np.random.Generator(np.random.Philox(1)), 20_000)
    part = slope_of_pairs(forward, reverse[:15_000])
    fit = fit_detailed(forward[:15_000] + reverse[:15_000])
    assert part.statistic == pytest.approx(fit.slope_statistic, rel=1e-9)
    assert part.estimate == pytest.approx(fit.slope, abs=0.3 * fit.slope_error)
    assert part.standard_error == pytest.approx(fit.slope_error, rel=0.05)
    assert not part.decides


def test_its_size_is_the_nominal_one_and_a_wrong_temperature_is_found():
    """400 ensembles, 99.9 % band of 5 %: 7 to 36; a slope 20 % off is found nearly always."""
    rng = np.random.Generator(np.random.Philox(2))
    true = sum(slope_of_pairs(*pair(rng, 500)).p_value < 0.05 for _ in range(400))
    wrong = sum(slope_of_pairs(*pair(rng, 5_000, scale=1.2)).p_value < 0.05 for _ in range(50))
    assert 7 <= true <= 36
    assert wrong >= 45


def test_without_overlap_it_says_nothing():
    assert slope_of_pairs(*pair(np.random.Generator(np.random.Philox(3)), 300, dissipation=40.0)) is None
    assert slope_of_pairs([1.0, 2.0], [-1.0, -2.0]) is None


def test_it_works_far_from_zero():
    """Free energies of switching can be millions of kT; s is not."""
    rng = np.random.Generator(np.random.Philox(4))
    near = slope_of_pairs(*pair(rng, 2_000, free_energy=0.0))
    rng = np.random.Generator(np.random.Philox(4))
    far = slope_of_pairs(*pair(rng, 2_000, free_energy=2.0e6))
    assert far.estimate == pytest.approx(near.estimate, abs=1e-6)
