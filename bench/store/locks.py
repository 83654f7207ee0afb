"""Which process works on what: locks that the operating system takes back when their process ends.

So nobody waits for a process that has died, however it did. A lock is a file; where it lies says nothing,
only whether some process holds it.
"""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout
from hexbench.files import Unprotected

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
"""What file systems answer that have none."""


class Locks:
    """The locks of a results folder, by name."""

    def __init__(self, folder: Path):
        self.folder = folder

    @contextmanager
    def hold(self, name: str, *, wait: bool = False) -> Iterator[bool]:
        """Hold a lock, if no other process does; True if it is held. With `wait`, once nobody else does.

        On a file system without locks each is held at once, and a warning says so.
        """
        path = self.folder / f"{name}.lock"
        lock = FileLock(path, fallback_to_soft=False)
        if not self._acquire(lock, wait):
            yield False
            return
        try:
            yield True
        finally:
            # While it is held: a file without a name guards nothing, and whoever waits takes a new one.
            with suppress(OSError):
                path.unlink()
            lock.release()
            with suppress(OSError):
                self.folder.rmdir()  # if this was the last

    def _acquire(self, lock: BaseFileLock, wait: bool) -> bool:
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(blocking=wait)
            except Timeout:
                return False
            except FileNotFoundError:  # another process has just removed the folder
                continue
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                # Each record is written whole, whoever writes it: two processes would do work twice, no harm.
                warnings.warn(
                    f"{self.folder.parent} is on a file system without locks: run one command at a time.",
                    Unprotected,
                    stacklevel=4,
                )
            return True

    def any_held(self) -> bool:
        """Whether another process holds any of them."""
        for path in self.folder.glob("*.lock"):
            with self.hold(path.stem) as mine:
                if not mine:
                    return True
        return False


class NoLocks(Locks):
    """Locks that nobody needs, because each cell belongs to one process from the start."""

    @contextmanager
    def hold(self, name: str, *, wait: bool = False) -> Iterator[bool]:  # noqa: ARG002
        """Always held."""
        yield True

    def any_held(self) -> bool:
        """Never."""
        return False
