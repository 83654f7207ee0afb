"""Reads the course's two files, or an .npz with `X` and `y`, into checked arrays; writes the two."""

import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from bench.data import files, npy
from bench.data.zips import open_member
from bench.errors import BadInput
from bench.outside import reason, short

IMAGES_FILE, LABELS_FILE = files.IMAGES_FILE, files.LABELS_FILE
CLASSES = 17
PIXELS = 400
FEWEST = 2

MOST_UNFOLDED = 100
"""The images of an .npz may take so many times its size ..."""
ALWAYS_UNFOLDED = 2**26
"""... or so many bytes. A zip bomb unfolds to a thousand times its size, images to a few times."""
FOLDER_MEMORY, NPZ_MEMORY = 2**25, 2**27
"""Bytes that reading takes at most besides the size of a folder's files, or MOST_UNFOLDED times an .npz."""

UNREADABLE: tuple[type[Exception], ...] = (
    OSError, ValueError, EOFError, LookupError, ArithmeticError, AttributeError, SyntaxError, TypeError,
    MemoryError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What damaged files make NumPy's and zipfile's readers raise."""


class Opened(NamedTuple):
    """The stream of an array in a file or archive."""

    stream: IO[bytes]
    size: int
    """Bytes that it declares to hold."""
    most: int
    """Images or labels that may be kept of it."""
    name: str
    """What to call it."""


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 400) uint8 and labels (n,) uint8 of a folder or .npz; BadInput if they are not that."""
    with _opened(path, "X") as opened:
        images, images_name = _read_images(opened), opened.name
    with _opened(path, "y") as opened:
        labels, labels_name = _read_labels(opened), opened.name
    if len(images) != len(labels):
        raise BadInput(
            f"{images_name} holds {len(images):,} images but {labels_name} holds "
            f"{len(labels):,} labels: there must be one label for each image."
        )
    if len(np.unique(labels)) < 2:
        raise BadInput(f"{labels_name} holds only one class: a classifier needs at least two.")
    return images, labels


def count(path: Path) -> int:
    """How many images a folder or .npz holds, from the file's header alone; BadInput if it is no images'."""
    with _opened(path, "X") as opened:
        return _images_header(opened).shape[0]


def write(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images (n, 400) and labels (n,), uint8, into a folder, durably; OSError if that fails."""
    for name, array in ((IMAGES_FILE, images), (LABELS_FILE, labels)):
        with (folder / name).open("wb") as file:
            header = np.lib.format.header_data_from_array_1_0(array)
            np.lib.format.write_array_header_1_0(file, header)
            # np.save would not say why a disk takes no more.
            file.write(np.ascontiguousarray(array).data)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def _opened(path: Path, array: str) -> Iterator[Opened]:
    """The array `X` (images) or `y` (labels). Whatever reading it raises becomes a BadInput that names it."""
    name = str(path)
    try:
        if path.is_dir():
            file = _file(path, array)
            name = str(file)
            with file.open("rb") as stream:
                size = file.stat().st_size
                yield Opened(stream, size, size, name)
        else:
            _check_npz(path)
            with zipfile.ZipFile(path) as archive:
                missing = {"X.npy", "y.npy"} - set(archive.namelist())
                if missing:
                    names = " or ".join(member.removesuffix(".npy") for member in sorted(missing))
                    raise BadInput(f"{path} has no array named {names}.")
                name = f"{array} in {path}"
                size = archive.getinfo(f"{array}.npy").file_size
                most = max(ALWAYS_UNFOLDED, MOST_UNFOLDED * path.stat().st_size) // PIXELS
                with open_member(archive, f"{array}.npy") as stream:
                    yield Opened(stream, size, most, name)
    except UNREADABLE as error:
        raise BadInput(f"{name} cannot be read: {reason(error)}.") from None


def _file(folder: Path, array: str) -> Path:
    for file in (folder / IMAGES_FILE, folder / LABELS_FILE):
        if not file.is_file():
            raise BadInput(f"{file} {_absence(file)}: a data folder needs it and its partner.")
    return folder / (IMAGES_FILE if array == "X" else LABELS_FILE)


def _absence(path: Path) -> str:
    """How a file is missing."""
    if path.exists():
        return "is no file"
    return "is a link that leads nowhere" if path.is_symlink() else "is not there"


def _check_npz(path: Path) -> None:
    if not path.is_file():
        raise BadInput(f"{path} {_absence(path)}: --data takes a folder or an .npz file.")
    if path.suffix != ".npz":
        raise BadInput(f"{path} is neither a folder nor an .npz file with X and y.")


def _read_images(opened: Opened) -> np.ndarray:
    header, name = _images_header(opened), opened.name
    low, high = 255.0, 0.0

    def check(block: np.ndarray) -> np.ndarray:
        nonlocal low, high
        _check_whole(block, name, "pixels must be whole numbers from 0 to 255, not 0 to 1")
        low, high = min(low, block.min()), max(high, block.max())
        return block.clip(0, 255)

    images = np.empty(header.shape, np.uint8)
    npy.read_into(images, opened.stream, header, check)
    if low < 0 or high > 255:
        raise BadInput(f"{name} holds pixels from {low:.0f} to {high:.0f}: expected 0 to 255.")
    if high <= 1:
        raise BadInput(f"{name} holds no pixel above 1: pixels must run from 0 to 255.")
    return images.reshape(-1, PIXELS)


def _read_labels(opened: Opened) -> np.ndarray:
    header, name = _header(opened), opened.name
    if len(header.shape) != 1:
        raise BadInput(f"{name} has shape {header.shape}: expected one label an image, (n,).")
    if header.dtype.kind not in "uif":
        raise BadInput(
            f"{name} has type {short(str(header.dtype))}: labels must be whole numbers 0 to 16."
        )
    _check_count(header.shape[0], opened, "labels")

    def check(block: np.ndarray) -> np.ndarray:
        _check_whole(block, name, "labels must be whole numbers 0 to 16")
        low, high = block.min(), block.max()
        if low < 0 or high >= CLASSES:
            raise BadInput(f"{name} holds labels from {low:.0f} to {high:.0f}: expected 0 to 16.")
        return block

    labels = np.empty(header.shape, np.uint8)
    npy.read_into(labels, opened.stream, header, check)
    return labels


def _check_whole(block: np.ndarray, name: str, wanted: str) -> None:
    if block.dtype.kind != "f":
        return
    if not np.isfinite(block).all():
        raise BadInput(f"{name} holds NaN or infinity: {wanted}.")
    if not np.equal(block, np.round(block)).all():
        raise BadInput(f"{name} holds fractions: {wanted}.")


def _images_header(opened: Opened) -> npy.Header:
    header, name = _header(opened), opened.name
    if header.shape[1:] not in ((PIXELS,), (20, 20)):
        raise BadInput(f"{name} has shape {header.shape}: expected (n, 400) or (n, 20, 20).")
    if header.dtype.kind not in "uif":
        raise BadInput(
            f"{name} has type {short(str(header.dtype))}: pixels must be numbers from 0 to 255."
        )
    _check_count(header.shape[0], opened, "images")
    return header


def _header(opened: Opened) -> npy.Header:
    header = npy.read_header(opened.stream)
    if header.dtype.hasobject:
        raise BadInput(
            f"{opened.name} holds Python objects, which only pickle could read: refused."
        )
    if header.size > opened.size:
        raise BadInput(
            f"{opened.name} is cut short: its header declares more data than the file holds."
        )
    return header


def _check_count(count: int, opened: Opened, what: str) -> None:
    """So many images or labels are enough, and not more than so small a file can be believed to hold."""
    if count < FEWEST:
        raise BadInput(f"{opened.name} holds too few {what} ({count}): {FEWEST} are the least.")
    if count > opened.most:
        raise BadInput(
            f"{opened.name} unfolds to {count:,} {what}, more than {MOST_UNFOLDED} times the size of the "
            "file: if that is meant, save it with np.savez, without compression."
        )
