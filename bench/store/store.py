"""A results folder: one file a cell, written whole or not at all, and the manifest beside them.

A record's file begins with the sha256 of the rest, so that whatever was changed or cut off later is noticed.
What is not valid counts as missing; it is set aside in `damaged/`, never deleted.
"""

import errno
import gc
import lzma
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import msgspec
from hexbench.errors import BadInput
from hexbench.files import is_of_system, mistaken, write_whole
from hexbench.store import manifest as manifests
from hexbench.store.locks import Locks, NoLocks
from hexbench.store.manifest import Manifest
from hexbench.store.record import Record
from hexbench.store.sealed import KEY_LENGTH, sealed, unsealed

PARTS = ".*.part"
PACK = "cells.jsonl.xz"
"""Records of a run that travels: one a line, each as its file would hold it."""
LONGEST_LINE = 2**20
BEGINNING = 100
"""Bytes that tell what else a file is."""
NAMED = re.compile(r"[0-9a-f]{64}\.json")
"""A record's file."""
ASIDE = re.compile(r"old-[0-9]+")
"""Where earlier results lie in a folder that cannot be renamed."""
FIXED = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.ENOTSUP}
"""Errors of renaming a mount point, or a folder whose parent is not the user's."""
FOLDER = "folder"
"""The lock of what there is one of: the manifest and all that is derived from the records."""


class Survey(NamedTuple):
    """What lies in `cells/`, every file read once."""

    sound: dict[str, Record]
    """By key."""
    faults: dict[str, str]
    """What is wrong with the files that hold no sound record, by file name."""

    def of(self, keys: Iterable[str]) -> list[Record]:
        """The records with these keys that there are, in this order."""
        return [self.sound[key] for key in keys if key in self.sound]


class Store:
    """The folder that a run writes and everything else reads."""

    def __init__(self, folder: Path, *, locked: bool = True):
        """`locked`: whether other processes may work on the same cells."""
        self.folder = folder
        self.cells = folder / "cells"
        self.damaged = folder / "damaged"
        self.checkpoints = folder / "checkpoints"
        self.manifest_file = folder / "manifest.json"
        self.locks = Locks(folder / "locks") if locked else NoLocks(folder / "locks")

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """An existing results folder; BadInput if it is not one."""
        store = cls(folder)
        if not store.manifest_file.is_file():
            raise BadInput(f"{folder} is no results folder: it has no manifest.json.")
        return store

    @property
    def has_results(self) -> bool:
        """Whether a run has begun here."""
        return any(path.exists() for path in (self.manifest_file, self.cells, self.folder / PACK))

    @property
    def is_foreign(self) -> bool:
        """Whether the folder holds things of others and no results."""
        ours = {self.locks.folder.name, self.checkpoints.name, self.damaged.name}
        found = self.folder.iterdir() if self.folder.exists() else ()
        theirs = (path.name for path in found if path.name not in ours and not ASIDE.fullmatch(path.name))
        return not self.has_results and not all(map(is_of_system, theirs))

    def put(self, record: Record) -> None:
        """Make a record durable: when this returns it survives a crash. Its cell needs no checkpoint more."""
        write_whole(self.cells / f"{record.key}.json", sealed(record))
        self._drop_checkpoint(record.key)

    def checkpoint_of(self, key: str) -> Path:
        """The folder where a cell that has no record yet may leave what it has."""
        return self.checkpoints / key

    def _drop_checkpoint(self, key: str) -> None:
        shutil.rmtree(self.checkpoint_of(key), ignore_errors=True)
        with suppress(OSError):
            self.checkpoints.rmdir()  # if this was the last

    def get(self, key: str) -> Record | None:
        """The record of a cell, or None if there is none that is sound."""
        found = _read(self.cells / f"{key}.json")[0]
        return self.packed.sound.get(key) if found is None else found

    @cached_property
    def packed(self) -> Survey:
        """The records in PACK; faults are named by their lines. BadInput if it cannot be unpacked."""
        found = Survey({}, {})
        with _no_collections():
            for place, record in self._lines():
                if isinstance(record, str):
                    found.faults[place] = record
                else:
                    found.sound[record.key] = record
        return found

    def _lines(self) -> Iterator[tuple[str, Record | str]]:
        """The lines of PACK by name: the record in each, or what is wrong with it."""
        if not (self.folder / PACK).is_file():
            return
        try:
            with lzma.open(self.folder / PACK) as file:
                for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
                    place = f"{PACK}, line {number}"
                    try:
                        yield place, unsealed(line)
                    except ValueError as error:
                        yield place, str(error)
        except (OSError, lzma.LZMAError, EOFError) as error:
            other = mistaken(_beginning(self.folder / PACK))
            fault = other or f"cannot be read: {error}"
            raise BadInput(f"{self.folder / PACK} {fault}.") from None

    def stream(self, keys: Iterable[str], faults: dict[str, str]) -> Iterator[Record]:
        """The sound records with these keys, of which no more than one is held: many fit in little memory.

        Those in files come first, in the order of `keys`, then those of PACK alone, in its order. What is
        wrong with the files and lines that were read is added to `faults`.
        """
        missing = set()
        for key in keys:
            record, fault = _read(self.cells / f"{key}.json")
            if fault is not None:
                faults[f"{key}.json"] = fault
            if record is None:
                missing.add(key)
            else:
                yield record
        for place, found in self._lines() if missing else ():
            if isinstance(found, str):
                faults[place] = found
            elif found.key in missing:
                missing.remove(found.key)
                yield found

    def pack(self) -> Path:
        """Write the manifest's records into PACK, in its order, and return that; the files stay."""
        lines = b"".join(sealed(record) + b"\n" for record in self.planned())
        if not lines:
            raise BadInput(f"{self.folder} holds no readable record: there is nothing to pack.")
        write_whole(self.folder / PACK, lzma.compress(lines, preset=9))
        return self.folder / PACK

    def manifest(self) -> Manifest:
        """The run's manifest; BadInput if it cannot be read."""
        if other := mistaken(_beginning(self.manifest_file)):
            raise BadInput(f"{self.manifest_file} {other}.")
        try:
            return manifests.decode(self.manifest_file.read_bytes())
        except (OSError, ValueError, msgspec.DecodeError, RecursionError) as error:
            raise BadInput(
                f"{self.manifest_file} cannot be read: {error}. Rename it, and the next run writes "
                "it again and keeps the cells."
            ) from None

    def put_manifest(self, manifest: Manifest) -> None:
        """Write the manifest, whole or not at all."""
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        write_whole(self.manifest_file, content, b"\n")

    def planned(self) -> list[Record]:
        """The records of the manifest's cells that there are, in the manifest's order."""
        keys = self.manifest().cells
        with _no_collections():
            return list(self._present(keys))

    def _present(self, keys: Iterable[str]) -> Iterable[Record]:
        for key in keys:
            record = self.get(key)
            if record is not None:
                yield record

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process writes the manifest or the report, and keep others from it."""
        with self.locks.hold(FOLDER, wait=True):
            for part in self.folder.glob(PARTS):
                part.unlink(missing_ok=True)
            yield

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep other processes from setting the folder aside."""
        with self.locks.hold(f"run-{uuid4().hex}"):
            yield

    def survey(self) -> Survey:
        """The sound records and what is wrong with the others."""
        found = Survey(dict(self.packed.sound), dict(self.packed.faults))
        with _no_collections():
            for path in self._files():
                record, fault = _read(path)
                if record is not None:
                    found.sound[path.stem] = record
                elif fault is not None:
                    found.faults[path.name] = fault
        return found

    def faults(self) -> dict[str, str]:
        """What is wrong with the files in `cells/` that hold no sound record, by file name."""
        return self.survey().faults

    def _files(self) -> list[Path]:
        """All that lies in `cells/`, but for what is half written and what is the system's."""
        files = self.cells.iterdir() if self.cells.is_dir() else ()
        return sorted(path for path in files if NAMED.fullmatch(path.name) or not is_of_system(path.name))

    def tidy(self, found: Survey | None = None) -> dict[str, str]:
        """Move the files of `faults` to `damaged/`, and say what they were; remove what was half written.

        Cells that another process measures are left to it. `found` is the survey, if there is one already.
        """
        found = found or self.survey()
        for part in self.cells.glob(PARTS):
            with self.locks.hold(part.name[1 : 1 + KEY_LENGTH]) as mine:
                if mine:
                    part.unlink(missing_ok=True)
        for checkpoint in self.checkpoints.glob("*"):
            with self.locks.hold(checkpoint.name[:KEY_LENGTH]) as mine:
                if mine and checkpoint.name in found.sound:
                    self._drop_checkpoint(checkpoint.name)
        moved = {}
        for name, fault in found.faults.items():
            path = self.cells / name
            if not os.path.lexists(path):  # a line of PACK
                continue
            with self.locks.hold(path.stem[:KEY_LENGTH]) as mine:
                if mine and _read(path)[1] is not None:  # another process may have mended it
                    self.damaged.mkdir(exist_ok=True)
                    path.rename(_first_free(self.damaged / f"{name}.{n}" for n in count(1)))
                    moved[name] = fault
        return moved

    def set_aside(self) -> Path | None:
        """Rename the results folder to the first free `<name>.old-N`; never deletes.

        A folder that cannot be renamed, as a mount point or the one where the command was started, is
        emptied into its own `old-N` instead. None, and nothing is done, where the folder holds no results.
        BadInput while another process measures there.
        """
        if not self.has_results:
            return None
        if self.locks.any_held():
            raise BadInput(
                f"{self.folder} is in use by another process: wait for it, or choose another --out."
            )
        folder = self.folder.resolve()
        if not Path.cwd().is_relative_to(folder):
            aside = _first_free(folder.with_name(f"{folder.name}.old-{n}") for n in count(1))
            try:
                folder.rename(aside)
            except OSError as error:
                if error.errno not in FIXED:
                    raise
            else:
                if self.folder.is_symlink():
                    folder.mkdir()  # so that it does not lead nowhere
                return aside
        aside = _first_free(folder / f"old-{n}" for n in count(1))
        aside.mkdir()
        for path in sorted(folder.iterdir()):
            if not ASIDE.fullmatch(path.name) and (_is_part(path) or not is_of_system(path.name)):
                path.rename(aside / path.name)
        return aside


@contextmanager
def _no_collections() -> Iterator[None]:
    """Spare the garbage collector what is read meanwhile: records have no cycles, and millions of parts."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _read(path: Path) -> tuple[Record | None, str | None]:
    """The record in a file of `cells/`, or what is wrong with it; neither where there is no file."""
    if path.suffix != ".json" and path.is_file():
        return None, "it is not named like a record"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None, "it is no file" if os.path.lexists(path) else None
    except OSError as error:
        return None, "it is no file" if path.is_dir() else f"it cannot be read: {error.strerror}"
    if other := mistaken(content[:BEGINNING]):
        return None, f"it {other}"
    try:
        return unsealed(content, path.stem), None
    except ValueError as error:
        return None, str(error)


def _beginning(file: Path) -> bytes:
    with suppress(OSError), file.open("rb") as opened:
        return opened.read(BEGINNING)
    return b""


def _first_free(paths: Iterable[Path]) -> Path:
    return next(path for path in paths if not os.path.lexists(path))


def _is_part(path: Path) -> bool:
    return path.match(PARTS)
