"""What submitit runs on a node. The Slurm job that ran out of time says so in the record of its cell."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from hexbench.files import write_whole

LAST_S = 180
"""A signal this near to the end of a job is about its end."""


class OnNode:
    """Carries out the job in a file; called again after a preemption it goes on from the checkpoints."""

    def __init__(self, file: str, out: str, limit_s: float):
        """`limit_s`: how long the job may take."""
        self._file, self._out, self._limit_s = file, out, limit_s
        self._started: float | None = None
        self._is_over = False

    def __call__(self) -> None:
        """Measure the cells that have no record yet, until the time is over."""
        from hexbench.run.job import carry_out, read
        from hexbench.store.store import Store

        self._started = time.monotonic()
        store = Store(Path(self._out), locked=False)
        for _ in carry_out(read(Path(self._file)), store, shared=_is_shared()):
            if self._is_over:
                break

    def checkpoint(self) -> Any:
        """What submitit asks before the job is preempted or ends; TimeoutError if it ends."""
        import submitit

        took = 0.0 if self._started is None else time.monotonic() - self._started
        if took > self._limit_s - LAST_S:
            self._is_over = True
            raise TimeoutError(f"its Slurm job {os.environ.get('SLURM_JOB_ID', '')} reached its time limit")
        return submitit.helpers.DelayedSubmission(self)


class Probe:
    """Writes which hexbench a node has into a file of the results folder."""

    def __init__(self, answer: str):
        self._answer = answer

    def __call__(self) -> None:
        """Only into a folder that is there: a folder made by the node is none that is shared."""
        with suppress(FileNotFoundError):
            if Path(self._answer).parent.is_dir():
                write_whole(Path(self._answer), self.version())

    @staticmethod
    def version() -> str:
        """In words: of hexbench, its measurements and Python."""
        from importlib.metadata import version

        from hexbench.plan.cell import MEASUREMENT_VERSION

        python = ".".join(map(str, sys.version_info[:2]))
        return f"hexbench {version('hexbench')} (measurement version {MEASUREMENT_VERSION}, Python {python})"


def _is_shared() -> bool:
    """Whether other jobs may run on this node meanwhile."""
    cores = os.environ.get("SLURM_CPUS_ON_NODE", "")
    return cores.isdecimal() and int(cores) < (os.cpu_count() or 1)
