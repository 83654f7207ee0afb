"""Reads one .npy array from a stream, a block at a time, so that only what is kept takes memory.

NumPy's own reader holds the whole array as its file has it, eight bytes a pixel for 64-bit floats,
and believes a header that declares more than there is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

BLOCK_BYTES = 2**22
"""About what is held of a file at a time; an array in Fortran order has larger blocks."""


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
    """The header at the start of a stream, which is left where the array starts; ValueError if bad."""
    version = np.lib.format.read_magic(stream)
    reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if reader is None:
        raise ValueError(f".npy version {version} is not supported")
    shape, fortran_order, dtype = reader(stream)
    if any(length < 0 for length in shape):
        raise ValueError(f"its header declares the shape {shape}")
    return Header(shape, fortran_order, dtype)


def read_into(
    array: np.ndarray,
    stream: IO[bytes],
    header: Header,
    convert: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Fill `array`, of the header's shape and any type, with what `convert` makes of each block.

    Raises EOFError where the stream ends early.
    """
    target = array.T if header.fortran_order else array
    row_shape = target.shape[1:]
    row_bytes = math.prod(row_shape) * header.dtype.itemsize
    rows = max(1, BLOCK_BYTES // max(row_bytes, 1))
    for start in range(0, len(target), rows):
        part = target[start : start + rows]
        data = stream.read(len(part) * row_bytes)
        if len(data) < len(part) * row_bytes:
            raise EOFError("it ends before its array does")
        part[...] = convert(np.frombuffer(data, header.dtype).reshape(part.shape))
