"""What a measurement took: whether the machine was otherwise idle, and the memory at its highest."""

import io
import os
import time
from pathlib import Path
from typing import Any, Self

import psutil

BUSY_CORES = 0.1
"""Others may keep this much of one core busy before a time is no longer called clean."""

MB = 1_000_000
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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
    except Exception:  # in a sandbox /proc may lack any part
        return None
    busy = times.user + times.system + getattr(times, "nice", 0.0)
    return float(busy + getattr(times, "steal", 0.0))


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class PeakMemory:
    """The highest memory of this process while inside.

    `found` has `peak_mb`, resident memory at its highest, and `start_mb`, what was resident before.
    None where the system does not say: Linux alone can start the count of a running process anew.
    """

    def __enter__(self) -> Self:
        self.found: dict[str, float | None] = dict.fromkeys(("peak_mb", "start_mb"))
        try:
            _RESET.write_text("5")  # sets the peak to what is resident now
            self.found["start_mb"] = _resident("VmRSS")
        except OSError:
            pass
        return self

    def __exit__(self, *_: object) -> None:
        if self.found["start_mb"] is not None:
            self.found["peak_mb"] = _resident("VmHWM")


def device_peak_mb() -> float | None:
    """Highest memory of the first accelerator since the process began; None where there is none."""
    import jax

    first = jax.local_devices()[0]
    statistics = first.memory_stats() if first.platform != "cpu" else None
    return statistics["peak_bytes_in_use"] / MB if statistics else None


class _Counted(io.RawIOBase):
    """A file that counts bytes and keeps none."""

    size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        count = memoryview(data).nbytes
        self.size += count
        return count

    def tell(self) -> int:
        return self.size


def model_mb(model: Any) -> float | None:
    """Of a fitted model: `n_bytes_` if it says so, else what pickling it makes; None where that fails."""
    size = getattr(model, "n_bytes_", None)
    if size is None:
        import joblib

        file = _Counted()
        try:
            joblib.dump(model, file)
        except Exception:  # whatever a model of one's own raises
            return None
        size = file.size
    return size / MB


def _resident(field: str) -> float | None:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024 / MB
    return None
