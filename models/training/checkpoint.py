"""Training progress on disk, so that another process need not begin anew.

Orbax writes a checkpoint whole or not at all; its seal says whose it is and that no number has changed.
"""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from hexbench.models.base import Tree

MARGIN = 1_000_000
"""Bytes, for blocks that are not full and files that describe others."""


class DiskCheckpoint:
    """A `Checkpoint` in a folder of its own.

    One that is damaged, or that other code, versions or another machine wrote, is thrown away: it would
    not end with the numbers of an uninterrupted run. Where none can be written training goes on without.
    """

    def __init__(
        self,
        folder: Path,
        every_s: float,
        origin: str,
        deferred: Callable[[], AbstractContextManager[None]] = nullcontext,
    ):
        """Args:
        folder: Named after the run; what lies in a folder of another name is not its own.
        every_s: Seconds after which a checkpoint is old enough for a new one.
        origin: What must be the same for a checkpoint to count: machine, device, versions.
        deferred: Context in which no signal interrupts: orbax's threads are loud about that.
        """
        # Its threads print what has gone wrong besides raising it.
        logging.getLogger("absl").setLevel(logging.CRITICAL)
        self._folder, self._every_s, self._deferred = folder.absolute(), every_s, deferred
        self._origin = json.dumps([folder.name, origin])
        self._files = ocp.PyTreeCheckpointer()
        self._saved_at = time.perf_counter()
        self._latest: Path | None = None
        self.earlier_s = 0.0
        """Seconds that earlier processes had worked when they saved what was loaded."""

    def load(self) -> Tree | None:
        """What an earlier process saved last; None where there is nothing sound."""
        saved = [path for path in self._folder.glob("*") if path.name.isdecimal()]
        if not saved:
            return None
        self._latest = max(saved, key=lambda path: int(path.name))
        self._remove_others()
        progress = None
        with self._deferred():
            try:
                progress = self._read(self._latest)
            except Exception:  # whatever it is, training can begin anew
                shutil.rmtree(self._folder, ignore_errors=True)
        self._saved_at = time.perf_counter()
        return progress

    def _read(self, path: Path) -> Tree:
        progress = self._files.restore(path)
        seal = progress.pop("seal")
        if seal.tobytes() != self._seal(progress):
            raise ValueError("the seal is broken, or another's")
        self.earlier_s = float(progress["log"]["costs"][-1])
        return progress

    def is_due(self) -> bool:
        """Whether the last one is old enough."""
        return time.perf_counter() - self._saved_at >= self._every_s

    def save(self, epoch: int, progress: Tree) -> None:
        """Keep the progress after so many epochs, in place of what was kept before."""
        with self._deferred():
            with suppress(Exception):  # whatever it is, training can do without
                self._folder.mkdir(parents=True, exist_ok=True)
                if self._has_room(progress):
                    self._write(self._folder / str(epoch), progress)
            self._remove_others()
        self._saved_at = time.perf_counter()

    def _write(self, path: Path, progress: Tree) -> None:
        seal = np.frombuffer(self._seal(progress), np.uint8)
        self._files.save(path, progress | {"seal": seal})
        self._latest = path

    def _has_room(self, progress: Tree) -> bool:
        """Asked first, because orbax's threads are loud about a full disk."""
        size = sum(array.nbytes for array in jax.tree.leaves(progress))
        return shutil.disk_usage(self._folder).free > 2 * size + MARGIN

    def _seal(self, progress: Tree) -> bytes:
        digest = hashlib.sha256(self._origin.encode())
        for path, array in jax.tree.leaves_with_path(progress):
            digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
            digest.update(array.tobytes())
        return digest.digest()

    def _remove_others(self) -> None:
        """Remove what is older than the latest, and what is not whole."""
        for path in self._folder.glob("*"):
            if path != self._latest:
                shutil.rmtree(path, ignore_errors=True)
