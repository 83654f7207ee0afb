"""Which records other processes have stored since the last look."""

import os
from collections.abc import Iterable

from hexbench.run.worker import RunOptions, is_settled
from hexbench.store.record import Record
from hexbench.store.store import Store


class Arrivals:
    """Watches the records of some cells in a results folder; a file is read when it has changed."""

    def __init__(self, store: Store, keys: Iterable[str], options: RunOptions):
        self._store, self._options = store, options
        self.missing = dict.fromkeys(keys)
        """Keys of the cells whose record has not come, in their order."""
        self._seen: dict[str, tuple[int, int]] = {}
        self._before = self._changed_at()

    def new(self) -> list[tuple[str, Record]]:
        """The records that have come since the last call, each once.

        One that was there before counts only if its cell needs no run.
        """
        changed_at, found = self._changed_at(), []
        for key in [key for key, at in changed_at.items() if self._seen.get(key) != at]:
            record = self._store.get(key)
            is_old = self._before.get(key) == changed_at[key]
            if record is not None and (not is_old or is_settled(record, self._options)):
                self.forget(key)
                found.append((key, record))
        self._seen = changed_at
        return found

    def forget(self, key: str) -> None:
        """Watch a cell no longer."""
        self.missing.pop(key, None)

    def _changed_at(self) -> dict[str, tuple[int, int]]:
        """Of those that are missing, by key: the inode and time of a file; one written again is another."""
        try:
            with os.scandir(self._store.cells) as files:
                named = [(file.name.removesuffix(".json"), file) for file in files]
                found = {key: file.stat() for key, file in named if key in self.missing}
        except FileNotFoundError:
            return {}
        return {key: (status.st_ino, status.st_mtime_ns) for key, status in found.items()}
