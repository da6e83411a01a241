"""Overdamped motion, one lane and one time step.

A text, not a module to run: `writing.py` unrolls it for a number of coordinates.

    q' = q + mu dt F(q) + sqrt(2 mu T dt) z                     Euler-Maruyama
    q' = q + mu dt (F(q) + F(q~))/2 + sqrt(2 mu T dt) z         stochastic Heun, q~ the Euler-Maruyama step

mu = 1/gamma. A step is too long where the curvature on its way reaches limit = 2 gamma/dt: see `watch` in
`ledger.py`.
"""


def euler_maruyama():
    """Take heat from path probabilities: dQ = -T ln[p(q -> q')/p(q' -> q)] = -T (z_back^2 - z^2)/2."""
    for i in COORDINATES:
        q[i] = fma(mobility_time[i], force[i], fma(spread[i], z[i], q[i]))
    meet()
    shadow_work += energy_met - energy
    left = allowance
    for i in COORDINATES:
        moved = q[i] - q_old[i]
        left = fma(moved, fma(limit[i], moved, force_met[i] - force[i]), left)
        back = fma(mobility_time[i], force_met[i], moved) * inverse_spread[i]
        ratio = 0.5 * (back - z[i]) * (back + z[i])
        absorbed = -temperature[i] * ratio
        heat[BATH_OF[i]] += absorbed
        entropy_flow = fma(-beta[BATH_OF[i]], absorbed, entropy_flow)
        log_ratio += ratio
        shadow_work = fma(force[i] + force_met[i], 0.5 * moved, shadow_work)
        shadow_work = fma(
            0.25 * mobility_time[i] * (force_met[i] - force[i]), force_met[i] + force[i], shadow_work
        )
    watch()


def heun():
    """Take heat as the Stratonovich integral -(F + F') dq/2: the map has no closed path-probability ratio."""
    for i in COORDINATES:
        q[i] = fma(mobility_time[i], force[i], fma(spread[i], z[i], q[i]))
    forces()
    for i in COORDINATES:
        q[i] = fma(0.5 * mobility_time[i], force[i] + force_mid[i], fma(spread[i], z[i], q_old[i]))
    meet()
    shadow_work += energy_met - energy
    left = allowance
    for i in COORDINATES:
        moved = q[i] - q_old[i]
        left = fma(moved, fma(limit[i], moved, force_met[i] - force[i]), left)
        absorbed = -(force[i] + force_met[i]) * (0.5 * moved)
        heat[BATH_OF[i]] += absorbed
        entropy_flow = fma(-beta[BATH_OF[i]], absorbed, entropy_flow)
        shadow_work = fma(force[i] + force_met[i], 0.5 * moved, shadow_work)
    watch()
