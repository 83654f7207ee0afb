"""Reads images and labels from MATLAB's files of version 5 to 7.

SciPy's reader makes room for whatever a file declares, and a damaged file can end the process; here no more
is read than there is. Arrays of numbers are read, also in structures; texts, cells and objects are skipped.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from hexbench.data import emnist, npy
from hexbench.data.parts import Parts, arrays_called, listed, of_arrays
from hexbench.data.sources import Source
from hexbench.errors import BadInput
from hexbench.files import mistaken, reason

HEADER, BYTE_ORDER = 128, 126
VERSION_5 = b"MATLAB 5.0"
HDF5 = (b"MATLAB 7.3", b"\x89HDF")
TYPES = {
    **dict(enumerate(("i1", "u1", "i2", "u2", "i4", "u4", "f4"), 1)),
    9: "f8",
    12: "i8",
    13: "u8",
}
"""Of elements that hold numbers."""
MATRIX, COMPRESSED = 14, 15
STRUCTURE, NUMBERS = 2, range(6, 16)
"""Classes of matrices."""
COMPLEX = 0x0800
DEEPEST, MOST_FIELDS = 20, 1_000
SMALL = 2**16
"""Bytes of a name, of dimensions or of the names of fields; and what is unpacked at a time."""


def source(path: Path) -> Source:
    """The source of a file, of which the names and shapes of arrays are read; BadInput if it is not valid."""
    called = path.stem
    found = _parts(path, values=False).source(path, called)
    return replace(found, load=lambda: _parts(path, values=True).source(path, called).load())


def _parts(path: Path, *, values: bool) -> Parts:
    found = _read(path, values)
    called = arrays_called(list(found), str(path))
    if not called.parts:
        there = listed(list(found)) or "none"
        raise BadInput(
            f"{path} has no arrays of numbers named X and y, or images and labels: it has {there}."
        )
    parts = {}
    for part, (images, labels) in called.parts.items():
        column = found[labels].reshape(-1) if found[labels].shape[:1] == (1,) else found[labels]
        parts[part] = of_arrays(_first_axis(found[images], len(column)), column, f"{images} in {path}")
    if not emnist.is_emnist(path.name):
        return Parts(str(path), parts, notes=called.notes)
    mapping = next((array for name, array in found.items() if name.endswith("mapping")), np.empty((0, 0)))
    try:
        names = emnist.named(mapping)
    except (ValueError, IndexError, OverflowError, TypeError):  # then the labels are the classes' names
        names = {}
    finish = partial(emnist.put_right, characters=names)
    return Parts(str(path), parts, notes=(*called.notes, emnist.UPRIGHT), finish=finish)


def _first_axis(images: np.ndarray, count: int) -> np.ndarray:
    """Images with their number first: MATLAB often has it last."""
    last = images.ndim in (3, 4) and images.shape[-1] == count != len(images)
    return np.moveaxis(images, -1, 0) if last else images


def _read(path: Path, values: bool) -> dict[str, np.ndarray]:
    """Every array of numbers by its name, those in structures as `outer.inner`; without values, stand-ins."""
    try:
        with path.open("rb") as stream:
            order = _order(stream.read(HEADER), path)
            limit = max(npy.ALWAYS_UNFOLDED, npy.MAX_UNFOLDED * path.stat().st_size)
            found: dict[str, np.ndarray] = {}
            while tag := stream.read(8):
                kind, size = struct.unpack(f"{order}II", tag)
                end = stream.tell() + size
                content = _Content(stream, size, limit, packed=kind == COMPRESSED)
                if kind == COMPRESSED:
                    kind, size = struct.unpack(f"{order}II", content.read(8))
                if kind == MATRIX:
                    found |= _Matrix(content, size, order, values).arrays("")
                limit -= content.given
                stream.seek(end)
            return found
    except npy.UNREADABLE as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None


def _order(start: bytes, path: Path) -> str:
    """The byte order that the beginning of a file tells; BadInput where it is another kind of file."""
    if start.startswith(HDF5):
        raise BadInput(f"{path} is of MATLAB 7.3 (HDF5): save it there with save(FILE, ..., '-v7').")
    order = {b"IM": "<", b"MI": ">"}.get(start[BYTE_ORDER:], "")
    if not start.startswith(VERSION_5) or not order:
        words = "" if start.startswith(VERSION_5) else mistaken(start)
        raise BadInput(f"{path} {words or 'is no MATLAB file of version 5 to 7'}.")
    return order


@dataclass
class _Matrix:
    """A matrix of so many bytes, which `content` gives next."""

    content: "_Content"
    left: int
    order: str
    values: bool
    depth: int = 0

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Arrays of numbers by name: itself, or those in a structure. ValueError if it is not valid."""
        if not self.left:
            return {}
        flags = struct.unpack(f"{self.order}II", self._small())[0]
        shape = tuple(np.frombuffer(self._small(), f"{self.order}i4").tolist())
        own = self._small().decode("latin-1")
        name, kind = own or name, flags & 0xFF
        if self.depth > DEEPEST or len(shape) > npy.MAX_AXES or min(shape, default=-1) < 0:
            raise ValueError("its arrays are nested too deeply, or have no dimensions")
        found = {}
        if kind in NUMBERS and not flags & COMPLEX:
            found = {name: self._numbers(shape)}
        elif kind == STRUCTURE and prod(shape) == 1:
            found = dict(self._fields(name))
        self.content.skip(self.left)
        return found

    def _numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        kind, size, small = self._element()
        dtype = np.dtype(f"{self.order}{TYPES.get(kind, 'V1')}")
        if dtype.kind == "V" or prod(shape) * dtype.itemsize != size:
            raise ValueError(f"an array of shape {shape} has {size:,} bytes")
        if not self.values:
            return np.broadcast_to(np.zeros((), dtype), shape)
        data = small or self._take(size)
        return np.frombuffer(data, dtype, prod(shape)).reshape(shape, order="F")

    def _fields(self, name: str) -> Iterator[tuple[str, np.ndarray]]:
        """Arrays of a structure, its fields one after another."""
        width = struct.unpack(f"{self.order}i", self._small()[:4])[0]
        names = self._small()
        if not 0 < width <= SMALL or len(names) > width * MOST_FIELDS:
            raise ValueError("the fields of a structure are damaged")
        for place in range(0, len(names), width):
            field = names[place : place + width].split(b"\0")[0].decode("latin-1")
            kind, size, _ = self._element()
            if kind != MATRIX:
                raise ValueError(f"a field of a structure is of type {kind}")
            inner = _Matrix(self.content, size, self.order, self.values, self.depth + 1)
            yield from inner.arrays(f"{name}.{field}").items()
            self._skip(size, read=size)

    def _small(self) -> bytes | bytearray:
        """The content of an element that is never large."""
        _, size, small = self._element()
        if size > SMALL:
            raise ValueError(f"a name or number has {size:,} bytes")
        return small or self._take(size)

    def _element(self) -> tuple[int, int, bytes]:
        """Type and length of the next element; and its content if it stands in the tag."""
        tag = self.content.read(8)
        self.left -= 8
        kind, size = struct.unpack(f"{self.order}II", tag)
        small = kind >> 16
        if small:
            kind, size = kind & 0xFFFF, small
        if size > (4 if small else self.left):
            raise ValueError("an element is longer than what holds it")
        return kind, size, bytes(tag[4 : 4 + small] if small else b"")

    def _take(self, size: int) -> bytearray:
        data = self.content.read(size)
        self._skip(size, read=size)
        return data

    def _skip(self, size: int, read: int) -> None:
        """Go on behind an element of so many bytes, which were read; they end at a multiple of 8."""
        padded = min(size + (-size % 8), self.left)
        self.content.skip(padded - read)
        self.left -= padded


class _Content:
    """The content of an element, unpacked if it is; no more than `limit` bytes of it."""

    def __init__(self, stream: IO[bytes], size: int, limit: float, *, packed: bool):
        self._stream, self._left, self._limit = stream, size, limit
        self._packer = zlib.decompressobj() if packed else None
        self.given = 0

    def read(self, size: int) -> bytearray:
        """So many bytes; EOFError where there are fewer."""
        found = bytearray()
        while len(found) < size:
            piece = self._piece(size - len(found))
            if not piece:
                raise EOFError("it is damaged or cut short")
            found += piece
        return found

    def skip(self, size: int) -> None:
        """Go on behind so many bytes; EOFError where there are fewer."""
        if self._packer is None and size <= self._left:
            self._stream.seek(size, 1)
            self._left -= size
            return
        while size > 0:
            size -= len(self.read(min(size, SMALL)))

    def _piece(self, most: int) -> bytes:
        if self._packer is None:
            found = self._stream.read(min(most, self._left, npy.BLOCK))
            self._left -= len(found)
        else:
            found = b""
            while not found and not self._packer.eof:
                data = self._packer.unconsumed_tail
                if not data:
                    data = self._stream.read(min(SMALL, self._left))
                    self._left -= len(data)
                if not data:
                    break
                found = self._packer.decompress(data, most)
        self.given += len(found)
        if self.given > self._limit:
            raise ValueError(
                f"it unfolds to over {npy.MAX_UNFOLDED} times its size; save it without compression, -v6"
            )
        return found
