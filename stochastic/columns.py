"""What a column of a run means: its unit, its sign, one sentence."""

from __future__ import annotations

from dataclasses import dataclass

ON = "positive: done on the system"
INTO = "positive: flows into the system"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        As in formulas and files.
    unit : str
        A kind of quantity, ``"energy"``, ``"time"``, which a run exchanges for its label; ``"1"`` for pure
        numbers, ``"k_B"``, or empty where a formula decides.
    meaning : str
        One sentence.
    sign : str
        What a positive value says; empty where it says nothing.
    dtype : str
        ``int64``, ``int32``, ``uint8``, ``float64`` or ``string``.
    nullable : bool
        Whether null, "did not happen", can stand in it.
    """

    name: str
    unit: str
    meaning: str
    sign: str = ""
    dtype: str = "float64"
    nullable: bool = False
