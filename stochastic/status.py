"""How a trajectory ended: the numbers in the column `status`, and what they mean."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """What became of a trajectory; all but OK are failures, whose other columns are NaN.

    2 and 5 are kept free: a bound that is exceeded, an equation that is not solved.
    """

    OK = 0
    NON_FINITE = 1
    OVERSHOT = 3
    NORM_LOST = 4
    TOO_MANY_JUMPS = 6

    @property
    def meaning(self) -> str:
        """What the number says of a trajectory."""
        return _MEANINGS[self]


_MEANINGS = {
    Status.OK: "sound",
    Status.NON_FINITE: "not finite",
    Status.OVERSHOT: "stepped too far for the forces on the path",
    Status.NORM_LOST: "lost the norm of its wave function",
    Status.TOO_MANY_JUMPS: "jumped too often",
}
