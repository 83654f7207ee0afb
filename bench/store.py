"""A results folder: one file a cell, written whole or not at all, and the manifest beside them."""

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from bench.errors import BadInput
from bench.manifest import fault_of_manifest

Record = dict[str, Any]


class Store:
    """The folder that a run writes and everything else reads."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.cells = folder / "cells"
        self.manifest_file = folder / "manifest.json"

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """An existing results folder; BadInput if it is not one."""
        store = cls(folder)
        if not store.manifest_file.is_file():
            raise BadInput(f"{folder} is no results folder: it has no manifest.json.")
        return store

    def put(self, record: Record) -> None:
        """Make a record durable: when this returns it survives a crash."""
        write_whole(self.cells / f"{record['key']}.json", _dumps(record, None))

    def get(self, key: str) -> Record | None:
        """The record of a cell, or None if there is none that can be read."""
        try:
            record = orjson.loads((self.cells / f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and record.get("key") == key else None

    def manifest(self) -> dict[str, Any]:
        """The run's manifest; BadInput if it cannot be read."""
        try:
            manifest = orjson.loads(self.manifest_file.read_bytes())
            fault = fault_of_manifest(manifest)
            if fault is not None:
                raise ValueError(fault)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{self.manifest_file} cannot be read: {error}.") from None
        return dict(manifest)

    def put_manifest(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, whole or not at all."""
        write_whole(self.manifest_file, _dumps(manifest, 1))

    def planned(self) -> list[Record]:
        """The records of the manifest's cells that there are, in the manifest's order."""
        return list(self._present(self.manifest()["cells"]))

    def _present(self, keys: Iterable[str]) -> Iterable[Record]:
        for key in keys:
            record = self.get(key)
            if record is not None:
                yield record

    def set_aside(self) -> Path | None:
        """Rename the results folder to the first free `<name>.old-N`; never deletes.

        None, and nothing is done, where the folder holds no results.
        """
        if not self.manifest_file.exists():
            return None
        folder = self.folder.resolve()
        number = 1
        while (aside := folder.with_name(f"{folder.name}.old-{number}")).exists():
            number += 1
        folder.rename(aside)
        return aside


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if os.name == "posix":
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _dumps(value: Any, indent: int | None) -> str:
    return json.dumps(value, indent=indent, allow_nan=False) + "\n"
