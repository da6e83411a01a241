"""The frame of every Langevin kernel: blocks of B trajectories, strokes, steps, noise four steps at a time.

A text, not a module to run: `writing.py` puts lane loops in the place of the bare calls `begin()`, `turn()`,
`advance()` and `close()`, the noise in that of `draw()`, and adds the constants. The workspace is
`A[row * P + lane]`; `Z` holds the normals of four steps, `R` the random words behind them. What is kept of a
block is a plain copy of its first rows: sorted into columns it is outside, where a copy costs no compilation.
"""


def simulate(
    first,
    count,
    table,
    openings,
    closings,
    stops,
    samples,
    constants,
    key0,
    key1,
    tag,
    start,
    out,
    strokes,
    paths,
    A,
    Z,
    R,
):
    """Carry trajectories first .. first + count - 1 from `start` through all strokes.

    table: one row a step (controls held and next, inverse temperatures, bath coefficients). openings,
    closings: the control change at a stroke's first instant, the controls at its last. stops: steps done when
    a stroke ends. samples: steps after which a path is sampled, ended by -1. start: a block's first rows.
    out: its reported rows at the end; strokes: the same at each stroke's end; paths: those sampled.
    """
    hoist()
    for block in range(0, count, B):
        for k in range(STATE * P):
            A[k] = start[block // B, k]
        row = openings[0]
        begin()
        sample = 0
        if samples[0] == 0:
            for k in range(SAMPLED * P):
                paths[0, block // B, k] = A[k]
            sample = 1
        step = 0
        for stroke in range(stops.size):
            row = openings[stroke]
            time = step * time_step
            turn()
            while step < stops[stroke]:
                if step % GROUP == 0:
                    calls = GROUP * NORMALS // 2
                    draw()
                row = table[step]
                time = (step + 1) * time_step
                advance()
                step += 1
                if step == samples[sample]:
                    for k in range(SAMPLED * P):
                        paths[sample, block // B, k] = A[k]
                    sample += 1
            row = closings[stroke]
            close()
            if strokes.shape[0] > 0:
                for k in range(REPORTED * P):
                    strokes[stroke, block // B, k] = A[k]
        for k in range(REPORTED * P):
            out[block // B, k] = A[k]
