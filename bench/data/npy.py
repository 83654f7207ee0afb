"""Reads arrays, in NumPy's files above all, a block at a time and within stated memory.

NumPy's own reader holds the whole array in the file's type, eight bytes a pixel for 64-bit floats,
and trusts a header that declares more than there is.
"""

import gzip
import math
import struct
import sys
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
from hexbench.files import mistaken, reason

MAX_HEADER = 10_000
"""Bytes, as in NumPy, which however reads a header of gigabytes before it checks the length."""
MAX_AXES = 64
"""Of NumPy's arrays."""
BLOCK, LABELS_BLOCK = 2**22, 2**19
"""Bytes that are held of a file at a time, where an item counts as at least ITEM."""
ITEM = 8
"""Bytes that a small item may take while it is looked at."""
GZIP = b"\x1f\x8b"
MAX_TEXT = 256
"""Characters of a label that is a text."""
START = 512
"""Bytes by which a file that is something else is recognised."""

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


class Opened(NamedTuple):
    """An .npy file or member that is being read, and what messages call it."""

    stream: IO[bytes]
    size: float
    """Bytes that it claims to hold; infinity where that is not known."""
    limit: float
    """Bytes of pixels that may be kept of it."""
    name: str
    header: "Header | None" = None
    """What is declared, where the stream begins with the array itself."""


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


@contextmanager
def plain_file(path: Path) -> Iterator[Opened]:
    """A regular .npy file; whatever reading it raises becomes a BadInput that names it."""
    try:
        with path.open("rb") as stream:
            if words := mistaken(stream.read(START), np.lib.format.MAGIC_PREFIX):
                raise BadInput(f"{path} {words}.")
            stream.seek(0)
            yield Opened(stream, path.stat().st_size, math.inf, str(path))
    except UNREADABLE as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None


def open_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A member's content as a stream; BadZipFile if unpacking it could take much memory."""
    info = archive.getinfo(name)
    if info.compress_type not in PACKED:
        raise zipfile.BadZipFile(f"{name} is packed in an unusual way ({info.compress_type})")
    return archive.open(name)


@contextmanager
def unpacked_file(path: Path) -> Iterator[tuple[IO[bytes], float, float]]:
    """A regular file, packed by gzip or not: its content, bytes of that or infinity, and its limit.

    The limit is of the bytes that may be kept of it, see MAX_UNFOLDED. Whatever reading it raises becomes
    a BadInput that names it.
    """
    if not path.is_file():
        raise BadInput(f"{path} is not a regular file.")
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            packed = stream.read(len(GZIP)) == GZIP
            stream.seek(0)
            if not packed:
                yield stream, size, math.inf
                return
            with gzip.GzipFile(fileobj=stream) as content:
                yield cast(IO[bytes], content), math.inf, max(ALWAYS_UNFOLDED, MAX_UNFOLDED * size)
    except UNREADABLE as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None


def in_memory(array: np.ndarray, name: str) -> Opened:
    """An array as if it were read from a file of that name."""
    if array.dtype.hasobject:
        texts = array.dtype.kind == "O" and all(isinstance(value, str) for value in array.flat)
        if not texts or max(map(len, array.flat), default=0) > MAX_TEXT:
            raise BadInput(f"{name} holds Python objects of other kinds than numbers and short texts.")
        array = array.astype(str)
    header = Header(array.shape, False, array.dtype)
    return Opened(cast(IO[bytes], _Bytes(array)), header.size, math.inf, name, header)


class _Bytes:
    """An array's bytes as a stream, without a copy of an array that is contiguous."""

    def __init__(self, array: np.ndarray):
        self._array, self._place = array, 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        if not self._place:
            self._array = np.ascontiguousarray(self._array).reshape(-1).view(np.uint8)
        start, self._place = self._place, self._place + size
        return self._array[start : self._place].tobytes()


def read_header(opened: Opened) -> Header:
    """The header of a stream, which is left where the array starts."""
    header = _header(opened) if opened.header is None else opened.header
    if header.dtype.hasobject:
        raise BadInput(f"{opened.name} holds Python objects, which only pickle could read: refused.")
    if header.size > opened.size:
        raise BadInput(
            f"{opened.name} is cut short: its header declares more data than the file holds; copy "
            "or download it again."
        )
    return header


def _header(opened: Opened) -> Header:
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
    return header


class _Limited:
    """A stream that gives no more at a time than a header may be long."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream

    def read(self, size: int) -> bytes:
        if size > MAX_HEADER:
            raise ValueError(f"its header has {size:,} bytes")
        return self._stream.read(size)


def blocks(stream: IO[bytes], header: Header, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """The array in the order of the file: pieces (m,) of about `size` bytes, and where each starts.

    Raises EOFError where the stream ends early.
    """
    total, step = math.prod(header.shape), _items(size, header)
    for start in range(0, total, step):
        yield start, take(stream, min(step, total - start), header.dtype)


def read_into(
    array: np.ndarray, stream: IO[bytes], header: Header, convert: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Fill a contiguous `array`, of the header's shape and any type, with each block, converted.

    Raises EOFError where the stream ends early.
    """
    size = _items(BLOCK, header)
    for slab in _slabs(array, header.fortran_order):
        rows = max(1, size // max(1, slab.shape[1]))
        for top in range(0, len(slab), rows):
            for left in range(0, slab.shape[1], size):
                part = slab[top : top + rows, left : left + size]
                part[...] = convert(take(stream, part.size, header.dtype)).reshape(part.shape)


def take(stream: IO[bytes], count: int, dtype: np.dtype[Any]) -> np.ndarray:
    """The next items (count,) of a stream; EOFError where it ends before, ValueError if no text is."""
    data = stream.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise EOFError("it ends before its array does")
    if dtype.kind == "U" and np.frombuffer(data, f"{dtype.byteorder}u4").max(initial=0) > sys.maxunicode:
        raise ValueError("its text is none in Unicode")  # NumPy lets Python fail on it
    return np.frombuffer(data, dtype)


def _items(size: int, header: Header) -> int:
    return max(1, size // max(header.dtype.itemsize, ITEM))


def _slabs(array: np.ndarray, fortran_order: bool) -> Iterator[np.ndarray]:
    """The array in the order of the file, as two-dimensional views."""
    if fortran_order and array.ndim > 1:
        for index in np.ndindex(array.shape[:1:-1]):
            yield array.T[index]
    else:
        yield array.reshape(1, -1)
