"""Vector functions: accuracy against 60 digits, non-finite arguments, vector code, equal bits everywhere."""

import functools
import math
import os
import pathlib
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from llvmlite import binding
from numba import njit
from numba.core.errors import TypingError

from fluctua.stochastic import compiling, lanes
from fluctua.stochastic import twins as numpy_blocks

from bits import compiled, digest

NAMES = ("exp", "log", "sin", "cos", "tanh")

# The bounds that the docstring of `lanes` states, in ulp.
BOUNDS = {"exp": 1.0, "log": 1.0, "sin": 2.5, "cos": 2.5, "tanh": 3.0}

GOLDEN = "138915fce47d9ec9ae3fb59bf0b927a7f5f7b76ab8d9b34d23cd9669bf868c16"


@functools.cache
def life(which, name):
    """Give a vector function as NumPy runs it or as compiled."""
    if which == "compiled":
        return compiled(getattr(compiling.lane_module(), name))
    return getattr(lanes, name)


def error_in_ulp(name, x, y):
    """Give the largest error of y = name(x) in units in the last place of the exact result."""
    with mpmath.workdps(60):
        exact = [getattr(mpmath, name)(mpmath.mpf(v)) for v in x.tolist()]
        errors = [
            abs(mpmath.mpf(v) - e) / float(np.spacing(abs(float(e))))
            for v, e in zip(y.tolist(), exact, strict=True)
        ]
    return float(max(errors))


def beside(points):
    """The points, and the numbers next to them."""
    return np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf)])


def cases():
    rng = np.random.default_rng(20)
    n = 1200
    turns = np.arange(1, 400) * (np.pi / 2)
    ulp = np.finfo(float).eps
    yield "exp", "all", rng.uniform(-708, 709.7, n)
    yield "exp", "reduced", rng.uniform(-0.36, 0.36, n)
    yield "exp", "tiny", np.ldexp(rng.uniform(-1, 1, n), rng.integers(-1000, -1, n))
    yield "exp", "subnormal", rng.uniform(-745.1, -708, n)
    yield "exp", "half", beside((np.arange(-40, 40) + 0.5) * math.log(2))
    yield "log", "all", np.ldexp(rng.uniform(1, 2, n), rng.integers(-1022, 1023, n))
    yield "log", "subnormal", np.ldexp(rng.uniform(1, 2, n), rng.integers(-1073, -1022, n))
    yield "log", "one", np.concatenate([1 + rng.integers(-(10**6), 10**6, n) * ulp, rng.uniform(0.6, 1.6, n)])
    yield "log", "split", beside(np.ldexp(math.sqrt(0.5), np.arange(-30, 30)))
    for name in ("sin", "cos"):
        yield name, "turns", rng.uniform(-20, 20, n)
        yield name, "many", rng.uniform(-1e6, 1e6, n)
        yield name, "zeros", beside(turns)
        yield name, "octants", beside(turns - np.pi / 4)
        yield name, "tiny", np.ldexp(rng.uniform(-1, 1, n), rng.integers(-1000, -1, n))
    yield "tanh", "all", rng.uniform(-20, 20, n)
    yield "tanh", "small", rng.uniform(-0.4, 0.4, n)
    yield "tanh", "tiny", np.ldexp(rng.uniform(-1, 1, n), rng.integers(-1000, -1, n))


CASES = [pytest.param(name, x, id=f"{name}-{label}") for name, label, x in cases()]


@pytest.mark.parametrize("which", ["compiled", "numpy"])
@pytest.mark.parametrize(("name", "x"), CASES)
def test_errors_stay_within_the_stated_bound(which, name, x):
    assert error_in_ulp(name, x, life(which, name)(x)) <= BOUNDS[name]


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_compiled_sine_and_cosine_reach_the_largest_angle(name):
    x = np.random.default_rng(3).uniform(-1, 1, 1000) * lanes.LARGEST_ANGLE
    assert error_in_ulp(name, x, life("compiled", name)(x)) <= BOUNDS[name]


def test_the_error_measure_finds_a_fault_of_four_ulp():
    x = np.linspace(0.1, 0.9, 500)
    assert error_in_ulp("exp", x, life("numpy", "exp")(x) * (1 + 8e-16)) > 3


INF, NAN, LEAST = np.inf, np.nan, 5e-324

ENDS = {
    "exp": [(INF, INF), (-INF, 0.0), (0.0, 1.0), (709.79, INF), (-745.2, 0.0), (-1e308, 0.0), (1e308, INF)],
    "log": [(INF, INF), (-INF, NAN), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (-LEAST, NAN), (1.0, 0.0)],
    "sin": [(INF, NAN), (-INF, NAN), (0.0, 0.0), (1.1e9, NAN), (1e17, NAN), (1e308, NAN), (LEAST, LEAST)],
    "cos": [(INF, NAN), (-INF, NAN), (0.0, 1.0), (1.1e9, NAN), (1e17, NAN), (1e308, NAN), (LEAST, 1.0)],
    "tanh": [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (1e308, 1.0), (-1e308, -1.0), (19.1, 1.0), (LEAST, LEAST)],
}


@pytest.mark.parametrize("which", ["compiled", "numpy"])
@pytest.mark.parametrize("name", NAMES)
def test_ends(which, name):
    x, expected = np.array([(NAN, NAN), (-NAN, NAN), *ENDS[name]]).T
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(life(which, name)(np.ascontiguousarray(x)), expected)


@pytest.mark.parametrize("which", ["compiled", "numpy"])
def test_tanh_keeps_the_sign_of_zero(which):
    assert math.copysign(1.0, life(which, "tanh")(np.array([-0.0]))[0]) == -1.0


@pytest.mark.parametrize("name", NAMES)
def test_numpy_life_takes_single_numbers(name):
    assert float(getattr(lanes, name)(0.5)) == life("numpy", name)(np.array([0.5]))[0]


def test_both_sets_of_building_blocks_have_the_same_names():
    from fluctua.stochastic import intrinsics

    ours = {name for name in vars(numpy_blocks) if name in intrinsics.__all__}
    assert ours == set(intrinsics.__all__)


def test_fused_means_rounded_once():
    from fluctua.stochastic.intrinsics import fma

    @njit
    def product_less_itself(a):
        return fma(a, a, -(a * a))

    a = 1.0 + 2.0**-30
    assert product_less_itself(a) == 2.0**-60  # the part of a² that rounding drops
    assert numpy_blocks.fma(a, a, -(a * a)) == 0.0


@functools.cache
def looking_up():
    from fluctua.stochastic.intrinsics import look_up

    @njit
    def run(target, place, table, keys, begin, shift, count):
        look_up(target, place, table, keys, begin, shift, count)

    return run


@pytest.mark.parametrize("kind", [np.float64, np.uint64])
@pytest.mark.parametrize("entries", [8, 24, 32])
def test_looking_up_in_vectors_is_indexing(kind, entries):
    random = np.random.default_rng(entries)
    table = random.integers(1, 2**63, entries, dtype=np.uint64).view(kind)
    keys = random.integers(0, entries - 2, 64, dtype=np.uint64)
    target, expected = np.zeros(80, kind), np.zeros(80, kind)
    for fill, run in ((target, looking_up()), (expected, numpy_blocks.look_up)):
        run(fill, np.uint64(5), table, keys, np.uint64(16), np.uint64(2), 40)
    np.testing.assert_array_equal(target.view(np.uint64), expected.view(np.uint64))
    assert not target[:5].any()
    assert not target[45:].any()
    assert target[5:45].all()


@pytest.mark.skipif(
    not binding.get_host_cpu_features().get("avx512f"), reason="needs a processor with AVX-512"
)
def test_looking_up_permutes_vectors_and_indexing_does_not():
    @njit
    def indexing(target, table, keys):
        for k in range(target.size):
            target[k] = table[keys[k]]

    zero, keys = np.uint64(0), np.zeros(8, np.uint64)
    looking_up()(np.zeros(8), zero, np.ones(8), keys, zero, zero, 8)
    indexing(np.zeros(8), np.ones(8), keys)
    permuted = ["vperm" in "".join(run.inspect_asm().values()) for run in (looking_up(), indexing)]
    assert permuted == [True, False]


@pytest.mark.parametrize(
    ("target", "table", "keys"),
    [
        (np.zeros(8, np.float32), np.zeros(8, np.float32), np.zeros(8, np.uint64)),
        (np.zeros(8), np.zeros(8, np.uint64), np.zeros(8, np.uint64)),
        (np.zeros(8), np.zeros(8), np.zeros(8, np.int64)),
        (np.zeros(8), np.zeros(16)[::2], np.zeros(8, np.uint64)),
    ],
)
def test_what_is_not_rows_of_words_is_not_looked_up(target, table, keys):
    with pytest.raises(TypingError):
        looking_up()(target, np.uint64(0), table, keys, np.uint64(0), np.uint64(0), 8)


def test_trailing_zeros_are_those_below_the_lowest_bit():
    from fluctua.stochastic.intrinsics import trailing_zeros

    @njit
    def compiled_zeros(bits):
        return trailing_zeros(bits)

    for k in (0, 1, 31, 63):
        for bits in (np.uint64(1) << np.uint64(k), np.uint64((2**64 - 1) >> k << k)):
            assert compiled_zeros(bits) == numpy_blocks.trailing_zeros(bits) == k


def vector_code(function):
    """Tell whether a loop over lanes becomes vector code without a call."""

    @njit(error_model="numpy")
    def run(x, y):
        for j in range(256):
            y[j] = function(x[j])

    run(np.ones(256), np.ones(256))
    (text,) = run.inspect_llvm().values()
    calls = [line for line in text.splitlines() if "call double @" in line and "@llvm." not in line]
    return "x double> @llvm.fma.v" in text and not calls


@pytest.mark.skipif(not binding.get_host_cpu_features().get("avx2"), reason="needs a processor with AVX2")
@pytest.mark.parametrize("name", NAMES)
def test_a_lane_loop_becomes_vector_code(name):
    assert vector_code(getattr(compiling.lane_module(), name))


def test_the_vector_check_finds_a_library_call():
    assert not vector_code(njit(lambda x: math.exp(x)))


def test_bits_are_the_golden_ones():
    assert digest() == GOLDEN


def test_the_golden_bits_know_one_rounding():
    with np.errstate(over="ignore"):
        assert digest({name: life("numpy", name) for name in NAMES}) != GOLDEN  # their only difference is fma


@pytest.mark.parametrize("processor", ["haswell", pytest.param("generic", marks=pytest.mark.slow)])
def test_bits_are_the_same_on_every_processor(processor, tmp_path):
    # Without empty features Numba keeps those of this machine, and nothing is tested.
    target = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    environment = {**os.environ, **target, "FLUCTUA_CACHE_DIR": str(tmp_path)}
    script = pathlib.Path(__file__).parents[1] / "bits.py"
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == GOLDEN
