"""Reads the course's two files, or an .npz with `X` and `y`, into checked arrays; writes the two."""

import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from bench.data import files, npy
from bench.errors import BadInput

IMAGES_FILE, LABELS_FILE = files.IMAGES_FILE, files.LABELS_FILE
CLASSES = 17
PIXELS = 400

UNREADABLE: tuple[type[Exception], ...] = (
    OSError, ValueError, EOFError, KeyError, SyntaxError, TypeError, MemoryError, RuntimeError,
    zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What damaged files make NumPy's and zipfile's readers raise."""


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 400) uint8 and labels (n,) uint8 of a folder or .npz; BadInput if they are not that."""
    with _opened(path, "X") as (stream, size, images_name):
        images = _read_images(stream, size, images_name)
    with _opened(path, "y") as (stream, size, labels_name):
        labels = _read_labels(stream, size, labels_name)
    if len(images) != len(labels):
        raise BadInput(
            f"{images_name} holds {len(images):,} images but {labels_name} holds "
            f"{len(labels):,} labels: there must be one label for each image."
        )
    if len(np.unique(labels)) < 2:
        raise BadInput(f"{labels_name} holds only one class: a classifier needs at least two.")
    return images, labels


def count(path: Path) -> int:
    """How many images a folder or .npz declares, from the file's header alone."""
    with _opened(path, "X") as (stream, _, name):
        shape = npy.read_header(stream).shape
    if not shape:
        raise BadInput(f"{name} holds a single number, not images.")
    return shape[0]


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
def _opened(path: Path, array: str) -> Iterator[tuple[IO[bytes], int, str]]:
    """The stream of the array `X` (images) or `y` (labels), its size in bytes and what to call it.

    Whatever reading it raises becomes a BadInput that names the file.
    """
    name = str(path)
    try:
        if path.is_dir():
            file = _file(path, array)
            name = str(file)
            with file.open("rb") as stream:
                yield stream, file.stat().st_size, name
        else:
            _check_npz(path)
            with zipfile.ZipFile(path) as archive:
                missing = {"X.npy", "y.npy"} - set(archive.namelist())
                if missing:
                    names = " or ".join(member.removesuffix(".npy") for member in sorted(missing))
                    raise BadInput(f"{path} has no array named {names}.")
                name = f"{array} in {path}"
                with archive.open(f"{array}.npy") as stream:
                    yield stream, archive.getinfo(f"{array}.npy").file_size, name
    except UNREADABLE as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise BadInput(f"{name} cannot be read: {reason}.") from None


def _file(folder: Path, array: str) -> Path:
    for file in (folder / IMAGES_FILE, folder / LABELS_FILE):
        if not file.is_file():
            raise BadInput(f"{file} is missing: a data folder needs it and its partner.")
    return folder / (IMAGES_FILE if array == "X" else LABELS_FILE)


def _check_npz(path: Path) -> None:
    if not path.is_file():
        raise BadInput(f"{path} is not there: --data takes a folder or an .npz file.")
    if path.suffix != ".npz":
        raise BadInput(f"{path} is neither a folder nor an .npz file with X and y.")


def _read_images(stream: IO[bytes], size: int, name: str) -> np.ndarray:
    header = _header(stream, size, name)
    if header.shape[1:] not in ((PIXELS,), (20, 20)):
        raise BadInput(f"{name} has shape {header.shape}: expected (n, 400) or (n, 20, 20).")
    if header.shape[0] == 0:
        raise BadInput(f"{name} holds no images.")
    if header.dtype.kind not in "uif":
        raise BadInput(f"{name} has type {header.dtype}: pixels must be numbers from 0 to 255.")
    low, high = 255.0, 0.0

    def check(block: np.ndarray) -> np.ndarray:
        nonlocal low, high
        if block.dtype.kind == "f":
            if not np.isfinite(block).all():
                raise BadInput(f"{name} holds NaN or infinite pixels.")
            if not np.equal(block, np.round(block)).all():
                raise BadInput(
                    f"{name} holds fractions: pixels must be whole numbers from 0 to 255, not 0 to 1."
                )
        low, high = min(low, block.min()), max(high, block.max())
        return block.clip(0, 255)

    images = np.empty(header.shape, np.uint8)
    npy.read_into(images, stream, header, check)
    if low < 0 or high > 255:
        raise BadInput(f"{name} holds pixels from {low:.0f} to {high:.0f}: expected 0 to 255.")
    if high <= 1:
        raise BadInput(f"{name} holds no pixel above 1: pixels must run from 0 to 255.")
    return images.reshape(-1, PIXELS)


def _read_labels(stream: IO[bytes], size: int, name: str) -> np.ndarray:
    header = _header(stream, size, name)
    if len(header.shape) != 1:
        raise BadInput(f"{name} has shape {header.shape}: expected one label an image, (n,).")
    if header.shape[0] == 0:
        raise BadInput(f"{name} holds no labels.")
    if header.dtype.kind not in "ui":
        raise BadInput(f"{name} has type {header.dtype}: labels must be whole numbers 0 to 16.")
    labels = np.empty(header.shape, header.dtype)
    npy.read_into(labels, stream, header, lambda block: block)
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise BadInput(
            f"{name} holds labels from {labels.min()} to {labels.max()}: expected 0 to 16."
        )
    return labels.astype(np.uint8)


def _header(stream: IO[bytes], size: int, name: str) -> npy.Header:
    header = npy.read_header(stream)
    if header.dtype.hasobject:
        raise BadInput(f"{name} holds Python objects, which only pickle could read: refused.")
    if header.size > size:
        raise BadInput(f"{name} is cut short: its header declares more data than the file holds.")
    return header
