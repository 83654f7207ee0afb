"""Whether a measurement had the machine to itself."""

import os
import time
from typing import Self

import psutil

BUSY_CORES = 0.1
"""Others may keep this much of one core busy before a time is no longer called clean."""


class MachineWatch:
    """Compares the machine's processor time with our own while a cell runs.

    `clean` is False when other processes, or the host of a virtual machine ("steal"), took more than
    BUSY_CORES; None where the system does not say. Of a GPU or TPU it sees nothing.
    """

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        self._machine, self._own = _machine_seconds(), _own_seconds()
        self.clean: bool | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.perf_counter() - self._started
        machine = _machine_seconds()
        if machine is None or self._machine is None:
            return
        others = (machine - self._machine) - (_own_seconds() - self._own)
        # The system counts in hundredths of a second, so that very short cells cannot be judged.
        allowed = BUSY_CORES * self.wall_s + 0.05
        self.clean = others <= allowed


def _machine_seconds() -> float | None:
    """Processor seconds that all cores have been busy, or taken away, since the machine started."""
    try:
        times = psutil.cpu_times()
    except (OSError, RuntimeError):
        return None
    busy = times.user + times.system + getattr(times, "nice", 0.0)
    return float(busy + getattr(times, "steal", 0.0))


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
