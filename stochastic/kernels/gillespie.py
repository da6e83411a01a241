"""Markov jumps at constant rates: lanes of trajectories, a candidate each a turn (Gillespie's direct method).

While nothing changes, a level i is left after a time t with density G_i exp(-G_i t), G_i = sum_k w_k over the
channels that leave it, and then through channel k with probability w_k / G_i:

    t' = t + e / G_i,   e = -ln u                                                                 (1)
    k  = how many of the cumulative probabilities are <= v                                         (2)

with u, v of call c of the trajectory's stream; c counts candidates. One that falls behind the end of the
stroke does not happen, and the next stroke begins with the next candidate: an exponential law forgets
(D. T. Gillespie, J. Comput. Phys. 22, 403, 1976).

A turn is a row of loops over all lanes, each of one kind: arithmetic, which becomes vector code, or numbers
looked up in a table. One loop over both would be neither, and longer than what a processor can overlap. A
lane whose trajectory is over takes the next one at once; when none is left, it jumps on before all time, and
nobody counts it. A trajectory's numbers are its own, so neither lane nor turn changes a bit.

What a ledger holds is a sum over jumps of what each channel's jump gives. So lanes only count jumps, in words
of eight counts of eight bits, put down before one can overflow. A trajectory that ends leaves its words; they
are taken apart for all trajectories together. The ledger is a product with the counts.
"""

import numpy as np

from fluctua.stochastic.kernels.noise import HALF, LOW_HALF, log_of_uniform, philox, uniform
from fluctua.stochastic.twins import fma, from_bits, look_up, permutes, select, trailing_zeros

LANES = 96
GROUP = 48  # lanes of which a word can tell who is over
L = 104  # pitch of rows of lanes: a power of two would put all of them into one cache set
B = 2048  # trajectories whose counts are kept: many, since lanes idle while the last of them end
P = 2056  # pitch of rows of counts; behind the last trajectory is room for what idle lanes count

# Rows of a lane's whole numbers, and of its floating-point ones.
WHO, CALL, PLACE, OUTCOME, OVER, FIRST, SECOND = (np.uint64(k * L) for k in range(7))
TIME, NEXT, ENTRY = (np.uint64(k * L) for k in range(3))

TAG_LENGTH = np.uint64(4)
UNIFORM_SHIFT = np.uint64(12)
ONE_BITS = np.uint64(0x3FF0000000000000)
NONE = np.uint64(0)
ONE = np.uint64(1)
FIELD = np.uint64(255)
FIELDS = np.uint64(8)  # a word's fields, and a field's bits
THREE, SEVEN = np.uint64(3), np.uint64(7)  # a channel's word is number k >> 3, its field k & 7
IN_WORD = np.uint64(63)
SMALL = 32  # up to so many entries a table is looked up in vectors, a longer one lane by lane
PERIOD = np.uint64(127)  # turns, less one, after which counts are put down
NOWHERE = np.uint64(1 << 63)  # marks a candidate that does not happen: a channel behind all others


def ask(target, row, table, X, shift):
    """Look up what a table holds of each lane's place."""
    if permutes() and table.size <= SMALL:
        look_up(target, row, table, X, PLACE, shift, LANES)
    else:
        for i in range(LANES):
            j = np.uint64(i)
            target[row + j] = table[X[PLACE + j] + shift]


def draw(E, X, waits, key0, key1, tag):
    """Draw random words for each lane, and with them when its candidate falls."""
    for i in range(LANES):
        j = np.uint64(i)
        x2, x3 = X[CALL + j] & LOW_HALF, ((X[CALL + j] >> HALF) << TAG_LENGTH) | tag
        a, b, c, d = philox(X[WHO + j] & LOW_HALF, X[WHO + j] >> HALF, x2, x3, key0, key1)
        X[FIRST + j] = (a << HALF) | b
        X[SECOND + j] = (c << HALF) | d
    ask(E, ENTRY, waits, X, NONE)
    for i in range(LANES):
        j = np.uint64(i)
        E[NEXT + j] = fma(-log_of_uniform(uniform(X[FIRST + j])), E[ENTRY + j], E[TIME + j])


def dwell(Z, E, X, stays, end):
    """Add what is integrated over time: the integrand of the level until the candidate, or the end."""
    for q in range(stays.shape[0]):
        for i in range(LANES):
            j = np.uint64(i)
            passed = select(E[NEXT + j] < end, E[NEXT + j], end) - E[TIME + j]
            Z[q * L + i] += stays[np.uint64(q), X[PLACE + j]] * passed


def choose(E, X, chances, half, levels):
    """Find the channel: the place in a level's column of cumulative probabilities, by bisection."""
    while half > NONE:
        ask(E, ENTRY, chances, X, (half - ONE) * levels)
        for i in range(LANES):
            j = np.uint64(i)
            v = from_bits((X[SECOND + j] >> UNIFORM_SHIFT) | ONE_BITS) - 1.0
            X[PLACE + j] += select(v >= E[ENTRY + j], half * levels, NONE)
        half = half >> ONE


def move(E, X, W, words, outcomes, end):
    """Let the candidates that fall before the end happen, and count them; list the lanes of the others."""
    over = NONE
    ask(X, OUTCOME, outcomes, X, NONE)
    for begin in range(0, LANES, GROUP):
        done = NONE
        for i in range(GROUP):
            j = np.uint64(begin + i)
            late = E[NEXT + j] >= end
            outcome = select(late, X[PLACE + j] | NOWHERE, X[OUTCOME + j])
            done |= select(late, ONE << np.uint64(i), NONE)
            X[OUTCOME + j] = outcome
            X[PLACE + j] = outcome & LOW_HALF
            X[CALL + j] += ONE
            E[TIME + j] = E[NEXT + j]
            bit = (outcome >> HALF) * FIELDS
            W[j] += select(bit <= IN_WORD, ONE << (bit & IN_WORD), NONE)
        while done > NONE:
            X[OVER + over] = np.uint64(begin) + trailing_zeros(done)
            over += ONE
            done &= done - ONE
    for w in range(1, words):
        for i in range(LANES):
            bit = (X[OUTCOME + np.uint64(i)] >> HALF) * FIELDS - np.uint64(64 * w)
            W[w * L + i] += select(bit <= IN_WORD, ONE << (bit & IN_WORD), NONE)
    return over


def put_down(N, W, channels, lane, who):
    """Add the counts of a lane to those of its trajectory."""
    for channel in range(channels):
        k = np.uint64(channel)
        word, shift = (k >> THREE) * np.uint64(L) + lane, (k & SEVEN) << THREE
        N[k * np.uint64(P) + who] += (W[word] >> shift) & FIELD


def unpack(N, D, channels, size):
    """Add the counts that lanes had when trajectories ended."""
    for channel in range(channels):
        k = np.uint64(channel)
        word, row, shift = (k >> THREE) * np.uint64(P), k * np.uint64(P), (k & SEVEN) << THREE
        for i in range(size):
            j = np.uint64(i)
            N[row + j] += (D[word + j] >> shift) & FIELD


def book(ledger, gains, N, block, size):
    """Add to the ledger what the jumps through each channel give."""
    for c in range(gains.shape[0]):
        for k in range(gains.shape[1]):
            gain = gains[c, k]
            if gain != 0.0:
                row = np.uint64(k * P)
                for i in range(size):
                    j = np.uint64(i)
                    ledger[c, block + j] = fma(gain, float(N[row + j]), ledger[c, block + j])


def stroke(
    first,
    count,
    end,
    waits,
    chances,
    outcomes,
    gains,
    stays,
    places,
    most,
    key0,
    key1,
    tag,
    state,
    calls,
    ledger,
    E,
    X,
    Z,
    W,
    N,
    D,
):
    """Carry trajectories first .. first + count - 1 through a stroke of constant rates.

    end: its duration. waits: 1/G, (levels,); chances: (2), none behind the last, (places - 1, levels);
    outcomes: level and channel, in the halves of a word, (places, levels); places is a power of two. These
    three are filled up to a multiple of eight entries. gains: (quantities, channels), what a jump adds to the
    first rows of the ledger; stays: (integrals, levels), what is integrated in the rows behind. most: no
    trajectory needs to go on after so many candidates, those of strokes before among them. state, calls: the
    level and the next call, before and then after. ledger: (rows, trajectories). What remains is room to work
    in: rows of lanes, but for rows of trajectories in N, their counts, and D, the words that they left.
    """
    integrals, levels, words = stays.shape[0], np.uint64(stays.shape[1]), (gains.shape[1] + 7) // 8
    for block in range(0, count, B):
        size = np.uint64(min(B, count - block))
        origin = np.uint64(first + block)
        for k in range(N.size):
            N[k] = NONE
        for i in range(LANES):
            X[WHO + np.uint64(i)], X[OVER + np.uint64(i)] = origin + size, np.uint64(i)
        over, entered, ended, turn = np.uint64(LANES), NONE, NONE, NONE
        while True:
            while over > NONE:
                over -= ONE
                j = X[OVER + over]
                who = X[WHO + j] - origin
                for w in range(words):
                    D[np.uint64(w * P) + who] = W[np.uint64(w * L) + j]
                    W[np.uint64(w * L) + j] = NONE
                if who < size:
                    ended += ONE
                    k = np.uint64(block) + who
                    state[k] = X[PLACE + j] % levels
                    calls[k] = X[CALL + j]
                    for q in range(integrals):
                        ledger[gains.shape[0] + q, k] += Z[np.uint64(q * L) + j]
                X[WHO + j] = origin + entered
                X[PLACE + j] = NONE
                E[TIME + j] = -np.inf
                if entered < size:
                    k = np.uint64(block) + entered
                    entered += ONE
                    X[CALL + j] = calls[k]
                    X[PLACE + j] = state[k]
                    E[TIME + j] = 0.0
                    for q in range(integrals):
                        Z[np.uint64(q * L) + j] = 0.0
            if ended == size:
                break
            draw(E, X, waits, key0, key1, tag)
            turn += ONE
            dwell(Z, E, X, stays, end)
            choose(E, X, chances, places >> ONE, levels)
            over = move(E, X, W, words, outcomes, end)
            if turn & PERIOD == NONE:
                for i in range(LANES):
                    j = np.uint64(i)
                    put_down(N, W, gains.shape[1], j, X[WHO + j] - origin)
                    if X[CALL + j] >= most:
                        E[TIME + j] = np.inf
                for k in range(W.size):
                    W[k] = NONE
        unpack(N, D, gains.shape[1], int(size))
        book(ledger, gains, N, np.uint64(block), int(size))
