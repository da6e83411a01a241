"""Wave functions that jump: blocks of B trajectories, segments of moves, jumps found within a move.

A text, not a module to run: `quantum/writing.py` puts the bodies of functions without arguments in the
place of their bare calls, products in that of `evolve()`, `multiply()` and `overlap()`, and adds the
constants. All is one function in the end: the compiler inlines what is done once a jump. Between jumps, in a
move of generator G,

    psi(t) = exp(G t) psi,    |psi(t)|^2 falls;  a jump where it meets the threshold r, uniform in (0, 1)

(J. Dalibard, Y. Castin, K. Moelmer, PRL 68, 580, 1992). A segment of moves is passed with one product, and
the norm is looked at once. Where it has fallen below r, the move that crosses r is sought by halves, with the
products of a tree: a half that does not cross is passed at once. In that move, and in the eigenbasis of its
Hamiltonian, the instant is found by Newton's method on Taylor's series

    psi(t) = sum_n t^n v_n,    v_n = G v_{n-1} / n

so that the law of jumps is exact for what the schedule holds fixed, whatever the time step. Of the channels
one is taken with weight |L_k psi|^2, and psi becomes L_k psi, normalised. Baths that act between levels leave
G diagonal there: then the series of the squared norm is that of D exponentials, and is enough. Where levels
mix, the functions that end in `_mixing` take the place of their namesakes.

A wave function is R = 2 D real numbers, real parts then imaginary parts; a matrix is its real part, then its
imaginary part, each column after column. `X`, `Y`: wave functions of a block, `X[row * P + lane]`. `W`:
thresholds, norms, and what is reported; `NORM` and so on are where a row begins. `x`, `y`, `series`,
`weights`: scratch for one trajectory. All tables lie in `F` (floats) and `N` (whole numbers), and `N[NODES]`
and so on say where. `& SMALL` says that a place is not negative: without it, each index is checked for
counting from the end.
"""


def product(F, k, x, y):
    """Give y = M x, the matrix from F[k] on."""
    multiply()


def dot(x, y):
    """Return the real part of <x|y>, in strands that do not wait for each other."""
    overlap()


def act(N, F, slot, x, y):
    """Give y = L x for the channel of a slot; return its squared norm."""
    for a in range(R):
        y[a] = 0.0
    for entry in range(N[slot] & SMALL, N[slot + 1] & SMALL):
        place = N[ENTRIES] + 2 * entry & SMALL
        k = N[ELEMENTS] + 2 * entry & SMALL
        a = N[place] & SMALL
        b = N[place + 1] & SMALL
        y[a] = fma(F[k], x[b], fma(-F[k + 1], x[b + D], y[a]))
        y[a + D] = fma(F[k], x[b + D], fma(F[k + 1], x[b], y[a + D]))
    return dot(y, y)


def jump(N, F, row, choice, x, y, weights):
    """Let the wave function x jump through the channel that `choice` falls on.

    Return its slot, 0 where none is open, and the level that it leads to, -1 if several.
    """
    slots = N[SLOTS] & SMALL
    first = slots + 4 * N[slots + 4 * row] & SMALL
    beyond = slots + 4 * N[slots + 4 * row + 1] & SMALL
    total = 0.0
    number = 0
    for slot in range(first, beyond, 4):
        total += act(N, F, slot, x, y)
        weights[number] = total
        number += 1
    if not total > 0.0:
        return 0, -1
    chosen = 0
    while chosen < number - 1 and weights[chosen] <= choice * total:
        chosen += 1
    slot = first + 4 * chosen
    inverse = 1.0 / sqrt(act(N, F, slot, x, y))
    level = -1
    for a in range(R):
        x[a] = y[a] * inverse
    for a in range(D):
        if fma(x[a], x[a], x[a + D] * x[a + D]) > ONE_LEVEL:
            level = a
    return slot, level


def expand(N, F, row, top, x, y, series):
    """Give Taylor's series of the squared norm of x; return its first term, the squared norm."""
    k = N[DIAGONALS] + R * row & SMALL
    square = 0.0
    for a in range(D):
        y[a] = fma(x[a], x[a], x[a + D] * x[a + D])
        square += y[a]
    series[0] = square
    power = 1.0
    for n in range(1, top + 1):
        scale = 2.0 / power
        total = 0.0
        for a in range(D):
            y[a] *= F[k + a] * scale
            total += y[a]
        series[n & SMALL] = total
        power += 1.0
    return square


def look(top, time, series, x, y):
    """Return the squared norm at a time and its slope."""
    value = series[top]
    slope = 0.0
    for n in range(top - 1, -1, -1):
        slope = fma(slope, time, value)
        value = fma(value, time, series[n & SMALL])
    return value, slope


def settle(N, F, row, top, time, correction, x, y):
    """Carry the wave function x to a time, by Horner's scheme: ``1 + G t (1 + G t/2 (1 + ...))``."""
    k = N[DIAGONALS] + R * row & SMALL
    copy(y, 0, x, 0, R)
    for n in range(top, 0, -1):
        scale = time / n
        for a in range(D):
            re = scale * F[k + a]
            im = scale * F[k + D + a]
            u = y[a]
            v = y[a + D]
            y[a] = fma(re, u, fma(-im, v, x[a]))
            y[a + D] = fma(re, v, fma(im, u, x[a + D]))
    copy(x, 0, y, 0, R)


def expand_mixing(N, F, row, top, x, y, series):
    """Give Taylor's series of the wave function x; return its squared norm."""
    mixing = N[N[EXPANSIONS] + 3 * row + 2]
    k = N[DIAGONALS] + R * row & SMALL
    square = dot(x, x)
    copy(series, 0, x, 0, R)
    power = 1.0
    for begin in range(R, R * top + R, R):
        inverse = 1.0 / power
        if mixing >= 0:
            product(F, N[MIXING] + mixing * R * D & SMALL, x, y)
            for a in range(R):
                x[a] = y[a] * inverse
        else:
            for a in range(D):
                re = fma(F[k + a], x[a], -F[k + D + a] * x[a + D]) * inverse
                x[a + D] = fma(F[k + a], x[a + D], F[k + D + a] * x[a]) * inverse
                x[a] = re
        copy(series, begin, x, 0, R)
        power += 1.0
    return square


def look_mixing(top, time, series, x, y):
    """Give the wave function at a time and its slope; return those of the squared norm."""
    for a in range(R):
        x[a] = series[R * top + a & SMALL]
        y[a] = 0.0
    for begin in range(R * top - R, -1, -R):
        for a in range(R):
            y[a] = fma(y[a], time, x[a])
            x[a] = fma(x[a], time, series[begin + a & SMALL])
    return dot(x, x), 2.0 * dot(x, y)


def settle_mixing(N, F, row, top, time, correction, x, y):
    """Carry the wave function x that was looked at, with its slope y, over what time was corrected by."""
    for a in range(R):
        x[a] = fma(correction, y[a], x[a])


def meet(N, F, row, top, high, near, before, threshold, series, x, y):
    """Find when the squared norm meets the threshold, before `high`; the wave function there is x.

    Return -1 if it does not. Newton's method, first at the end, then from the straight line, in a bracket
    that shrinks; it stops where the next correction, the square of the last, is below rounding.
    """
    low = 0.0
    time = high
    correction = 0.0
    met = True
    for attempt in range(60):
        value, slope = look(top, time, series, x, y)
        value -= threshold
        if attempt == 0:
            met = not value >= 0.0
            if not met:
                break
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
            break
    settle(N, F, row, top, time, correction, x, y)
    return time if met else -1.0


def cross(
    N, F, row, j, W, x, y, series, weights, jumps, times, tally, number, trajectory, began, threshold,
    key0, key1, tag,
):  # fmt: skip
    """Carry the wave function x through a move in which it jumps; return the next threshold."""
    parts = N[N[EXPANSIONS] + 3 * row]
    top = N[N[EXPANSIONS] + 3 * row + 1] & SMALL
    product(F, N[ADJOINTS] + row * R * D & SMALL, x, y)
    copy(x, 0, y, 0, R)
    elapsed = 0.0
    part = 1
    while part <= parts:
        end = F[0] * part / parts
        before = expand(N, F, row, top, x, y, series)
        time = meet(N, F, row, top, end - elapsed, NEAR * end, before, threshold, series, x, y)
        if time < 0.0:
            elapsed = end
            part += 1
            continue
        elapsed += time
        call = np.uint64(W[ACTIVITY + j] + 1.0)
        high_word = ((call >> HALF) << TAG_LENGTH) | tag
        w0, w1, w2, w3 = philox(
            trajectory & LOW_HALF, trajectory >> HALF, call & LOW_HALF, high_word, key0, key1
        )
        sound = abs(dot(x, x) - threshold) <= LOST * threshold
        slot, level = jump(N, F, row, uniform((w2 << HALF) | w3), x, y, weights)
        if slot == 0:  # nothing can jump: a norm may fall by rounding alone
            sound = before - threshold <= LOST * before
            threshold *= LESS
        if not sound:
            W[FLAW + j] = 1.0
            threshold = 0.0
            break
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
    product(F, N[VECTORS] + row * R * D & SMALL, x, y)
    return threshold


def replay():
    """Carry one trajectory through the moves of a segment, with its jumps if it has fallen.

    Only then does the block go on with its result; otherwise it is but looked at, where samples are due. Node
    n of a tree has the halves 2 n and 2 n + 1. In what is known to fall the first half is tried; if it is
    passed, the second must fall. Where samples are due in what is passed, a copy goes through it by moves.
    """
    trajectory = np.uint64(first_trajectory + block + j)
    threshold = W[THRESHOLD + j] if fallen else -1.0
    for a in range(R):
        x[a] = X[a * P + j]
    due = sample
    step = N[segment]
    node = 1
    size = leaves
    falls = fallen
    within = False
    while step < N[segment + 1]:
        if node < leaves:
            only = N[tree + 2 * node + 1] < 0  # the second half is empty
            if falls or only:
                within = falls
                falls = falls and only
                node *= 2
                size //= 2
                continue
        begun = step
        if falls:
            begun += 1
            row = N[tree + node] & SMALL
            threshold = cross(
                N, F, row, j, W, x, y, series, weights, jumps, times, tally, block + j, trajectory,
                time_step * step, threshold, key0, key1, tag,
            )  # fmt: skip
            copy(x, 0, y, 0, R)
            falls = within = False
        else:
            product(F, N[MATRICES] + N[tree + node] * R * D & SMALL, x, y)
            if dot(y, y) < threshold:
                falls = True
                continue
            falls = within
        step = min(step + size, N[segment + 1])
        while samples[due] <= step:
            for leaf in range(begun - N[segment], samples[due] - N[segment]):
                product(F, N[MATRICES] + N[tree + leaves + leaf] * R * D & SMALL, x, series)
                copy(x, 0, series, 0, R)
            begun = samples[due]
            place = (due * count + block + j) * SAMPLED
            copy(paths, place, x, 0, R)
            for k in range(BATHS):
                paths[place + R + k] = W[HEAT + k * P + j]
            due += 1
        copy(x, 0, y, 0, R)
        while node % 2 == 1:
            node //= 2
            size *= 2
        node += 1
    if fallen:
        for a in range(R):
            Y[a * P + j] = x[a]
        W[NORM + j] = dot(x, x)
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
    first_trajectory, count, strokes, N, F, samples, key0, key1, tag, state, kept, paths, jumps, times,
    tally, X, Y, W, x, y, series, weights,
):  # fmt: skip
    """Carry `count` trajectories, a column of `state` each, through all strokes.

    state: wave functions, thresholds, energies, what is reported, in whole blocks; in the end in the last
    eigenbasis. kept: what is reported at each stroke's end; samples: moves after which a path is sampled,
    ended by more than there are; paths: wave functions and heats; jumps, times: trajectory, channel and level
    of jumps, and when; tally: how many.
    """
    columns = (count + B - 1) // B * B
    time_step = F[0]
    leaves = N[LEAVES]
    for block in range(0, columns, B):
        width = min(B, count - block)
        for k in range(R):
            copy(X, k * P, state, k * columns + block, B)
        for k in range(CARRIED):
            copy(W, k * P, state, (R + k) * columns + block, B)
        sample = 0
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
                tree = N[NODES] + N[segment + 2]
                matrix = N[MATRICES] + N[tree + 1] * R * D
                crossed = 0
                evolve()
                if stroke == strokes:
                    break
                ahead = sample
                while samples[ahead] <= N[segment + 1]:
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
                sample = ahead
                segment += 4
            if stroke < strokes and kept.size > 0:
                for k in range(REPORTED):
                    copy(kept, (stroke * REPORTED + k) * count + block, W, REPORT + k * P, width)
        for k in range(R):
            copy(state, k * columns + block, Y, k * P, B)
        for k in range(CARRIED):
            copy(state, (R + k) * columns + block, W, k * P, B)
