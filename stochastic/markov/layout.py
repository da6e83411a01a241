"""Where each quantity stands in the ledger of the jump kernels."""

from __future__ import annotations

from dataclasses import dataclass

STATES = 3  # functions of the level whose growth at frozen level the ledger keeps


@dataclass(frozen=True)
class Layout:
    """Where each quantity stands among the rows of the kernels' ledger.

    Rows 0 to 2 are what energy, dimensionless energy and steady potential grow by at frozen level: control
    work, dimensionless work, Hatano and Sasa's functional.
    """

    channels: int
    baths: int
    integrals: int = 0

    @property
    def heat(self) -> int:
        """First row of the heats, one a bath; behind them the chemical works."""
        return STATES

    @property
    def chemical(self) -> int:
        """First row of the chemical works, one a bath."""
        return STATES + self.baths

    @property
    def force(self) -> int:
        """Row of the work of forces; entropy flow, log-ratio and housekeeping entropy follow."""
        return STATES + 2 * self.baths

    @property
    def entropy(self) -> int:
        """Row of the entropy flow."""
        return self.force + 1

    @property
    def ratio(self) -> int:
        """Row of the log-ratio."""
        return self.force + 2

    @property
    def keeping(self) -> int:
        """Row of the housekeeping entropy."""
        return self.force + 3

    @property
    def particles(self) -> int:
        """First row of the numbers of particles, one a bath."""
        return self.force + 4

    @property
    def activity(self) -> int:
        """Row of the number of jumps; integrals over time follow."""
        return self.particles + self.baths

    @property
    def quantities(self) -> int:
        """Number of rows before the integrals."""
        return self.activity + 1

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.quantities + self.integrals
