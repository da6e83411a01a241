"""Formulas: what is read and refused, derivatives, and that printed text and computed value are the same."""

import contextlib
import pathlib
import threading
import time

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.stochastic import expressions, grammar, lanes, lowering, twins
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.grammar import FUNCTIONS

from strategies import NAMES, formulas, polynomials

SAME = {name: name for name in NAMES}
TWINS = {"fma": twins.fma, "sqrt": twins.sqrt} | {
    name: getattr(lanes, name) for name in FUNCTIONS if name != "sqrt"
}


def parsed(text, names=SAME):
    graph = Graph()
    return graph, graph.parse(text, names, "system.energy")


def printed(graph, nodes, space):
    """Run the text that the graph prints."""
    lines, results = graph.emit(nodes, "")
    space = dict(space)
    exec("\n".join(lines), space)
    return [eval(result, space) for result in results]


def as_sympy(graph, node):
    """Feed SymPy from the tree: its own reader of text would execute it."""
    match graph._keys[node]:
        case ("number", value):
            return sympy.Rational(value)
        case ("symbol", name):
            return sympy.Symbol(name, real=True)
        case ("call", function, a):
            return getattr(sympy, function)(as_sympy(graph, a))
        case ("add", a, b):
            return as_sympy(graph, a) + as_sympy(graph, b)
        case ("mul", a, b):
            return as_sympy(graph, a) * as_sympy(graph, b)
        case ("div", a, b):
            return as_sympy(graph, a) / as_sympy(graph, b)


# ---- what is read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k/2 * q**2", 9.0),
        ("-q**2", -9.0),
        ("2*q - -x", 11.0),
        ("q**-2", 1 / 9),
        ("+q", 3.0),
        ("(q - x)**3 / 4", -2.0),
        ("pi", np.pi),
        ("  q\n + x", 8.0),
        ("1_000 + 1e2", 1100.0),
        ("2**10/2**-1", 2048.0),
        (7, 7.0),
        (0.25, 0.25),
        (np.float64(0.5), 0.5),
    ],
)
def test_formulas_mean_what_they_say(text, value):
    graph, node = parsed(text)
    assert graph.evaluate(node, {"q": 3.0, "x": 5.0, "k": 2.0}) == value


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_the_functions(name):
    graph, node = parsed(f"{name}(q)")
    exact = float(getattr(mpmath, name)(mpmath.mpf(0.7)))
    assert graph.evaluate(node, {"q": 0.7, "x": 0, "k": 0}) == pytest.approx(exact, rel=5e-16)


def test_names_are_translated_to_symbols():
    graph, node = parsed("k*q", {"k": "c_0", "q": "q_0"})
    assert graph.symbols(node) == {"c_0", "q_0"}
    assert graph.emit([node]) == ([], ["c_0 * q_0"])


def test_numbers_are_carried_out_and_kept_in_front():
    graph, node = parsed("2*q*3*x + 0*exp(k) + (q - q)")
    assert graph.emit([node]) == ([], ["6.0 * (q * x)"])
    graph, node = parsed("2**-1 + cos(0)")
    assert graph.constant(node) == 1.5
    assert graph.is_zero(graph.parse("q*x - x*q", SAME))


def test_division_by_a_power_of_two_is_exact():
    graph, node = parsed("q/8")
    assert graph.emit([node]) == ([], ["0.125 * q"])
    graph, node = parsed("q/3")
    assert graph.emit([node]) == ([], [f"{1 / 3!r} * q"])


def test_shared_parts_have_one_temporary_and_products_are_fused():
    graph, node = parsed("exp(q*x) * k + exp(q*x)")
    assert graph.emit([node], "  ", "w") == (["  w0 = exp(q * x)"], ["fma(w0, k, w0)"])


# ---- derivatives


@settings(max_examples=150)
@given(formulas(), st.sampled_from(NAMES), st.tuples(*[st.integers(-8, 8).map(lambda n: n / 5)] * 3))
def test_derivatives_agree_with_sympy(text, name, point):
    graph, node = parsed(text)
    ours = graph.derivative(node, name)
    theirs = sympy.diff(as_sympy(graph, node), sympy.Symbol(name, real=True))
    with mpmath.workdps(50):
        at = {symbol: mpmath.mpf(value) for symbol, value in zip(NAMES, point, strict=True)}
        space = {f: getattr(mpmath, f) for f in FUNCTIONS} | {"fma": lambda a, b, c: a * b + c}
        (value,) = printed(graph, [ours], space | at)
        exact = sympy.lambdify([sympy.Symbol(symbol, real=True) for symbol in NAMES], theirs, "mpmath")(
            *at.values()
        )
        assert abs(value - exact) <= mpmath.mpf(10) ** -40 * (1 + abs(exact))


def test_the_derivative_check_finds_a_wrong_rule(monkeypatch):
    # As if (f(u))' were f(u) u'.
    monkeypatch.setattr(Graph, "_chain", lambda graph, node, *rest: graph.mul(node, rest[-1]))
    graph, node = parsed("sin(q)")
    (value,) = printed(graph, [graph.derivative(node, "q")], {"sin": mpmath.sin, "q": mpmath.mpf(1)})
    assert abs(value - mpmath.cos(1)) > 0.1


@settings(max_examples=150)
@given(polynomials(), st.sampled_from(NAMES), st.tuples(*[st.integers(-2, 2)] * 3))
def test_polynomials_and_their_derivatives_are_exact(text, name, point):
    graph, node = parsed(text)
    at = dict(zip(NAMES, point, strict=True))
    exact = eval(text, {}, at)  # whole numbers: Python computes without rounding
    slope = sympy.diff(as_sympy(graph, node), sympy.Symbol(name, real=True)).subs(
        {sympy.Symbol(n, real=True): v for n, v in at.items()}
    )
    if max(abs(exact), abs(slope)) < 2**40:
        assert graph.evaluate(node, at) == exact
        assert graph.evaluate(graph.derivative(node, name), at) == int(slope)


# ---- computing and printing


@settings(max_examples=150)
@given(formulas(), formulas(), st.tuples(*[st.floats(-3, 3)] * 3))
def test_printed_text_has_the_bits_of_the_value_in_any_company(text, other, point):
    at = {name: np.array([value, 0.5]) for name, value in zip(NAMES, point, strict=True)}
    graph, node = parsed(text)
    alone = graph.evaluate(node, at)
    graph = Graph()
    company = [graph.parse(other, SAME), graph.parse(f"({other}) - ({text})", SAME)]
    node = graph.parse(text, SAME)
    with np.errstate(all="ignore"):
        value = printed(graph, [*company, graph.derivative(node, "q"), node], TWINS | at)[-1]
    np.testing.assert_array_equal(np.broadcast_to(value, 2), alone)


def test_which_product_is_fused_does_not_depend_on_company():
    for text, result in (("q*x + k*k", "fma(k, k, q * x)"), ("k*k + q*x", "fma(q, x, k * k)")):
        graph = Graph()
        graph.parse("k*k + q*x", SAME)
        graph.parse("q*x + k*k", SAME)
        assert graph.emit([graph.parse(text, SAME)])[1] == [result]


@settings(max_examples=100)
@given(polynomials(), polynomials(), st.tuples(*[st.integers(-2, 2)] * 3))
def test_substitution_is_composition(outer, inner, point):
    graph, node = parsed(outer)
    at = dict(zip(NAMES, point, strict=True))
    value = eval(inner, {}, at)
    composed = graph.substitute(node, {"q": graph.parse(inner, SAME)})
    exact = eval(outer, {}, at | {"q": value})
    if abs(exact) < 2**40 and abs(value) < 1000:
        assert graph.evaluate(composed, at) == exact


@pytest.mark.parametrize(
    ("text", "affine", "quadratic"),
    [
        ("3", True, True),
        ("k*q + exp(k)", True, True),
        ("q/(1 + k**2) - x", True, True),
        ("k/2*(q - x)**2", False, True),
        ("q*x*k", False, True),
        ("q**3", False, False),
        ("q*x*q", False, False),
        ("1/q", False, False),
        ("sin(q)", False, False),
        ("sin(k)*q", True, True),
    ],
)
def test_degrees(text, affine, quadratic):
    graph, node = parsed(text)
    assert graph.affine_in(node, ["q", "x"]) is affine
    assert graph.quadratic_in(node, ["q", "x"]) is quadratic


@pytest.mark.parametrize(
    "text",
    [
        "q > 1",
        "q >= x",
        "0 < q <= 1",
        "q < 0 or x < q and k > 0",
        "not (q > 0 or x > 0)",
        "(q + x)*k < 1",
        "not q < x",
    ],
)
def test_conditions(text):
    graph = Graph()
    node = graph.parse_condition(text, SAME)
    grid = np.stack(np.meshgrid(*[np.array([-1.0, 0.0, 0.5, 1.0, 2.0])] * 3)).reshape(3, -1)
    at = dict(zip(NAMES, grid, strict=True))
    expected = [eval(text, {}, dict(zip(NAMES, row, strict=True))) for row in grid.T]
    assert graph.evaluate(node, at).tolist() == expected
    assert printed(graph, [node], at)[0].tolist() == expected


def test_values_are_broadcast_to_all_that_is_given():
    graph, node = parsed("k")
    assert graph.evaluate(node, {"k": 2.0, "q": np.zeros((3, 1)), "x": np.zeros(4)}).shape == (3, 4)
    assert graph.evaluate(graph.number(1.0), {}).shape == ()


def test_non_finite_values_pass_without_a_warning():
    graph, node = parsed("exp(q)*0.5 + log(q) + 1/q")
    values = graph.evaluate(node, {"q": [np.nan, -1.0, 800.0, 0.0, np.inf]})
    np.testing.assert_array_equal(values[:3], [np.nan, np.nan, np.inf])
    assert not np.isfinite(values).any()


class Watched(list):
    """A list that lets other threads in halfway through an append, and knows whether one came."""

    inside = most = 0

    def append(self, item):
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0)  # not a pause: an offer to switch threads
        super().append(item)
        self.inside -= 1


def build_together(graph):
    results = []

    def build():
        results.append([graph.power(graph.add(graph.symbol("q"), graph.number(n)), 5) for n in range(50)])

    threads = [threading.Thread(target=build) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_threads_may_share_a_graph():
    graph = Graph()
    graph._keys = Watched()
    results = build_together(graph)
    assert graph._keys.most == 1
    assert all(result == results[0] for result in results)
    assert [graph.evaluate(node, {"q": 1.0}) for node in results[0]] == [(1.0 + n) ** 5 for n in range(50)]


def test_the_thread_check_finds_a_missing_lock(monkeypatch):
    monkeypatch.setattr(expressions, "_LOCK", contextlib.nullcontext())
    graph = Graph()
    graph._keys = Watched()
    build_together(graph)
    assert graph._keys.most > 1


def test_compiled_text_agrees_with_the_computed_value():
    from numba import njit

    from fluctua.stochastic import compiling, intrinsics

    graph, node = parsed("tanh(q*k)/x + exp(-q**2) + log(1 + x**2)*sqrt(x) - cos(q)")
    slope = graph.derivative(node, "q")
    inside = graph.parse_condition("0 < q <= 1 and not (x > 2 or k < 1)", SAME)
    lines, results = graph.emit([node, slope, inside])
    space = {name: getattr(compiling.lane_module(), name) for name in FUNCTIONS if name != "sqrt"}
    space |= {"fma": intrinsics.fma, "sqrt": intrinsics.sqrt}
    exec("\n".join(["def meet(q, x, k):", *lines, "    return " + ", ".join(results)]), space)
    meet = njit(error_model="numpy")(space["meet"])
    at = dict(zip(NAMES, np.random.default_rng(0).uniform(0.1, 2.5, (3, 50)), strict=True))
    values, slopes, found = zip(*(meet(*point) for point in zip(*at.values(), strict=True)), strict=True)
    rounding = 20 * 3 * np.finfo(float).eps * 10  # twenty operations, each within 3 ulp of numbers below 10
    np.testing.assert_allclose(values, graph.evaluate(node, at), rtol=0, atol=rounding)
    np.testing.assert_allclose(slopes, graph.evaluate(slope, at), rtol=0, atol=20 * rounding)  # 1/x up to 10
    assert list(found) == graph.evaluate(inside, at).tolist()


@pytest.mark.parametrize("module", [expressions, grammar, lowering])
def test_formulas_need_no_compiler(module):
    source = pathlib.Path(module.__file__).read_text()
    assert "numba" not in source
    assert "sympy" not in source


@pytest.mark.parametrize(("text", "wanted"), [("q == 1", [0, 1, 0]), ("0 < q == 1", [0, 1, 0])])
def test_equality_is_two_comparisons(text, wanted):
    graph = Graph()
    node = graph.parse_condition(text, {"q": "q"})
    assert graph.evaluate(node, {"q": np.array([0.0, 1.0, 2.0])}).astype(int).tolist() == wanted
