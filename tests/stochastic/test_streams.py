"""Random numbers: known answers, no repeats, no order, statistics with a stated rate of false alarms.

All seeds are fixed. Each statistical test compares z-scores with LIMIT; with a fresh seed it would cry wolf
about once in 1e5 scores. Each has a control that it must find.
"""

import mpmath
import numba
import numpy as np
import pytest
from scipy import stats

from fluctua.stochastic import compiling, streams
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.streams import draw_normals, draw_uniforms

LIMIT = 4.4

U64 = np.uint64


@pytest.fixture(scope="module")
def noise():
    return compiling.noise_module(streams.LANES)


def entry(function):
    """Give an inlined function an entry from Python."""
    return numba.njit(lambda *words: function(*words))


@pytest.fixture(scope="module")
def normals():
    return draw_normals(1, "forward", "noise", 0, 20_000, 100)


# ---- the generator


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [  # Random123, tests/kat_vectors: philox4x32, 10 rounds
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_known_answers(noise, counter, key, answer):
    words = [U64(int(word, 16)) for word in f"{counter} {key}".split()]
    assert " ".join(f"{int(word):08x}" for word in entry(noise.philox)(*words)) == answer


def philox(x, rounds=10):
    """Plain twin on arrays: rows of x are four counter words and two key words."""
    x0, x1, x2, x3, key0, key1 = (row.astype(U64) for row in x)
    low, half = U64(0xFFFFFFFF), U64(32)
    for _ in range(rounds):
        a, b = x0 * U64(0xD2511F53), x2 * U64(0xCD9E8D57)
        x0, x1, x2, x3 = (b >> half) ^ x1 ^ key0, b & low, (a >> half) ^ x3 ^ key1, a & low
        key0, key1 = (key0 + U64(0x9E3779B9)) & low, (key1 + U64(0xBB67AE85)) & low
    return np.array([x0, x1, x2, x3])


def test_the_counter_is_laid_out_as_documented(noise):
    first, call, seed = 2**40 + 2**32 - 2, 2**35 + 7, 2**63 + 12345
    pitch = noise.P
    block, scratch = np.empty(2 * pitch), np.empty(2 * pitch, dtype=U64)
    noise.normals(block, scratch, 1, first, call, *streams.key(seed), streams.tag("burn-in", "reverse"))
    ids = first + np.arange(noise.B)

    def expected(call):
        constant = [call % 2**32, (call >> 32) << 4 | 2 << 1 | 1, seed % 2**32, seed >> 32]
        rows = [ids % 2**32, ids >> 32, *(np.full(noise.B, value) for value in constant)]
        w0, w1, w2, w3 = philox(np.array(rows, dtype=U64))
        return np.array([w0 << U64(32) | w1, w2 << U64(32) | w3])

    np.testing.assert_array_equal(scratch.reshape(2, pitch)[:, : noise.B], expected(call))
    drawn = draw_uniforms(seed, "reverse", "burn-in", first, noise.B, 4)
    words = np.concatenate([expected(0), expected(1)])
    np.testing.assert_array_equal(drawn, (words >> U64(12)) * 2.0**-52 + 2.0**-53)


def flip_scores(rounds):
    """Flip each of the 192 input bits: z-scores of how often each of the 128 output bits follows."""
    inputs = np.random.default_rng(5).integers(0, 2**32, (6, 1024), dtype=U64)
    before = philox(inputs, rounds)
    bits = np.arange(32, dtype=U64)[:, None]
    scores = []
    for word in range(6):
        for bit in range(32):
            changed = inputs.copy()
            changed[word] ^= U64(1 << bit)
            difference = before ^ philox(changed, rounds)
            share = [(((row >> bits) & U64(1)).mean(axis=1)) for row in difference]
            scores.append((np.concatenate(share) - 0.5) / (0.5 / np.sqrt(1024)))
    return np.abs(scores)


def test_every_input_bit_moves_every_output_bit_half_of_the_time():
    assert flip_scores(10).max() < 6.0  # 24,576 scores: a false alarm in 5e-5 of fresh inputs


def test_the_avalanche_test_finds_three_rounds():
    assert flip_scores(3).max() > 20.0


# ---- a function, not a state


def test_numbers_do_not_depend_on_blocks_or_how_many_are_drawn():
    for draw in (draw_normals, draw_uniforms):
        whole = draw(3, "forward", "noise", 0, 300, 8)
        np.testing.assert_array_equal(draw(3, "forward", "noise", 37, 200, 8), whole[:, 37:237])
        np.testing.assert_array_equal(draw(3, "forward", "noise", 299, 1, 3), whole[:3, 299:])
        assert draw(3, "forward", "noise", 0, 5, 0).shape == (0, 5)


def test_calls_may_be_grouped_in_any_way(noise):
    pitch, key, tag = noise.P, streams.key(8), streams.tag("noise", "forward")
    whole, part, scratch = np.empty(8 * pitch), np.empty(2 * pitch), np.empty(2 * pitch, dtype=U64)
    noise.normals(whole, scratch, 4, 10, 0, *key, tag)
    for call in range(4):
        noise.normals(part, scratch, 1, 10, call, *key, tag)
        rows = part.reshape(2, pitch)[:, : noise.B]
        np.testing.assert_array_equal(rows, whole.reshape(8, pitch)[2 * call : 2 * call + 2, : noise.B])


def repeats(rows):
    """Count rows that occur twice."""
    return len(rows) - len({row.tobytes() for row in rows})


TRAJECTORIES = [0, 1, 5, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**32 + 5, 2**33 + 5, 2**53 + 1, 2**62 + 5]


def test_trajectories_beyond_32_bits_do_not_repeat():
    rows = [draw_normals(1, "forward", "noise", first, 1, 4)[:, 0] for first in TRAJECTORIES]
    assert repeats(rows) == 0
    across = draw_normals(1, "forward", "noise", 2**32 - 3, 6, 4)  # one block on both sides
    np.testing.assert_array_equal(across[:, 2:5].T, rows[4:7])


def test_calls_beyond_32_bits_do_not_repeat(noise):
    def row(call, purpose="noise", direction="forward"):
        block, scratch = np.empty(2 * noise.P), np.empty(2 * noise.P, dtype=U64)
        noise.normals(block, scratch, 1, 0, call, *streams.key(1), streams.tag(purpose, direction))
        return block[:4].copy()

    calls = [0, 1, 2, 3, 15, 16, 2**31, 2**32, 2**32 + 1, 2**33, 2**36, 2**59, 2**59 + 2**32]
    rows = [row(call, p, d) for call in calls for p in streams.PURPOSES for d in streams.DIRECTIONS]
    assert repeats(rows) == 0


def test_the_repeat_check_finds_a_masked_number():
    rows = [draw_normals(1, "forward", "noise", first % 2**32, 1, 4)[:, 0] for first in TRAJECTORIES]
    assert repeats(rows) == 6  # of 0, 1 and 5 there are two, three and four


def test_seeds_directions_and_purposes_keep_streams_apart():
    seeds = [0, 1, 2**32, 2**32 + 1, 2**63 + 1, 2**63 + 2, 2**64 - 1]  # as floats the two after 2**63 are one
    rows = [
        draw_normals(seed, direction, purpose, 0, 1, 4)[:, 0]
        for seed in seeds
        for direction in streams.DIRECTIONS
        for purpose in streams.PURPOSES
    ]
    assert repeats(rows) == 0
    tags = [int(streams.tag(p, d)) for p in streams.PURPOSES for d in streams.DIRECTIONS]
    assert sorted(tags) == list(range(2 * len(streams.PURPOSES)))
    assert max(tags) < 16  # four bits of a counter


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True, "1", None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(InvalidInput, match="is not a seed"):
        streams.key(seed)


# ---- from words to numbers


def test_normals_are_those_of_the_formula(noise):
    words = np.random.default_rng(11).integers(0, 2**64, (2, 400), dtype=U64)
    words[0, :4] = [0, 2**64 - 1, 2**12 - 1, 2**63]  # both ends of the radius, and u = 1/2
    words[1, :4] = [2**64 - 1, 0, 2**63, 2**62]
    box_muller = entry(noise.box_muller)
    for first, second in words.T:
        with mpmath.workdps(40):
            radius = mpmath.sqrt(-2 * mpmath.log(mpmath.mpf(2 * (int(first) >> 12) + 1) / 2**53))
            angle = mpmath.pi * (mpmath.mpf(int(second) >> 12) / 2**52 - 0.5)
            exact = radius * mpmath.sin(angle), radius * mpmath.cos(angle) * (-1) ** (int(first) & 1)
            for ours, number in zip(box_muller(first, second), exact, strict=True):
                assert abs(ours - number) < 2e-15


def test_the_radius_reaches_into_the_tail_and_stays_finite(noise):
    box_muller = entry(noise.box_muller)
    largest, smallest = (box_muller(U64(word), U64(2**63)) for word in (0, 2**64 - 1))
    assert np.hypot(*largest) == pytest.approx(np.sqrt(-2 * np.log(2.0**-53)), rel=1e-15)  # 8.57
    assert 0 < np.hypot(*smallest) < 2e-8


def test_uniforms_are_odd_multiples_inside_the_interval():
    u = draw_uniforms(4, "forward", "initial", 0, 5000, 4)
    whole = u * 2.0**53
    assert np.array_equal(whole, np.floor(whole))
    assert np.all(whole % 2 == 1)
    assert 0 < u.min() < 1e-3
    assert 1 > u.max() > 1 - 1e-3


# ---- statistics


def moment_scores(z):
    """z-scores of the first four and the sixth moment; the variances follow from E z^2k = (2k-1)!!."""
    n, square = z.size, z * z
    powers = {1: z, 2: square, 3: z * square, 4: square * square, 6: square * square * square}
    exact = {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96), 6: (15, 10170)}
    return np.array(
        [(np.mean(powers[k]) - mean) / np.sqrt(variance / n) for k, (mean, variance) in exact.items()]
    )


def test_moments_of_two_million_normals(normals):
    assert np.abs(moment_scores(normals)).max() < LIMIT


def test_the_moment_check_finds_a_width_off_by_three_in_a_thousand(normals):
    assert np.abs(moment_scores(1.003 * normals)).max() > LIMIT


def cell_score(z):
    """Chi-square over 200 equally likely cells, as a z-score."""
    counts = np.bincount((200 * stats.norm.cdf(z.ravel())).astype(int), minlength=200)
    chi_square = np.sum((counts - z.size / 200) ** 2) / (z.size / 200)
    return stats.norm.isf(stats.chi2.sf(chi_square, 199))


def test_normals_fill_equally_likely_cells_equally(normals):
    assert abs(cell_score(normals)) < LIMIT


def test_the_cell_check_finds_sums_of_uniforms():
    u = draw_uniforms(2, "forward", "noise", 0, 100_000, 6)
    assert cell_score((u.sum(axis=0) - 3.0) * np.sqrt(2.0)) > LIMIT


def tail_scores(z, limits=(3.0, 3.5, 4.0)):
    """z-scores of how many normals lie beyond the limits."""
    expected = [z.size * 2 * stats.norm.sf(limit) for limit in limits]
    return np.array([(np.sum(np.abs(z) > a) - e) / np.sqrt(e) for a, e in zip(limits, expected, strict=True)])


def test_tail(normals):
    assert np.abs(tail_scores(normals)).max() < LIMIT


def test_the_tail_check_finds_a_cut_at_four(normals):
    assert np.abs(tail_scores(np.clip(normals, -4.0, 4.0))).max() > LIMIT


def link_scores(a, b):
    """z-scores of the correlations of values, of squares and of value with square."""
    n = a.size
    return np.array(
        [np.sum(a * b), np.sum((a**2 - 1) * (b**2 - 1)) / 2, np.sum(a * (b**2 - 1)) / np.sqrt(2)]
    ) / np.sqrt(n)


def test_neighbours_are_independent(normals):
    def other(seed=1, direction="forward", purpose="noise", first=0):
        return draw_normals(seed, direction, purpose, first, *normals.shape[::-1])

    links = [
        (normals[:, :-1], normals[:, 1:]),  # trajectory and the next
        (normals[0::2], normals[1::2]),  # sine and cosine of one call
        (normals[1:-1:2], normals[2::2]),  # call and the next
        (normals, other(seed=2)),
        (normals, other(seed=1 + 2**32)),
        (normals, other(direction="reverse")),
        (normals, other(purpose="initial")),
        (normals, other(first=2**32)),
    ]
    assert max(np.abs(link_scores(a, b)).max() for a, b in links) < LIMIT


def test_the_independence_check_finds_one_shared_number_in_two_hundred(normals):
    shifted = normals[:, 1:].copy()
    shifted[:, ::200] = normals[:, :-1][:, ::200]
    assert np.abs(link_scores(normals[:, :-1], shifted)).max() > LIMIT


def test_uniforms_are_uniform():
    u = draw_uniforms(6, "reverse", "samples", 0, 50_000, 10)
    assert abs((u.mean() - 0.5) * np.sqrt(12 * u.size)) < LIMIT
    assert abs(cell_score(stats.norm.ppf(u))) < LIMIT
    assert np.abs(link_scores(*(stats.norm.ppf(half) for half in (u[0::2], u[1::2])))).max() < LIMIT


# ---- ten million of each: 221 scores, a false alarm of any of them in one of 400 fresh seeds

MANY = (100, 100_000)  # numbers of each trajectory, trajectories


@pytest.fixture(scope="module")
def many():
    return draw_normals(20_261, "forward", "noise", 0, *MANY[::-1])


@pytest.mark.slow
def test_moments_of_ten_million_normals(many):
    assert np.abs(moment_scores(many)).max() < LIMIT


@pytest.mark.slow
def test_ten_million_find_a_width_off_by_three_in_two_thousand(many):
    assert np.abs(moment_scores(1.0015 * many)).max() > LIMIT


EDGES = np.concatenate([[-np.inf], np.linspace(-5.0, 5.0, 81), [np.inf]])


def count_scores(z):
    """z-scores of the counts in 80 cells up to 5 sigma and in both tails, from exact Poisson probabilities.

    It is that of so many or more, or of so many or fewer: where few are expected, 2.9 beyond 5 on either
    side, false alarms are rarer than stated.
    """
    half = np.diff(stats.norm.cdf(EDGES[:42]))
    expected = z.size * np.concatenate([half, half[::-1]])
    counts = np.bincount(np.searchsorted(EDGES[1:-1], z.ravel(), side="right"), minlength=82)
    few, many = stats.poisson.cdf(counts, expected), stats.poisson.sf(counts - 1, expected)
    return stats.norm.isf(np.minimum(few, many))


@pytest.mark.slow
def test_ten_million_normals_fill_cells_and_tails(many):
    assert count_scores(many).max() < LIMIT
    assert abs(cell_score(many)) < LIMIT


@pytest.mark.slow
def test_the_count_of_cells_finds_wrong_tails(many):
    cut = np.clip(many, -4.5, 4.5)  # 68 numbers of ten million
    assert count_scores(cut).max() > LIMIT
    step = 2.0**-16  # uniforms of 16 bits reach to 4.33: 76 are expected beyond, on either side
    coarse = stats.norm.isf((np.floor(stats.norm.sf(many) / step) + 0.5) * step)
    assert count_scores(coarse).max() > LIMIT


@pytest.mark.slow
def test_ten_million_neighbours_are_independent(many):
    def other(seed=20_261, direction="forward", purpose="noise"):
        return draw_normals(seed, direction, purpose, 0, *MANY[::-1])

    def links():
        yield many[:, :-1], many[:, 1:]  # trajectory and the next
        yield many[:-1], many[1:]  # number and the next
        yield many[:-2], many[2:]  # call and the next
        yield many[1:, :-1], many[:-1, 1:]  # both at once
        yield many, other(seed=20_262)
        yield many, other(direction="reverse")
        yield many, other(purpose="samples")

    assert max(np.abs(link_scores(a, b)).max() for a, b in links()) < LIMIT


@pytest.mark.slow
def test_ten_million_find_one_shared_number_in_five_hundred(many):
    shifted = many[:, 1:].copy()
    shifted[:, ::500] = many[:, :-1][:, ::500]
    assert np.abs(link_scores(many[:, :-1], shifted)).max() > LIMIT


def bit_scores(u):
    """z-scores of the 52 bits of uniforms, of each with the next, and of the four lowest with neighbours'.

    The last score is that of chi-square over the 4096 values of the lowest twelve.
    """
    whole = ((u * 2.0**53 - 1.0) / 2.0).astype(U64)
    scores, before = [], None
    for bit in range(52):
        sign = (whole >> U64(bit) & U64(1)).astype(np.int8) * 2 - 1
        pairs = [(sign, 1)] if before is None else [(sign, 1), (sign, before)]
        if bit < 4:
            pairs += [(sign[:-1], sign[1:]), (sign[:, :-1], sign[:, 1:])]
        scores += [(a * b).sum(dtype=np.int64) / np.sqrt(a.size) for a, b in pairs]
        before = sign
    counts = np.bincount((whole & U64(4095)).ravel().astype(np.int64), minlength=4096)
    chi_square = np.sum((counts - u.size / 4096) ** 2) / (u.size / 4096)
    return np.array([*scores, stats.norm.isf(stats.chi2.sf(chi_square, 4095))])


@pytest.mark.slow
def test_all_bits_of_ten_million_uniforms_are_fair():
    u = draw_uniforms(20_263, "forward", "noise", 0, *MANY[::-1])
    assert np.abs(bit_scores(u)).max() < LIMIT
    short = (np.floor(u * 2.0**48) + 0.5) * 2.0**-48
    assert np.abs(bit_scores(short)).max() > LIMIT
    u[:, 1::500] = u[:, ::500]  # one in five hundred has the number of its neighbour
    assert np.abs(bit_scores(u)).max() > LIMIT


# ---- many at a time


@pytest.mark.parametrize(("first", "count", "draws"), [(2**32 - 100, 300, 1), (7, 129, 2), (2**40, 65, 5)])
def test_compiled_uniforms_are_those_of_arrays(monkeypatch, first, count, draws):
    drawn = []
    for many in (1, 10**9):
        monkeypatch.setattr(streams, "MANY", many)
        drawn.append(draw_uniforms(2**63 + 5, "reverse", "samples", first, count, draws))
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("number", [0, 1, 7, streams.FEW, streams.FEW + 1])
def test_a_place_is_chosen_as_a_search_finds_it(number):
    borders = np.arange(number) / max(number, 1)
    places = np.concatenate([borders, np.nextafter(borders, -1.0), np.nextafter(borders, 2.0), [0.0, 1.0]])
    expected = np.searchsorted(borders, places, side="right")
    np.testing.assert_array_equal(streams.choose(borders, places), expected)
