"""How a run is cut into chunks."""

from __future__ import annotations

from typing import Any

import pytest

from fluctua.ensembles.chunks import (
    LARGEST,
    SMALLEST,
    STEPS,
    STROKES,
    Shard,
    chunk_of,
    expected_rows,
    number_of,
)
from fluctua.ensembles.manifest import read_manifest
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, LARGEST),
        ({"protocol.cycles": 2**16}, STEPS // 2**21),  # 25 * 2^16 steps, up to the next power of two
        ({"protocol.cycles": 2**10, "strokes": True}, STROKES // 2**12),  # 3 * 2^10 strokes, likewise
        ({"protocol.cycles": 2**16, "strokes": True}, SMALLEST),
    ],
)
def test_chunks_are_smaller_where_trajectories_are_longer(
    spec: EnsembleSpec, changes: dict[str, Any], size: int
) -> None:
    plain = spec.replace({"strokes": False, "paths": 0})
    assert chunk_of(plain.replace(changes)) == size
    assert chunk_of(plain.replace(changes | {"trajectories": 10**9, "seed": 99})) == size


@pytest.mark.parametrize(("trajectories", "size"), [(1, 4), (4, 4), (5, 4), (17, 8)])
def test_chunks_share_out_the_trajectories(trajectories: int, size: int) -> None:
    rows = [expected_rows(chunk, trajectories, size) for chunk in range(number_of(trajectories, size))]
    assert sum(rows) == trajectories
    assert all(count == size for count in rows[:-1])
    assert expected_rows(len(rows), trajectories, size) == 0


@pytest.mark.parametrize(
    ("shard", "chunks"),
    [
        ("3/64", [2, 66, 130, 194]),
        ("1/64", [0, 64, 128, 192]),
        ("64/64", [63, 127, 191]),
        ("2/3", [1, 4, 7]),
        ("1/1", [0, 1, 2]),
    ],
)
def test_a_shard_has_the_chunks_that_are_documented(shard: str, chunks: list[int]) -> None:
    """They are the same on all machines and in all versions, or two shards of one run compute one chunk."""
    upto = chunks[-1] + 1
    assert [chunk for chunk in range(upto) if Shard.parse(shard).has(chunk)] == chunks


def test_a_run_keeps_the_size_that_it_began_with(
    spec: EnsembleSpec, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fluctua.ensembles import chunks

    monkeypatch.setattr(chunks, "LARGEST", 256)
    simulate(spec.replace({"trajectories": 300}), tmp_path / "a")
    monkeypatch.setattr(chunks, "LARGEST", 512)
    run = simulate(spec, tmp_path / "a")
    assert read_manifest(tmp_path / "a")["chunk"] == 256
    assert len(run.files) == 6
    assert len(run) == 1500
