"""Write the module of a kernel: formulas, unrolled physics, the frame, all in one function.

What a dynamics has of its own it says in its `Move`; everything here is the same for all of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from fluctua.stochastic.compiling import kernel_text
from fluctua.stochastic.forms import Form, Layout, layout_of, numbered
from fluctua.stochastic.unrolling import unroll

GROUP = 4  # steps whose normals are drawn together

Formulas = Mapping[str, Sequence[str]]  # straight-line code, by the name of its place


def module_text(form: Form, lanes: int, lane_module: str, noise_module: str) -> str:
    """Write the whole module: head, and the frame with its lane loops."""
    layout = layout_of(form, lanes)
    head = [
        f'"""Kernel: {form.move.scheme}, {form.coordinates} coordinate(s), {form.baths} bath(s)."""',
        "from math import inf",
        "import numpy as np",
        "from fluctua.stochastic.compiling import kernel",
        "from fluctua.stochastic.intrinsics import fma, from_bits, select, sqrt, to_bits",
        f"from {lane_module} import cos, exp, log, sin, tanh",
        f"from {noise_module} import {'coarse_normals' if form.coarse else 'normals'}",
        f"B = {lanes}  # lanes",
        f"P = {layout.pitch}  # pitch of a row",
        f"GROUP = {GROUP}",
        f"NORMALS = {form.normals}",
        f"STATE = {layout.state}",
        f"SAMPLED = {layout.sampled}",
        f"REPORTED = {layout.reported}",
        "NO_BITS = np.uint64(0)",
        "TO_SIGN = np.uint64(63)",
    ]
    parts = ["\n".join(head), _frame(form, layout), "simulate = kernel(simulate)\n"]
    return "\n\n\n".join(parts)


def _frame(form: Form, layout: Layout) -> str:
    """Give the text of the frame, with the four passes over a block in the place of their names.

    As functions of their own, they and the formulas would be compiled twice, alone and once inlined.
    """
    formulas = _formulas(form)
    passes = {
        "draw": [_draw(form)],
        "hoist": [f"{name} = constants[{k}]" for k, name in enumerate(layout.constants)],
        "begin": _begin(form, layout, formulas),
        "turn": _turn(form, layout, formulas),
        "advance": _advance(form, layout, formulas),
        "close": _close(form, layout, formulas),
    }

    def written(found: re.Match[str]) -> str:
        indent, name = found.groups()
        return "".join(f"{indent}{line}\n" for line in (f"# {name}", *passes[name]))

    text = kernel_text("block").split('"""', 2)[2].strip()
    return re.sub(r"^( *)(draw|hoist|begin|turn|advance|close)\(\)\n", written, text, flags=re.M)


# ---- the formulas


def _formulas(form: Form) -> Formulas:
    """Write every formula, by its place: always all and in this order, which numbers the nodes."""
    graph = form.graph
    change = {f"c_{k}": graph.symbol(f"n_{k}") for k in range(form.controls)}
    zero = {f"c_{k}": graph.number(0.0) for k in range(form.controls)}

    def both(nodes: Sequence[int]) -> list[int]:
        """Before a control change, then after it."""
        return [*nodes, *(graph.substitute(node, change) for node in nodes)]

    force = [
        graph.sub(form.swirl[i], slope) if form.swirl else graph.neg(slope)
        for i, slope in enumerate(form.gradient)
    ]
    held = [form.energy, *force, *form.swirl]
    watched, final = _watched(form), _final(form)
    formulas = {
        "energy": _assigned(form, ["energy"], [form.energy], "e"),
        "forces": _assigned(form, numbered("force_mid", form.coordinates), force, "f"),
        "meet": _assigned(form, [*_met(form, "met"), *_met(form, "next")], both(held), "m"),
    }
    if form.bare:
        formulas["bare"] = _assigned(form, ["bare"], [graph.substitute(form.energy, zero)], "b")
    if watched:
        names = [f"{when}_{k}" for when in ("met", "next") for k in watched]
        formulas["observe"] = _assigned(form, names, both([form.records[k].node for k in watched]), "o")
    if final:
        nodes = [form.records[k].node for k in final]
        formulas["final"] = _assigned(form, [f"record_{k}" for k in final], nodes, "l")
    return formulas


def _assigned(form: Form, names: Sequence[str], nodes: Sequence[int], prefix: str) -> list[str]:
    """Write straight-line code that gives the nodes their names; what they share has the prefix."""
    lines, results = form.graph.emit(nodes, "", prefix)
    return lines + [f"{name} = {result}" for name, result in zip(names, results, strict=True)]


def _met(form: Form, when: str) -> list[str]:
    """Name what is met at a position: energy and forces before (`met`) or after (`next`) a control change."""
    swirl = numbered(f"swirl_{when}", form.coordinates) if form.swirl else []
    return [f"energy_{when}", *numbered(f"force_{when}", form.coordinates), *swirl]


def _watched(form: Form) -> list[int]:
    """Give the records that are looked at after every step."""
    return [k for k, record in enumerate(form.records) if record.kind != "final"]


def _final(form: Form) -> list[int]:
    """Give the records that are looked at when a stroke ends."""
    return [k for k, record in enumerate(form.records) if record.kind == "final"]


# ---- the lane loops


def _texts(name: str) -> dict[str, str]:
    """Cut a kernel text into its functions."""
    pieces = re.split(r"^(?=def )", kernel_text(name), flags=re.M)[1:]
    return {piece[4 : piece.index("(")]: piece for piece in pieces}


def _unrolled(form: Form, text: str, numbers: Mapping[str, int], formulas: Formulas) -> list[str]:
    known: dict[str, object] = {"FORCED": bool(form.swirl), "ONE_BETA": form.one_beta}
    known |= {"UNDERDAMPED": form.underdamped, "BATH_OF": tuple(bath for _, bath in form.links), **numbers}
    return unroll(text, {"COORDINATES": form.coordinates}, known, formulas)


def _move(form: Form, turned: bool, formulas: Formulas) -> list[str]:
    """One time step: the pieces of the move in their order, then the ledger."""
    texts, shared, lines = _texts(form.move.text), _texts("ledger"), []
    formulas = {**formulas, "watch": _unrolled(form, shared["watch"], {}, {})}
    for piece in form.move.pieces(form.links, turned):
        lines += _unrolled(form, texts[piece.function], piece.constants, formulas)
    return lines + _unrolled(form, shared["ledger"], {}, formulas)


def _observe(form: Form, formulas: Formulas) -> list[str]:
    """After a move: integrals over the step, extremes and first passages at its end."""
    lines = list(formulas.get("observe", ()))
    for k in _watched(form):
        record = form.records[k]
        width = "half_step" if record.along is None else f"0.5 * (q_{record.along} - q_old_{record.along})"
        lines += {
            "integral": [
                f"record_{k} = fma({width}, value_{k} + met_{k}, record_{k})",
                f"value_{k} = next_{k}",
            ],
            "max": [f"record_{k} = select(met_{k} > record_{k}, met_{k}, record_{k})"],
            "min": [f"record_{k} = select(met_{k} < record_{k}, met_{k}, record_{k})"],
            "first": [
                f"record_{k} = select(met_{k}, select(record_{k} > time, time, record_{k}), record_{k})"
            ],
        }[record.kind]
    return lines


def _loop(layout: Layout, lines: Sequence[str], extra: Mapping[str, str]) -> list[str]:
    """Put a lane loop around `lines`: it loads the rows they read, stores the rows they write.

    Places are written as numbers, row * pitch: a product the compiler would have to fold costs it time.
    """
    where = {row: f"A[{k * layout.pitch} + j]" for k, row in enumerate(layout.rows)}
    read, written = _read_and_written(lines)
    body = [f"{row} = {place}" for row, place in where.items() if row in read]
    body += [f"{name} = {place}" for name, place in extra.items()]
    body += list(lines) + [f"{place} = {row}" for row, place in where.items() if row in written]
    return ["for j in range(B):"] + [f"    {line}" for line in body]


def _read_and_written(lines: Sequence[str]) -> tuple[set[str], set[str]]:
    """Names that straight-line code reads before it writes them, and names that it writes."""
    read: set[str] = set()
    written: set[str] = set()
    for statement in ast.parse("\n".join(lines)).body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        loaded = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        read |= (loaded | (stored if isinstance(statement, ast.AugAssign) else set())) - written
        written |= stored
    return read, written


def _read_row(layout: Layout, names: Sequence[str]) -> list[str]:
    """Hoist entries of a table row into locals: left in the array they would cost an alias check each."""
    return [f"{name} = row[{layout.table.index(name)}]" for name in names]


def _controls(form: Form) -> list[str]:
    return numbered("c", form.controls) + numbered("n", form.controls)


def _draw(form: Form) -> str:
    """Four steps of noise: their own, or made of that of finer steps."""
    stream = "calls, first + block, step // GROUP * calls, key0, key1, tag"
    if form.coarse:
        return f"coarse_normals(Z, R, constants, {len(form.links)}, NORMALS, {stream})"
    return f"normals(Z, R, {stream})"


def _begin(form: Form, layout: Layout, formulas: Formulas) -> list[str]:
    """Set every row but the state: accumulators to zero, extremes to infinities, energies to the start's."""
    lines = [*formulas["energy"], "energy_start = energy"]
    lines += [*formulas["bare"], "bare_start = bare"] if form.bare else []
    zero = [
        row
        for row in layout.rows[layout.state : layout.reported]
        if not row.startswith(("energy", "bare", "total"))
    ]
    lines += [f"{row} = 0.0" for row in zero]
    limits = {"max": "-inf", "min": "inf", "first": "inf"}
    lines += [f"total_{k} = {limits[r.kind]}" for k, r in enumerate(form.records) if r.kind in limits]
    return _read_row(layout, _controls(form)) + _loop(layout, lines, {})


def _turn(form: Form, layout: Layout, formulas: Formulas) -> list[str]:
    """Open a stroke: its first control change, then forces and recorded values."""
    n = form.coordinates
    lines = [*formulas["meet"], "done = energy_next - energy_met", "control_work += done"]
    if form.one_beta:
        kinetic = (
            " + ".join(f"half_mass_{i} * v_{i} * v_{i}" for i in range(n)) if form.underdamped else "0.0"
        )
        lines.append(f"kinetic = {kinetic}")
        lines.append(
            "dimensionless_work = fma(beta_next, done,"
            " fma(beta_change, energy_met + kinetic, dimensionless_work))"
        )
    lines += ["energy = energy_next"] + [f"force_{i} = force_next_{i}" for i in range(n)]
    lines += [f"swirl_{i} = swirl_next_{i}" for i in range(n)] if form.swirl else []
    lines += formulas.get("observe", ())
    for k in _watched(form):
        kind = form.records[k].kind
        if kind == "integral":
            lines.append(f"value_{k} = next_{k}")
        else:
            lines.append(
                f"record_{k} = " + (f"select(next_{k}, time, inf)" if kind == "first" else f"next_{k}")
            )
    return _read_row(layout, [*_controls(form), "beta_next", "beta_change"]) + _loop(layout, lines, {})


def _advance(form: Form, layout: Layout, formulas: Formulas) -> list[str]:
    """One time step of every lane."""
    # Unsigned: a signed index would be checked for counting from the end, lane by lane.
    z = {"lane": "np.uint64(j)"} | {f"z_{k}": f"Z[noise_{k} + lane]" for k in range(form.normals)}
    old = [f"q_old_{i} = q_{i}" for i in range(form.coordinates)]

    def loop(turned: bool) -> list[str]:
        return _loop(layout, old + _move(form, turned, formulas) + _observe(form, formulas), z)

    lines = _read_row(layout, layout.table)
    lines += [f"noise_{k} = np.uint64((step % GROUP * NORMALS + {k}) * P)" for k in range(form.normals)]
    if not form.alternates:
        return lines + loop(False)
    even, odd = ([f"    {line}" for line in loop(turned)] for turned in (False, True))
    return [*lines, "if step % 2 == 0:", *even, "else:", *odd]


def _close(form: Form, layout: Layout, formulas: Formulas) -> list[str]:
    """At a stroke's last instant: totals of extremes, values at the end, the energy at zero controls."""
    lines: list[str] = []
    for k, record in enumerate(form.records):
        if record.kind in ("max", "min", "first"):
            sign = ">" if record.kind == "max" else "<"
            lines.append(f"total_{k} = select(record_{k} {sign} total_{k}, record_{k}, total_{k})")
    lines += [*formulas.get("final", ()), *formulas.get("bare", ())]
    return _read_row(layout, _controls(form)) + _loop(layout, lines, {}) if lines else []
