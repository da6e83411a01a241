"""What is looked for in the rows of a file of jumps: whose they are, their order, the end of the run."""

import numpy as np
import pyarrow as pa
import pytest

from fluctua.ensembles.part_check import Jumps

DURATION = 2.0


def batch(*rows):
    """Rows of a trajectory and a time each."""
    trajectory, time = zip(*rows, strict=True)
    return pa.record_batch({"trajectory": np.array(trajectory, np.int64), "time": np.array(time, np.float64)})


def held(*batches):
    """Tell of each batch whether it holds, those of trajectories 10 to 13 being asked for."""
    keys, before, found = Jumps(range(10, 14), DURATION), 0, []
    for one in batches:
        found.append(keys.hold(one, before))
        before += one.num_rows
    return found


SOUND = [(10, 0.0), (10, 0.5), (12, 0.1), (12, 0.1), (13, 2.0)]


@pytest.mark.parametrize("cut", range(1, len(SOUND)))
def test_sound_rows_hold_however_they_are_cut(cut):
    assert held(batch(*SOUND)) == [True]
    assert held(batch(*SOUND[:cut]), batch(*SOUND[cut:])) == [True, True]


@pytest.mark.parametrize(
    "rows",
    [
        [(10, 0.5), (11, 2.001)],  # beyond the end
        [(10, 2.001), (11, 0.5)],
        [(10, -0.1)],
        [(10, np.nan)],
        [(9, 0.5), (10, 0.5)],  # of other trajectories
        [(10, 0.5), (14, 0.5)],
        [(14, 0.5)],
        [(10, 0.5), (10, 0.4)],  # out of order
        [(11, 0.1), (10, 0.5)],
    ],
)
def test_rows_that_are_wrong_are_found(rows):
    assert held(batch(*rows)) == [False]


@pytest.mark.parametrize(
    ("first", "then"),
    [((11, 0.7), (11, 0.6)), ((12, 0.1), (11, 0.9)), ((13, 1.9), (10, 0.0))],
)
def test_order_is_kept_from_batch_to_batch(first, then):
    assert held(batch(first), batch(then)) == [True, False]
    assert held(batch(first), batch((13, 2.0)), batch(then)) == [True, True, False]
