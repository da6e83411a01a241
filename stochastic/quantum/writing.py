"""Write the module of the kernel of wave functions for a dimension and a number of baths."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fluctua.stochastic.compiling import PADDING, kernel_text
from fluctua.stochastic.quantum.tables import HEAD, MOST_TERMS

_UNROLLED = 4  # up to this dimension a product is one straight line of code
_COLUMNS = 4  # columns taken together beyond it
_CARRIED_ROWS = ("threshold", "energy")
_WORK_ROWS = ("norm", "before", "after", "done")
_REPORTED_ROWS = ("work", "gained", "flaw", "activity", "entropy_flow", "log_ratio", "potential")


@dataclass(frozen=True)
class Shape:
    """What a kernel is written for: dimension, baths, trajectories in a block."""

    dimension: int
    baths: int
    lanes: int

    @property
    def pitch(self) -> int:
        """Distance from row to row."""
        return self.lanes + PADDING

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """The rows of the ledger: what a trajectory carries, and scratch."""
        return (*self.carried, *_WORK_ROWS)

    @cached_property
    def carried(self) -> tuple[str, ...]:
        """The rows that begin and end with a trajectory; those of `reported` are given out."""
        return (*_CARRIED_ROWS, *self.reported)

    @cached_property
    def reported(self) -> tuple[str, ...]:
        """The rows that are given out."""
        return (*_REPORTED_ROWS, *(f"heat_{bath}" for bath in range(self.baths)))

    def scratch(self, slots: int) -> tuple[int, ...]:
        """Lengths of the scratch for one trajectory: two wave functions, a series, weights of channels."""
        real = 2 * self.dimension
        return real, real, (MOST_TERMS + 1) * real, max(slots, 1)


def module_text(shape: Shape, noise_module: str, *, followed: bool, mixing: bool = True) -> str:
    """Write the whole module.

    `followed` tells whether the energy is followed along the path, `mixing` whether levels mix between jumps.
    """
    d = shape.dimension
    constants: dict[str, object] = {
        "D": d,
        "R": 2 * d,
        "B": shape.lanes,
        "P": shape.pitch,
        "CARRIED": len(shape.carried),
        "REPORTED": len(shape.reported),
        "REPORT": len(_CARRIED_ROWS) * shape.pitch,
        "BATHS": shape.baths,
        "SAMPLED": 2 * d + shape.baths,
        "FOLLOWED": followed,
        "NEAR": "2.0**-26",
        "LESS": 1.0 - 1e-9,
        "LOST": 1e-6,
        "ONE_LEVEL": 1.0 - 1e-9,
        "SMALL": "0x3FFFFFFFFFFFFFFF",
        **{name.upper(): k * shape.pitch for k, name in enumerate(shape.rows)},
        "HEAT": shape.rows.index("heat_0") * shape.pitch,
        **{name.upper(): k for k, name in enumerate(HEAD)},
    }
    head = [
        f'"""Kernel: wave functions of dimension {d}, {shape.baths} bath(s)."""',
        "import numpy as np",
        "from fluctua.stochastic.compiling import kernel, lane",
        "from fluctua.stochastic.intrinsics import copy, fma, sqrt",
        f"from {noise_module} import HALF, LOW_HALF, TAG_LENGTH, philox, uniform",
        *(f"{name} = {value}" for name, value in constants.items()),
    ]
    functions = _chosen(_functions(kernel_text("wave_function")), mixing=mixing)
    places = {name: _body(functions[name]) for name in ("replay",)}
    places |= {"evolve": _product(d), "multiply": _one_product(d), "overlap": _overlap(2 * d)}
    written = {
        name: "\n".join(_filled(text.splitlines(), places))
        for name, text in functions.items()
        if name not in places and (followed or name != "change")
    }
    parts = [
        f"{'@kernel' if name in ('change', 'simulate') else '@lane'}\n{text}"
        for name, text in written.items()
    ]
    return "\n\n\n".join(["\n".join(head), *parts]) + "\n"


def _functions(text: str) -> dict[str, str]:
    """Split a text into its functions."""
    found = re.findall(r"^def (\w+)\(.*?(?=^def |\Z)", text, flags=re.M | re.S)
    bodies = re.findall(r"^def \w+\(.*?(?=^def |\Z)", text, flags=re.M | re.S)
    return {name: body.rstrip() for name, body in zip(found, bodies, strict=True)}


def _chosen(functions: dict[str, str], *, mixing: bool) -> dict[str, str]:
    """Let the functions of levels that mix take the place of their namesakes, or leave them out."""
    ending = "_mixing"
    others = {name: text for name, text in functions.items() if name.endswith(ending)}
    kept = {name: text for name, text in functions.items() if name not in others}
    if mixing:
        for name, text in others.items():
            kept[name.removesuffix(ending)] = text.replace(name, name.removesuffix(ending), 1)
    return kept


def _body(function: str) -> list[str]:
    """Give the lines of a function without its head and docstring, not indented."""
    return textwrap.dedent(function.split('"""', 2)[2].lstrip("\n")).splitlines()


def _filled(lines: Sequence[str], places: Mapping[str, Sequence[str]]) -> list[str]:
    """Put bodies in the place of bare calls, those within them too."""
    filled: list[str] = []
    for line in lines:
        name = line.strip().removesuffix("()")
        if name == line.strip() or name not in places:
            filled.append(line)
            continue
        indent = line[: len(line) - len(line.lstrip())]
        filled += [f"{indent}{inner}" for inner in (f"# {name}", *_filled(places[name], places))]
    return filled


def _product(d: int) -> list[str]:
    """Write Y = M X for all lanes, the norms, and how many have fallen below their threshold."""
    if d <= _UNROLLED:
        lines = [
            f"{part}_{a}_{b} = F[matrix + {(k * d + b) * d + a}]"
            for k, part in enumerate(("re", "im"))
            for a in range(d)
            for b in range(d)
        ]
        lines.append("for j in range(B):")
        lines += [f"    x_{a} = X[{a} * P + j]" for a in range(2 * d)]
        for a in range(d):
            lines += [f"    {line}" for line in _row(d, str(a), range(d), first=True, named=f"_{a}")]
        lines += [f"    Y[{a} * P + j] = re_{a}" for a in range(d)]
        lines += [f"    Y[{d + a} * P + j] = im_{a}" for a in range(d)]
        lines.append("    norm = re_0 * re_0")
        lines += [f"    norm = fma(re_{a}, re_{a}, norm)" for a in range(1, d)]
        lines += [f"    norm = fma(im_{a}, im_{a}, norm)" for a in range(d)]
        return [*lines, *_watch()]
    lines = ["for a in range(D):"]
    groups = [range(b, min(b + _COLUMNS, d)) for b in range(0, d, _COLUMNS)]
    for number, columns in enumerate(groups):
        first, last = number == 0, number == len(groups) - 1
        lines += [
            f"    {part}_a_{b} = F[matrix + {(k * d + b) * d} + a]"
            for k, part in enumerate(("re", "im"))
            for b in columns
        ]
        lines.append("    for j in range(B):")
        lines += [f"        x_{b} = X[{b} * P + j]" for b in columns]
        lines += [f"        x_{d + b} = X[{d + b} * P + j]" for b in columns]
        if not first:
            lines += ["        re = Y[a * P + j]", "        im = Y[(D + a) * P + j]"]
        lines += [f"        {line}" for line in _row(d, "a", columns, first=first, named="")]
        lines += ["        Y[a * P + j] = re", "        Y[(D + a) * P + j] = im"]
        if last:
            lines += [
                "        norm = 0.0 if a == 0 else W[NORM + j]",
                "        W[NORM + j] = fma(re, re, fma(im, im, norm))",
            ]
    return [*lines, "for j in range(B):", "    norm = W[NORM + j]", *_watch()]


def _one_product(d: int) -> list[str]:
    """Write y = M x for one wave function: in registers where they suffice, else some columns at a time."""
    if d <= _UNROLLED:
        lines = [f"{part}_{a} = 0.0" for part in ("re", "im") for a in range(d)]
        lines += [f"for b in range({d}):", f"    u, v = x[b], x[b + {d}]"]
        for a in range(d):
            m, n = f"F[k + {a}]", f"F[k + {d * d + a}]"
            lines += [f"    re_{a} = fma({m}, u, fma(-{n}, v, re_{a}))"]
            lines += [f"    im_{a} = fma({m}, v, fma({n}, u, im_{a}))"]
        lines += [f"    k += {d}"]
        return [
            *lines,
            *(f"y[{k * d + a}] = {part}_{a}" for k, part in enumerate(("re", "im")) for a in range(d)),
        ]
    lines = ["k &= SMALL", "for a in range(R):", "    y[a] = 0.0"]
    for begin in range(0, d, _COLUMNS):
        columns = range(begin, min(begin + _COLUMNS, d))
        lines += [f"u_{b}, v_{b} = x[{b}], x[{d + b}]" for b in columns]
        re, im = "y[a]", "y[a + D]"
        for b in columns:
            m, n = f"F[k + {b * d} + a]", f"F[k + {(d + b) * d} + a]"
            re = f"fma({m}, u_{b}, fma(-{n}, v_{b}, {re}))"
            im = f"fma({m}, v_{b}, fma({n}, u_{b}, {im}))"
        lines += ["for a in range(D):", f"    re = {re}", f"    y[a + D] = {im}", "    y[a] = re"]
    return lines


def _overlap(width: int) -> list[str]:
    """Write the sum over ``x[a] * y[a]`` in so many strands as are even in number."""
    strands = range(2 if width % 4 else 4)
    lines = [f"s_{k} = x[{k}] * y[{k}]" for k in strands]
    if width > len(strands):
        lines += [f"for a in range({len(strands)}, R, {len(strands)}):"]
        lines += [f"    s_{k} = fma(x[a + {k}], y[a + {k}], s_{k})" for k in strands]
    return [*lines, "return " + ("s_0 + s_1" if len(strands) == 2 else "(s_0 + s_1) + (s_2 + s_3)")]


def _watch() -> list[str]:
    return ["    W[NORM + j] = norm", "    crossed += 1 if norm < W[THRESHOLD + j] else 0"]


def _row(d: int, a: str, columns: range, *, first: bool, named: str) -> list[str]:
    """Write one row of the product: real and imaginary part, column after column."""
    lines = []
    for b in columns:
        m, n, x, y = f"re_{a}_{b}", f"im_{a}_{b}", f"x_{b}", f"x_{d + b}"
        if first and b == columns[0]:
            lines += [f"re{named} = fma({m}, {x}, -{n} * {y})", f"im{named} = fma({m}, {y}, {n} * {x})"]
        else:
            lines += [f"re{named} = fma({m}, {x}, fma(-{n}, {y}, re{named}))"]
            lines += [f"im{named} = fma({m}, {y}, fma({n}, {x}, im{named}))"]
    return lines
