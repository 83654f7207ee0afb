"""Reads one .npy array from a stream, a block at a time, so that only what is kept takes memory.

NumPy's own reader holds the whole array as its file has it, eight bytes a pixel for 64-bit floats,
and believes a header that declares more than there is.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np

BLOCK_BYTES = 2**22
"""What is held of a file at a time."""
LONGEST_HEADER = 10_000
"""Bytes, as in NumPy, which however reads a header of gigabytes before it looks at its length."""
MOST_AXES = 64
"""Of NumPy's arrays."""


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


def read_header(stream: IO[bytes]) -> Header:
    """The header at the start of a stream, which is left where the array starts.

    What a bad one raises is in `course.UNREADABLE`.
    """
    limited = cast(IO[bytes], _Limited(stream))
    version = np.lib.format.read_magic(limited)
    reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if reader is None:
        raise ValueError(f".npy version {version} is not supported")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python 2's headers, and of odd types
        shape, fortran_order, dtype = reader(limited)
    if len(shape) > MOST_AXES or not all(0 <= length < 2**63 for length in shape):
        raise ValueError(f"its header declares the shape {shape}")
    return Header(shape, fortran_order, dtype)


class _Limited:
    """A stream that gives no more at a time than a header may be long."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream

    def read(self, size: int) -> bytes:
        if size > LONGEST_HEADER:
            raise ValueError(f"its header has {size:,} bytes")
        return self._stream.read(size)


def read_into(
    array: np.ndarray,
    stream: IO[bytes],
    header: Header,
    convert: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Fill a contiguous `array`, of the header's shape and any type, with what `convert` makes of each block.

    Raises EOFError where the stream ends early.
    """
    size = max(1, BLOCK_BYTES // header.dtype.itemsize)
    for run in _runs(array, header.fortran_order):
        for start in range(0, len(run), size):
            part = run[start : start + size]
            data = stream.read(part.size * header.dtype.itemsize)
            if len(data) < part.size * header.dtype.itemsize:
                raise EOFError("it ends before its array does")
            part[...] = convert(np.frombuffer(data, header.dtype))


def _runs(array: np.ndarray, fortran_order: bool) -> Iterator[np.ndarray]:
    """The array in the order of the file, as one-dimensional views."""
    if fortran_order:
        for index in np.ndindex(array.shape[:0:-1]):
            yield array.T[index]
    else:
        yield array.reshape(-1)
