"""Slow, obvious twins of the kernels: one NumPy line a formula, whole ensembles as arrays, nothing shared.

They take the physics as Python functions and the normals as an array, and return the ledger as a dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class World:
    """The physics of a run: functions of position (n, N) and controls (C,)."""

    energy: object
    force: object
    swirl: object = None  # non-conservative force
    masses: tuple = ()
    links: tuple = ()  # (coordinate, bath, friction)
    scheme: str = "BAOAB"
    integrals: dict = field(default_factory=dict)  # name -> f(q, v, controls)
    stratonovich: dict = field(default_factory=dict)  # name -> (f, coordinate)


def total_force(world, q, controls):
    force = world.force(q, controls)
    return force if world.swirl is None else force + world.swirl(q, controls)


def simulate(world, schedule, z, q, v=None):
    """Follow the schedule; z is (steps, normals, N). Returns the ledger and what each stroke ends with."""
    q = q.astype(float).copy()
    v = None if v is None else v.astype(float).copy()
    ledger = {
        name: np.zeros(q.shape[1])
        for name in (
            "control_work",
            "force_work",
            "dimensionless_work",
            "entropy_flow",
            "shadow_work",
            "log_ratio",
        )
    }
    ledger["heat"] = np.zeros((schedule.beta.shape[1], q.shape[1]))
    ledger |= {name: np.zeros(q.shape[1]) for name in (*world.integrals, *world.stratonovich)}
    ledger["strokes"] = []
    ledger["overshot"] = np.zeros(q.shape[1], dtype=bool)
    ledger["coldest"] = 1.0 / max(
        b.max() for b in (schedule.beta, schedule.opening_beta, schedule.closing_beta)
    )
    controls, beta = schedule.opening_controls[0], schedule.opening_beta[0]
    ledger["energy_start"] = world.energy(q, controls) + kinetic(world, v)
    step = 0
    for m, moves in enumerate(schedule.moves):
        held = (
            (schedule.controls[step], schedule.beta[step])
            if moves
            else (schedule.closing_controls[m], schedule.closing_beta[m])
        )
        change(world, ledger, q, v, controls, beta, *held)
        controls, beta = held
        for k in range(moves):
            coupled = schedule.coupled[step]
            q, v = move(world, schedule.time_step, ledger, q, v, controls, beta, coupled, z[step], step)
            step += 1
            last = k == moves - 1
            held = (
                (schedule.closing_controls[m], schedule.closing_beta[m])
                if last
                else (schedule.controls[step], schedule.beta[step])
            )
            change(world, ledger, q, v, controls, beta, *held)
            controls, beta = held
        ledger["strokes"].append({"work": ledger["control_work"].copy(), "q": q.copy()})
    ledger |= {"q": q, "v": v, "energy_end": world.energy(q, controls) + kinetic(world, v)}
    return ledger


def kinetic(world, v):
    return 0.0 if v is None else sum(0.5 * m * v[i] ** 2 for i, m in enumerate(world.masses))


def change(world, ledger, q, v, controls, beta, controls_next, beta_next):
    """Controls and temperatures change at the frozen state."""
    before, after = world.energy(q, controls), world.energy(q, controls_next)
    ledger["control_work"] += after - before
    k = kinetic(world, v)
    ledger["dimensionless_work"] += beta_next[0] * (after + k) - beta[0] * (before + k)


def move(world, dt, ledger, q, v, controls, beta, coupled, z, step):
    """One step at frozen controls: its map, heat, shadow work, log-ratio and recorded integrals."""
    q_old, v_old = q.copy(), None if v is None else v.copy()
    mover = {"euler-maruyama": euler_maruyama, "heun": heun}.get(world.scheme, splitting)
    q, v, heat, extra = mover(world, dt, ledger, q, v, controls, beta, coupled, z, step)
    ledger["heat"] += heat
    ledger["entropy_flow"] -= beta @ heat
    pushed = 0.0
    if world.swirl is not None:
        pushed = np.sum(0.5 * (world.swirl(q_old, controls) + world.swirl(q, controls)) * (q - q_old), axis=0)
        ledger["force_work"] += pushed
        ledger["dimensionless_work"] += beta[0] * pushed
    ledger["shadow_work"] += world.energy(q, controls) - world.energy(q_old, controls) + extra - pushed
    for name, f in world.integrals.items():
        ledger[name] += 0.5 * dt * (f(q_old, v_old, controls) + f(q, v, controls))
    for name, (f, i) in world.stratonovich.items():
        ledger[name] += 0.5 * (f(q_old, v_old, controls) + f(q, v, controls)) * (q[i] - q_old[i])
    return q, v


def watch(ledger, limits, dq, df):
    """Where the mean curvature along a displacement, -dF.dq, is more than the step allows: sum limit dq^2."""
    excess = -np.sum(df * dq, axis=0) - np.sum(np.array(limits)[:, None] * dq**2, axis=0)
    with np.errstate(invalid="ignore"):
        ledger["overshot"] |= excess > 1e-6 * ledger["coldest"]


def euler_maruyama(world, dt, ledger, q, _v, controls, beta, _coupled, z, _step):
    heat, extra = np.zeros_like(ledger["heat"]), 0.0
    force = total_force(world, q, controls)
    new = q.copy()
    for number, (i, b, friction) in enumerate(world.links):
        new[i] = q[i] + force[i] * dt / friction + np.sqrt(2 * dt / (friction * beta[b])) * z[number]
    back = total_force(world, new, controls)
    watch(ledger, [2 * friction / dt for _, _, friction in world.links], new - q, back - force)
    for i, b, friction in world.links:
        variance = 2 * dt / (friction * beta[b])
        there = (new[i] - q[i] - force[i] * dt / friction) ** 2 / (2 * variance)
        home = (q[i] - new[i] - back[i] * dt / friction) ** 2 / (2 * variance)
        heat[b] -= (home - there) / beta[b]
        ledger["log_ratio"] += home - there
        extra = (
            extra
            + 0.5 * (force[i] + back[i]) * (new[i] - q[i])
            + 0.25 * dt / friction * (back[i] ** 2 - force[i] ** 2)
        )
    return new, None, heat, extra


def heun(world, dt, ledger, q, _v, controls, beta, _coupled, z, _step):
    heat, extra = np.zeros_like(ledger["heat"]), 0.0
    force = total_force(world, q, controls)
    noise = np.array(
        [np.sqrt(2 * dt / (friction * beta[b])) * z[k] for k, (i, b, friction) in enumerate(world.links)]
    )
    mobility = np.array([[1 / friction] for _, _, friction in world.links])
    guess = q + mobility * dt * force + noise
    new = q + 0.5 * mobility * dt * (force + total_force(world, guess, controls)) + noise
    back = total_force(world, new, controls)
    watch(ledger, [2 * friction / dt for _, _, friction in world.links], new - q, back - force)
    for i, b, _ in world.links:
        heat[b] -= 0.5 * (force[i] + back[i]) * (new[i] - q[i])
        extra = extra + 0.5 * (force[i] + back[i]) * (new[i] - q[i])
    return new, None, heat, extra


def splitting(world, dt, ledger, q, v, controls, beta, coupled, z, step):
    """Letters in their order; links forwards, and backwards on the way back or on odd steps."""
    q, v = q.copy(), v.copy()
    heat, gained = np.zeros_like(ledger["heat"]), 0.0
    letters = world.scheme
    times_o, occurrence = letters.count("O"), 0
    limits = [4 * m / dt**2 for m in world.masses]
    made_at, made = q.copy(), total_force(world, q, controls)
    for place, letter in enumerate(letters):
        if letter == "A":
            q = q + dt / letters.count("A") * v
            rest = letters[place + 1 :].replace("O", "")
            if rest.startswith("B") or "A" not in rest:  # forces are made here
                force = total_force(world, q, controls)
                watch(ledger, limits, q - made_at, force - made)
                made_at, made = q.copy(), force
        elif letter == "B":
            before = kinetic(world, v)
            v = (
                v
                + dt / letters.count("B") * total_force(world, q, controls) / np.array(world.masses)[:, None]
            )
            gained = gained + kinetic(world, v) - before
        else:
            order = list(enumerate(world.links))
            touched = [i for i, _, _ in world.links]
            alternates = times_o % 2 == 1 and len(set(touched)) < len(touched)
            if (occurrence % 2 == 1) != (alternates and step % 2 == 1):
                order.reverse()
            for number, (i, b, friction) in order:
                if not coupled[b]:
                    continue
                m = world.masses[i]
                c = np.exp(-friction * dt / m / times_o)
                s = np.sqrt((1 - c * c) / (beta[b] * m))
                noise = z[occurrence * len(world.links) + number]
                new = c * v[i] + s * noise
                heat[b] += 0.5 * m * (new**2 - v[i] ** 2)
                ledger["log_ratio"] += 0.5 * (((v[i] - c * new) / s) ** 2 - noise**2)
                v[i] = new
            occurrence += 1
    return q, v, heat, gained
