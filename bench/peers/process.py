"""The parent's side of a contestant's process: start it, ask it, end it."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from hexbench.peers.roster import CPU, GPU, Entry

SECONDS_TO_END = 20
MAX_MESSAGE = 300
"""So many characters of a dead process's log are shown."""
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}
ENVIRONMENTS = {
    CPU: QUIET | {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"},
    # Several processes keep their programs on one GPU: none may take all of its memory.
    GPU: QUIET
    | {
        "JAX_PLATFORMS": "cuda",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    },
}
"""By the device that is measured."""


class ContestantFailed(Exception):
    """A contestant raised, or its process died. The message is one sentence saying how."""


class ContestantProcess:
    """One contestant in a process of its own; a context manager that ends it."""

    def __init__(self, entry: Entry, folder: Path, device: str = CPU):
        """Start it. `folder` takes its log, and Keras's settings, which are thus the default ones."""
        self._log = folder / f"{entry.name}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hexbench.peers.worker", entry.maker],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **ENVIRONMENTS[device], "KERAS_HOME": str(folder), **entry.environment},
                text=True,
                encoding="utf-8",
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """End the process: by force if it does not end by itself, or if the contest was stopped."""
        with suppress(OSError):
            self._stdin.close()
        if kind is not None:
            self._process.kill()
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()

    def ask(self, command: str) -> dict[str, Any]:
        """The answer to a line of `worker.py`; ContestantFailed instead of an answer."""
        with suppress(OSError):  # of a dead process: there is no answer then
            self._stdin.write(f"{command}\n")
            self._stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next answer; the first comes unasked, once its libraries are imported."""
        line = self._stdout.readline()
        if not line.endswith("\n"):
            code, log = self._process.wait(), self._log.read_text(encoding="utf-8", errors="replace")
            raise ContestantFailed(_ended(code, log))
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContestantFailed(answer["error"])
        return answer


def measure_peak(device: str = CPU) -> tuple[float, str]:
    """What `peak.measure` says of a device; ContestantFailed if there is none."""
    command = [sys.executable, "-m", "hexbench.peers.peak"]
    # Otherwise the last line of a fault is JAX's remark about the lines that it leaves out.
    environment = {**os.environ, **ENVIRONMENTS[device], "JAX_TRACEBACK_FILTERING": "off"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ContestantFailed(_ended(done.returncode, done.stderr))
    rate, name = json.loads(done.stdout)
    return rate, name


def _ended(code: int, log: str) -> str:
    """How a process ended, with the last line of its log."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    last = f": {lines[-1][:MAX_MESSAGE]}" if lines else ""
    return f"its process ended {f'by signal {-code}' if code < 0 else f'with exit status {code}'}{last}"
