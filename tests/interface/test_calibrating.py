"""The command ``fluctua calibrate``."""

import json

import numpy as np
import pytest

from fluctua.cli import main


@pytest.fixture
def files(tmp_path):
    """Gaussian work that obeys Crooks' theorem: dissipation 1 kT, free energy 2 kT."""
    rng = np.random.Generator(np.random.Philox(3))
    places = {}
    for name, mean in (("forward", 3.0), ("reverse", -1.0)):
        places[name] = tmp_path / f"{name}.csv"
        np.savetxt(places[name], rng.normal(mean, np.sqrt(2.0), 400), header="work", comments="")
    return [word for name, place in places.items() for word in (f"--{name}", str(place))]


def test_rates_on_data_like_those_in_files(files, capsys):
    """The fitted free energy and dissipation are those of the truth, |z| < 4."""
    assert main(["calibrate", *files, "--ensembles", "10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n_forward"], found["n_reverse"], found["ensembles"]) == (400, 400, 10)
    assert abs(found["free_energy"] - 2.0) < 4 * 0.06  # BAR's error here: sqrt(1.08 / 400) = 0.052
    assert abs(found["dissipation"] - 1.0) < 4 * 0.1
    for row in found["rates"]:
        assert row["holds"] + row["violated"] + row["undecidable"] == pytest.approx(1.0)
    turned = [row for row in found["rates"] if row["case"] == "reverse sign turned"]
    assert turned[0]["violated"] == 1.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to be like (command line): give --like DIR, or --forward FILE"),
        (["--like", "nowhere"], "no such file or folder (nowhere)"),
    ],
)
def test_bad_input_is_one_line(words, said, capsys):
    assert main(["calibrate", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.count("\n") == 1
