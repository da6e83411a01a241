"""The ledger after a move, one lane: what every dynamics books alike.

A text, not a module to run: `writing.py` unrolls it for a number of coordinates.

    W_f = (f + f')/2 (q' - q)                                            pushed by non-conservative forces f
    W   = E(q', c') - E(q', c)                                           controls change at the frozen state
    W~  = beta' W + (beta' - beta) (E(q', c) + m v'^2/2) + beta W_f      dimensionless work

The move has booked the change of energy and all forces' work as shadow work; W_f is no part of it.

The move also watches whether the forces allow the step. From where they are made to where they are made next,
positions change by dq and forces, at fixed controls, by dF. With the symmetric part K of -dF/dq,

    -dF.dq = dq.<K>.dq <= kappa sum_i r_i dq_i^2,    kappa = largest eigenvalue of R^{-1/2} K R^{-1/2}     (1)

on the way, R = diag(r): frictions, or masses. The step is too long where kappa dt > 2 without inertia, where
kappa dt^2 > 4 with it (`ensembles/stability.py`). What it leaves of that is an energy, free of divisions,

    left = sum_i dq_i (dF_i + limit_i dq_i),    limit = 2 gamma/dt or 4 m/dt^2                             (2)

and left < 0 proves, by (1), a place on the way that is too stiff. For a linear force in one coordinate it is
the criterion itself; at a maximum (dF.dq > 0) it is never negative, and it is blind to what rotates.

Rounding: with forces known to e, the smallest (2) that is no fact is -e^2/limit, at dq = e/limit. An
allowance of 10^-6 T, T the lowest temperature, covers it as long as e < 10^-3 sqrt(T limit): for a step
without inertia a thousandth of its noise, and no trajectory could be trusted with more.
"""


def ledger():
    """Book work; go on with the forces and the energy after the control change."""
    if FORCED:
        pushed = 0.0
        for i in COORDINATES:
            pushed = fma(0.5 * (swirl[i] + swirl_met[i]), q[i] - q_old[i], pushed)
            swirl[i] = swirl_next[i]
        force_work += pushed
        shadow_work -= pushed
    done = energy_next - energy_met
    control_work += done
    if ONE_BETA:
        if UNDERDAMPED:
            kinetic = 0.0
            for i in COORDINATES:
                kinetic = fma(half_mass[i] * v[i], v[i], kinetic)
            dimensionless_work = fma(
                beta_next, done, fma(beta_change, energy_met + kinetic, dimensionless_work)
            )
        else:
            dimensionless_work = fma(beta_next, done, fma(beta_change, energy_met, dimensionless_work))
        if FORCED:
            dimensionless_work = fma(beta[0], pushed, dimensionless_work)
    energy = energy_next
    for i in COORDINATES:
        force[i] = force_next[i]


def watch():
    """Spoil the shadow work where `left` is negative: with all bits set it is a NaN, and alone says so."""
    shadow_work = from_bits(to_bits(shadow_work) | (NO_BITS - (to_bits(left) >> TO_SIGN)))
