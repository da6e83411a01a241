"""Write the module of a kernel: generated lane functions of the formulas, unrolled physics, the frame.

A kernel belongs to a *form*: the trees of the formulas, the number of coordinates, the links to baths, the
letters of the splitting. Masses, frictions, temperatures, parameters, protocols and the names a user chose
are numbers in tables or nothing at all, so that equal physics shares one compiled kernel.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluctua.stochastic.compiling import PADDING, kernel_text
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.records import Record
from fluctua.stochastic.unrolling import unroll

GROUP = 4  # steps whose normals are drawn together


@dataclass(frozen=True)
class Link:
    """A coordinate's contact with a bath: indices of both, and the friction constant of this contact."""

    coordinate: int
    bath: int
    friction: float


@dataclass(frozen=True)
class Form:
    """All that the text of a kernel depends on."""

    graph: Graph
    energy: int
    gradient: tuple[int, ...]
    swirl: tuple[int, ...]  # non-conservative force components; empty when there are none
    controls: int
    parameters: int
    baths: int
    links: tuple[tuple[int, int], ...]  # (coordinate, bath)
    scheme: str  # "euler-maruyama", "heun", or the letters of a splitting
    one_beta: bool
    bare: bool  # the energy is affine in the controls: record it at controls = 0
    records: tuple[Record, ...]

    @property
    def coordinates(self) -> int:
        """How many coordinates move."""
        return len(self.gradient)

    @property
    def underdamped(self) -> bool:
        """Whether velocities are part of the state."""
        return self.scheme not in ("euler-maruyama", "heun")

    @property
    def normals(self) -> int:
        """Normal numbers that one step of one trajectory consumes."""
        return len(self.links) * (self.scheme.count("O") if self.underdamped else 1)

    @property
    def alternates(self) -> bool:
        """Whether several baths on one coordinate force their order to alternate from step to step."""
        touched = [coordinate for coordinate, _ in self.links]
        return self.underdamped and self.scheme.count("O") % 2 == 1 and len(set(touched)) < len(touched)


@dataclass(frozen=True)
class Layout:
    """Where everything is: rows of the workspace, their pitch, columns of a step's table, constants."""

    pitch: int
    rows: tuple[str, ...]
    state: int
    sampled: int
    reported: int
    table: tuple[str, ...]
    constants: tuple[str, ...]

    def row(self, name: str) -> int:
        """Give the index of a workspace row."""
        return self.rows.index(name)


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}_{k}" for k in range(count)]


def layout_of(form: Form, lanes: int) -> Layout:
    """Lay out the rows: state first, then what paths show, then the rest of the report, then scratch."""
    n = form.coordinates
    state = _numbered("q", n) + (_numbered("v", n) if form.underdamped else [])
    sampled = ["control_work"] + ["force_work"] * bool(form.swirl) + _numbered("heat", form.baths)
    rest = ["dimensionless_work"] * form.one_beta + ["entropy_flow", "shadow_work"]
    rest += (
        ["log_ratio"] * (form.scheme != "heun")
        + ["energy", "energy_start"]
        + ["bare", "bare_start"] * form.bare
    )
    for k, record in enumerate(form.records):
        rest += [f"record_{k}"] + [f"total_{k}"] * (record.kind in ("max", "min", "first"))
    scratch = _numbered("force", n) + (_numbered("swirl", n) if form.swirl else [])
    scratch += [f"value_{k}" for k, record in enumerate(form.records) if record.kind == "integral"]
    return Layout(
        pitch=lanes + PADDING,
        rows=tuple(state + sampled + rest + scratch),
        state=len(state),
        sampled=len(state + sampled),
        reported=len(state + sampled + rest),
        table=_table_of(form),
        constants=_constants_of(form),
    )


def _table_of(form: Form) -> tuple[str, ...]:
    columns = _numbered("c", form.controls) + _numbered("n", form.controls) + ["beta_next", "beta_change"]
    columns += _numbered("beta", form.baths)
    each = (
        ("keep", "spread", "inverse_spread", "half")
        if form.underdamped
        else ("spread", "inverse_spread", "temperature")
    )
    return tuple(columns + [name for column in each for name in _numbered(column, len(form.links))])


def _constants_of(form: Form) -> tuple[str, ...]:
    names = ["time_step", "half_step"]
    each = ("half_mass", "impulse") if form.underdamped else ("mobility_time",)
    names += ["drift_time"] * form.underdamped + [
        name for one in each for name in _numbered(one, form.coordinates)
    ]
    return tuple(names + _numbered("p", form.parameters))


def module_text(form: Form, lanes: int, lane_module: str, noise_module: str) -> str:
    """Write the whole module: head, formulas, lane loops, frame."""
    layout = layout_of(form, lanes)
    head = [
        f'"""Kernel: {form.scheme}, {form.coordinates} coordinate(s), {form.baths} bath(s)."""',
        "from math import inf",
        "import numpy as np",
        "from fluctua.stochastic.compiling import kernel, lane",
        "from fluctua.stochastic.intrinsics import fma, select, sqrt",
        f"from {lane_module} import cos, exp, log, sin, tanh",
        f"from {noise_module} import normals",
        f"B = {lanes}  # lanes",
        f"P = {layout.pitch}  # pitch of a row",
        f"GROUP = {GROUP}",
        f"NORMALS = {form.normals}",
        f"STATE = {layout.state}",
        f"SAMPLED = {layout.sampled}",
        f"REPORTED = {layout.reported}",
    ]
    parts = ["\n".join(head), _formulas(form), _frame(form, layout), "simulate = kernel(simulate)\n"]
    return "\n\n\n".join(parts)


def _frame(form: Form, layout: Layout) -> str:
    """Give the text of the frame, with the four passes over a block in the place of their names.

    As functions of their own they would be optimised twice, alone and once inlined: a second of compilation.
    """
    passes = {
        "hoist": [f"{name} = constants[{k}]" for k, name in enumerate(layout.constants)],
        "begin": _begin(form, layout),
        "turn": _turn(form, layout),
        "advance": _advance(form, layout),
        "close": _close(form, layout),
    }

    def written(found: re.Match[str]) -> str:
        indent, name = found.groups()
        return "".join(f"{indent}{line}\n" for line in (f"# {name}", *passes[name]))

    text = kernel_text("block").split('"""', 2)[2].strip()
    return re.sub(r"^( *)(hoist|begin|turn|advance|close)\(\)\n", written, text, flags=re.M)


# ---- the formulas, as lane functions


def _formulas(form: Form) -> str:
    graph = form.graph
    change = {f"c_{k}": graph.symbol(f"n_{k}") for k in range(form.controls)}
    zero = {f"c_{k}": graph.number(0.0) for k in range(form.controls)}

    def after(node: int) -> int:
        return graph.substitute(node, change)

    force = [
        graph.sub(form.swirl[i], slope) if form.swirl else graph.neg(slope)
        for i, slope in enumerate(form.gradient)
    ]
    held = [form.energy, *force, *form.swirl]
    wanted = [record.node for record in form.records if record.kind != "final"]
    final = [record.node for record in form.records if record.kind == "final"]
    texts = [
        _lane_function(form, "energy_of", "Energy.", [form.energy]),
        _lane_function(form, "force_of", "Forces.", force),
        _lane_function(
            form,
            "meet_of",
            "Energy and forces before a control change, then after it.",
            held + [after(a) for a in held],
        ),
    ]
    if form.bare:
        bare = graph.substitute(form.energy, zero)
        texts.append(_lane_function(form, "bare_of", "Energy with all controls at zero.", [bare]))
    if wanted:
        both = wanted + [after(node) for node in wanted]
        texts.append(
            _lane_function(
                form, "observe_of", "Recorded formulas before a control change, then after it.", both
            )
        )
    if final:
        texts.append(_lane_function(form, "final_of", "Formulas recorded at the end.", final))
    return "\n\n\n".join(texts)


def _arguments(form: Form) -> str:
    """List the arguments of every formula: what one does not use costs nothing once it is inlined."""
    n = form.coordinates
    names = _numbered("q", n) + (_numbered("v", n) if form.underdamped else [])
    return ", ".join(
        names
        + _numbered("c", form.controls)
        + _numbered("n", form.controls)
        + _numbered("p", form.parameters)
    )


def _lane_function(form: Form, name: str, meaning: str, outputs: Sequence[int]) -> str:
    lines, results = form.graph.emit(outputs, "    ")
    body = "".join(f"{line}\n" for line in lines)
    given = ", ".join(results) if len(results) > 1 else results[0]
    return f'@lane\ndef {name}({_arguments(form)}):\n    """{meaning}"""\n{body}    return {given}'


# ---- the lane loops


def _met(form: Form, when: str) -> list[str]:
    """Name what is met at a position: energy and forces before (`met`) or after (`next`) a control change."""
    swirl = _numbered(f"swirl_{when}", form.coordinates) if form.swirl else []
    return [f"energy_{when}", *_numbered(f"force_{when}", form.coordinates), *swirl]


def _insertions(form: Form) -> dict[str, list[str]]:
    """Say what the bare calls in the texts stand for."""
    n, arguments = form.coordinates, _arguments(form)
    return {
        "meet": [f"{', '.join(_met(form, 'met') + _met(form, 'next'))} = meet_of({arguments})"],
        "forces": [f"{', '.join(_numbered('force_mid', n))} = force_of({arguments})"],
    }


def _texts(name: str) -> dict[str, str]:
    """Cut a kernel text into its functions."""
    pieces = re.split(r"^(?=def )", kernel_text(name), flags=re.M)[1:]
    return {piece[4 : piece.index("(")]: piece for piece in pieces}


def _unrolled(form: Form, text: str, **constants: object) -> list[str]:
    known: dict[str, object] = {"FORCED": bool(form.swirl), "ONE_BETA": form.one_beta, **constants}
    known["BATH_OF"] = tuple(bath for _, bath in form.links)
    return unroll(text, {"COORDINATES": form.coordinates}, known, _insertions(form))


def _move(form: Form, turned: bool) -> list[str]:
    """One time step: the overdamped map, or the letters of the splitting in their order."""
    if not form.underdamped:
        texts = _texts("overdamped")
        return _unrolled(form, texts[form.scheme.replace("-", "_")]) + _unrolled(form, texts["ledger"])
    texts, lines, fresh, occurrence = _texts("underdamped"), ["gained = 0.0"], True, 0
    for place, letter in enumerate(form.scheme):
        if letter == "B" and not fresh:
            lines += _unrolled(
                form,
                "def here():\n    forces()\n    for i in COORDINATES:\n        force[i] = force_mid[i]",
            )
            fresh = True
        if letter == "B":
            lines += _unrolled(form, texts["kick"])
        elif letter == "A":
            lines += _unrolled(form, texts["drift"])
            fresh = "A" not in form.scheme[place + 1 :]
            lines += _unrolled(form, texts["arrive"]) if fresh else []
        else:
            lines += _baths(form, texts["bath"], occurrence, turned != (occurrence % 2 == 1))
            occurrence += 1
    return lines + _unrolled(form, texts["ledger"])


def _baths(form: Form, text: str, occurrence: int, backwards: bool) -> list[str]:
    """O for every link; the second of two O letters, and odd steps of an alternating order, go backwards."""
    order = range(len(form.links))
    lines: list[str] = []
    for link in reversed(order) if backwards else order:
        coordinate, bath = form.links[link]
        normal = occurrence * len(form.links) + link
        lines += _unrolled(form, text, LINK=link, COORDINATE=coordinate, BATH=bath, NORMAL=normal)
    return lines


def _seen(watched: Sequence[int]) -> str:
    return ", ".join([f"met_{k}" for k in watched] + [f"next_{k}" for k in watched])


def _observe(form: Form) -> list[str]:
    """After a move: integrals over the step, extremes and first passages at its end."""
    watched = [k for k, record in enumerate(form.records) if record.kind != "final"]
    if not watched:
        return []
    lines = [f"{_seen(watched)} = observe_of({_arguments(form)})"]
    for k in watched:
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
    return _numbered("c", form.controls) + _numbered("n", form.controls)


def _begin(form: Form, layout: Layout) -> list[str]:
    """Set every row but the state: accumulators to zero, extremes to infinities, energies to the start's."""
    lines = [f"energy = energy_of({_arguments(form)})", "energy_start = energy"]
    lines += [f"bare = bare_of({_arguments(form)})", "bare_start = bare"] if form.bare else []
    zero = [
        row
        for row in layout.rows[layout.state : layout.reported]
        if not row.startswith(("energy", "bare", "total"))
    ]
    lines += [f"{row} = 0.0" for row in zero]
    limits = {"max": "-inf", "min": "inf", "first": "inf"}
    lines += [f"total_{k} = {limits[r.kind]}" for k, r in enumerate(form.records) if r.kind in limits]
    return _read_row(layout, _controls(form)) + _loop(layout, lines, {})


def _turn(form: Form, layout: Layout) -> list[str]:
    """Open a stroke: its first control change, then forces and recorded values."""
    n = form.coordinates
    lines = [*_insertions(form)["meet"], "done = energy_next - energy_met", "control_work += done"]
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
    watched = [k for k, record in enumerate(form.records) if record.kind != "final"]
    if watched:
        lines.append(f"{_seen(watched)} = observe_of({_arguments(form)})")
    for k in watched:
        kind = form.records[k].kind
        if kind == "integral":
            lines.append(f"value_{k} = next_{k}")
        else:
            lines.append(
                f"record_{k} = " + (f"select(next_{k}, time, inf)" if kind == "first" else f"next_{k}")
            )
    return _read_row(layout, [*_controls(form), "beta_next", "beta_change"]) + _loop(layout, lines, {})


def _advance(form: Form, layout: Layout) -> list[str]:
    """One time step of every lane."""
    # Unsigned: a signed index would be checked for counting from the end, lane by lane.
    z = {"lane": "np.uint64(j)"} | {f"z_{k}": f"Z[noise_{k} + lane]" for k in range(form.normals)}
    old = [f"q_old_{i} = q_{i}" for i in range(form.coordinates)]

    def loop(turned: bool) -> list[str]:
        return _loop(layout, old + _move(form, turned) + _observe(form), z)

    lines = _read_row(layout, layout.table)
    lines += [f"noise_{k} = np.uint64((step % GROUP * NORMALS + {k}) * P)" for k in range(form.normals)]
    if not form.alternates:
        return lines + loop(False)
    even, odd = ([f"    {line}" for line in loop(turned)] for turned in (False, True))
    return [*lines, "if step % 2 == 0:", *even, "else:", *odd]


def _close(form: Form, layout: Layout) -> list[str]:
    """At a stroke's last instant: totals of extremes, values at the end, the energy at zero controls."""
    lines: list[str] = []
    for k, record in enumerate(form.records):
        if record.kind in ("max", "min", "first"):
            sign = ">" if record.kind == "max" else "<"
            lines.append(f"total_{k} = select(record_{k} {sign} total_{k}, record_{k}, total_{k})")
    final = [k for k, record in enumerate(form.records) if record.kind == "final"]
    if final:
        lines.append(f"{', '.join(f'record_{k}' for k in final)} = final_of({_arguments(form)})")
    if form.bare:
        lines.append(f"bare = bare_of({_arguments(form)})")
    return _read_row(layout, _controls(form)) + _loop(layout, lines, {}) if lines else []
