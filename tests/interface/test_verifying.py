"""``fluctua verify --affinity`` and ``--irreversible-weight``: exchanges, and what has no way back."""

import json
import math

import numpy as np
import pytest

import fluctua as fl

AFFINITY = 0.8
LEFT_OUT = 0.4  # probability, in the reverse process, of where the forward one never starts


def written(path, name, values):
    path.write_text("\n".join([name, *map(repr, np.asarray(values, float).tolist())]))
    return path


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Particles that two bodies exchanged: those of each way are Poisson, in the ratio exp(A)."""
    rng = np.random.default_rng(20)
    exchanged = rng.poisson(1.5 * math.exp(AFFINITY), 20_000) - rng.poisson(1.5, 20_000)
    return written(tmp_path_factory.mktemp("exchange") / "counted.csv", "particles", exchanged)


@pytest.fixture(scope="module")
def confined(tmp_path_factory):
    """Entropy of two values, and one that no way leads back from: <exp(-s)> = 0.5 / 2.5 + 0.4 = 1 - 0.4."""
    rng = np.random.default_rng(21)
    s = rng.choice([math.log(2.5), 0.0, math.inf], 4_000, p=[0.5, 0.4, 0.1])
    return written(tmp_path_factory.mktemp("entropy") / "confined.csv", "s_tot", s)


def words(out):
    return {one["claim"]: one["outcome"] for one in json.loads(out)["verdicts"]}


def test_an_exchange_is_judged_as_in_python(typed, counted):
    code, out, err = typed("verify", "--forward", counted, "--affinity", AFFINITY, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(fl.verify(str(counted), affinity=AFFINITY).to_json())
    assert words(out) == {"exchange": "holds", "second-law": "holds"}


def test_a_wrong_affinity_is_violated_and_exits_1(typed, counted):
    code, out, _ = typed("verify", counted, "--affinity", 1.2 * AFFINITY, "--claims", "exchange", "--json")
    assert code == 1
    assert words(out) == {"exchange": "violated"}


def test_what_has_no_way_back_is_told_with_its_weight(typed, confined):
    known = ["verify", "--entropy", confined, "--claims", "integral", "--json", "--irreversible-weight"]
    code, out, _ = typed(*known, LEFT_OUT)
    assert (code, words(out)) == (0, {"integral": "holds"})
    code, out, _ = typed(*known, 0.5)  # an average that should be lower than it is
    assert (code, words(out)) == (1, {"integral": "violated"})
    code, out, _ = typed(*known[:-1])  # too low, for all that is known: a rare trajectory may mend that
    assert (code, words(out)) == (0, {"integral": "undecidable"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["F", "--affinity", "nan"], "nan is no finite number (affinity)"),
        (["F", "--irreversible-weight", "1"], "1 is no probability below 1 (irreversible_weight): give the "),
        (["F", "F", "--affinity", "1"], "a reverse beside an exchange (reverse): leave it out"),
        (["F", "--affinity", "1", "--delta-f", "2"], "a known ΔF beside an exchange (delta_f): leave it out"),
        (["--entropy", "F", "--affinity", "1"], "an affinity beside entropy (affinity): give what was "),
        (
            ["--forward", "F", "--forward", "F", "--affinity", "1"],
            "an affinity beside several protocols (affinity): leave it out",
        ),
        (
            ["--forward", "F", "--forward", "F", "--irreversible-weight", "0.1"],
            "an irreversible weight beside several protocols (irreversible_weight): leave it out",
        ),
        (["--watch", "F", "--affinity", "0"], "not together with --watch (--affinity): with it go "),
        (
            ["--watch", "F", "--irreversible-weight", "0"],
            "not together with --watch (--irreversible-weight): with it go ",
        ),
        (["F", "--affinity", "much"], "'much'"),
    ],
)
def test_what_does_not_go_together_is_one_line(typed, counted, words, said):
    code, out, err = typed("verify", *(counted if word == "F" else word for word in words))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err
