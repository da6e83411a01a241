"""Trajectories are computed in pieces, some of them sampled: no cutting changes a bit of any table."""

import numpy as np
import pytest

from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic import propagator
from jump_specs import DOT, QUBIT

TABLES = ("columns", "strokes", "paths", "jumps")


@pytest.mark.parametrize("table", [DOT, QUBIT], ids=["dot", "qubit"])
def test_pieces_join_to_the_same_tables(monkeypatch, table):
    made = propagator_of(EnsembleSpec.from_table(table))
    first, count = max(made.paths - 90, 0), 200
    whole = made.run(first, count)
    monkeypatch.setattr(propagator, "PIECE", 37)
    cut = made.run(first, count)
    for name in TABLES:
        expected, found = getattr(whole, name), getattr(cut, name)
        assert (found is None) == (expected is None)
        assert list(found or {}) == list(expected or {})
        for column in expected or {}:
            np.testing.assert_array_equal(found[column], expected[column])
    assert cut.jumps is not None
