"""Markov jumps at rates that change in time: each jump at the instant that its integrated hazard gives.

A level i that is entered at time t is left at the time t' that solves

    integral from t to t' of G_i = e,   G_i = sum_k w_k,   e = -ln u                                   (1)

and through channel k with probability w_k(t') / G_i(t'). Rates are never frozen while a level waits. In
each interval of a stroke all functions of time are polynomials in x from -1 to 1 (`markov/hazards.py`), so
that (1) is solved on H_i(x), the integral of G_i since the interval's start, by Newton's steps within a
bracket: H_i grows. What is left of e goes on into the next interval. u and v (which channel) are those of
call c of the trajectory's stream; each stroke begins with a new call, as it does in `gillespie`.

Between jumps the level is frozen: work is the growth of its energy, and likewise for what else is a function
of level and time. At a jump, with both levels' values at its instant,

    heat = E_target - E_source - mu dN - push,    entropy flow = -beta heat                            (2)

In a stroke where nothing changes, (1) is `gillespie`'s own equation, to the bit.
"""

import numpy as np

from fluctua.stochastic.kernels.noise import HALF, LOW_HALF, log_of_uniform, philox, uniform
from fluctua.stochastic.twins import fma, from_bits

TERMS = 14  # coefficients of a polynomial
STATES = 3  # functions of level and time: energy, dimensionless energy, steady potential
AMOUNTS = 4  # functions of a channel
STEPS = 100  # most steps of a search: bisection alone takes 54
CLOSE = 2.0**-53

TAG_LENGTH = np.uint64(4)
UNIFORM_SHIFT = np.uint64(12)
ONE_BITS = np.uint64(0x3FF0000000000000)
ONE = np.uint64(1)
NON_FINITE = 1
TOO_MANY_JUMPS = 6


def draw(trajectory, call, key0, key1, tag):
    """Give the exponential number of a call and the uniform one from [0, 1)."""
    x3 = ((call >> HALF) << TAG_LENGTH) | tag
    a, b, c, d = philox(trajectory & LOW_HALF, trajectory >> HALF, call & LOW_HALF, x3, key0, key1)
    choice = from_bits((((c << HALF) | d) >> UNIFORM_SHIFT) | ONE_BITS) - 1.0
    return -log_of_uniform(uniform((a << HALF) | b)), choice


def polynomial(table, at, stride, degree, x):
    """Give the value of a polynomial whose coefficients stand `stride` apart, the constant first."""
    y = table[at + degree * stride]
    for d in range(degree - 1, -1, -1):
        y = fma(y, x, table[at + d * stride])
    return y


def grown(table, at, stride, degree, x):
    """Give the value of a polynomial and its slope."""
    y, slope = table[at + degree * stride], 0.0
    for d in range(degree - 1, -1, -1):
        slope = fma(slope, x, y)
        y = fma(y, x, table[at + d * stride])
    return y, slope


def three(table, at, stride, degree, x):
    """Give the values of three polynomials that stand side by side."""
    last = at + degree * stride
    a, b, c = table[last], table[last + 1], table[last + 2]
    for _ in range(degree):
        last -= stride
        a, b, c = fma(a, x, table[last]), fma(b, x, table[last + 1]), fma(c, x, table[last + 2])
    return a, b, c


def crossing(table, at, stride, degree, x, y, slope, goal):
    """Give where in [x, 1] a growing polynomial, y at x, reaches a goal that it has not passed at 1."""
    low, high = x, 1.0
    for _ in range(STEPS):
        following = x + (goal - y) / slope
        if not (low <= following <= high):
            following = 0.5 * (low + high)
        if abs(following - x) <= CLOSE:
            return following
        x = following
        y, slope = grown(table, at, stride, degree, x)
        if y < goal:
            low = x
        else:
            high = x
    return x


def simulate(
    first,
    count,
    kinds,
    durations,
    stirred,
    still,
    intervals,
    lefts,
    halves,
    degrees,
    tops,
    level_table,
    channel_table,
    bath_table,
    opening,
    closing,
    shifts,
    leaving,
    channels,
    limits,
    key0,
    key1,
    tag,
    states,
    status,
    out,
    strokes,
    ends,
    samples,
    places,
    paths,
    borders,
    offsets,
    times,
    jumped,
    room,
):
    """Carry trajectories first .. first + count - 1 through all strokes.

    kinds: of each stroke the kind, of which tables have a row: durations; stirred (do jumps happen?), still
    (do rates stand still?); intervals: where each kind's begin. lefts, halves: start and half length of an
    interval in time; degrees: of its polynomials; tops: hazards at
    its end, (intervals, levels). level_table: (intervals, levels, TERMS, 1 + functions);
    channel_table: (intervals, channels, TERMS, 4), rate, mu dN, push, ln of the ratio of rates; bath_table:
    (intervals, baths, TERMS), beta; all flat. opening, closing: functions at a kind's ends, (kinds, levels,
    functions). shifts: (strokes, levels), what the steady potential jumps by when baths change. leaving:
    where each level's channels begin in `channels`, rows of channel, target, bath, particles. states: levels
    at the start, then at the end. out: (rows, trajectories); strokes, ends: the same and the levels after
    each stroke. samples: (stroke, interval) of a path's points, places: x there, paths: (work and heat and
    level, points, trajectories). borders: when strokes begin. offsets: where a trajectory's jumps go in
    times, jumped (channel, level). limits: most jumps of each. room: a number a channel.
    """
    levels, width, number = opening.shape[1], opening.shape[2], channels.shape[0]
    stride, baths = width + 1, (out.shape[0] - width - 5) // 3
    heat, chemical, force = STATES, STATES + baths, STATES + 2 * baths
    entropy, ratio, keeping, particles = force + 1, force + 2, force + 3, force + 4
    activity = particles + baths
    dwelt = activity + 1 - STATES
    for i in range(count):
        level = states[i]
        call, jumps, point, trajectory = np.uint64(0), 0, 0, np.uint64(first + i)
        for c in range(out.shape[0]):
            out[c, i] = 0.0
        for stroke in range(kinds.size):
            kind = kinds[stroke]
            out[2, i] += shifts[stroke, level]
            energy, reduced, potential = (
                opening[kind, level, 0],
                opening[kind, level, 1],
                opening[kind, level, 2],
            )
            for c in range(STATES, width):
                out[dwelt + c, i] -= opening[kind, level, c]
            time, x, interval, last = 0.0, -1.0, intervals[kind], intervals[kind + 1]
            e, v = np.inf, 0.0
            fresh = stirred[kind]
            while interval < last and status[i] == 0:
                if fresh:
                    e, v = draw(trajectory, call, key0, key1, tag)
                    call += ONE
                    fresh = False
                degree, at = degrees[interval], (interval * levels + level) * TERMS * stride
                happens = False
                if still[kind]:
                    total = 0.0
                    for k in range(leaving[level], leaving[level + 1]):
                        total += channel_table[(interval * number + channels[k, 0]) * TERMS * AMOUNTS]
                    time = fma(e, 1.0 / total, time)
                    happens = time < durations[kind]
                    x = min((time - lefts[interval]) / halves[interval] - 1.0, 1.0)
                elif stirred[kind]:
                    since, slope = grown(level_table, at, stride, degree, x)
                    ahead = tops[interval * levels + level] - since
                    happens = e < ahead
                    if happens:
                        x = crossing(level_table, at, stride, degree, x, since, slope, since + e)
                        time = fma(halves[interval], x + 1.0, lefts[interval])
                    else:
                        e -= max(ahead, 0.0)
                while point < places.size and samples[point, 0] == stroke and samples[point, 1] == interval:
                    if happens and places[point] >= x:
                        break
                    work = three(level_table, at + 1, stride, degree, places[point])[0] - energy
                    work, taken = out[0, i] + work + out[force, i], 0.0
                    for b in range(baths):
                        work += out[chemical + b, i]
                        taken += out[heat + b, i]
                    paths[0, point, i], paths[1, point, i], paths[2, point, i] = work, taken, level
                    point += 1
                if not happens:
                    interval += 1
                    x = -1.0
                    continue
                total, passed, chosen = 0.0, 0.0, -1
                for k in range(leaving[level], leaving[level + 1]):
                    of = (interval * number + channels[k, 0]) * TERMS * AMOUNTS
                    room[k] = max(polynomial(channel_table, of, AMOUNTS, degree, x), 0.0)
                    total += room[k]
                for k in range(leaving[level], leaving[level + 1]):
                    if room[k] > 0.0:
                        chosen = k
                        passed += room[k]
                        if v < passed / total:
                            break
                if chosen < 0 or jumps >= limits[i]:
                    status[i] = NON_FINITE if chosen < 0 else TOO_MANY_JUMPS
                    break
                channel, target, bath = channels[chosen, 0], channels[chosen, 1], channels[chosen, 2]
                of = (interval * number + channel) * TERMS * AMOUNTS
                brought, push, forth = three(channel_table, of + 1, AMOUNTS, degree, x)
                beta = polynomial(bath_table, (interval * baths + bath) * TERMS, 1, degree, x)
                energy_here, reduced_here, potential_here = three(level_table, at + 1, stride, degree, x)
                out[0, i] += energy_here - energy
                out[1, i] += reduced_here - reduced + beta * push
                out[2, i] += potential_here - potential
                for c in range(STATES, width):
                    out[dwelt + c, i] += polynomial(level_table, at + 1 + c, stride, degree, x)
                level = target
                at = (interval * levels + level) * TERMS * stride
                for c in range(STATES, width):
                    out[dwelt + c, i] -= polynomial(level_table, at + 1 + c, stride, degree, x)
                energy, reduced, potential = three(level_table, at + 1, stride, degree, x)
                taken = energy - energy_here - brought - push
                out[heat + bath, i] += taken
                out[chemical + bath, i] += brought
                out[force, i] += push
                out[entropy, i] -= beta * taken
                out[ratio, i] += forth
                out[keeping, i] += forth + (potential - potential_here)
                out[particles + bath, i] += channels[chosen, 3]
                if offsets[i] + jumps < offsets[i + 1]:
                    times[offsets[i] + jumps] = borders[stroke] + time
                    jumped[offsets[i] + jumps, 0] = channel
                    jumped[offsets[i] + jumps, 1] = level
                jumps += 1
                fresh = True
            out[0, i] += closing[kind, level, 0] - energy
            out[1, i] += closing[kind, level, 1] - reduced
            out[2, i] += closing[kind, level, 2] - potential
            for c in range(STATES, width):
                out[dwelt + c, i] += closing[kind, level, c]
            out[activity, i] = jumps
            if strokes.shape[0] > 0:
                for c in range(out.shape[0]):
                    strokes[stroke, c, i] = out[c, i]
                ends[stroke, i] = level
        states[i] = level
