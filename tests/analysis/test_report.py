"""The page stands alone, shows every verdict in words, and lets nothing through that a folder may carry."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import special

from fluctua.analysis.claims import CLAIMS
from fluctua.analysis.parts import Part
from fluctua.analysis.report import OUTCOMES, Chapter, Page, Picture, Table, as_svg, verdict_table
from fluctua.analysis.report_chapters import chapters_of
from fluctua.analysis.verdict import OUTCOMES as WORDS
from fluctua.analysis.verdict import FreeEnergy, Report, Verdict
from fluctua.analysis.verify import verify
from fluctua.stochastic.errors import StorageError

NASTY = '<script>alert("x")</script>&<img src=http://example.org/x.png>'
VOID = {"meta", "img", "br", "hr", "link", "input"}


def made_up_report(title="runs/squeeze: forward (2,000) against reverse (2,000), in kT", reason="ok"):
    random = np.random.default_rng(3)
    samples = {
        "forward": random.normal(1.0, np.sqrt(2), 2_000),
        "reverse": random.normal(1.0, np.sqrt(2), 2_000),
    }
    verdicts = (
        Verdict("first-law", "holds", 4e-15, reason=reason, measured="residual 4e-15", should_be="0"),
        Verdict(
            "crooks",
            "violated",
            0.9,
            0.006,
            0.05,
            1e-9,
            2e-9,
            information=92_000.4,
            measured="slope 0.900(6)",
            quantity="slope",
            min_detectable=0.017,
            assumptions=("trajectories are independent",),
            parts=(Part("slope", 0.9, 0.006, 1.0, 0.05, p_value=1e-9, p_adjusted=2e-9, method="score test"),),
        ),
        Verdict(
            "jarzynski",
            "undecidable",
            0.1,
            0.2,
            0.1,
            0.4,
            0.4,
            n_needed=8_000,
            reason="too few trajectories: 8,000 would do",
        ),
        Verdict("tur", "not applicable", reason="needs a steady state", measured="needs a steady state"),
    )
    energy = FreeEnergy(0.01, 0.02, information=92_000.0)
    notes = (f"column {NASTY} was taken",)
    return Report(verdicts, title, 0.05, energy, (2.5, "kJ/mol"), samples, notes)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of the made-up report, written once: drawing it takes longer than reading it."""
    return made_up_report().to_html(tmp_path_factory.mktemp("page") / "new" / "report.html")


class Outline(HTMLParser):
    """Collect tags and addresses, and check that every element is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.addresses, self.ids, self.text = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        found = dict(attributes)
        self.addresses += [found[name] for name in ("src", "href", "data", "action") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        assert not any(name.startswith("on") for name in found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_page_is_well_formed_and_refers_to_nothing_outside(page):
    outline = Outline(page.read_text(encoding="utf-8"))
    assert not {"script", "link", "iframe", "object", "form"} & set(outline.tags)
    anchors = {address[1:] for address in outline.addresses if address.startswith("#")}
    assert anchors <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert all(address.startswith(("#", "data:image/svg+xml;base64,")) for address in outline.addresses)
    assert outline.tags.count("img") == 5
    assert page.stat().st_size < 1_500_000


def test_every_verdict_stands_there_in_words(page):
    report = made_up_report()
    text = " ".join("".join(Outline(page.read_text(encoding="utf-8")).text).split())
    for verdict in report:
        assert verdict.claim in text
        assert html.unescape(verdict.reason) in text
        assert OUTCOMES[verdict.outcome] in text
        assert CLAIMS[verdict.claim].means in text
    assert report.headline in text
    assert "slope 0.900(6)" in text
    assert "ΔF = 0.010(20) kT = 0.03(5) kJ/mol (BAR, information 92,000)" in text


def test_what_verdicts_rest_on_stands_there(page):
    outline = Outline(page.read_text(encoding="utf-8"))
    text = " ".join(" ".join(outline.text).split())
    report = made_up_report()
    for said in (
        "slope off by 0.017",
        "8,000",
        "trajectories are independent",
        str(report.effective_temperature),
        NASTY,  # of a note, as text
        "score test",
        *(method.method for method in report.free_energies),
        *(f"No interval: {method.refused}." for method in report.free_energies if method.refused),
    ):
        assert said in text, said
    assert report.effective_temperature.value == pytest.approx(1.0 / 0.9)
    assert report.effective_temperature.low == pytest.approx(1.0 / (0.9 + 1.96 * 0.006), rel=1e-4)


def drawn(report):
    """Which pictures a report gets, by the words for who cannot see them."""
    return [picture.alt for chapter in chapters_of(report) for picture in chapter.pictures]


def test_only_what_was_judged_is_drawn():
    report = made_up_report()
    assert drawn(replace(report, verdicts=report.verdicts[:1], free_energy=None)) == []
    skipped = replace(report.verdicts[1], outcome="not applicable")
    assert drawn(replace(report, verdicts=(skipped,), free_energy=None)) == []
    random = np.random.default_rng(4)
    work = verify(random.normal(1.0, 1.0, 200), delta_f=0.5)
    assert drawn(work) == ["Where the average of exp(ΔF − W) comes from.", "ΔF by method."]
    assert drawn(verify(random.normal(1.0, 1.0, 200))) == ["ΔF by method."]
    of_signs = ["Share of positive", "Cumulated difference", "Where the average of exp(−s)"]
    entropy = drawn(verify(entropy=random.normal(1.0, 1.4, 200)))
    assert [alt[: len(start)] for alt, start in zip(entropy, of_signs, strict=True)] == of_signs


def test_captions_speak_of_stems_where_there_are_some():
    """Work of two values and of a continuum beside them, of two values alone, and of no values."""
    random = np.random.default_rng(6)

    def pictures(*work, **known):
        chapters = chapters_of(verify(*work, **known))
        return {picture.alt: picture.caption for chapter in chapters for picture in chapter.pictures}

    def both(size):
        w = np.where(random.random(2 * size.size) < special.expit(np.repeat(size, 2)), 1.0, -1.0)
        w *= np.repeat(size, 2)
        return w[::2], w[1::2]

    two = np.where(random.random(2000) < 0.5, 0.5, 1.5)
    mixed = np.where(random.random(2000) < 0.3, random.uniform(0.3, 1.7, 2000), two)
    apart = random.uniform(0.3, 1.7, 2000)
    for size, where in ((mixed, "written at their heads"), (two, "the axis has it"), (apart, "")):
        found = pictures(*both(size))
        overlap, ratio = (found[alt] for alt in found if "ensities" in alt or "distributions" in alt)
        assert ("Stems with heads, ○ forward and □ reverse" in ratio) is bool(where)
        assert where in overlap
        (terms,) = (text for alt, text in pictures(both(size)[0], delta_f=0.0).items() if "average" in alt)
        assert ("Stems with heads ○" in terms) is bool(where)


def test_a_phone_reads_each_cell_under_the_name_of_its_column(page):
    text = page.read_text(encoding="utf-8")
    assert '<td data-name="outcome"><span class="outcome' in text
    assert "content: attr(data-name)" in text
    assert "figure img { min-width: 0 !important; }" in text.partition("@media (max-width")[2]


def test_dependent_trajectories_leave_one_interval():
    """Twelve groups: BAR has the error of the report, with Student's law, and the others have none."""
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(12), 50)
    frames = [pd.DataFrame({"work": random.normal(1.0, 1.4, 600), "day": group}) for _ in range(2)]
    report = verify(*frames, column="work", group="day")
    best, *others = report.free_energies
    reach = report.free_energy.standard_error * special.stdtrit(report.free_energy.freedom, 0.975)
    assert (best.low, best.high) == pytest.approx((best.value - reach, best.value + reach))
    assert all(method.refused for method in others)
    assert not all(method.refused for method in verify(*(frame["work"] for frame in frames)).free_energies)


def test_every_word_of_the_verdicts_is_explained():
    assert set(OUTCOMES) == set(WORDS)


@pytest.mark.parametrize("where", ["title", "reason", "spec", "caption", "cell", "alt"])
def test_what_a_folder_carries_is_escaped(where):
    """A negative control as well: the same text unescaped would be found by the same search."""
    said = dict.fromkeys(("title", "reason", "spec", "caption", "cell", "alt"), "plain") | {where: NASTY}
    chapter = Chapter(
        said["title"],
        reports={said["caption"]: made_up_report(said["title"], said["reason"])},
        tables=[Table(said["caption"], ("a", "b"), [(said["cell"], said["cell"])])],
        pictures=[Picture(Figure(), said["caption"], said["alt"])],
    )
    text = Page(said["title"], said["title"], "holds", [chapter], {said["title"]: said["spec"]}).render()
    assert "<script" not in text
    assert "example.org" not in "".join(Outline(text).addresses)
    assert html.escape(NASTY, quote=False) in text.replace("&#34;", '"')


def test_table_has_a_row_a_verdict_and_a_cell_a_column():
    table = verdict_table(made_up_report(), "runs")
    assert [row[:2] for row in table.rows] == [
        (verdict.claim, verdict.outcome) for verdict in made_up_report()
    ]
    assert {len(row) for row in table.rows} == {len(table.head)}
    assert table.rows[1][5:7] == ("2e-09", "92,000")


def test_a_picture_is_the_same_bytes_twice():
    figures = [Figure(), Figure()]
    for figure in figures:
        figure.subplots().plot([0, 1], label=NASTY)
        figure.axes[0].legend()
    first, second = map(as_svg, figures)
    assert first == second
    assert b"<script" not in first


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        made_up_report().to_html(tmp_path / "file" / "report.html")


# ---- in a real browser


def test_a_browser_shows_the_page(browser, page, tmp_path):
    """Chromium lays the page out, decodes the pictures, and takes a screenshot that is not blank."""
    tree = browser(page, "--dump-dom")
    assert "violated" in tree
    assert re.search(r"</html>\s*$", tree)
    shot = tmp_path / "wide.png"
    browser(page, f"--screenshot={shot}", "--window-size=1200,1600", "--hide-scrollbars")
    pixels = picture_of(shot)
    assert pixels.shape[:2] == (1600, 1200)
    blue = np.abs(pixels[..., :3] - np.array([0.0, 114, 178]) / 255).max(axis=-1) < 0.06
    assert blue.sum() > 300  # the outline of the forward density: the picture is decoded and drawn


def test_a_narrow_window_never_scrolls_sideways(browser, page, tmp_path):
    """Tables and pictures scroll in their own boxes: a probe in the page reads the widths."""
    text = page.read_text(encoding="utf-8")
    assert probed(browser, tmp_path, text) <= 0
    torn = text.replace("<main>", "<main><div style='width:60rem'>wide</div>")
    assert probed(browser, tmp_path, torn) > 0


def probed(browser, tmp_path, text):
    """How many pixels the document is wider than a window of 500, the narrowest that Chromium makes."""
    policy = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", text)
    script = "document.title = document.documentElement.scrollWidth - window.innerWidth"
    probe = tmp_path / "probe.html"
    probe.write_text(policy.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    tree = browser(probe, "--dump-dom", "--window-size=500,900")
    return int(re.search(r"<title>(-?\d+)</title>", tree)[1])


def picture_of(path):
    from matplotlib.image import imread

    return imread(path)
