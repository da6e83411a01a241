import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.protocol import Hold, Protocol
from fluctua.stochastic.units import Units, kelvin_warning, planck_warning

TWEEZERS = Units(energy="pN um", length="um", time="s", temperature="K")
GROMACS = Units(energy="kJ/mol", length="nm", time="ps", temperature="K")


@given(
    st.sampled_from([None, "pN um", "kJ/mol", "eV"]),
    st.sampled_from([None, "um", "nm"]),
    st.sampled_from([None, "s", "ps"]),
    st.booleans(),
)
def test_units_are_their_table(energy, length, time, kelvin):
    units = Units(energy=energy, length=length, time=time, temperature="K" if kelvin and energy else None)
    assert Units(**units.table()) == units
    assert pickle.loads(pickle.dumps(units)) == units


def test_labels_follow_from_three():
    kinds = ("energy", "velocity", "force", "friction", "mass", "beta", "temperature", "number")
    assert [TWEEZERS.label(kind) for kind in kinds] == [
        "pN um", "um/s", "pN", "pN s/um", "pN s²/um", "1/pN/um", "K", "1",
    ]  # fmt: skip
    assert [GROMACS.label(kind) for kind in ("friction", "mass", "force")] == [
        "kJ ps/mol/nm²", "kJ ps²/mol/nm²", "kJ/mol/nm",
    ]  # fmt: skip
    assert [Units().label(kind) for kind in kinds] == [
        "energy", "length/time", "energy/length", "energy time/length²", "energy time²/length²", "1/energy",
        "energy", "1",
    ]  # fmt: skip


def test_powers_may_be_typed_in_three_ways():
    for label in ("kg m^2/s^2", "kg m**2/s**2", "kg m²/s²"):
        assert Units(energy=label, length="m").label("force") == "kg m/s²"


def test_boltzmanns_constant_is_exact_in_every_energy_unit():
    """Against SciPy's table of SI units; both round the quotient once, SciPy its factors too."""
    avogadro, joule = constants.N_A, 1.0
    sizes = {
        "J": joule, "aJ": 1e-18, "eV": constants.e, "meV": 1e-3 * constants.e, "kJ/mol": 1e3 / avogadro,
        "kcal/mol": 1e3 * constants.calorie / avogadro, "pN um": 1e-18, "pN nm": 1e-21,
        "erg": constants.erg, "N m": 1.0,
    }  # fmt: skip
    for energy, size in sizes.items():
        exact = constants.k / size
        assert abs(Units(energy=energy, temperature="K").boltzmann / exact - 1) < 4e-16, energy
    assert Units(energy="J", temperature="K").boltzmann == 1.380649e-23
    assert Units(energy="J", temperature="mK").boltzmann == 1.380649e-26
    assert Units(energy="pN um").boltzmann == 1.0


@pytest.mark.parametrize(
    ("keywords", "line"),
    [
        ({"temperature": "K"}, "kelvin without a unit of energy (units)"),
        (
            {"temperature": "C", "energy": "J"},
            "'C' is not a unit of temperature (units.temperature): use \"K\"",
        ),
        ({"temperature": "K", "energy": "pN"}, "no Boltzmann constant in 'pN' (units.energy): use J"),
        ({"temperature": "K", "energy": "parsec"}, "no Boltzmann constant in 'parsec'"),
        ({"temperature": "K", "energy": "J^2"}, "no Boltzmann constant in 'J^2'"),
        ({"energy": "5"}, "'5' is not a unit (units.energy): write a label such as"),
        ({"energy": "/"}, "'/' is not a unit (units.energy)"),
        ({"energy": ""}, "an empty text (units.energy)"),
        ({"length": 5}, "5 is not a text (units.length)"),
    ],
)
def test_units_that_are_none_are_refused(keywords, line):
    with pytest.raises(InvalidInput) as caught:
        Units(**keywords)
    assert str(caught.value).startswith(line)


def test_an_unknown_kind_of_quantity_gets_the_nearest():
    with pytest.raises(InvalidInput, match="did you mean 'friction'"):
        Units().label("fricton")


@pytest.mark.parametrize("temperature", [298, 298.15, {"hot": 310.0, "cold": 1.0}])
def test_kelvin_without_units_is_remarked_on(temperature):
    protocol = Protocol([Hold(1.0)], temperature=temperature)
    remark = kelvin_warning(protocol, Units())
    assert remark is not None
    assert remark.endswith(
        'is an energy here (protocol.temperature): for kelvin add units with temperature = "K"'
    )
    assert kelvin_warning(protocol, TWEEZERS) is None


def test_other_temperatures_pass_without_remark():
    assert kelvin_warning(Protocol([Hold(1.0)], temperature=1.0), Units()) is None
    assert kelvin_warning(Protocol([Hold(1.0)], beta=298.0), Units()) is None
    assert kelvin_warning(Protocol([Hold(1.0)], temperature=298), Units()).startswith("298 is an energy")


@pytest.mark.parametrize(
    ("energy", "time", "value"),
    [("ueV", "ns", "0.6582"), ("J", "s", "1.055e-34"), ("meV", "ps", "0.6582"), ("pN nm", "ns", "1.055e-04")],
)
def test_planck_s_constant_is_remarked_on_where_it_is_known_and_1(energy, time, value):
    remark = planck_warning(Units(energy=energy, time=time))
    assert remark is not None
    said = remark.removeprefix(f"hbar is 1 {energy} {time} here, Planck's constant is ")
    assert float(said.split()[0]) == float(value)
    assert "\n" not in remark
    known = Units(energy=energy, time=time, temperature="K").hbar
    assert known == pytest.approx(float(value), rel=5e-4)


@pytest.mark.parametrize(
    "units",
    [
        {},
        {"energy": "ueV"},
        {"time": "ns"},
        {"energy": "ueV", "time": "ns", "temperature": "K"},
        {"energy": "hbar omega", "time": "ns"},
        {"energy": "ueV", "time": "min"},
    ],
)
def test_units_without_a_known_planck_constant_pass_without_remark(units):
    assert planck_warning(Units(**units)) is None


def test_the_repr_is_one_line():
    assert repr(TWEEZERS) == "Units(energy pN um, length um, time s, temperature K)"
    assert repr(Units()) == "Units(k_B = 1)"
