"""Wave functions that jump: blocks of B trajectories, segments of moves, jumps found within a move.

A text, not a module to run: `quantum/writing.py` puts the bodies of functions without arguments in the
place of their bare calls, products with matrices in that of `evolve()` and `multiply()`, and adds the
constants. All is one function in the end: the compiler inlines what is done once a jump. Between jumps, in a
move of generator G,

    psi(t) = exp(G t) psi,    |psi(t)|^2 falls;  a jump where it meets the threshold r, uniform in (0, 1)

(J. Dalibard, Y. Castin, K. Moelmer, PRL 68, 580, 1992). A segment of moves is passed with one product, and
the norm is looked at once: where it has fallen below r, its moves are done again one by one, and in the move
that crosses r the instant is found by Newton's method on Taylor's series

    psi(t) = sum_n t^n v_n,    v_n = G v_{n-1} / n

so that the law of jumps is exact for what the schedule holds fixed, whatever the time step. Of the channels
one is taken with weight |L_k psi|^2, and psi becomes L_k psi, normalised.

A wave function is R = 2 D real numbers, real parts then imaginary parts, and a matrix on one of them is real,
R by R, column after column. `X`, `Y`: wave functions of a block, `X[row * P + lane]`. `W`: thresholds, norms,
and what is reported; `NORM` and so on are where a row begins. `x`, `y`, `z`, `series`, `weights`: scratch for
one trajectory. All tables lie in `F` (floats) and `N` (whole numbers), and `N[FINE]` and so on say where.
`& SMALL` says that a place is not negative: without it, each index is checked for counting from the end.
"""


def product(F, k, x, y):
    """Give y = M x, the matrix from F[k] on."""
    multiply()


def act(N, F, slot, z, y):
    """Add L z to y for the channel of a slot."""
    for entry in range(N[slot] & SMALL, N[slot + 1] & SMALL):
        place = N[ENTRIES] + 2 * entry & SMALL
        k = N[ELEMENTS] + 2 * entry & SMALL
        a = N[place] & SMALL
        b = N[place + 1] & SMALL
        y[a] = fma(F[k], z[b], fma(-F[k + 1], z[b + D], y[a]))
        y[a + D] = fma(F[k], z[b + D], fma(F[k + 1], z[b], y[a + D]))


def jump(N, F, row, choice, x, y, z, weights):
    """Let the wave function x jump through the channel that `choice` falls on.

    Return its slot, 0 where none is open, and the level that it leads to, -1 if several.
    """
    product(F, N[ADJOINTS] + row * R * R & SMALL, x, z)
    slots = N[SLOTS] & SMALL
    first = slots + 4 * N[slots + 4 * row] & SMALL
    beyond = slots + 4 * N[slots + 4 * row + 1] & SMALL
    for a in range(R):
        y[a] = 0.0
    total = 0.0
    number = 0
    for slot in range(first, beyond, 4):
        act(N, F, slot, z, y)
        for entry in range(N[slot] & SMALL, N[slot + 1] & SMALL):
            a = N[N[ENTRIES] + 2 * entry & SMALL] & SMALL
            total += fma(y[a], y[a], y[a + D] * y[a + D])
            y[a] = 0.0  # a level that several entries lead to counts once
            y[a + D] = 0.0
        weights[number] = total
        number += 1
    if not total > 0.0:
        return 0, -1
    chosen = 0
    while chosen < number - 1 and weights[chosen] <= choice * total:
        chosen += 1
    slot = first + 4 * chosen
    act(N, F, slot, z, y)
    square = 0.0
    for a in range(R):
        square = fma(y[a], y[a], square)
    inverse = 1.0 / sqrt(square)
    level = -1
    for a in range(D):
        y[a] *= inverse
        y[a + D] *= inverse
        if fma(y[a], y[a], y[a + D] * y[a + D]) > ONE_LEVEL:
            level = a
    product(F, N[VECTORS] + row * R * R & SMALL, y, x)
    return slot, level


def expand(N, F, row, top, x, y, series):
    """Give Taylor's series of the wave function x; return its squared norm."""
    square = 0.0
    for a in range(R):
        series[a] = x[a]
        square = fma(x[a], x[a], square)
    power = 1.0
    for begin in range(R, top + R, R):
        product(F, N[GENERATORS] + row * R * R & SMALL, x, y)
        inverse = 1.0 / power
        for a in range(R):
            x[a] = y[a] * inverse
            series[begin + a] = x[a]
        power += 1.0
    return square


def meet(top, high, near, before, threshold, series, x, z):
    """Find when the squared norm meets the threshold, before `high`; the wave function there is x.

    Return -1 if it does not. Newton's method, first at the end, then from the straight line, in a bracket
    that shrinks; it stops where the next correction, the square of the last, is below rounding.
    """
    low = 0.0
    time = high
    for attempt in range(60):
        for a in range(R):
            x[a] = series[top + a]
            z[a] = 0.0
        for begin in range(top - R, -1, -R):
            for a in range(R):
                z[a] = fma(z[a], time, x[a])
                x[a] = fma(x[a], time, series[begin + a & SMALL])
        value = -threshold
        slope = 0.0
        for a in range(R):
            value = fma(x[a], x[a], value)
            slope = fma(2.0 * x[a], z[a], slope)
        if attempt == 0:
            if value >= 0.0:
                return -1.0
            time = max(high * (before - threshold) / (before - threshold - value), 0.0)
            continue
        if value > 0.0:
            low = time
        else:
            high = time
        better = time - value / slope
        if not (better >= low and better <= high):
            better = 0.5 * (low + high)
        correction = better - time
        time = better
        if abs(correction) <= near:
            for a in range(R):
                x[a] = fma(correction, z[a], x[a])
            break
    return time


def cross(
    N, F, row, j, W, x, y, z, series, weights, jumps, times, tally, number, trajectory, began, threshold,
    key0, key1, tag,
):  # fmt: skip
    """Carry the wave function x through a move in which it jumps; return the next threshold."""
    parts = N[N[EXPANSIONS] + 2 * row]
    top = R * N[N[EXPANSIONS] + 2 * row + 1] & SMALL
    elapsed = 0.0
    part = 1
    while part <= parts:
        end = F[0] * part / parts
        before = expand(N, F, row, top, x, y, series)
        time = meet(top, end - elapsed, NEAR * end, before, threshold, series, x, z)
        if time < 0.0:
            elapsed = end
            part += 1
            continue
        elapsed += time
        call = np.uint64(int(W[ACTIVITY + j]) + 1)
        high_word = ((call >> HALF) << TAG_LENGTH) | tag
        w0, w1, w2, w3 = philox(
            trajectory & LOW_HALF, trajectory >> HALF, call & LOW_HALF, high_word, key0, key1
        )
        left = 0.0
        for a in range(R):
            left = fma(x[a], x[a], left)
        sound = abs(left - threshold) <= LOST * threshold
        slot, level = jump(N, F, row, uniform((w2 << HALF) | w3), x, y, z, weights)
        if slot == 0:  # nothing can jump: a norm may fall by rounding alone
            sound = before - threshold <= LOST * before
            threshold *= LESS
        if not sound:
            W[FLAW + j] = 1.0
            return 0.0
        if slot == 0:
            continue
        threshold = uniform((w0 << HALF) | w1)
        W[ACTIVITY + j] += 1.0
        k = N[GAINS] + slot - N[SLOTS] & SMALL
        W[HEAT + P * (N[slot + 3] & SMALL) + j] += F[k]
        for gain in range(3):
            W[ENTROPY_FLOW + P * gain + j] += F[k + 1 + gain]
        filled = tally[0]
        if filled < jumps.shape[0]:
            jumps[filled, 0] = number
            jumps[filled, 1] = N[slot + 2]
            jumps[filled, 2] = level
            times[filled] = began + elapsed
        tally[0] = filled + 1
    return threshold


def replay():
    """Carry one trajectory through the moves of a segment, one by one, with its jumps if it has fallen.

    Only then does the block go on with its result; otherwise it is but looked at, where samples are due.
    """
    trajectory = np.uint64(first_trajectory + block + j)
    threshold = W[THRESHOLD + j] if fallen else -1.0
    for a in range(R):
        x[a] = X[a * P + j]
    due = sample
    for step in range(N[segment], N[segment + 1]):
        row = N[N[ROWS] + step & SMALL] & SMALL
        product(F, N[FINE] + row * R * R & SMALL, x, y)
        left = 0.0
        for a in range(R):
            left = fma(y[a], y[a], left)
        if left < threshold:
            threshold = cross(
                N, F, row, j, W, x, y, z, series, weights, jumps, times, tally, block + j, trajectory,
                time_step * step, threshold, key0, key1, tag,
            )  # fmt: skip
        else:
            for a in range(R):
                x[a] = y[a]
        if step + 1 == samples[due]:
            for a in range(R):
                paths[due, a, block + j] = x[a]
            for row in range(REPORTED):
                paths[due, R + row, block + j] = W[REPORT + row * P + j]
            due += 1
    if fallen:
        left = 0.0
        for a in range(R):
            Y[a * P + j] = x[a]
            left = fma(x[a], x[a], left)
        W[NORM + j] = left
        W[THRESHOLD + j] = threshold


def change(F, k, X, W):
    """Book a control change at frozen state: work, and the energy that the state has gained since the last.

    From the Hamiltonian before it, that after it, and their difference: <psi|H|psi> / <psi|psi> of each.
    """
    for j in range(B):
        norm = 0.0
        for a in range(R):
            norm = fma(X[a * P + j], X[a * P + j], norm)
        W[NORM + j] = 1.0 / norm
    for row in range(BEFORE, DONE + P, P):
        for j in range(B):
            W[row + j] = 0.0
        for b in range(R):
            for a in range(R):
                for j in range(B):
                    W[row + j] = fma(F[k] * X[a * P + j], X[b * P + j], W[row + j])
                k += 1
    for j in range(B):
        inverse = W[NORM + j]
        W[WORK + j] = fma(W[DONE + j], inverse, W[WORK + j])
        W[GAINED + j] += fma(W[BEFORE + j], inverse, -W[ENERGY + j])
        W[ENERGY + j] = W[AFTER + j] * inverse


def simulate(
    first_trajectory, count, strokes, N, F, samples, key0, key1, tag, start, out, kept, paths, jumps, times,
    tally, X, Y, W, x, y, z, series, weights,
):  # fmt: skip
    """Carry `count` trajectories from `start` through all strokes.

    samples: moves after which a path is sampled, ended by -1. start: wave functions and their energy. out:
    amplitudes in the last eigenbasis, then what is reported; kept: that at each stroke's end; paths: wave
    functions and that; jumps, times: trajectory, channel and level of jumps, and when; tally: how many.
    """
    time_step = F[0]
    for block in range(0, count, B):
        width = min(B, count - block)
        for k in range(LEDGER * P):
            W[k] = 0.0
        for j in range(B):
            column = block + min(j, width - 1)
            for a in range(R):
                X[a * P + j] = start[a, column]
            W[ENERGY + j] = start[R, column]
            trajectory = np.uint64(first_trajectory + column)
            w0, w1, _w2, _w3 = philox(trajectory & LOW_HALF, trajectory >> HALF, NO_BITS, tag, key0, key1)
            W[THRESHOLD + j] = uniform((w0 << HALF) | w1) if j < width else -1.0
        sample = 0
        if samples[0] == 0:
            for j in range(width):
                for a in range(R):
                    paths[0, a, block + j] = X[a * P + j]
                for k in range(REPORTED):
                    paths[0, R + k, block + j] = W[REPORT + k * P + j]
            sample = 1
        segment = N[SEGMENTS]
        for stroke in range(strokes + 1):
            last = segment + 4  # after the strokes one product more: the change to the last eigenbasis
            if stroke < strokes:
                k = N[STROKES] + 2 * stroke
                last = N[SEGMENTS] + 4 * N[k]
                if FOLLOWED:  # noqa: SIM102
                    if N[k + 1] >= 0:
                        change(F, N[CHANGES] + 3 * R * R * N[k + 1], X, W)
            while segment < last:
                matrix = N[COARSE] + N[segment + 2] * R * D
                crossed = 0
                evolve()
                if stroke == strokes:
                    break
                ahead = sample
                while samples[ahead] >= 0 and samples[ahead] <= N[segment + 1]:
                    ahead += 1
                if crossed > 0 or ahead > sample:
                    for j in range(width):
                        fallen = W[NORM + j] < W[THRESHOLD + j]
                        if fallen or ahead > sample:
                            replay()
                X, Y = Y, X
                if FOLLOWED:  # noqa: SIM102
                    if N[segment + 3] >= 0:
                        change(F, N[CHANGES] + 3 * R * R * N[segment + 3], X, W)
                        if ahead > sample and samples[ahead - 1] == N[segment + 1]:
                            for j in range(width):
                                paths[ahead - 1, R, block + j] = W[WORK + j]
                sample = ahead
                segment += 4
            if stroke < strokes and kept.shape[0] > 0:
                for k in range(REPORTED):
                    for j in range(width):
                        kept[stroke, k, block + j] = W[REPORT + k * P + j]
        for j in range(width):
            for a in range(R):
                out[a, block + j] = Y[a * P + j]
            for k in range(REPORTED):
                out[R + k, block + j] = W[REPORT + k * P + j]
