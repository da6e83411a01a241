"""Random numbers as a function of seed, direction, purpose, trajectory and number.

Words are those of Philox4x32-10 (J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC11), with

    counter = (trajectory low, trajectory high, call low, call high << 4 | tag)     key = seed low, seed high

where low and high are halves of a 64-bit trajectory number and of a 60-bit call number. Each call gives 128
bits: two uniforms or two normals. Normal k of a trajectory is half k % 2 of call k // 2: no rule but that, so
neither the blocks nor the grouping of steps can change it.

Uniforms are the odd multiples of 2**-53 in (0, 1). Normals are those of Box and Muller, from such a uniform
for the radius (largest: 8.57) and 52 bits of angle; logarithm, sine and cosine are polynomials, since a
library's differ between machines. Random words and normals are made in separate loops: one loop over both is
longer than what a processor can overlap, and a fifth slower.

A time step may share the noise of so many finer ones: its normal is their weighted sum (`coarse_normals`),

    Z = sum_i w_i z_i,   w_i ~ c^(m-1-i),   sum_i w_i^2 = 1,

with c the factor by which a finer step keeps a velocity, or 1 without inertia: then a free path is the same.

Philox and the uniforms run on NumPy arrays as they stand. `compiling` exchanges the import of building blocks
for that of compiled ones, and adds the block's lanes B and the pitch P of its rows.
"""

import numpy as np

from fluctua.stochastic.twins import Lane, fma, from_bits, sqrt, to_bits

LOW_HALF = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)

TAG_LENGTH = np.uint64(4)
UNIFORM_SHIFT = np.uint64(12)
MANTISSA_LENGTH = np.uint64(52)
BIT_TO_SIGN = np.uint64(63)
MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
ONE_BITS = np.uint64(0x3FF0000000000000)
SQRT_HALF_BITS = np.uint64(0x3FE6A09E667F3BCD)
ONE_LESS_SQRT_HALF = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
EXPONENT_READER = np.uint64(0x4330000000000000)
EXPONENT_OFFSET = 4503599627370496.0 + 1023.0
ALMOST_ONE = 0.9999999999999999  # 1 - 2**-53
LN2 = 0.6931471805599453


def philox(x0: Lane, x1: Lane, x2: Lane, x3: Lane, key0: Lane, key1: Lane) -> tuple[Lane, Lane, Lane, Lane]:
    """Give four 32-bit words, each in a 64-bit lane."""
    for _ in range(10):
        product0 = (x0 & LOW_HALF) * MULTIPLIER_0
        product1 = (x2 & LOW_HALF) * MULTIPLIER_1
        x0 = (product1 >> HALF) ^ x1 ^ key0
        x2 = (product0 >> HALF) ^ x3 ^ key1
        x1 = product1 & LOW_HALF
        x3 = product0 & LOW_HALF
        key0 = (key0 + WEYL_0) & LOW_HALF
        key1 = (key1 + WEYL_1) & LOW_HALF
    return x0 & LOW_HALF, x1, x2 & LOW_HALF, x3


def uniform(word: Lane) -> Lane:
    """Give an odd multiple of 2**-53 in (0, 1)."""
    return from_bits((word >> UNIFORM_SHIFT) | ONE_BITS) - ALMOST_ONE


def log_of_uniform(u):
    """Give ln u for 0 < u < 1, without a care for anything else."""
    bits = to_bits(u) + ONE_LESS_SQRT_HALF
    e = from_bits((bits >> MANTISSA_LENGTH) | EXPONENT_READER) - EXPONENT_OFFSET
    m = from_bits((bits & MANTISSA) + SQRT_HALF_BITS)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = fma(0.1662457623417631, z, 0.1814000337488184)
    p = fma(p, z, 0.22222866938736538)
    p = fma(p, z, 0.2857142409195547)
    p = fma(p, z, 0.40000000011367387)
    p = fma(p, z, 0.6666666666666199)
    return fma(e, LN2, s * fma(p, z, 2.0))


def half_turn(y):
    """Give sin(pi y) and cos(pi y) for |y| <= 1/2."""
    w = y * y
    s = fma(-2.1133801443867396e-05, w, 0.00046598716815069677)
    s = fma(s, w, -0.007370364378905986)
    s = fma(s, w, 0.08214587882523941)
    s = fma(s, w, -0.5992645288260054)
    s = fma(s, w, 2.5501640398619)
    s = fma(s, w, -5.167712780049786)
    s = fma(s, w, 3.1415926535897927)
    c = fma(4.149591867063527e-06, w, -0.00010456658087273931)
    c = fma(c, w, 0.0019295562836343031)
    c = fma(c, w, -0.025806888739358047)
    c = fma(c, w, 0.23533063012980845)
    c = fma(c, w, -1.3352627688434646)
    c = fma(c, w, 4.058712126416498)
    c = fma(c, w, -4.934802200544676)
    return s * y, fma(c, w, 1.0)


def box_muller(first, second):
    """Give two normals; the angle spans half a turn, the lowest bit of `first` chooses which half."""
    radius = sqrt(-2.0 * log_of_uniform(uniform(first)))
    s, c = half_turn(from_bits((second >> UNIFORM_SHIFT) | ONE_BITS) - 1.5)
    return radius * s, radius * from_bits(to_bits(c) ^ (first << BIT_TO_SIGN))


def words(R, first, call, key0, key1, tag):
    """Fill two rows of R with 64 random bits a lane, for trajectories first, first + 1, ..."""
    x2 = call & LOW_HALF
    x3 = ((call >> HALF) << TAG_LENGTH) | tag
    for j in range(B):
        trajectory = first + np.uint64(j)
        w0, w1, w2, w3 = philox(trajectory & LOW_HALF, trajectory >> HALF, x2, x3, key0, key1)
        R[j] = (w0 << HALF) | w1
        R[P + j] = (w2 << HALF) | w3


def normals(Z, R, calls, first, call0, key0, key1, tag):
    """Fill rows 2c and 2c + 1 of Z with the normals of call `call0 + c`."""
    for c in range(calls):
        words(R, np.uint64(first), np.uint64(call0 + c), key0, key1, tag)
        row = np.uint64(2 * c * P)  # signed, each lane would be checked for counting from the end
        for j in range(B):
            Z[row + np.uint64(j)], Z[row + np.uint64(P + j)] = box_muller(R[j], R[P + j])


def coarse_normals(Z, R, constants, links, per_step, calls, first, call0, key0, key1, tag):
    """Fill rows of Z with the normals of steps that are each as long as some finer ones.

    The last `constants` are the weights of finer normals, link by link; the finer normals themselves stand
    behind the rows that are filled. A link's normals follow each other in time, `per_step // links` a step.
    """
    rows = 2 * calls
    finer = int(constants[constants.size - 1])
    weights = constants.size - 1 - links * finer
    fresh = Z[rows * P :]
    for k in range(rows * P):
        Z[k] = 0.0
    for group in range(finer):
        normals(fresh, R, calls, first, call0 * finer + group * calls, key0, key1, tag)
        for row in range(rows):
            step = group * rows // per_step + row // per_step
            link = row % per_step % links
            turn = step % finer * (per_step // links) + row % per_step // links
            target = (step // finer * per_step + turn // finer * links + link) * P
            weight = constants[weights + link * finer + turn % finer]
            for j in range(B):
                Z[target + j] += weight * fresh[row * P + j]
