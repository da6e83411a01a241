"""Underdamped motion, one lane and one time step; the letters of a splitting, then the ledger.

A text, not a module to run: `writing.py` unrolls it for a number of coordinates and puts the letters in
order.

    B   v' = v + (dt/b) F(q)/m                                  kick; changes the kinetic energy by shadow
    work A   q' = q + (dt/a) v                                       drift; changes the potential energy by
    shadow work O   v' = c v + sqrt((1 - c^2)/(beta m)) z,  c = e^(-gamma dt/(o m))     bath: dQ = m (v'^2 -
    v^2)/2

a, b, o: how often each letter stands in the splitting. Then the controls change at the frozen state: work.
"""


def kick():
    """Change velocities: B."""
    for i in COORDINATES:
        faster = fma(impulse[i], force[i], v[i])
        gained = fma(half_mass[i] * (faster - v[i]), faster + v[i], gained)
        v[i] = faster


def drift():
    """Change positions: A."""
    for i in COORDINATES:
        q[i] = fma(drift_time, v[i], q[i])


def bath():
    """O for one link between a coordinate and a bath; `back` is the noise that would lead the step back.

    The difference of squares as a product: exactly zero when the bath is off (keep = 1, spread = 0).
    """
    slowed = fma(keep[LINK], v[COORDINATE], spread[LINK] * z[NORMAL])
    absorbed = half_mass[COORDINATE] * (slowed - v[COORDINATE]) * (slowed + v[COORDINATE])
    back = fma(-keep[LINK], slowed, v[COORDINATE]) * inverse_spread[LINK]
    heat[BATH] += absorbed
    entropy_flow = fma(-beta[BATH], absorbed, entropy_flow)
    log_ratio = fma(half[LINK] * (back - z[NORMAL]), back + z[NORMAL], log_ratio)
    v[COORDINATE] = slowed


def arrive():
    """Meet the step's last position: forces before and after the control change; go on with the old."""
    meet()
    for i in COORDINATES:
        force[i] = force_met[i]


def ledger():
    """Book the shadow work of the move, then the work of the control change at the frozen state."""
    shadow_work += (energy_met - energy) + gained
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
        kinetic = 0.0
        for i in COORDINATES:
            kinetic = fma(half_mass[i] * v[i], v[i], kinetic)
        dimensionless_work = fma(beta_next, done, fma(beta_change, energy_met + kinetic, dimensionless_work))
        if FORCED:
            dimensionless_work = fma(beta[0], pushed, dimensionless_work)
    energy = energy_next
    for i in COORDINATES:
        force[i] = force_next[i]
