"""Scenes of the bench whose trajectories stand in groups: true ones, judged as groups."""

from fluctua.validation.calibration.dependent import NAIVE, GroupedSigns, Groups
from fluctua.validation.calibration.noise import Noise
from fluctua.validation.calibration.tallies import Tally


def test_signs_in_groups_are_judged_by_the_detailed_theorem():
    """True ones: 3 or more of 8 are violated at 5 % with probability 6e-3, on numbers that are fixed."""
    tally = Tally.of(GroupedSigns(5).findings(Noise.of("test grouped signs", 0, 8), 400))
    assert tally.count("detailed", "violated") < 3
    assert tally.count("detailed", "not applicable") == 0
    assert {"slope", "shape"} == set(tally.tests)
    assert f"slope{NAIVE}" in tally.numbers


def test_groups_of_one_direction_have_no_strata_and_are_judged():
    """Six groups tell a ΔF, three that hold both directions do not; 3 of 4 are violated 5e-4 of the time."""
    noise = Noise.of("test apart", 0, 4)
    tally = Tally.of(Groups(3, 0.0, apart=True).findings(noise, 300))
    assert tally.count("crooks", "violated") < 3
    together = Tally.of(Groups(3, 0.0).findings(Noise.of("test apart", 0, 4), 300))
    assert "ΔF" in tally.tests
    assert "ΔF" not in together.tests
