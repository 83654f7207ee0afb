"""Reads images and labels from MATLAB's files of version 5 to 7."""

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count as count_from
from math import prod
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from hexbench.data import emnist, npy
from hexbench.data.parts import Parts, arrays_called, listed, of_arrays
from hexbench.data.sources import Source
from hexbench.errors import BadInput
from hexbench.files import mistaken, reason

HEADER, BYTE_ORDER = 128, 126
VERSION_5 = b"MATLAB 5.0"
HDF5 = (b"MATLAB 7.3", b"\x89HDF")
MATRIX, COMPRESSED = 14, 15
OF_NUMBERS = range(6, 16)
"""Classes of matrices whose elements take a byte at least."""
OTHERS = 1, 2, 3, 4
"""Cells, structures, objects and texts."""
DEEPEST = 20
PIECE = 2**16


def source(path: Path) -> Source:
    """The source of a file; BadInput if it is not valid. It is read as a whole to be counted."""
    found = _read(path)
    called = arrays_called(list(found), str(path))
    if not called.parts:
        there = listed(list(found)) or "no arrays"
        raise BadInput(f"{path} has no arrays named X and y, or images and labels: it has {there}.")
    of_emnist = emnist.is_emnist(path.name)
    parts = {}
    for part, (images, labels) in called.parts.items():
        parts[part] = of_arrays(
            _first_axis(found[images], found[labels]), found[labels], f"{images} in {path}"
        )
    names = {}
    mapping = next((array for name, array in found.items() if name.endswith("mapping")), None)
    if of_emnist and mapping is not None and mapping.ndim == 2 and mapping.dtype.kind in "ui":
        names = {int(row[0]): chr(min(int(row[1]), 127)) for row in mapping}

    notes = (*called.notes, *((emnist.UPRIGHT,) if of_emnist else ()))
    return Parts(
        str(path),
        parts,
        notes=notes,
        finish=partial(emnist.put_right, characters=names) if of_emnist else None,
    ).source(path, path.stem)


def _first_axis(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Images with their number first: MATLAB often has it last."""
    last = images.ndim in (3, 4) and images.shape[-1] == len(labels) != len(images)
    return np.moveaxis(images, -1, 0) if last else images


def _read(path: Path) -> dict[str, np.ndarray]:
    """Every array by its name, those in structures as `outer.inner`."""
    from scipy.io import loadmat

    try:
        with path.open("rb") as stream:
            _check(stream, path)
            stream.seek(0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what is left out
                content = loadmat(cast(Any, stream), simplify_cells=True)
    except BadInput:
        raise
    except Exception as error:  # SciPy's reader raises of every kind
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None
    return dict(_flat({name: value for name, value in content.items() if not name.startswith("__")}))


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, np.ndarray]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, np.ndarray):
            yield f"{before}{name}", value


def _check(stream: IO[bytes], path: Path) -> None:
    """BadInput where the file is of another kind, or declares more than it holds: SciPy would make room."""
    start = stream.read(HEADER)
    if start.startswith(HDF5):
        raise BadInput(f"{path} is of MATLAB 7.3 (HDF5): save it there with save(FILE, ..., '-v7').")
    order = {b"IM": "<", b"MI": ">"}.get(start[BYTE_ORDER:HEADER], "")
    if not start.startswith(VERSION_5) or not order:
        words = "" if start.startswith(VERSION_5) else mistaken(start)
        raise BadInput(f"{path} {words or 'is no MATLAB file of version 5 to 7'}.")
    limit = max(npy.ALWAYS_UNFOLDED, npy.MAX_UNFOLDED * path.stat().st_size)
    while tag := stream.read(8):
        kind, size = struct.unpack(f"{order}II", tag)
        end = stream.tell() + size
        content = _Content(stream, size, limit, packed=kind == COMPRESSED)
        if kind == COMPRESSED:
            kind, size = struct.unpack(f"{order}II", content.read(8))
        if kind == MATRIX:
            _check_matrix(content, size, order, 0)
        limit -= content.given
        stream.seek(end)


def _check_matrix(content: "_Content", size: int, order: str, depth: int) -> None:
    """ValueError where a matrix of so many bytes declares more elements than these can hold."""
    if depth > DEEPEST:
        raise ValueError("it is nested too deeply")
    left, kind = size, 0
    for place in count_from(0):
        if left < 8:
            content.skip(left)
            return
        of, length, body = _element(content.read(8), order)
        padded = 0 if body else length + (-length % 8)
        left -= 8 + min(padded, left - 8)
        if length > size:
            raise ValueError("an element is longer than the matrix around it")
        if of == MATRIX:
            _check_matrix(content, length, order, depth + 1)
            content.skip(padded - length)
        elif place < 2:
            body = body or content.read(padded)
        else:
            content.skip(padded)
        if place == 0:
            kind = struct.unpack(f"{order}I", body[:4].ljust(4, b"\0"))[0] & 0xFF
        elif place == 1:
            _check_dimensions(body[:length], kind, size, order)


def _element(tag: bytes, order: str) -> tuple[int, int, bytes]:
    """Its type, its length in bytes, and its content where it is so small that it stands in the tag."""
    of, length = struct.unpack(f"{order}II", tag)
    return (of & 0xFFFF, of >> 16, tag[4:]) if of >> 16 else (of, length, b"")


def _check_dimensions(body: bytes, kind: int, size: int, order: str) -> None:
    if len(body) % 4 or len(body) > 4 * npy.MAX_AXES:
        raise ValueError("the dimensions of a matrix are damaged")
    elements = prod(struct.unpack(f"{order}{len(body) // 4}i", body))
    if kind in (*OF_NUMBERS, *OTHERS) and not 0 <= elements <= size:
        raise ValueError(f"a matrix declares {elements:,} elements in {size:,} bytes")


class _Content:
    """The content of an element, unpacked if it is; no more than `limit` bytes of it."""

    def __init__(self, stream: IO[bytes], size: int, limit: float, *, packed: bool):
        self._stream, self._left, self._limit = stream, size, limit
        self._packer = zlib.decompressobj() if packed else None
        self.given = 0

    def read(self, size: int) -> bytes:
        """So many bytes; EOFError where there are fewer."""
        found = b""
        while len(found) < size:
            piece = self._piece(size - len(found))
            if not piece:
                raise EOFError("it ends too early")
            found += piece
        return found

    def skip(self, size: int) -> None:
        """Read so many bytes and forget them."""
        if self._packer is None and size <= self._left:
            self._stream.seek(size, 1)
            self._left -= size
            return
        while size > 0:
            size -= len(self.read(min(size, PIECE)))

    def _piece(self, most: int) -> bytes:
        if self._packer is None:
            found = self._stream.read(min(most, self._left))
            self._left -= len(found)
        else:
            found = b""
            while not found and not self._packer.eof:
                data = self._packer.unconsumed_tail or self._stream.read(min(PIECE, self._left))
                self._left -= 0 if self._packer.unconsumed_tail else len(data)
                if not data:
                    break
                found = self._packer.decompress(data, most)
        self.given += len(found)
        if self.given > self._limit:
            raise ValueError(
                f"it unfolds to over {npy.MAX_UNFOLDED} times its size; save it without compression, -v6"
            )
        return found
