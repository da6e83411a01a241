"""Markov jumps at constant rates: blocks of lanes, many candidates at a time (Gillespie's direct method).

While nothing changes, a level i is left after a time t with density G_i exp(-G_i t), G_i = sum_k w_k over the
channels that leave it, and then through channel k with probability w_k / G_i:

    t' = t + e / G_i,   e = -ln u                                                                 (1)
    k  = how many of the cumulative probabilities are <= v                                         (2)

with u, v of call c of the trajectory's stream; c counts candidates. One that falls behind the end of the
stroke does not happen, and the next stroke begins with the next candidate: an exponential law forgets
(D. T. Gillespie, J. Comput. Phys. 22, 403, 1976).

What a ledger holds is a sum over jumps of what each channel's jump gives. So lanes only count jumps, four
bits a channel in words of sixteen, and the ledger is a product with the counts when the stroke ends.
Candidates go in rounds: random words, exponentials and choice are loops of their own, shorter than what a
processor can overlap. After a round the lanes that are done make room for those that are not. Neither the
place of a lane nor the length of a round changes a bit: its numbers are its own.
"""

import numpy as np

from fluctua.stochastic.kernels.noise import HALF, LOW_HALF, log_of_uniform, philox, uniform
from fluctua.stochastic.twins import fma, from_bits, select

B = 256
P = 264  # pitch of rows: a power of two would put all of them into one cache set
ROUND = 8  # candidates between two looks at who is done; a field of four bits counts to 15
GROUP = 16  # lanes are worked on in multiples of it

FIELD = np.uint64(4)
FIELD_MASK = np.uint64(15)
WORD_LENGTH = np.uint64(6)  # in bits of a place: a word has 2**6 bits
IN_WORD = np.uint64(63)
NOWHERE = np.uint64(1 << 40)
TAG_LENGTH = np.uint64(4)
UNIFORM_SHIFT = np.uint64(12)
ONE_BITS = np.uint64(0x3FF0000000000000)
NONE = np.uint64(0)
ONE = np.uint64(1)

TOO_MANY_JUMPS = 6


def draw(E, V, R, identity, calls, candidate, width, key0, key1, tag):
    """Draw an exponential number and a uniform one from [0, 1): those of a candidate of each lane."""
    for j in range(width):
        call = calls[j] + candidate
        x2, x3 = call & LOW_HALF, ((call >> HALF) << TAG_LENGTH) | tag
        a, b, c, d = philox(identity[j] & LOW_HALF, identity[j] >> HALF, x2, x3, key0, key1)
        R[j] = (a << HALF) | b
        R[P + j] = (c << HALF) | d
    for j in range(width):
        E[j] = -log_of_uniform(uniform(R[j]))
        V[j] = from_bits((R[P + j] >> UNIFORM_SHIFT) | ONE_BITS) - 1.0


def choose(C, V, row, chances, half, width):
    """Find the channel: the place in a level's row of cumulative probabilities, by bisection."""
    for j in range(width):
        C[j] = row[j]
    step = half
    while step > NONE:
        for j in range(width):
            place = C[j] + step
            C[j] = select(V[j] >= chances[place - ONE], place, C[j])
        step = step >> ONE


def dwell(Z, T, E, row, waits, stays, end, width):
    """Add what is integrated over time: the integrand of the level until the candidate, or the end."""
    for q in range(stays.size // waits.size):
        there = np.uint64(q * waits.size)
        for j in range(width):
            time = fma(E[j], waits[row[j]], T[j])
            passed = select(time < end, time, end) - select(T[j] < end, T[j], end)
            Z[q * P + j] += stays[there + row[j]] * passed


def move(T, row, W, words, E, C, waits, outcomes, end, width):
    """Let the candidates that fall before the end happen, and count them."""
    for j in range(width):
        time = fma(E[j], waits[row[j]], T[j])
        outcome = outcomes[C[j]]
        row[j] = select(time < end, outcome & LOW_HALF, row[j])
        C[j] = select(time < end, outcome >> HALF, NOWHERE)
        T[j] = time
    for w in range(words):
        for j in range(width):
            here = (C[j] >> WORD_LENGTH) == np.uint64(w)
            W[w * P + j] += select(here, ONE << (C[j] & IN_WORD), NONE)


def unpack(N, W, channels, words, width):
    """Add the counts of a round to rows of their own, one a channel."""
    for k in range(channels):
        shift, word, count = FIELD * np.uint64(k % 16), k // 16 * P, k * P
        for j in range(width):
            N[count + j] += (W[word + j] >> shift) & FIELD_MASK
    for k in range(words * P):
        W[k] = NONE


def book(ledger, gains, happened, block, size):
    """Add to the ledger what the jumps through each channel give."""
    for c in range(gains.shape[0]):
        for k in range(gains.shape[1]):
            gain = gains[c, k]
            if gain != 0.0:
                for j in range(size):
                    ledger[c, block + j] = fma(gain, float(happened[k * P + j]), ledger[c, block + j])


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
    levels,
    calls,
    status,
    ledger,
    E,
    V,
    T,
    Z,
    R,
    identity,
    base,
    row,
    lane,
    C,
    W,
    N,
    G,
):
    """Carry trajectories first .. first + count - 1 through a stroke of constant rates.

    end: its duration. waits: 1/G; chances: (2), none behind the last; outcomes: the level's first place and
    the place of its count, in the halves of a word; all (levels, places), places a power of two. gains:
    (quantities, channels), what a jump adds to the first rows of the ledger; stays: (integrals, levels,
    places), what is integrated in the rows behind. most: candidates of a trajectory, those of strokes before
    among them. levels, calls: the state and the next call, before and
    then after. ledger: (rows, trajectories). What remains is room to work in, rows of P.
    """
    channels, integrals, words = gains.shape[1], stays.size // waits.size, (gains.shape[1] + 15) // 16
    for block in range(0, count, B):
        size = min(B, count - block)
        for j in range(P):
            k = block + min(j, size - 1)
            identity[j] = np.uint64(first + k)
            lane[j] = np.uint64(k)
            base[j] = calls[k]
            row[j] = levels[k] * places
            T[j] = 0.0
        for k in range(words * P):
            W[k] = NONE
        for k in range(channels * P):
            N[k] = NONE
        for k in range(integrals * P):
            Z[k] = 0.0
        live, candidate = size, NONE
        while live > 0:
            width = (live + GROUP - 1) // GROUP * GROUP
            for _ in range(ROUND):
                draw(E, V, R, identity, base, candidate, width, key0, key1, tag)
                choose(C, V, row, chances, places >> ONE, width)
                dwell(Z, T, E, row, waits, stays, end, width)
                move(T, row, W, words, E, C, waits, outcomes, end, width)
                candidate += ONE
            unpack(N, W, channels, words, width)
            j = 0
            while j < live:
                if T[j] < end and base[j] + candidate < most:
                    j += 1
                    continue
                done = np.int64(lane[j])
                if T[j] < end:
                    status[done] = TOO_MANY_JUMPS
                levels[done] = row[j] // places
                live -= 1
                used = ONE  # the candidate that was one too many
                for k in range(channels):
                    used += N[k * P + j]
                    G[k * P + done - block] = N[k * P + j]
                    N[k * P + j] = N[k * P + live]
                calls[done] += used
                for q in range(integrals):
                    ledger[gains.shape[0] + q, done] += Z[q * P + j]
                    Z[q * P + j] = Z[q * P + live]
                T[j], row[j], lane[j] = T[live], row[live], lane[live]
                identity[j], base[j] = identity[live], base[live]
        book(ledger, gains, G, block, size)
