"""Coins tossed again, for the null law of statistics of labels.

Coin i falls on its less likely side in draw d where 32 random bits lie below 2^32 min(p_i, 1 - p_i). They are
a function of i, d and the key, so that neither the blocks nor the threads change any toss:

    word = word number i % 4 of Philox4x32-10 at the counter (d low, d high, i // 4, STREAM) and (KEY, key)

with the names of `fluctua.stochastic.kernels.noise`, whose trajectories never reach this STREAM.

DRAWS of them stand side by side in lanes, and their tosses of one coin are the bits of one word: 1 where it
turned to the less likely side, which moves the sum of labels by a `step` of +1 or -1. The coins are tossed
first and summed up afterwards, as a bridge must know where it ends before its first step. All sums are exact
(`relabelling` sees to that), so that their order does not matter.

The text runs on NumPy as it stands; `compiling` exchanges the imports for compiled building blocks.
"""

import numpy as np

from fluctua.stochastic.kernels.noise import philox
from fluctua.stochastic.twins import select

DRAWS = 64
KEY = np.uint64(0x5EED)
STREAM = np.uint64(0xFFFFFFFF)
NONE = np.uint64(0)
ONE = np.uint64(1)
LOW_HALF = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def four_words(draw, call, key):
    """Give the words of the coins 4 call, ..., 4 call + 3 in a draw."""
    return philox(draw & LOW_HALF, draw >> HALF, call, STREAM, KEY, key)


def row_of_words(W, first, call, key):
    """Fill four rows with the words of four coins, a lane a draw."""
    for j in range(DRAWS):
        i = np.uint64(j)  # signed, each lane would be checked for counting from the end
        words = four_words(first + i, call, key)
        W[i] = words[0]
        W[i + np.uint64(DRAWS)] = words[1]
        W[i + np.uint64(2 * DRAWS)] = words[2]
        W[i + np.uint64(3 * DRAWS)] = words[3]


def turned(W, row, threshold):
    """Give the draws in which a coin turned, bit j that of lane j."""
    bits = NONE
    for j in range(DRAWS):
        bits |= select(W[row + np.uint64(j)] < threshold, ONE, NONE) << np.uint64(j)
    return bits


def add(amount, bits, total, at):
    """Add an amount to those lanes of a row whose coin turned."""
    for j in range(DRAWS):
        i = np.uint64(j)
        total[at + i] += select((bits >> i) & ONE != NONE, amount, 0.0)


def toss(W, thresholds, steps, first, key, tosses, end):
    """Fill in the tosses of every coin in the draws from `first` on, and add up their steps."""
    for i in range(thresholds.size):
        quarter = i % 4
        if quarter == 0:
            row_of_words(W, first, np.uint64(i // 4), key)
        tosses[i] = turned(W, np.uint64(quarter * DRAWS), thresholds[i])
        add(steps[i], tosses[i], end, NONE)


def look(height, expected, end, total, grown, reach):
    """Keep the largest distance of each lane's walk, tied down where it is a bridge, from zero."""
    for j in range(DRAWS):
        i = np.uint64(j)
        above = height[i] - expected - (end[i] - total) * grown
        away = select(above < 0.0, -above, above)
        reach[i] = select(away > reach[i], away, reach[i])


def redraw(first, last, key, thresholds, steps, features, places, expected, grown, total, sums, reaches):
    """Fill in the sums of features and the largest heights of the walk in the draws `first` to `last`.

    `features` are those of a coin that turned, its step's sign included. The walk is looked at after the
    coins `places`, where it is `expected` to be at a height, and at `total` in the end; a bridge has `grown`
    there to that share of its whole variance (other walks: zero).
    """
    tosses = np.empty(thresholds.size, np.uint64)
    W = np.empty(4 * DRAWS, np.uint64)
    A = np.empty(features.shape[1] * DRAWS)
    end, height, reach = np.empty(DRAWS), np.empty(DRAWS), np.empty(DRAWS)
    for start in range(first, last, DRAWS):
        end[:], height[:], reach[:], A[:] = 0.0, 0.0, 0.0, 0.0
        toss(W, thresholds, steps, np.uint64(start), key, tosses, end)
        place = 0
        for i in range(thresholds.size):
            for k in range(features.shape[1]):
                add(features[i, k], tosses[i], A, np.uint64(k * DRAWS))
            add(steps[i], tosses[i], height, NONE)
            if place < places.size and places[place] == i:
                look(height, expected[place], end, total, grown[place], reach)
                place += 1
        for j in range(min(DRAWS, last - start)):
            reaches[start + j] = reach[j]
            for k in range(features.shape[1]):
                sums[start + j, k] = A[k * DRAWS + j]
