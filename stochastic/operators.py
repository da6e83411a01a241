"""Operators of small quantum systems: Pauli strings, matrices of the user's own, sums of them as text.

A Pauli string is up to four of the letters ``I X Y Z P M``, one a spin: ``"ZZ"`` is a product of two spins'
``Z``. ``P = |0><1|`` raises and ``M = |1><0|`` lowers, as the state ``|0>`` has ``Z = +1``. An operator text
such as ``"delta/2*X + epsilon/2*Z"`` is a formula: affine in the operators, with coefficients that are
formulas of controls and parameters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.grammar import not_text
from fluctua.stochastic.values import mapping, name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Complex = NDArray[np.complex128]

SMALLEST, LARGEST = 2, 16
"""Dimensions that a system may have."""

_LETTERS: dict[str, list[list[complex]]] = {
    "I": [[1, 0], [0, 1]],
    "X": [[0, 1], [1, 0]],
    "Y": [[0, -1j], [1j, 0]],
    "Z": [[1, 0], [0, -1]],
    "P": [[0, 1], [0, 0]],
    "M": [[0, 0], [1, 0]],
}
_MOST_SPINS = 4
#: A typed matrix that differs from its adjoint by this fraction of its largest element is Hermitian.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Term:
    """One operator of a sum: its name, its matrix, and the node of its coefficient."""

    name: str
    matrix: Complex
    coefficient: int


def is_pauli_string(word: str) -> bool:
    """Tell whether a word is a Pauli string."""
    return 1 <= len(word) <= _MOST_SPINS and set(word) <= set(_LETTERS)


def pauli_string(word: str) -> Complex:
    """Return the matrix of a Pauli string, shape (2^n, 2^n); the first letter is the slowest index."""
    result: Complex = np.ones((1, 1), dtype=np.complex128)
    for letter in word:
        result = np.asarray(np.kron(result, np.array(_LETTERS[letter])), dtype=np.complex128)
    return result + 0.0  # only one zero


# ---- matrices of the user's own


def read_operators(operators: object, where: str) -> dict[str, Any]:
    """Read named matrices and return them as plain tables.

    Parameters
    ----------
    operators : mapping of str to matrix, or None
        A matrix is a square array or nested lists of numbers, real or complex, or a table
        ``{"re": [[...]], "im": [[...]]}``.

    Returns
    -------
    dict
        Nested lists where a matrix is real, a table of two where it is not.

    Raises
    ------
    InvalidInput
        A name that is a Pauli string, a matrix that is not square, not finite or not of dimension 2 to 16.
    """
    result = {}
    for word, matrix in mapping(operators, where).items():
        if is_pauli_string(name(word, where)):
            raise InvalidInput(f"{word!r} is a Pauli string", where, "choose another name")
        result[word] = _plain(_read_matrix(matrix, f"{where}.{word}"))
    return result


def matrix_of(plain: Any) -> Complex:
    """Return the matrix of a plain table."""
    if isinstance(plain, Mapping):
        return np.asarray(plain["re"], dtype=np.float64) + 1j * np.asarray(plain["im"], dtype=np.float64)
    return np.asarray(plain, dtype=np.complex128)


def is_hermitian(matrix: Complex) -> bool:
    """Tell whether a matrix is its own adjoint, to rounding."""
    difference = np.abs(matrix - matrix.conj().T).max()
    return bool(difference <= _ROUNDING * np.abs(matrix).max())


def is_number(matrix: Complex) -> bool:
    """Tell whether a matrix is a number times the identity, to rounding."""
    difference = np.abs(matrix - matrix[0, 0] * np.eye(len(matrix))).max()
    return bool(difference <= _ROUNDING * np.abs(matrix).max())


def _plain(matrix: Complex) -> Any:
    if not matrix.imag.any():
        return (matrix.real + 0.0).tolist()
    return {"re": (matrix.real + 0.0).tolist(), "im": (matrix.imag + 0.0).tolist()}


def _read_matrix(value: object, where: str) -> Complex:
    if isinstance(value, Mapping):
        if set(value) != {"re", "im"}:
            raise InvalidInput("not a matrix", where, "write { re = [[...]], im = [[...]] }")
        re, im = (_read_array(value[part], f"{where}.{part}") for part in ("re", "im"))
        if re.shape != im.shape or re.imag.any() or im.imag.any():
            remedy = "give two square tables of real numbers, re and im"
            raise InvalidInput("re and im differ in shape or are not real", where, remedy)
        matrix = re + 1j * im.real
    else:
        matrix = _read_array(value, where)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InvalidInput(f"a matrix of shape {matrix.shape}", where, "an operator is square")
    if not SMALLEST <= len(matrix) <= LARGEST:
        raise InvalidInput(f"dimension {len(matrix)}", where, f"dimensions go from {SMALLEST} to {LARGEST}")
    return matrix


def _read_array(value: object, where: str) -> Complex:
    """Read an array or nested lists of finite complex numbers; operators of other libraries know `full`."""
    full = getattr(value, "full", None)
    try:
        array = np.asarray(full() if callable(full) else value)
        numeric = array.dtype.kind in "iufc"
        result = array.astype(np.complex128)
    except (TypeError, ValueError):
        numeric = False
    if not numeric or not np.isfinite(result).all():
        raise InvalidInput(
            f"{shown(value)} is not a matrix of finite numbers",
            where,
            "give a square array or rows of equal length, [[0, 1], [1, 0]]",
        )
    return result


# ---- sums of operators as text


def read_sum(
    graph: Graph,
    text: object,
    names: Mapping[str, str],
    operators: Mapping[str, Any],
    where: str,
) -> tuple[Term, ...]:
    """Read a sum of operators with coefficients.

    Parameters
    ----------
    graph : Graph
        What holds the coefficients.
    text : str
        A formula.
    names : mapping of str to str
        What coefficients may contain, each name with its symbol.
    operators : mapping of str to plain table
        The operators besides Pauli strings.
    where : str
        Dotted path for errors.

    Returns
    -------
    tuple of Term
        In the order of the text; all of one dimension. A coefficient may have become 0.

    Raises
    ------
    InvalidInput
        No formula, no operator, operators of different dimensions, a product or function of operators, or a
        term without operator.
    """
    if not isinstance(text, str):
        raise not_text(text, where)
    words = list(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", text)))
    found = [word for word in words if word in operators or (is_pauli_string(word) and word not in names)]
    symbols = {word: f"operator {word}" for word in found}
    node = _parse(graph, text, {**names, **symbols}, where)
    if not found:
        raise InvalidInput(
            f"no operator in {shown(text)}", where, 'name Pauli strings such as "Z", or what operators= adds'
        )
    matrices = {
        word: matrix_of(operators[word]) if word in operators else pauli_string(word) for word in found
    }
    _check_dimensions(matrices, where)
    _check_affine(graph, node, symbols.values(), len(matrices[found[0]]), where)
    return tuple(
        Term(word, matrices[word], graph.derivative(node, symbol)) for word, symbol in symbols.items()
    )


def _parse(graph: Graph, text: str, names: Mapping[str, str], where: str) -> int:
    try:
        return graph.parse(text, names, where)
    except InvalidInput as error:
        if not error.what.endswith("is not declared"):
            raise
        remedy = f"{error.remedy}; operators are Pauli strings, up to four of I X Y Z P M, or from operators="
        raise InvalidInput(error.what, error.where, remedy) from None


def _check_dimensions(matrices: Mapping[str, Complex], where: str) -> None:
    (first, reference), *others = matrices.items()
    for word, matrix in others:
        if len(matrix) != len(reference):
            raise InvalidInput(
                f"{first} has dimension {len(reference)} and {word} has {len(matrix)}",
                where,
                "operators of one system act on the same states; a Pauli string has a letter for each spin",
            )


def _check_affine(graph: Graph, node: int, symbols: Collection[str], dimension: int, where: str) -> None:
    if not graph.affine_in(node, symbols):
        raise InvalidInput(
            "a product or a function of operators",
            where,
            'write a sum; a product of spins is a Pauli string, "ZZ", any other a matrix in operators=',
        )
    rest = graph.substitute(node, {symbol: graph.number(0.0) for symbol in symbols})
    if not graph.is_zero(rest):
        spins = dimension.bit_length() - 1
        unit = "I" * spins if 2**spins == dimension else "a unit matrix of operators="
        raise InvalidInput("a term without operator", where, f"multiply it with {unit}")
