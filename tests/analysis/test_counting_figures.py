"""Pictures of counts: every jump is an arrow of its bath, every probability a point with its error."""

import numpy as np
import pandas as pd
import pytest

import fluctua as fl
from fluctua.analysis.counting_figures import count_laws, staircase
from fluctua.analysis.drawing import BLUE, VERMILLION

JUMPS = pd.DataFrame(
    {
        "time": [0.5, 1.25, 7.0],
        "channel": ["left: empty -> full", "right: full -> empty", "left: empty -> full"],
        "state": ["full", "empty", "full"],
    }
)


def test_each_jump_is_an_arrow_in_the_colour_of_its_bath():
    (axes,) = staircase(JUMPS, ("empty", "full"), "empty", 5.0, unit="s").axes
    arrows = [(note.xyann, note.xy, note.arrow_patch.get_facecolor()) for note in axes.texts]
    from matplotlib.colors import to_rgba

    assert arrows == [
        ((0.5, 0), (0.5, 1), to_rgba(BLUE)),
        ((1.25, 1), (1.25, 0), to_rgba(VERMILLION)),
    ]
    assert axes.get_xlabel() == "time [s]"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["left", "right"]


def test_levels_are_stretches_from_jump_to_jump():
    (axes,) = staircase(JUMPS, ("empty", "full"), "empty", 5.0).axes
    (lines,) = axes.collections
    assert [segment.tolist() for segment in lines.get_segments()] == [
        [[0.0, 0.0], [0.5, 0.0]],
        [[0.5, 1.0], [1.25, 1.0]],
        [[1.25, 0.0], [5.0, 0.0]],
    ]


def test_a_level_that_is_none_is_refused():
    with pytest.raises(fl.InvalidInput, match="full is no level"):
        staircase(JUMPS, ("empty", "occupied"), "empty", 5.0)


def test_laws_are_points_with_the_errors_of_counts():
    law = np.array([-1, 0, 1, 40]), np.array([0.5, 0.25, 0.25, 1e-9])
    (axes,) = count_laws({"short": [-1, -1, 1, 0]}, {"short": law}).axes
    points, exact = axes.containers[0].lines[0], axes.lines[1]
    np.testing.assert_array_equal(points.get_xydata(), [[-1, 0.5], [0, 0.25], [1, 0.25]])
    np.testing.assert_array_equal(exact.get_xydata(), [[-1, 0.5], [0, 0.25], [1, 0.25]])
    (bars,) = axes.containers[0].lines[2]
    np.testing.assert_allclose(
        [np.ptp(bar[:, 1]) / 2 for bar in bars.get_segments()], [2**0.5 / 4, 0.25, 0.25]
    )


def test_what_is_no_count_is_refused():
    with pytest.raises(fl.InvalidInput, match="not whole numbers"):
        count_laws({"short": [0.5]}, {})
