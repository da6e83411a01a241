"""The picture of one trajectory: its coordinates, what it gathered, its strokes, and where it failed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import fluctua as fl
from fluctua.analysis import path_figure as drawing
from fluctua.analysis.path_figure import path_figure
from fluctua.ensembles.replay import Replay


def replayed(steps, path=None, status=0.0):
    """A trajectory of two coordinates that nobody computed: only its protocol and its path are drawn."""
    well = fl.Potential("k/2*(x**2 + y**2)", coordinates=("x", "y"), controls="k")
    spec = fl.EnsembleSpec(
        well,
        fl.Overdamped(friction=1.0),
        fl.Protocol(steps, beta=1.0, k=1.0),
        trajectories=1,
        time_step=0.1,
        seed=1,
    )
    time = np.arange(spec.time_steps + 1) * 0.1
    columns = {
        "time": time,
        "k": 1.0 + time,
        "x": np.sin(time),
        "y": np.cos(time),
        "work": time,
        "heat": -time,
    }
    row = pd.Series({"status": status, "work": 1.0, "heat": -1.0})
    return Replay(spec, 3, row, pd.DataFrame(columns | (path or {})), None, None, None)


STEPS = [fl.Isothermal(1.0, k=(1.0, 2.0), name="squeeze"), fl.Quench(k=3.0, name="jump"), fl.Hold(1.0)]


def test_coordinates_stand_above_work_and_heat():
    replay = replayed(STEPS)
    above, below = path_figure(replay, "trajectory 3").axes
    lines = {line.get_label(): line for axes in (above, below) for line in axes.get_lines()}
    for axes, names in ((above, ["x", "y"]), (below, ["work", "heat"])):
        assert set(names) <= {line.get_label() for line in axes.get_lines()}
    for name in ("x", "y", "work", "heat"):
        np.testing.assert_array_equal(lines[name].get_xdata(), replay.path["time"])
        np.testing.assert_array_equal(lines[name].get_ydata(), replay.path[name])
    assert above.get_ylabel() == "coordinates [length]"
    assert (below.get_ylabel(), below.get_xlabel()) == ("so far [energy]", "time")


def test_strokes_are_bands_and_quenches_lines():
    above, below = path_figure(replayed(STEPS)).axes
    for axes in (above, below):
        assert [band.get_x() for band in axes.patches] == pytest.approx([0.0, 1.0])
        assert [band.get_width() for band in axes.patches] == pytest.approx([1.0, 1.0])
    assert "squeeze" in [text.get_text() for text in above.get_legend().get_texts()]
    jump = next(line for line in above.get_lines() if line.get_label() == "jump")
    assert jump.get_xdata()[0] == pytest.approx(1.0)


@pytest.mark.parametrize("steps", [[fl.Hold(1.0)], [fl.Hold(0.1), fl.Quench(k=1.0)] * 31])
def test_one_stroke_or_very_many_are_no_bands(steps):
    assert not path_figure(replayed(steps)).axes[0].patches


def test_long_paths_are_thinned_but_for_their_end(monkeypatch):
    monkeypatch.setattr(drawing, "POINTS", 8)
    line = path_figure(replayed([fl.Hold(2.0)])).axes[0].get_lines()[0]
    np.testing.assert_allclose(line.get_xdata(), [0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.0], rtol=1e-15)


def test_where_a_trajectory_failed_is_marked():
    path = {"x": np.where(np.arange(21) < 12, 10.0 ** np.arange(21), np.inf)}
    figure = path_figure(replayed([fl.Hold(2.0)], path, status=1.0))
    for axes in figure.axes:
        assert axes.get_yscale() == "symlog"
        assert any(
            line.get_xdata()[0] == pytest.approx(1.2)
            for line in axes.get_lines()
            if line.get_linestyle() == "--"
        )
    assert path_figure(replayed([fl.Hold(2.0)])).axes[0].get_yscale() == "linear"


def test_levels_are_a_staircase_of_jumps():
    dot = fl.Levels({"empty": "0", "full": "eps"}, controls="eps")
    lead = fl.MarkovJump([fl.Lead("lead", on="empty -> full", rate=3.0, mu=0.0)])
    hold = fl.Protocol([fl.Hold(4.0)], beta=1.0, eps=0.5)
    spec = fl.EnsembleSpec(dot, lead, hold, trajectories=3, seed=5)
    replay = fl.simulate(spec, threads=1, progress=False).replay(1)
    (axes,) = path_figure(replay, "trajectory 1").axes
    (stairs,) = axes.get_lines()
    times = replay.jumps["time"].to_list()
    assert len(times) > 3
    assert stairs.get_xdata().tolist() == [0.0, *times, 4.0]
    visited = [int(replay.row["state_initial"]), *(["empty", "full"].index(s) for s in replay.jumps["state"])]
    assert stairs.get_ydata().tolist() == [*visited, visited[-1]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["empty", "full"]
    (coloured,) = axes.collections
    steps = [
        [[time, low], [time, high]] for time, low, high in zip(times, visited, visited[1:], strict=False)
    ]
    assert np.array(coloured.get_segments()).tolist() == steps
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["lead"]


def test_each_bath_has_a_colour_and_no_jump_no_legend():
    dot = fl.Levels({"empty": "0", "full": "eps"}, controls="eps")
    leads = [fl.Lead(name, on="empty -> full", rate=3.0, mu=0.0) for name in ("left", "right")]
    hold = fl.Protocol([fl.Hold(9.0)], beta=1.0, eps=0.5)
    spec = fl.EnsembleSpec(dot, fl.MarkovJump(leads), hold, trajectories=3, seed=5)
    replay = fl.simulate(spec, threads=1, progress=False).replay(1)
    (axes,) = path_figure(replay).axes
    drawn = {lines.get_label(): len(lines.get_segments()) for lines in axes.collections}
    assert drawn == replay.jumps["channel"].str.split(":").str[0].value_counts().to_dict()
    assert len({tuple(lines.get_color()[0]) for lines in axes.collections}) == 2
    (axes,) = path_figure(replace(replay, jumps=replay.jumps.iloc[:0], path=replay.path.iloc[:0])).axes
    assert axes.get_legend() is None
    (stairs,) = axes.get_lines()
    assert stairs.get_xdata().tolist() == [0.0, 9.0]


def test_jumps_of_a_wave_function_are_marked_below_its_populations():
    atom = fl.Hamiltonian("e*Z/2", controls="e")
    bath = fl.QuantumJump([fl.BoseBath("b", rate=0.2)])
    hold = fl.Protocol([fl.Hold(9.0)], beta=0.03, e=10.0)
    spec = fl.EnsembleSpec(atom, bath, hold, trajectories=3, time_step=0.05, seed=5)
    replay = fl.simulate(spec, threads=1, progress=False).replay(1)
    above, _ = path_figure(replay, "trajectory 1").axes
    marks = next(line for line in above.get_lines() if line.get_label() == "jumps")
    assert marks.get_xdata().tolist() == replay.jumps["time"].to_list()
    assert marks.get_xdata().size > 1
    assert marks.get_markersize() >= 6
    lowest, highest = above.get_ylim()
    assert (lowest < marks.get_ydata()).all()
    assert (marks.get_ydata() < 0).all()
    assert highest > 1
    above, _ = path_figure(replace(replay, jumps=replay.jumps.iloc[:0])).axes
    assert "jumps" not in [text.get_text() for text in above.get_legend().get_texts()]
