"""The demo end to end at its quick size; then a second call, a wrong number, a missed control."""

import html
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fluctua import demo as demos
from fluctua import demo_page
from fluctua.demo_checks import Check
from fluctua.demo_page import equilibrium_lines, summary
from fluctua.ensembles.estimate import Estimate
from fluctua.stochastic.errors import InvalidInput


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return demos.demo(tmp_path_factory.mktemp("demo") / "fluctua-demo", demos.QUICK, progress=False)


@pytest.fixture
def folder(found):
    return found.page.parent


def files(folder):
    """Every Parquet file with its time of writing."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}


def test_all_comes_out_as_expected(found):
    """Some twenty numbers within four standard errors: one seed in 700 gives a false alarm; this is fixed."""
    assert found.passed, str(found)
    assert [part.control for part in found.parts] == [False, False, True]
    assert len(found.parts[0].checks) == 3 * 6
    assert [part.quantity for part in found.parts[1].checks] == ["ΔF (BAR)", "slope of Crooks"] * 2


def test_weak_and_medium_friction_make_an_engine_and_strong_friction_a_damper(found):
    words = [check.word.split(":")[0] for check in found.parts[0].checks if check.quantity == "work"]
    assert words == ["engine", "engine", "damper"]


def test_the_control_is_caught_and_blamed_on_the_time_step(found):
    (report,) = found.parts[2].reports.values()
    assert report["crooks"].outcome == "violated"
    assert report["first-law"].outcome == "holds"
    assert "time step" in report["crooks"].reason


def test_the_text_sets_expected_beside_measured(found):
    text = str(found)
    for word in (
        "expected",
        "measured",
        "-0.0866",
        "0.6931",
        "hot isotherm",
        "crooks violated",
        "All as expected",
    ):
        assert word in text
    assert max(map(len, text.splitlines())) < 300


def test_the_report_shows_every_part(found):
    page = found.page.read_text(encoding="utf-8")
    assert page.count('<img src="data:image/svg+xml;base64,') == 5
    for part in found.parts:
        assert part.title in page
    assert page.count("<details>") == 3 + 4 + 2


# ---- the page in a real browser


SEEN = """<script>addEventListener("load", () => {
  const all = (within, css) => [...within.querySelectorAll(css)];
  const texts = (row) => all(row, "th, td").map((cell) => cell.innerText);
  const rows = (table) => all(table, "tr:not(.note)").map(texts);
  document.title = JSON.stringify({
    titles: all(document, "h2").map((title) => title.innerText),
    verdicts: rows(document.querySelector("table")),
    pictures: all(document, "img").map((i) => [i.complete, i.naturalWidth, i.naturalHeight, i.clientWidth]),
  });
});</script>"""


def seen(browser, folder, page):
    """Say what the browser makes of a page: headings, the first table, pictures as they were decoded."""
    probe = folder / "probe.html"
    open_to_scripts = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", page)
    probe.write_text(open_to_scripts.replace("</body>", f"{SEEN}</body>"), encoding="utf-8")
    return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", browser(probe, "--dump-dom"))[1]))


def test_a_browser_shows_all_parts_the_verdicts_and_the_pictures(found, browser, tmp_path):
    page = found.page.read_text(encoding="utf-8")
    shown = seen(browser, tmp_path, page)
    assert shown["titles"][1:4] == [part.title for part in found.parts]
    _, *lines = shown["verdicts"]
    judged = [(report, part.control) for part in found.parts for report in part.reports.values()]
    assert len(lines) == len(judged) == 3 + 2 + 1
    for line, (report, control) in zip(lines, judged, strict=True):
        assert ("control" in line[0]) is control
        assert ("violated" in line) is control
        assert line.count("holds") == [verdict.outcome for verdict in report].count("holds")
    assert len(shown["pictures"]) == 5
    assert all(complete and min(sizes) > 0 for complete, *sizes in shown["pictures"])
    broken = page.replace(
        '<img src="data:image/svg+xml;base64,', '<img src="data:image/svg+xml;base64,AAAA', 1
    )
    assert [width > 0 for _, width, *_ in seen(browser, tmp_path, broken)["pictures"]] == [False] + 4 * [True]


def test_the_console_of_the_browser_stays_silent(found, browser, tmp_path):
    assert browser(found.page, "--dump-dom", console=True) == []
    loud = tmp_path / "loud.html"
    page = found.page.read_text(encoding="utf-8")
    loud.write_text(page.replace("</body>", "<script>0</script></body>"), encoding="utf-8")
    assert "Content Security Policy" in " ".join(browser(loud, "--dump-dom", console=True))


# ---- a second call


@pytest.fixture
def undrawn(found, monkeypatch):
    """Leave the pictures out, which take most of the time; the page of the first call comes back."""
    monkeypatch.setattr(demo_page, "_engine_pictures", lambda _: [])
    monkeypatch.setattr(demo_page, "_pairs", lambda _: [])
    page = found.page.read_bytes()
    yield
    assert found.page.read_bytes() != page
    found.page.write_bytes(page)


@pytest.mark.usefixtures("undrawn")
def test_a_second_call_goes_on_with_what_was_cut_short(found, folder, capfd):
    """It writes what is missing and the page, prints the same numbers as JSON, says nothing on stderr."""
    before = files(folder)
    lost = folder / "breathing-trap" / "direction=reverse"
    shutil.rmtree(lost)
    assert demos.run_demo(folder, quick=True, as_json=True) == 0
    after = files(folder)
    assert set(after) == set(before)
    assert {path for path in after if after[path] != before[path]} == set(lost.rglob("*.parquet"))
    said, silent = capfd.readouterr()
    assert silent == ""
    table = json.loads(said)
    assert table["passed"] is True
    expected = [check.to_dict() for part in found.parts for check in part.checks]
    assert [check for part in table["parts"] for check in part["checks"]] == expected


def test_a_smaller_demo_opens_a_larger_one(folder):
    fewer = demos.control_spec().replace({"trajectories": 128})
    run = demos._Maker(folder, None, False).run(fewer, "control/direction=forward")
    assert len(run) == demos.FULL


def test_another_run_in_the_way_is_refused(folder):
    other = demos.control_spec().replace({"seed": 99})
    with pytest.raises(InvalidInput, match="another run"):
        demos._Maker(folder, None, False).run(other, "control/direction=forward")


@pytest.mark.parametrize(
    ("options", "start"), [({}, "Stirling"), ({"quiet": True}, ""), ({"as_json": True}, "{")]
)
def test_what_is_printed(found, monkeypatch, capsys, options, start):
    monkeypatch.setattr(demos, "demo", lambda *_, **__: found)
    assert demos.run_demo("anywhere", **options) == 0
    said, silent = capsys.readouterr()
    assert said.startswith(start)
    assert bool(said) is bool(start)
    assert silent == ""


def test_a_wrong_number_is_not_as_expected(found, monkeypatch, capsys):
    """Negative control: the work of one engine is expected a tenth of a unit away, ten standard errors."""
    first, *others = found.parts
    wrong = replace(first.checks[0], expected=first.checks[0].expected + 0.1)
    broken = replace(found, parts=[replace(first, checks=[wrong, *first.checks[1:]]), *others])
    monkeypatch.setattr(demos, "demo", lambda *_, **__: broken)
    assert demos.run_demo("anywhere") == 1
    assert "NOT all as expected: 21 of 22 numbers" in capsys.readouterr().out


@pytest.mark.parametrize(("value", "passed"), [(1.39, True), (0.61, True), (1.41, False), (0.59, False)])
def test_a_number_passes_within_four_standard_errors(value, passed):
    assert Check("", "", 1.0, Estimate(value, 0.1, 100)).passed is passed


def test_a_control_that_is_missed_is_not_as_expected(found):
    """Negative control: the fine trap's verdicts in the place of the control's."""
    fine = found.parts[1].reports["breathing trap"]
    missed = replace(found.parts[2], reports={"control": fine})
    assert not missed.passed
    assert "MISSED" in summary([*found.parts[:2], missed])


def test_a_violated_claim_is_not_as_expected(found):
    broken = replace(found.parts[1], reports=found.parts[2].reports)
    assert not broken.passed


def test_slow_isotherms_are_the_equilibrium_means(found):
    """dF/dE = -<q>, beside the mean of the initial states that the run itself drew at beta = 1, E = 1."""
    run = found.parts[0].runs[0]
    position, field = equilibrium_lines(run.spec)["slow isotherm, β = 1"]
    start = run.mean("q_initial")
    assert field[-1] == 1.0
    # the difference quotient at the border errs by a third of h^2 and of the third derivative: under 1e-3
    assert abs(position[-1] - start.value) < 4 * start.standard_error + 1e-3
    assert np.all(np.diff(position) > 0)
