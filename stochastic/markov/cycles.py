"""A fundamental set of cycles in the channels of a generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluctua.stochastic.markov.frozen import Frozen


def fundamental_cycles(frozen: Frozen) -> list[list[int]]:
    """Return closed ways as lists of channels, one for each chord of a spanning tree of the open channels.

    A way starts with its chord and leads back through the tree.
    """
    backs = frozen.generator.reverses.tolist()
    joins = [k for k, rate in enumerate(frozen.rates[0]) if rate > 0.0 and k < backs[k]]
    to_root: dict[int, list[int]] = {}
    chords = set(joins)
    for root in range(frozen.size):
        if root not in to_root:
            to_root[root] = []
            _grow(root, joins, frozen, to_root, chords)
    sources, targets = frozen.generator.sources.tolist(), frozen.generator.targets.tolist()
    ways = []
    for chord in sorted(chords):
        there, here = to_root[targets[chord]], to_root[sources[chord]]
        while there and here and there[-1] == here[-1]:
            there, here = there[:-1], here[:-1]
        ways.append([chord, *there, *(backs[k] for k in reversed(here))])
    return ways


def _grow(
    root: int, joins: list[int], frozen: Frozen, to_root: dict[int, list[int]], chords: set[int]
) -> None:
    """Reach all levels from a root; `to_root` gets the channels that lead each of them to it."""
    sources, targets = frozen.generator.sources.tolist(), frozen.generator.targets.tolist()
    backs, front = frozen.generator.reverses.tolist(), [root]
    while front:
        level = front.pop(0)
        for join in joins:
            for away in (join, backs[join]):
                if sources[away] == level and targets[away] not in to_root:
                    to_root[targets[away]] = [backs[away], *to_root[level]]
                    chords.discard(join)
                    front.append(targets[away])
