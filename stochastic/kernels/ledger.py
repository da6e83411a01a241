"""The ledger after a move, one lane: what every dynamics books alike.

A text, not a module to run: `writing.py` unrolls it for a number of coordinates.

    W_f = (f + f')/2 (q' - q)                                            pushed by non-conservative forces f
    W   = E(q', c') - E(q', c)                                           controls change at the frozen state
    W~  = beta' W + (beta' - beta) (E(q', c) + m v'^2/2) + beta W_f      dimensionless work

The move has booked the change of energy and all forces' work as shadow work; W_f is no part of it.
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
