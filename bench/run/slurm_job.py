"""A job of Slurm that was not seen to end."""

import time

from hexbench.plan.cell import Cell
from hexbench.run import slurm_queue
from hexbench.run.submission import Submitted

REMEMBERED_S = 60
"""Slurm still knows a job that ended less than this ago (MinJobAge, by default 300 s)."""


class Live:
    """A job that was not seen to end, and those of its cells that have no record yet."""

    def __init__(self, submitted: Submitted, cells: dict[str, Cell]):
        self.submitted, self.cells = submitted, cells
        self.has_measured = False
        self.waited_at = time.monotonic()
        """When it was last seen to wait."""

    def end(self) -> str:
        """How it ended, in Slurm's word.

        Without accounting, a task that is cancelled before it begins is forgotten at once: a job that waited
        a moment ago and is unknown was cancelled.
        """
        state = slurm_queue.end_of(self.submitted.id)
        waited = time.monotonic() - self.waited_at < REMEMBERED_S
        return "CANCELLED" if state == slurm_queue.UNKNOWN and waited else state
