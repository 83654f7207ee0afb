"""How much memory a measurement took at its highest."""

from pathlib import Path
from typing import Self

MB = 1_000_000
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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

    first = jax.devices()[0]
    statistics = first.memory_stats() if first.platform != "cpu" else None
    return statistics["peak_bytes_in_use"] / MB if statistics else None


def _resident(field: str) -> float | None:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024 / MB
    return None
