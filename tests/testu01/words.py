"""Write the random words of runs to stdout, 32 bits each, for batteries of tests that read a pipe.

    python tests/testu01/words.py LAYOUT [--seed N] [--rounds N] | battery SmallCrush

Philox gives four words to each seed, trajectory and call; a layout says which calls follow each other, and
which of their words are written. With fewer rounds than ten the words must fail: that is the batteries'
control.
"""

import argparse
import itertools
import os
import sys

import numpy as np

from fluctua.stochastic import streams
from fluctua.stochastic.kernels import noise

CALLS = 8192  # at once: a cache holds them
ROUNDS = 10
LAYOUTS = {
    "trajectory": "the calls of one trajectory",
    "step": "one call of all trajectories",
    "interleaved": "a call of a thousand trajectories, then their next",
    "seeds": "the first call of consecutive seeds",
    "high": "the high words alone of one trajectory",
    "low": "the low words alone of one trajectory",
}
KEPT = {"high": [0, 2], "low": [1, 3]}
U64 = np.uint64


def places(layout, n):
    """Give trajectory, call and what is added to the seed for the calls number n of a layout."""
    zero = np.zeros_like(n)
    if layout == "step":
        return n, zero, zero
    if layout == "interleaved":
        return n % U64(1000), n // U64(1000), zero
    if layout == "seeds":
        return zero, zero, n
    return zero, n, zero


def reduced(x0, x1, x2, x3, key0, key1, rounds):
    """Philox4x32 with any number of rounds; ten must give what `noise.philox` gives."""
    for _ in range(rounds):
        product0, product1 = x0 * noise.MULTIPLIER_0, x2 * noise.MULTIPLIER_1
        x0, x1 = (product1 >> noise.HALF) ^ x1 ^ key0, product1 & noise.LOW_HALF
        x2, x3 = (product0 >> noise.HALF) ^ x3 ^ key1, product0 & noise.LOW_HALF
        key0, key1 = (key0 + noise.WEYL_0) & noise.LOW_HALF, (key1 + noise.WEYL_1) & noise.LOW_HALF
    return x0, x1, x2, x3


def words(layout, first, count, seed=1, rounds=ROUNDS):
    """Give the words of the calls first, first + 1, ... of a layout, as unsigned 32-bit numbers."""
    n = np.arange(first, first + count, dtype=U64)
    trajectory, call, added = places(layout, n)
    key = U64(seed) + added
    tag = streams.tag("noise", "forward")
    counter = [
        half for number in (trajectory, call) for half in (number & noise.LOW_HALF, number >> noise.HALF)
    ]
    counter[3] = counter[3] << noise.TAG_LENGTH | tag
    given = [*counter, key & noise.LOW_HALF, key >> noise.HALF]
    made = noise.philox(*given) if rounds == ROUNDS else reduced(*given, rounds)
    return np.stack([made[k] for k in KEPT.get(layout, range(4))], axis=1).astype("<u4").ravel()


def main():
    """Write until the reader has enough."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        epilog="; ".join(f"{name}: {meaning}" for name, meaning in LAYOUTS.items()),
    )
    parser.add_argument("layout", choices=LAYOUTS, metavar="LAYOUT", help=f"of {', '.join(LAYOUTS)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of Philox; below 10 for a control")
    chosen = parser.parse_args()
    try:
        for first in itertools.count(0, CALLS):
            sys.stdout.buffer.write(words(chosen.layout, first, CALLS, chosen.seed, chosen.rounds))
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # nothing is flushed into it at the end


if __name__ == "__main__":
    sys.exit(main())
