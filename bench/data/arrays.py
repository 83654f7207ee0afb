"""Reads NumPy's files of images and labels of any shape, a block at a time, within stated memory.

NumPy's own reader holds the whole array in the file's type, eight bytes a pixel for 64-bit floats,
and trusts a header that declares more than there is.
"""

import io
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
from hexbench.errors import BadInput
from hexbench.files import one_line, reason, short

MIN_IMAGES = 2
MIN_SIDE = 2
MAX_CHANNELS = 4
MAX_CLASSES = 1_000
MAX_NAMES_BYTES = 2**20
MAX_HEADER = 10_000
"""Bytes, as in NumPy, which however reads a header of gigabytes before it checks the length."""
MAX_AXES = 64
"""Of NumPy's arrays."""
BLOCK, LABELS_BLOCK = 2**22, 2**19
"""Bytes of a file that are held at a time."""

MAX_UNFOLDED = 100
"""The images of an .npz may take so many times its size ..."""
ALWAYS_UNFOLDED = 2**26
"""... or so many bytes. A zip bomb unfolds to a thousand times its size, images to a few times."""
FOLDER_MEMORY, NPZ_MEMORY = 2**25, 2**27
"""Bytes that reading takes at most besides the size of plain files, or MAX_UNFOLDED times
an .npz."""
PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""What NumPy and NIST write; unpacking LZMA takes as much memory as the archive asks for."""

UNREADABLE: tuple[type[Exception], ...] = (
    *(OSError, ValueError, EOFError, LookupError, ArithmeticError, AttributeError, SyntaxError),
    *(TypeError, MemoryError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error),
    tokenize.TokenError,
)
"""What damaged files make NumPy's and zipfile's readers raise."""


class Arrays(NamedTuple):
    """The content of an .npz."""

    images: np.ndarray
    """uint8 (n, height, width[, channels])."""
    labels: np.ndarray
    """uint8 or uint16 (n,), 0 to k - 1."""
    class_names: tuple[str, ...]


class Opened(NamedTuple):
    """An .npy file or member that is being read, and what messages call it."""

    stream: IO[bytes]
    size: int
    """Bytes that it claims to hold."""
    limit: float
    """Bytes of pixels that may be kept of it."""
    name: str


@dataclass(frozen=True)
class Header:
    """What an .npy file declares of its array."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


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
        labels, values = read_labels(opened, len(images))
    with _member(path, "class_names", optional=True) as opened:
        names = tuple(map(str, values)) if opened.size < 0 else read_names(opened, values)
    return Arrays(images, labels, names)


@contextmanager
def plain_file(path: Path) -> Iterator[Opened]:
    """A regular .npy file; whatever reading it raises becomes a BadInput that names it."""
    try:
        with path.open("rb") as stream:
            yield Opened(stream, path.stat().st_size, math.inf, str(path))
    except UNREADABLE as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None


@contextmanager
def _member(path: Path, array: str, optional: bool = False) -> Iterator[Opened]:
    """An array of an .npz, as `plain_file`; of size -1 if it is optional and not there."""
    name, member = str(path), f"{array}.npy"
    try:
        with zipfile.ZipFile(path) as archive:
            missing = {"X.npy", "y.npy"} - set(archive.namelist())
            if missing:
                names = " or ".join(lacking.removesuffix(".npy") for lacking in sorted(missing))
                raise BadInput(f"{path} has no array named {names}.")
            if optional and member not in archive.namelist():
                yield Opened(io.BytesIO(), -1, 0, name)
                return
            name = f"{array} in {path}"
            limit = max(ALWAYS_UNFOLDED, MAX_UNFOLDED * path.stat().st_size)
            with open_member(archive, member) as stream:
                yield Opened(stream, archive.getinfo(member).file_size, limit, name)
    except UNREADABLE as error:
        raise BadInput(f"{name} cannot be read: {reason(error)}.") from None


def open_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A member's content as a stream; BadZipFile if unpacking it could take much memory."""
    info = archive.getinfo(name)
    if info.compress_type not in PACKED:
        raise zipfile.BadZipFile(f"{name} is packed in an unusual way ({info.compress_type})")
    return archive.open(name)


def read_image_header(opened: Opened, only: tuple[int, ...] | None = None) -> tuple[Header, tuple[int, ...]]:
    """The header and the shape of one image; BadInput if not valid, or not of the shape `only`."""
    header, name = _header(opened), opened.name
    shape = _image_shape(header.shape, name) if only is None else only
    if only is not None and header.shape[1:] not in (only, (math.prod(only),)):
        wanted = f"(n, {math.prod(only)}) or (n, {', '.join(map(str, only))})"
        raise BadInput(f"{name} has shape {header.shape}: expected {wanted}.")
    if header.dtype.kind not in "uif":
        kind = short(str(header.dtype))
        raise BadInput(f"{name} has type {kind}: pixels must be numbers from 0 to 255.")
    count = header.shape[0]
    if count < MIN_IMAGES:
        raise BadInput(f"{name} holds too few images ({count}): at least {MIN_IMAGES} are needed.")
    if count * (math.prod(shape) + 2) > opened.limit:  # a label takes two bytes
        raise BadInput(
            f"{name} unfolds to {count:,} images, more than {MAX_UNFOLDED} times the size of the "
            "file: if that is meant, save it with np.savez, without compression."
        )
    return header, shape


def _image_shape(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """(height, width[, channels]) of images stored as an array of this shape."""
    sides = shape[1:]
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        if side * side != shape[1]:
            raise BadInput(
                f"{name} has shape {shape}: {shape[1]} pixels are no square, so images that "
                "are not square need the shape (n, height, width)."
            )
        sides = (side, side)
    elif len(shape) == 4 and shape[3] == 1:
        sides = shape[1:3]
    fits = len(shape) in (2, 3) or (len(shape) == 4 and 1 <= shape[3] <= MAX_CHANNELS)
    if not fits or min(sides[:2]) < MIN_SIDE:
        raise BadInput(
            f"{name} has shape {shape}: expected (n, height, width), (n, height, width, channels) "
            f"with 1 to {MAX_CHANNELS} channels, or (n, pixels) of squares, of {MIN_SIDE} pixels a "
            "side or more."
        )
    return sides


def read_images(opened: Opened, only: tuple[int, ...] | None = None) -> np.ndarray:
    """Images uint8 (n, height, width[, channels]); BadInput if pixels are not integers 0 to 255."""
    header, shape = read_image_header(opened, only)
    name = opened.name
    low, high = 255.0, 0.0

    def check(block: np.ndarray) -> np.ndarray:
        nonlocal low, high
        _check_whole(block, name, "pixels must be whole numbers from 0 to 255, not 0 to 1")
        low, high = min(low, block.min()), max(high, block.max())
        return block.clip(0, 255)

    images = np.empty(header.shape, np.uint8)
    _read_into(images, opened.stream, header, check)
    if low < 0 or high > 255:
        raise BadInput(f"{name} holds pixels from {low:.0f} to {high:.0f}: expected 0 to 255.")
    if high <= 1:
        raise BadInput(f"{name} holds no pixel above 1: pixels must run from 0 to 255.")
    return images.reshape(-1, *shape)


def read_labels(opened: Opened, count: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Labels (n,) as 0 to k - 1, and the k values that these stand for, in rising order.

    BadInput if they are not `count` whole numbers of 2 to MAX_CLASSES different values.
    """
    header, name = _header(opened), opened.name
    if len(header.shape) != 1:
        raise BadInput(f"{name} has shape {header.shape}: expected one label an image, (n,).")
    if header.dtype.kind not in "uif":
        kind = short(str(header.dtype))
        raise BadInput(f"{name} has type {kind}: labels must be whole numbers.")
    if header.shape[0] != count:
        raise BadInput(
            f"{name} holds {header.shape[0]:,} labels for {count:,} images: there must be one "
            "label for each image."
        )
    codes: dict[int, int] = {}  # in order of appearance

    def encode(block: np.ndarray) -> np.ndarray:
        _check_whole(block, name, "labels must be whole numbers")
        values, places = np.unique(block, return_inverse=True)
        if len(values) <= MAX_CLASSES:
            for value in values:
                codes.setdefault(int(value), len(codes))
        if max(len(values), len(codes)) > MAX_CLASSES:
            raise BadInput(f"{name} holds more than {MAX_CLASSES:,} different labels.")
        return np.array([codes[int(value)] for value in values])[places]

    labels = np.empty(count, np.uint16)
    _read_into(labels, opened.stream, header, encode, LABELS_BLOCK)
    if len(codes) < 2:
        raise BadInput(f"{name} holds only one class: a classifier needs at least two.")
    found = sorted(codes)
    if found[0] < -(2**63) or found[-1] >= 2**63:
        raise BadInput(f"{name} holds labels that do not fit into 64 bits.")
    ranks = {value: rank for rank, value in enumerate(found)}
    narrow = np.uint8 if len(found) <= 256 else np.uint16
    return np.array([ranks[value] for value in codes], narrow)[labels], tuple(found)


def read_names(opened: Opened, values: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the labels `values`; the array has one for each, or for each integer from 0."""
    header, name = _header(opened), opened.name
    if header.dtype.kind != "U" or len(header.shape) != 1 or header.size > MAX_NAMES_BYTES:
        raise BadInput(
            f"{name} is {short(str(header.dtype))} of shape {header.shape}: expected text, one name a class."
        )
    content = opened.stream.read(header.size)
    if len(content) < header.size:
        raise EOFError("it ends before its array does")
    names = [one_line(str(text)) for text in np.frombuffer(content, header.dtype)]
    if values[0] >= 0 and values[-1] < len(names):
        names = [names[value] for value in values]
    if len(names) != len(values):
        raise BadInput(f"{name} holds {len(names)} names for {len(values)} classes.")
    if not all(names) or len(set(names)) < len(names):
        raise BadInput(f"{name} holds an empty name, or the same name twice.")
    return tuple(names)


def _check_whole(block: np.ndarray, name: str, wanted: str) -> None:
    if block.dtype.kind != "f":
        return
    if not np.isfinite(block).all():
        raise BadInput(f"{name} holds NaN or infinity: {wanted}.")
    if not np.equal(block, np.round(block)).all():
        raise BadInput(f"{name} holds fractions: {wanted}.")


def _header(opened: Opened) -> Header:
    """The header at the start of a stream, which is left where the array starts."""
    limited = cast(IO[bytes], _Limited(opened.stream))
    version = np.lib.format.read_magic(limited)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f".npy version {version} is not supported")
    reader = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python 2's headers, and of odd types
        header = Header(*reader(limited))
    if len(header.shape) > MAX_AXES or not all(0 <= length < 2**63 for length in header.shape):
        raise ValueError(f"its header declares the shape {header.shape}")
    if header.dtype.hasobject:
        raise BadInput(f"{opened.name} holds Python objects, which only pickle could read: refused.")
    if header.size > opened.size:
        raise BadInput(f"{opened.name} is cut short: its header declares more data than the file holds.")
    return header


class _Limited:
    """A stream that gives no more at a time than a header may be long."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream

    def read(self, size: int) -> bytes:
        if size > MAX_HEADER:
            raise ValueError(f"its header has {size:,} bytes")
        return self._stream.read(size)


def _read_into(
    array: np.ndarray,
    stream: IO[bytes],
    header: Header,
    convert: Callable[[np.ndarray], np.ndarray],
    block: int = BLOCK,
) -> None:
    """Fill a contiguous `array`, of the header's shape and any type, with each block, converted.

    Raises EOFError where the stream ends early.
    """
    size = max(1, block // header.dtype.itemsize)
    for slab in _slabs(array, header.fortran_order):
        rows = max(1, size // max(1, slab.shape[1]))
        for top in range(0, len(slab), rows):
            for left in range(0, slab.shape[1], size):
                part = slab[top : top + rows, left : left + size]
                data = stream.read(part.size * header.dtype.itemsize)
                if len(data) < part.size * header.dtype.itemsize:
                    raise EOFError("it ends before its array does")
                part[...] = convert(np.frombuffer(data, header.dtype)).reshape(part.shape)


def _slabs(array: np.ndarray, fortran_order: bool) -> Iterator[np.ndarray]:
    """The array in the order of the file, as two-dimensional views."""
    if fortran_order and array.ndim > 1:
        for index in np.ndindex(array.shape[:1:-1]):
            yield array.T[index]
    else:
        yield array.reshape(1, -1)
