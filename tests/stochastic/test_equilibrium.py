"""Equilibrium against exact quantiles and partition functions; what must be refused."""

import hashlib
import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import scipy.special

from fluctua.stochastic.cumulative import tabulate
from fluctua.stochastic.equilibrium import (
    EquilibriumTable,
    bound_coordinates,
    equilibrium,
    free_energy,
    tabulate_along,
)
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.linear import Gaussian
from fluctua.stochastic.potential import Potential

LogDensity = Callable[[np.ndarray], np.ndarray]

DENSITIES: dict[str, LogDensity] = {
    "quartic": lambda q: -(q**4 / 4 + q * q / 2 - q),
    "Stirling engine, beta 3": lambda q: -3 * (0.1 * q * q + 0.02 * q**3 + 0.05 * q**4),
    "double well, 12 kT": lambda q: -12 * (q * q - 1) ** 2,
    "stiff": lambda q: -0.5e4 * (q - 3) ** 2,
    "Gaussian": lambda q: -q * q / 2,
    "nanometres in metres": lambda q: -0.5 * (q / 1e-8 - 2.0) ** 2,
    "wells beyond a high barrier": lambda q: -200 * (((q - 50) / 40) ** 2 - 1) ** 2,
    "wall": lambda q: -(np.exp(20 * q) - 4 * q + q * q),
}
TAIL = 10.0 ** -np.arange(1, 13)
BULK = np.linspace(0.001, 0.999, 999)


def exact_probability(log_density: LogDensity, table: EquilibriumTable, positions: np.ndarray) -> np.ndarray:
    """Probability below each position, by ten-point Gauss quadrature on 20,000 cells."""
    nodes, weights = np.polynomial.legendre.leggauss(10)
    edges = np.linspace(table.lower, table.upper, 20_001)

    def integral(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        half = (end - start) / 2
        points = start[:, None] + half[:, None] * (nodes + 1)
        return np.exp(log_density(points) - table.log_partition) @ weights * half

    below = np.concatenate([[0.0], np.cumsum(integral(edges[:-1], edges[1:]))])
    cell = np.clip(np.searchsorted(edges, positions) - 1, 0, len(edges) - 2)
    return (below[cell] + integral(edges[cell], positions)) / below[-1]


@pytest.mark.parametrize("name", DENSITIES)
def test_draws_are_the_exact_quantiles(name: str) -> None:
    table = tabulate(DENSITIES[name])
    error = np.abs(exact_probability(DENSITIES[name], table, table.draw(BULK)) - BULK).max()
    assert error <= table.error, "the stated error must be an upper bound"
    assert table.error <= 1e-10


@pytest.mark.parametrize("name", DENSITIES)
def test_tails_are_good_to_a_relative_error(name: str) -> None:
    table = tabulate(DENSITIES[name])
    assert np.abs(exact_probability(DENSITIES[name], table, table.draw(TAIL)) / TAIL - 1).max() <= 1e-6

    def mirrored(q: np.ndarray) -> np.ndarray:
        return DENSITIES[name](-q)

    mirror = tabulate(mirrored)
    right = -tabulate(mirrored).draw(1 - 2.0 ** -np.arange(5, 41))  # exact complements
    assert (
        np.abs(exact_probability(DENSITIES[name], table, right) * 2.0 ** np.arange(5, 41) - 1).max() <= 1e-6
    )
    assert mirror.lower == -table.upper


def test_gaussian_quantiles_reach_the_far_tails() -> None:
    """At the smallest uniform, 2**-53, the quantile is -8.21; the right tail is its mirror image."""
    table = tabulate(DENSITIES["Gaussian"])
    far = np.array([2.0**-53, 1e-15, 1e-9, 0.5])
    assert table.draw(far) == pytest.approx(scipy.special.ndtri(far), abs=1e-8)
    assert table.draw(np.array([1 - 2.0**-53])) == pytest.approx(-scipy.special.ndtri(far[:1]), abs=1e-8)


def test_a_coarse_table_states_a_larger_error() -> None:
    """Negative control of the stated error: a kink inside a cell cannot be resolved, and is said to be."""
    smooth, kinked = (
        tabulate(DENSITIES["Gaussian"]),
        tabulate(lambda q: -np.abs(q - 0.123456) * (1 + 50 * (q > 0.123456))),
    )
    assert kinked.cells > smooth.cells
    assert smooth.error <= 1e-10 < kinked.error


@pytest.mark.parametrize("power", [1, 2, 3])
def test_log_partition_of_a_quartic_family(power: int) -> None:
    """The integral of exp(-x**(2 p)) is 2 Gamma(1 + 1/(2 p))."""
    exact = math.log(2 * math.gamma(1 + 1 / (2 * power)))
    assert tabulate(lambda q: -(q ** (2 * power))).log_partition == pytest.approx(exact, abs=1e-13)


def test_log_partition_of_a_double_well() -> None:
    exact = mpmath.log(mpmath.quad(lambda q: mpmath.exp(-12 * (q * q - 1) ** 2), [-3, -1, 0, 1, 3]))
    assert tabulate(DENSITIES["double well, 12 kT"]).log_partition == pytest.approx(float(exact), abs=1e-13)


def test_one_period_of_a_ring() -> None:
    """The integral of exp(-b cos q) over a period is 2 pi I0(b); half the mass lies before pi by symmetry."""
    table = tabulate(lambda q: -2.0 * np.cos(q), period=2 * math.pi)
    assert table.log_partition == pytest.approx(math.log(2 * math.pi * scipy.special.i0(2.0)), abs=1e-13)
    assert (table.lower, table.upper) == (0.0, 2 * math.pi)
    assert table.draw(np.array([0.5])) == pytest.approx(math.pi, abs=1e-9)


def test_bits_of_draws_are_the_same_everywhere() -> None:
    """Golden hash: made once, must hold on every machine, NumPy and compiler."""
    uniforms = (2 * np.arange(4096) + 1) / 8192
    law = Potential("q**4/4 + cos(3*q) + tanh(q) + exp(-q)/(1 + q*q)", coordinates="q")
    digest = hashlib.sha256(tabulate_along(law, [], 1.3, 0).draw(uniforms).tobytes()).hexdigest()
    assert digest == GOLDEN


GOLDEN = "165c23a91990bdf573658926041fabf95d2c4ce7e8c931167a59f06a4aa740e9"

NOT_NORMALISABLE = [
    "x",
    "x**3",
    "-x**2",
    "-x**4",
    "cos(x)",
    "log(1 + x**2)/2",
    "0.55*log(1 + x**2)",
    "-100*exp(-x**2)",
    "(1 - exp(-x))**2",
    "1/x",
]


@pytest.mark.parametrize("energy", NOT_NORMALISABLE)
def test_energies_without_equilibrium_are_refused(energy: str) -> None:
    with pytest.raises(InvalidInput, match="no normalisable equilibrium"):
        equilibrium(Potential(energy, coordinates="x"), [], 1.0)


@pytest.mark.parametrize("energy", ["x*y", "(x - y)**2", "x**2 + y**2 - 3*x*y", "x**2 + y"])
def test_quadratic_energies_without_equilibrium_are_refused(energy: str) -> None:
    with pytest.raises(InvalidInput, match="no normalisable equilibrium"):
        equilibrium(Potential(energy, coordinates=("x", "y")), [], 1.0)


def test_a_trap_that_is_off_has_no_equilibrium() -> None:
    trap = Potential("k/2 * x**2", coordinates="x", controls="k")
    with pytest.raises(InvalidInput, match="no normalisable equilibrium"):
        equilibrium(trap, [0.0], 1.0)


def test_quadratic_energy_gives_its_gaussian() -> None:
    well = Potential(
        "k/2*(x**2 + y**2) + u*x*y - f*x", coordinates=("x", "y"), controls=("k", "u"), parameters={"f": 0.3}
    )
    law = equilibrium(well, [2.0, 0.5], 4.0)
    assert isinstance(law, Gaussian)
    stiffness = np.array([[2.0, 0.5], [0.5, 2.0]])
    assert law.factor @ law.factor.T == pytest.approx(np.linalg.inv(stiffness) / 4.0, rel=1e-14)
    assert law.mean == pytest.approx(np.linalg.solve(stiffness, [0.3, 0.0]), rel=1e-14)


def test_a_coordinate_outside_the_energy_is_free() -> None:
    half = Potential("q**4", coordinates=("p", "q"), forces={"p": "1"})
    assert bound_coordinates(half) == (1,)
    assert isinstance(equilibrium(half, [], 1.0), EquilibriumTable)


def test_several_coordinates_have_no_table() -> None:
    assert equilibrium(Potential("x**4 + y**4 + x*y", coordinates=("x", "y")), [], 1.0) is None


@pytest.mark.parametrize(("k", "beta"), [(1.0, 1.0), (4.0, 0.25), (1e-6, 2.5e20)])
def test_free_energy_of_a_trap(k: float, beta: float) -> None:
    trap = Potential("k/2 * (x - c)**2 + e", coordinates="x", controls=("k", "c"), parameters={"e": 0.7})
    exact = 0.7 - 0.5 * math.log(2 * math.pi / (beta * k)) / beta
    assert free_energy(trap, [k, 3.0], beta) == pytest.approx(exact, rel=1e-14)


def test_free_energy_of_coupled_traps() -> None:
    pair = Potential("x**2 + y**2 + x*y", coordinates=("x", "y"))
    assert free_energy(pair, [], 2.0) == pytest.approx(
        -0.5 * math.log((2 * math.pi / 2.0) ** 2 / 3.0) / 2.0, rel=1e-14
    )


def test_free_energy_by_table_agrees_with_the_gaussian() -> None:
    """A quadratic energy that is not visibly one goes through the table."""
    plain = Potential("k/2 * x**2", coordinates="x", controls="k")
    hidden = Potential("k/2 * exp(0.5*log(x**4))", coordinates="x", controls="k")
    assert isinstance(equilibrium(hidden, [3.0], 1.0), EquilibriumTable)
    assert free_energy(hidden, [3.0], 0.7) == pytest.approx(free_energy(plain, [3.0], 0.7), abs=1e-12)


def test_free_energy_of_several_coordinates_is_not_guessed() -> None:
    with pytest.raises(InvalidInput, match="no exact free energy"):
        free_energy(Potential("x**4 + y**4 + x*y", coordinates=("x", "y")), [], 1.0)


def test_a_law_with_heavy_tails_is_exact_or_refused() -> None:
    """Energy log(1 + x**2) at beta 1 is Cauchy's law: Z = pi, quantiles tan(pi (p - 1/2))."""
    law = equilibrium(Potential("log(1 + x**2)", coordinates="x"), [], 1.0)
    assert isinstance(law, EquilibriumTable)
    assert law.log_partition == pytest.approx(math.log(math.pi), abs=1e-9)
    assert law.draw(BULK) == pytest.approx(np.tan(np.pi * (BULK - 0.5)), rel=1e-6, abs=1e-9)


# ---- narrow wells

NARROW = {
    # energy: (centre, depth, width): a Gaussian well of that depth, cut into x**2/2
    "x**2/2 - 740*exp(-((x - 37.3)/0.05)**2)": (37.3, 740.0, 0.05),
    "x**2/2 - 100*exp(-((x - 3)/1e-6)**2)": (3.0, 100.0, 1e-6),
    "x**2/2 - 30*exp(-1e8*(x**2 + 5*x + 6.25))": (-2.5, 30.0, 1e-4),
}


def partition_by_parts(centre: float, depth: float, width: float) -> float:
    """ln Z of x**2/2 with a Gaussian well: the whole by quadrature within 30 widths, and the rest."""

    def density(x: mpmath.mpf) -> mpmath.mpf:
        return mpmath.exp(-(x**2) / 2 + depth * mpmath.exp(-(((x - centre) / width) ** 2)))

    scales = [k * width for k in (0, 0.02, 0.1, 0.3, 1, 3, 30)]
    inside = mpmath.quad(density, [centre + s for s in (*(-k for k in scales[::-1]), *scales[1:])])
    outside = mpmath.sqrt(2 * mpmath.pi) - mpmath.quad(
        lambda x: mpmath.exp(-(x**2) / 2), [centre - scales[-1], centre, centre + scales[-1]]
    )
    return float(mpmath.log(inside + outside))


@pytest.mark.parametrize("energy", NARROW)
def test_a_narrow_well_far_from_the_broad_one_is_found(energy: str) -> None:
    """The last one's square, written out, cancels to 30 * 1e8 * 2**-51 = 1e-6 of the log density."""
    law = equilibrium(Potential(energy, coordinates="x"), [], 1.0)
    assert isinstance(law, EquilibriumTable)
    assert law.error <= 1e-6
    assert law.log_partition == pytest.approx(partition_by_parts(*NARROW[energy]), abs=1e-6)
    assert law.lower < NARROW[energy][0] < law.upper


def test_the_scan_alone_misses_it() -> None:
    """Negative control: without the places that its formula names, the well is not there."""
    first = next(iter(NARROW))
    well = Potential(first, coordinates="x")
    blind = tabulate(lambda q: -well.evaluate_energy(q, []))
    assert blind.log_partition == pytest.approx(0.5 * math.log(2 * math.pi), abs=1e-9)
    assert free_energy(well, [], 1.0) < -38.62


def test_draws_share_their_mass_between_a_narrow_well_and_a_broad_one() -> None:
    """Depth chosen for about equal shares; the draws' fraction inside is that of the exact quadrature."""
    well = Potential("x**2/2 - 14.8*exp(-((x - 3)/1e-4)**2)", coordinates="x")
    law = equilibrium(well, [], 1.0)
    assert isinstance(law, EquilibriumTable)
    drawn = law.draw((np.arange(100_000) + 0.5) / 100_000)
    inside = float(np.mean(np.abs(drawn - 3.0) < 1e-3))
    outside = math.sqrt(2 * math.pi) / math.exp(partition_by_parts(3.0, 14.8, 1e-4))
    assert 0.05 < inside < 0.95
    assert inside == pytest.approx(1 - outside, abs=2e-4)  # 1e-5 of the grid, 9e-6 of the broad well within


def test_a_narrow_well_within_one_period_is_found() -> None:
    """Z = 2 pi + the well's: exp(-1e9 (1 - cos)) is a Gaussian of width 4.5e-5 at pi/7."""
    ring = Potential("-12*exp(-1e9*(1 - cos(q - pi/7)))", coordinates="q", periodic={"q": "2*pi"})
    law = equilibrium(ring, [], 1.0)
    assert isinstance(law, EquilibriumTable)
    width = math.sqrt(2e-9)
    extra = mpmath.quad(lambda y: mpmath.expm1(12 * mpmath.exp(-(y**2))), [-9, -3, -1, 0, 1, 3, 9]) * width
    assert law.log_partition == pytest.approx(float(mpmath.log(2 * mpmath.pi + extra)), abs=1e-6)


def test_ordinary_energies_keep_the_even_table() -> None:
    """So that the bits of their draws stay; the places looked at change nothing."""
    well = Potential("4*(q**2 - 1)**2 + cos(3*q)", coordinates="q")
    plain = tabulate(lambda q: -well.evaluate_energy(q, []))
    with_places = equilibrium(well, [], 1.0)
    assert isinstance(with_places, EquilibriumTable)
    assert np.array_equal(with_places.draw(BULK), plain.draw(BULK))
    assert plain.error <= with_places.error <= 1e-10
