"""A folder of exported files that is replaced as a whole, and never holds half an export as if it were one.

The files are written into a folder beside the earlier ones and take their names once all of them are there.
A file in the folder, `export.json`, says what is ours: only that is ever replaced or removed.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from hexbench.errors import BadInput
from hexbench.export.source import Source
from hexbench.files import fault_of_folder, is_of_system, reason, write_whole
from hexbench.store.locks import Locks
from msgspec import Struct

MARK = "export.json"
STAGING = ".export.part"
LOCK = ".export"


class Mark(Struct, frozen=True):
    """The content of MARK: what was exported, and into which files."""

    target: str
    results: str
    """The name of the results folder."""
    study: str
    suite: str
    data: str
    fingerprint: str
    files: list[str] = []

    def with_files(self, files: set[str]) -> "Mark":
        """The same with other files."""
        return msgspec.structs.replace(self, files=sorted(files))

    def write(self, folder: Path) -> None:
        """Into the folder, whole or not at all."""
        write_whole(folder / MARK, msgspec.json.format(msgspec.json.encode(self), indent=1), b"\n")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other exports from it meanwhile; BadInput where that cannot be."""
    if fault := fault_of_folder(folder):
        raise BadInput(f"--out {folder}: {fault}.")
    folder.mkdir(parents=True, exist_ok=True)
    with Locks(folder).hold(LOCK) as mine:
        if not mine:
            raise BadInput(f"--out {folder}: another process exports there; wait for it, or name another.")
        yield


@contextmanager
def staged(folder: Path, target: str, source: Source) -> Iterator[Path]:
    """A new folder whose files take the place of those of an earlier export when all is done.

    BadInput where `folder` holds anything but an earlier export of these results to this target.
    """
    manifest = source.manifest
    data = manifest.data
    mark = Mark(target, source.name, manifest.study, manifest.suite, data.name, data.fingerprint)
    with alone(folder):
        before = _files_before(folder, mark)
        staging = folder / STAGING
        shutil.rmtree(staging, ignore_errors=True)  # of an export that was killed
        staging.mkdir()
        try:
            yield staging
            files = {p.relative_to(staging).as_posix() for p in staging.rglob("*") if p.is_file()}
            mark.with_files(files | before).write(folder)  # first: what is ours is known whatever happens
            for file in sorted(files):
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (staging / file).replace(folder / file)
            _remove(folder, before - files)
            mark.with_files(files).write(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _files_before(folder: Path, mark: Mark) -> set[str]:
    """The files of the export that is to be replaced; BadInput where there are other things."""
    try:
        earlier = msgspec.json.decode((folder / MARK).read_bytes(), type=Mark)
    except FileNotFoundError:
        others = sorted(path.name for path in folder.iterdir() if not is_of_system(path.name))
        if not others:
            return set()
        raise BadInput(f"--out {folder} holds other things, such as {others[0]}: name another.") from None
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise BadInput(f"{folder / MARK} cannot be read: {reason(error)}. Name another --out.") from None
    if earlier.with_files(set()) != mark:
        what = f"{earlier.results} ({earlier.suite} on {earlier.data}) to {earlier.target}"
        raise BadInput(f"--out {folder} holds the export of {what}: name another, or remove it.")
    return {file for file in earlier.files if (folder / file).resolve().is_relative_to(folder.resolve())}


def _remove(folder: Path, files: set[str]) -> None:
    """Remove files of an earlier export, and folders that are empty without them."""
    for file in files:
        (folder / file).unlink(missing_ok=True)
        with suppress(OSError):  # of the first that is not empty
            for above in (folder / file).relative_to(folder).parents[:-1]:
                (folder / above).rmdir()
