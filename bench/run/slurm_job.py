"""A job of Slurm that was not seen to end."""

import time

from hexbench.plan.cell import Cell
from hexbench.run import slurm_queue
from hexbench.run.submission import Submitted

FORGETS_AFTER_S = 60
"""Slurm remembers a job that has run for longer (MinJobAge, by default 300 s)."""


class Live:
    """A job that was not seen to end, and those of its cells that have no record yet."""

    def __init__(self, submitted: Submitted, cells: dict[str, Cell]):
        self.submitted, self.cells = submitted, cells
        self.has_measured = False
        self.waited_at = time.monotonic()
        """When it was last seen to wait."""

    def end(self) -> str:
        """How it ended, in Slurm's word.

        Without accounting, a task that is cancelled before it begins leaves no trace.
        """
        state = slurm_queue.end_of(self.submitted.id)
        waited = time.monotonic() - self.waited_at < FORGETS_AFTER_S
        return "CANCELLED" if state == slurm_queue.UNKNOWN and waited else state
