"""Reads an .npz of images and labels of any shape, under whichever usual names."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from hexbench.data import npy
from hexbench.data.npy import Opened
from hexbench.data.parts import Part, Parts, arrays_called, listed
from hexbench.data.sources import Source
from hexbench.errors import BadInput
from hexbench.files import mistaken, reason

ZIP = b"PK\x03\x04"
"""How an archive begins that is not empty."""
END = ".npy"


def source(path: Path) -> Source:
    """The source of an .npz, from its headers alone; BadInput if they are not valid.

    Its images and labels are called X and y, or else as usual elsewhere: see `parts.arrays_called`.
    """
    there = _names(path)
    found = arrays_called([name.removesuffix(END) for name in there if name.endswith(END)], str(path))
    if not found.parts:
        raise BadInput(f"{path} {_lacks(there)}.")
    parts = {
        part: Part(partial(_member, path, images), partial(_member, path, labels))
        for part, (images, labels) in found.parts.items()
    }
    names = found.names and partial(_member, path, found.names)
    return Parts(str(path), parts, names or None, found.notes).source(path)


def _names(path: Path) -> list[str]:
    try:
        with _archive(path) as archive:
            return archive.namelist()
    except npy.UNREADABLE as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None


@contextmanager
def _member(path: Path, array: str) -> Iterator[Opened]:
    """An array of an .npz, as `plain_file`."""
    name = f"{array} in {path}"
    try:
        with _archive(path) as archive:
            limit = max(npy.ALWAYS_UNFOLDED, npy.MAX_UNFOLDED * path.stat().st_size)
            member = f"{array}{END}"
            with npy.open_member(archive, member) as stream:
                yield Opened(stream, archive.getinfo(member).file_size, limit, name)
    except npy.UNREADABLE as error:
        raise BadInput(f"{name} cannot be read: {reason(error)}.") from None


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except npy.UNREADABLE:
        with path.open("rb") as stream:
            beginning = stream.read(npy.START)
        if beginning.startswith(ZIP):
            raise BadInput(
                f"{path} cannot be read: it is an archive that is damaged or cut short; copy or "
                "download it again."
            ) from None
        if words := mistaken(beginning, ZIP):
            raise BadInput(f"{path} {words}.") from None
        raise


def _lacks(there: Sequence[str]) -> str:
    """What to do about names that an .npz has not, to follow the file's name."""
    missing = [name for name in ("X", "y") if f"{name}{END}" not in there]
    lacks = f"has no array named {' or '.join(missing)}"
    others = [name.removesuffix(END) for name in there if name.endswith(END)]
    if not others:
        return f"{lacks}: it holds no arrays at all"
    remedy = "save it with the names it needs, np.savez(FILE, X=images, y=labels)"
    return f"{lacks}: it has {listed(others)}; {remedy}"
