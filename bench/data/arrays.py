"""Reads an .npz of images and labels of any shape."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hexbench.data import npy
from hexbench.data.images import read_image_header, read_images
from hexbench.data.labels import named, read_labels
from hexbench.data.npy import Opened
from hexbench.errors import BadInput
from hexbench.files import mistaken, reason, short

MOST_LISTED = 10
ZIP = b"PK\x03\x04"
"""How an archive begins that is not empty."""


class Arrays(NamedTuple):
    """The content of an .npz."""

    images: np.ndarray
    """uint8 (n, height, width[, channels])."""
    labels: np.ndarray
    """uint8 or uint16 (n,), 0 to k - 1."""
    class_names: tuple[str, ...]


def peek(path: Path) -> tuple[int, tuple[int, ...]]:
    """Number and shape of the images of an .npz, from its header alone; BadInput as for `read`."""
    with _member(path, "X") as opened:
        header, shape = read_image_header(opened)
    return header.shape[0], shape


def read(path: Path) -> Arrays:
    """The images `X`, labels `y` and, if given, `class_names` of an .npz; BadInput if not valid."""
    with _member(path, "X") as opened:
        images = read_images(opened)
    with _member(path, "y") as opened:
        labels = read_labels(opened, len(images))
    with _member(path, "class_names", optional=True) as opened:
        if opened.size < 0:
            return Arrays(images, labels.codes, tuple(map(str, labels.values)))
        return Arrays(images, *named(opened, labels))


@contextmanager
def _member(path: Path, array: str, optional: bool = False) -> Iterator[Opened]:
    """An array of an .npz, as `plain_file`; of size -1 if it is optional and not there."""
    name, member = str(path), f"{array}.npy"
    try:
        with _archive(path) as archive:
            there = archive.namelist()
            missing = [needed for needed in ("X", "y") if f"{needed}.npy" not in there]
            if missing:
                raise BadInput(f"{path} {_lacks(missing, there)}.")
            if optional and member not in there:
                yield Opened(io.BytesIO(), -1, 0, name)
                return
            name = f"{array} in {path}"
            limit = max(npy.ALWAYS_UNFOLDED, npy.MAX_UNFOLDED * path.stat().st_size)
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


def _lacks(missing: Sequence[str], there: Sequence[str]) -> str:
    """What to do about names that an .npz has not, to follow the file's name."""
    lacks = f"has no array named {' or '.join(missing)}"
    others = [name.removesuffix(".npy") for name in there if name.endswith(".npy")]
    if not others:
        return f"{lacks}: it holds no arrays at all"
    listed = ", ".join(short(name) for name in others[:MOST_LISTED])
    more = f" and {len(others) - MOST_LISTED:,} more" if len(others) > MOST_LISTED else ""
    return (
        f"{lacks}: it has {listed}{more}; save it with the names it needs, np.savez(FILE, X=images, y=labels)"
    )
