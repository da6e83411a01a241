"""Underdamped motion, one lane and one time step: the letters of a splitting.

A text, not a module to run: `writing.py` unrolls it for a number of coordinates, and `Splitting.pieces` says
which functions make a step.

    B   v' = v + (dt/b) F(q)/m                     kick; changes the kinetic energy by shadow work
    A   q' = q + (dt/a) v                          drift; changes the potential energy by shadow work
    O   v' = c v + sqrt((1 - c^2)/(beta m)) z      bath; dQ = m (v'^2 - v^2)/2,  c = e^(-gamma dt/(o m))

a, b, o: how often each letter stands in the splitting. A step is too long where the curvature between two
makings of the forces reaches limit = 4 m/dt^2: see `watch` in `ledger.py`.
"""


def depart():
    """Begin a step: no kinetic energy is gained from kicks yet."""
    gained = 0.0
    for i in COORDINATES:
        q_from[i] = q_old[i]


def kick():
    """Change velocities: B."""
    for i in COORDINATES:
        faster = fma(impulse[i], force[i], v[i])
        gained = fma(half_mass[i] * (faster - v[i]), faster + v[i], gained)
        v[i] = faster


def renew():
    """Make the forces anew at a position within the step."""
    forces()
    left = allowance
    for i in COORDINATES:
        moved = q[i] - q_from[i]
        left = fma(moved, fma(limit[i], moved, force_mid[i] - force[i]), left)
        force[i] = force_mid[i]
        q_from[i] = q[i]
    watch()


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
    left = allowance
    for i in COORDINATES:
        moved = q[i] - q_from[i]
        left = fma(moved, fma(limit[i], moved, force_met[i] - force[i]), left)
        force[i] = force_met[i]
    watch()


def settle():
    """Book what the kicks and drifts of the step have changed: shadow work."""
    shadow_work += (energy_met - energy) + gained
