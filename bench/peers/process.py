"""The parent's side of a contestant's process: start it, ask it, end it."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from bench.measure.environment import ROOT
from bench.peers.roster import Entry

SECONDS_TO_END = 20
LAST_WORDS = 300
"""So many characters of a dead process's log are shown."""


class ContestantFailed(Exception):
    """A contestant raised, or its process died. The message is one sentence saying how."""


class ContestantProcess:
    """One contestant in a process of its own; a context manager that ends it."""

    def __init__(self, entry: Entry, folder: Path):
        """Start it. `folder` takes its log, and Keras's settings, which are thus the default ones."""
        self._log = folder / f"{entry.name}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.peers.worker", entry.maker],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(entry, folder),
                text=True,
                encoding="utf-8",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """End the process: by force if it does not end by itself, or if the contest was stopped."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        if kind is not None:
            self._process.kill()
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def wait_until_ready(self) -> None:
        """Return once its libraries are imported; ContestantFailed if they cannot be."""
        self._answer()

    def ask(self, do: str, **options: str) -> dict[str, Any]:
        """The answer to a command; ContestantFailed instead of an answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do} | options) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise ContestantFailed(self._last_words()) from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise ContestantFailed(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise ContestantFailed(answer["error"])
        return dict(answer)

    def _last_words(self) -> str:
        code = self._process.wait()
        log = self._log.read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        said = f": {lines[-1][:LAST_WORDS]}" if lines else ""
        ended = f"by signal {-code}" if code < 0 else f"with exit status {code}"
        return f"its process ended {ended}{said}"


def _environment(entry: Entry, folder: Path) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return (
        dict(os.environ)
        | {
            "PYTHONPATH": os.pathsep.join(paths),
            "JAX_PLATFORMS": "cpu",
            "CUDA_VISIBLE_DEVICES": "-1",
            "KERAS_HOME": str(folder),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        | entry.environment
    )
