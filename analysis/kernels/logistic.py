"""Sums over the logistic chances of a block of values, without copies.

A value of work is read where it lies and put on the axis of both directions,

    x = side * raw - origin,        L(u) = 1 / (1 + exp(-u)).

`turn` is +1 for the label 1 (forward) and -1 for the label 0 (reverse, its sign turned by `side`).

Each sum is kept in LANES parts, one a lane, so that the loops over lanes become vector code and the order of
additions is written here, not chosen by a compiler: the same bits on any machine and any number of threads.
What is left over at the end of a block goes to the first lanes.

The text runs on NumPy as it stands; `compiling` exchanges the imports for compiled building blocks.
"""

import numpy as np

from fluctua.stochastic.lanes import exp, log
from fluctua.stochastic.twins import from_bits, select, to_bits

LANES = 64
ALL_BUT_SIGN = np.uint64(0x7FFFFFFFFFFFFFFF)


def sides(u):
    """Give exp(-|u|), L(|u|) and L(-|u|), the last to full relative precision."""
    e = exp(-from_bits(to_bits(u) & ALL_BUT_SIGN))
    larger = 1.0 / (1.0 + e)
    return e, larger, e * larger


def add_tail(A, i, u):
    """Add c = L(u), v = c (1 - c), v c and v c^2 to lane i."""
    _, larger, smaller = sides(u)
    c, v = select(u >= 0.0, larger, smaller), larger * smaller
    A[i] += c
    A[i + np.uint64(LANES)] += v
    A[i + np.uint64(2 * LANES)] += v * c
    A[i + np.uint64(3 * LANES)] += v * c * c


def add_fit(A, i, turn, u, h):
    """Add ln L, the residual r times h^0 to h^3, and v = p (1 - p) times h^0 to h^6 to lane i."""
    e, larger, smaller = sides(u)
    right = turn * u
    A[i] += select(right < 0.0, right, 0.0) - log(1.0 + e)
    r, v = turn * select(right >= 0.0, smaller, larger), larger * smaller
    square = h * h
    cube = square * h
    A[i + np.uint64(LANES)] += r
    A[i + np.uint64(2 * LANES)] += r * h
    A[i + np.uint64(3 * LANES)] += r * square
    A[i + np.uint64(4 * LANES)] += r * cube
    A[i + np.uint64(5 * LANES)] += v
    A[i + np.uint64(6 * LANES)] += v * h
    A[i + np.uint64(7 * LANES)] += v * square
    A[i + np.uint64(8 * LANES)] += v * cube
    A[i + np.uint64(9 * LANES)] += v * square * square
    A[i + np.uint64(10 * LANES)] += v * square * cube
    A[i + np.uint64(11 * LANES)] += v * cube * cube


def gather(A, out):
    """Add up the lanes of each sum, from the first to the last."""
    for k in range(out.size):
        total = 0.0
        for j in range(LANES):
            total += A[k * LANES + j]
        out[k] = total


def tail_sums(raw, side, origin, shift, turn, first, last, out):
    """Fill out with the sums of c, v = c (1 - c), v c and v c^2, with c = L(turn (x + shift))."""
    A = np.zeros(4 * LANES)
    rows = (last - first) // LANES
    for row in range(rows):
        start = np.uint64(first + row * LANES)  # signed, each lane would be checked for counting from the end
        for j in range(LANES):
            i = np.uint64(j)
            add_tail(A, i, turn * (side * raw[start + i] - origin + shift))
    for k in range(first + rows * LANES, last):
        add_tail(A, np.uint64(k - first - rows * LANES), turn * (side * raw[k] - origin + shift))
    gather(A, out)


def fit_sums(raw, side, origin, turn, shift, slope, centre, scale, first, last, out):
    """Fill out with the sums of `add_fit` at u = shift + slope (x - centre), h = scale (x - centre)."""
    A = np.zeros(12 * LANES)
    rows = (last - first) // LANES
    for row in range(rows):
        start = np.uint64(first + row * LANES)
        for j in range(LANES):
            i = np.uint64(j)
            x = side * raw[start + i] - origin - centre
            add_fit(A, i, turn, shift + slope * x, scale * x)
    for k in range(first + rows * LANES, last):
        x = side * raw[k] - origin - centre
        add_fit(A, np.uint64(k - first - rows * LANES), turn, shift + slope * x, scale * x)
    gather(A, out)


def bin_sums(raw, side, origin, shift, edges, first, last, out):
    """Add to the rows of out, a column a bin: how many values, their chances L(x + shift), their x.

    Bin b holds edges[b - 1] < x <= edges[b]; the number of edges is a power of two less one, and the search
    halves it for a whole row of lanes at a time.
    """
    X = np.empty(LANES)
    P = np.empty(LANES)
    B = np.empty(LANES, np.uint64)
    for start in range(first, last, LANES):
        count = min(LANES, last - start)
        at = np.uint64(start)
        for j in range(count):
            i = np.uint64(j)
            X[i] = side * raw[at + i] - origin
            B[i] = np.uint64(0)
            _, larger, smaller = sides(X[i] + shift)
            P[i] = select(X[i] + shift >= 0.0, larger, smaller)
        half = (edges.size + 1) // 2
        while half > 0:
            step = np.uint64(half)
            for j in range(count):
                i = np.uint64(j)
                B[i] += select(edges[B[i] + step - np.uint64(1)] < X[i], step, np.uint64(0))
            half //= 2
        for j in range(count):
            out[0, B[j]] += 1.0
            out[1, B[j]] += P[j]
            out[2, B[j]] += X[j]
