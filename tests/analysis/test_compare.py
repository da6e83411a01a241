"""Two runs side by side, on the same noise and not."""

import numpy as np
import pytest

import fluctua as fl

TRAP = fl.Potential("k/2 * x**2", coordinates="x", controls="k")


def squeeze(k, **more):
    protocol = fl.Protocol([fl.Isothermal(1.0, k=k)], beta=1.0)
    given = {"trajectories": 4_000, "time_step": 0.02, "seed": 1} | more
    return fl.simulate(fl.EnsembleSpec(TRAP, fl.Overdamped(friction=1.0), protocol, **given))


@pytest.fixture(scope="module")
def linear():
    return squeeze((1.0, 4.0))


@pytest.fixture(scope="module")
def late():
    return squeeze("1 + 3*s**2")


def test_runs_on_the_same_noise_are_paired(linear, late):
    found = fl.compare(late, linear, "work")
    x, y = late["work"], linear["work"]
    assert isinstance(found, fl.Estimate)
    assert found.value == pytest.approx(np.mean(x - y))
    assert found.standard_error == pytest.approx(np.std(x - y, ddof=1) / np.sqrt(4_000))
    assert found.correlation == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found.correlation > 0.8, "the point of it"
    assert found.unit == "energy"
    assert repr(found).endswith(f"n = 4,000, paired on shared noise, correlation {found.correlation:.2f}")


def test_other_noise_is_unpaired_and_says_so(linear, late):
    other = fl.simulate(linear.spec.replace({"seed": 2}))
    found = fl.compare(late, other, "work")
    x, y = late["work"], other["work"]
    assert found.standard_error == pytest.approx(np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 4_000))
    assert not found.paired
    assert repr(found).endswith("unpaired: seeds or directions differ")
    # The exact difference of the means is that of the paired estimate; both must agree.
    paired = fl.compare(late, linear, "work")
    assert abs(found.value - paired.value) < 4.0 * found.standard_error


def test_directions_do_not_share_noise(linear):
    assert not fl.compare(linear, fl.simulate(linear.spec.reversed()), "work").paired


def test_the_longer_run_is_cut_to_the_pairs_that_both_have(linear):
    longer = squeeze("1 + 3*s**2", trajectories=5_000)
    found = fl.compare(longer, linear, "work")
    assert found.n == 4_000
    assert found.value == pytest.approx(np.mean(longer["work"][:4_000] - linear["work"]))


def test_formulas_and_conditions_are_compared_too(linear, late):
    assert fl.compare(late, linear, "2*work - 1").value == pytest.approx(
        2 * fl.compare(late, linear, "work").value
    )
    frequency = fl.compare(late, linear, "x_final > 0")
    assert frequency.value == pytest.approx(np.mean(late["x_final"] > 0) - np.mean(linear["x_final"] > 0))


def test_a_run_and_itself_differ_by_nothing(linear):
    found = fl.compare(linear, linear, "work")
    assert (found.value, found.standard_error) == (0.0, 0.0)
    assert found.correlation == pytest.approx(1.0)


def test_what_cannot_be_compared_is_refused(linear):
    with pytest.raises(fl.InvalidInput, match="wrok"):
        fl.compare(linear, linear, "wrok")
    single = squeeze((1.0, 4.0), trajectories=1)
    with pytest.raises(fl.InvalidInput, match="1 values to compare"):
        fl.compare(single, linear, "work")
