"""The words that batteries of tests read are those that runs draw, in the order that each layout says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fluctua.stochastic.streams import draw_uniforms
from testu01 import words

COMMAND = Path(words.__file__)
U64 = np.uint64

#: Seed, trajectory and call of the first calls of a layout with seed 5.
ORDER = {
    "trajectory": lambda n: (5, 0, n),
    "step": lambda n: (5, n, 0),
    "interleaved": lambda n: (5, n % 1000, n // 1000),
    "seeds": lambda n: (5 + n, 0, 0),
}


def halves(made):
    """Join two words to the 64 bits that make one number; uniforms take the upper 52 of them."""
    pairs = made.astype(U64).reshape(-1, 2)
    return pairs[:, 0] << U64(32) | pairs[:, 1]


@pytest.mark.parametrize("layout", ORDER)
def test_words_are_those_of_the_streams(layout):
    bits = halves(words.words(layout, 0, 2003, seed=5)).reshape(-1, 2)
    for n in (0, 1, 7, 999, 1000, 2002):
        seed, trajectory, call = ORDER[layout](n)
        drawn = draw_uniforms(seed, "forward", "noise", trajectory, 1, 2 * call + 2)[-2:, 0]
        np.testing.assert_array_equal((bits[n] >> U64(12)) * 2.0**-52 + 2.0**-53, drawn)


def test_words_are_the_known_answers():
    """Random123, tests/kat_vectors: philox4x32, 10 rounds, all zero; and the same seen by single words."""
    made = words.words("trajectory", 0, 1, seed=0)
    assert [f"{word:08x}" for word in made] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]
    np.testing.assert_array_equal(words.words("high", 0, 1, seed=0), made[::2])
    np.testing.assert_array_equal(words.words("low", 0, 1, seed=0), made[1::2])


@pytest.mark.parametrize("layout", words.LAYOUTS)
def test_blocks_join_and_seeds_differ(layout):
    whole = words.words(layout, 0, 300)
    parts = [words.words(layout, first, 100) for first in (0, 100, 200)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.mean(words.words(layout, 0, 300, seed=1000) == whole) < 0.01


def test_the_control_is_the_same_generator_with_fewer_rounds(monkeypatch):
    ten = words.words("interleaved", 2**33, 500, seed=2**63 + 3)
    monkeypatch.setattr(words.noise, "philox", None)
    monkeypatch.setattr(words, "ROUNDS", None)  # so that ten rounds, too, are made by the control
    np.testing.assert_array_equal(words.words("interleaved", 2**33, 500, seed=2**63 + 3, rounds=10), ten)
    assert np.mean(words.words("interleaved", 2**33, 500, seed=2**63 + 3, rounds=3) == ten) < 0.01


def test_the_command_writes_until_the_reader_has_enough():
    with subprocess.Popen(
        [sys.executable, str(COMMAND), "step", "--seed", "7"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        read = command.stdout.read(4 * 100_000)
        command.stdout.close()
        said = command.stderr.read()
        assert (command.wait(60), said) == (0, b"")
    made = np.concatenate(
        [words.words("step", first, words.CALLS, seed=7) for first in range(0, 30_000, words.CALLS)]
    )
    np.testing.assert_array_equal(np.frombuffer(read, "<u4"), made[:100_000])
