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
        self._seen: dict[str, tuple[int, int]] = {}
        self._before = self._changed_at()
        self.missing = dict.fromkeys(keys)
        """Keys of the cells whose record has not come, in their order."""

    def new(self) -> list[tuple[str, Record]]:
        """The records that have come since the last call, each once.

        One that was there before counts only if its cell needs no run.
        """
        changed_at, found = self._changed_at(), []
        for key in [key for key, at in changed_at.items() if self._seen.get(key) != at]:
            record = self._store.get(key) if key in self.missing else None
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
        """By key: the file's inode and time; a record that is written again is another file."""
        try:
            with os.scandir(self._store.cells) as files:
                found = {file.name: file.stat() for file in files if file.name.endswith(".json")}
        except FileNotFoundError:
            return {}
        return {name.removesuffix(".json"): (s.st_ino, s.st_mtime_ns) for name, s in found.items()}
