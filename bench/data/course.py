"""Reads the course's two files, or an .npz with `X` and `y`, into checked arrays."""

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.errors import BadInput

IMAGES_FILE = "emnist_hex_images.npy"
LABELS_FILE = "emnist_hex_labels.npy"
CLASSES = 17
PIXELS = 400

UNREADABLE: tuple[type[Exception], ...] = (
    OSError, ValueError, EOFError, KeyError, SyntaxError, TypeError, MemoryError, RuntimeError,
    zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What damaged files make NumPy's and zipfile's readers raise."""


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 400) uint8 and labels (n,) uint8 of a folder or .npz; BadInput if they are not that."""
    images_name, labels_name = _names(path)
    images, labels = _arrays(path)
    images = check_images(images, images_name)
    labels = check_labels(labels, labels_name)
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
    name, _ = _names(path)
    try:
        if path.is_dir():
            with (path / IMAGES_FILE).open("rb") as file:
                shape, _ = _header(file)
        else:
            with zipfile.ZipFile(path) as archive, archive.open("X.npy") as file:
                shape, _ = _header(file)
    except UNREADABLE as error:
        raise _unreadable(name, error) from None
    if not shape:
        raise BadInput(f"{name} holds a single number, not images.")
    return int(shape[0])


def check_images(images: np.ndarray, name: str) -> np.ndarray:
    """The images as (n, 400) uint8, or BadInput saying what is wrong with the file `name`."""
    if images.shape[1:] not in ((PIXELS,), (20, 20)):
        raise BadInput(f"{name} has shape {images.shape}: expected (n, 400) or (n, 20, 20).")
    if len(images) == 0:
        raise BadInput(f"{name} holds no images.")
    if images.dtype.kind not in "uif":
        raise BadInput(f"{name} has type {images.dtype}: pixels must be numbers from 0 to 255.")
    if images.dtype.kind == "f":
        if not np.isfinite(images).all():
            raise BadInput(f"{name} holds NaN or infinite pixels.")
        if not np.equal(images, np.round(images)).all():
            raise BadInput(
                f"{name} holds fractions: pixels must be whole numbers from 0 to 255, not 0 to 1."
            )
    if images.min() < 0 or images.max() > 255:
        raise BadInput(
            f"{name} holds pixels from {images.min()} to {images.max()}: expected 0 to 255."
        )
    if images.max() <= 1:
        raise BadInput(f"{name} holds no pixel above 1: pixels must run from 0 to 255.")
    return np.ascontiguousarray(images.reshape(-1, PIXELS).astype(np.uint8))


def check_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """The labels as (n,) uint8, or BadInput saying what is wrong with the file `name`."""
    if labels.ndim != 1:
        raise BadInput(f"{name} has shape {labels.shape}: expected one label an image, (n,).")
    if len(labels) == 0:
        raise BadInput(f"{name} holds no labels.")
    if labels.dtype.kind not in "ui":
        raise BadInput(f"{name} has type {labels.dtype}: labels must be whole numbers 0 to 16.")
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise BadInput(
            f"{name} holds labels from {labels.min()} to {labels.max()}: expected 0 to 16."
        )
    return labels.astype(np.uint8)


def _names(path: Path) -> tuple[str, str]:
    """What to call the images and the labels in a message; BadInput if they are not there."""
    if path.is_dir():
        for file in (path / IMAGES_FILE, path / LABELS_FILE):
            if not file.is_file():
                raise BadInput(f"{file} is missing: a data folder needs it and its partner.")
        return str(path / IMAGES_FILE), str(path / LABELS_FILE)
    if not path.is_file():
        raise BadInput(f"{path} is not there: --data takes a folder or an .npz file.")
    if path.suffix != ".npz":
        raise BadInput(f"{path} is neither a folder nor an .npz file with X and y.")
    return f"X in {path}", f"y in {path}"


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if path.is_dir():
        return _load_npy(path / IMAGES_FILE), _load_npy(path / LABELS_FILE)
    try:
        # Opened here: NumPy leaves a file that is no archive open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as archive:
            missing = {"X", "y"} - set(archive.files)
            if missing:
                raise BadInput(f"{path} has no array named {' or '.join(sorted(missing))}.")
            with zipfile.ZipFile(path) as members:
                for key in ("X", "y"):
                    with members.open(f"{key}.npy") as file:
                        _check_size(members.getinfo(f"{key}.npy").file_size, *_header(file), path)
            return archive["X"], archive["y"]
    except UNREADABLE as error:
        raise _unreadable(str(path), error) from None


def _load_npy(file: Path) -> np.ndarray:
    try:
        with file.open("rb") as stream:
            _check_size(file.stat().st_size, *_header(stream), file)
        return np.load(file, allow_pickle=False)
    except UNREADABLE as error:
        raise _unreadable(str(file), error) from None


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type that an .npy header declares, before anything is allocated for them."""
    version = np.lib.format.read_magic(file)
    reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if reader is None:
        raise ValueError(f".npy version {version} is not supported")
    shape, _, dtype = reader(file)
    return shape, dtype


def _check_size(size: int, shape: tuple[int, ...], dtype: np.dtype[Any], name: Path) -> None:
    if dtype.hasobject:
        raise BadInput(f"{name} holds Python objects, which only pickle could read: refused.")
    if math.prod(shape) * dtype.itemsize > size:
        raise BadInput(f"{name} is cut short: its header declares more data than the file holds.")


def _unreadable(name: str, error: BaseException) -> BadInput:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return BadInput(f"{name} cannot be read: {reason}.")
