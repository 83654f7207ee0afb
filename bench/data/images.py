"""Images in NumPy's files: of which shape they are, and what their numbers mean as bytes."""

import math
from typing import Any

import numpy as np
from hexbench.data.npy import MAX_UNFOLDED, Header, Opened, read_header, read_into
from hexbench.errors import BadInput
from hexbench.files import short

MIN_IMAGES = 2
MIN_SIDE = 2
MAX_CHANNELS = 4
WHITE = 255


def read_image_header(opened: Opened, only: tuple[int, ...] | None = None) -> tuple[Header, tuple[int, ...]]:
    """The header and the shape of one image; BadInput if not valid, or not of the shape `only`."""
    header = read_header(opened)
    return header, image_shape(header, opened.limit, opened.name, only)


def image_shape(
    header: Header, limit: float, name: str, only: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """The shape of one of the declared images, of which `limit` bytes may be kept; BadInput as above."""
    shape = _image_shape(header.shape, name) if only is None else only
    if only is not None and header.shape[1:] not in (only, (math.prod(only),), (*only, 1), (1, *only)):
        wanted = f"(n, {math.prod(only)}) or (n, {', '.join(map(str, only))})"
        raise BadInput(f"{name} has shape {header.shape}: expected {wanted}.")
    if header.dtype.kind not in "buif":
        kind = short(str(header.dtype))
        raise BadInput(f"{name} has type {kind}: pixels must be numbers from 0 to 255; save them as uint8.")
    count = header.shape[0]
    if count < MIN_IMAGES:
        raise BadInput(f"{name} holds too few images ({count}): at least {MIN_IMAGES} are needed.")
    if count * (math.prod(shape) + 2) > limit:  # a label takes two bytes
        raise BadInput(
            f"{name} unfolds to {count:,} images, more than {MAX_UNFOLDED} times the size of the "
            "file: if that is meant, store it without compression."
        )
    return shape


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
    elif len(shape) == 4 and shape[1] == 1:  # channels first, as PyTorch has them
        sides = shape[2:]
    elif len(shape) == 4 and shape[3] == 1:
        sides = shape[1:3]
    elif len(shape) == 4 and shape[1] <= MAX_CHANNELS < min(shape[2:]):
        raise BadInput(
            f"{name} has shape {shape}, which looks like channels before height and width: save "
            "np.moveaxis(X, 1, -1)."
        )
    fits = len(shape) in (2, 3) or (len(shape) == 4 and (len(sides) == 2 or 1 <= shape[3] <= MAX_CHANNELS))
    if not fits or min(sides[:2]) < MIN_SIDE:
        raise BadInput(
            f"{name} has shape {shape}: expected (n, height, width), (n, height, width, channels) "
            f"with 1 to {MAX_CHANNELS} channels, or (n, pixels) of squares, of {MIN_SIDE} pixels a "
            "side or more."
        )
    return sides


def read_images(
    opened: Opened, only: tuple[int, ...] | None = None, into: np.ndarray | None = None
) -> np.ndarray:
    """Images uint8 (n, height, width[, channels]); BadInput if it is not plain which bytes are meant.

    Meant are whole numbers from 0 to 255, their 255ths, or two tones, 0 and 1. `into` is a contiguous array
    of that shape, if they are to stand in it.
    """
    header, shape = read_image_header(opened, only)
    images = np.empty(header.shape, np.uint8) if into is None else into.reshape(header.shape)
    found = Pixels(images, header.dtype, opened.name)
    read_into(images, opened.stream, header, found.bytes_of)
    found.finish()
    return images.reshape(-1, *shape)


def room_for(count: int, shape: tuple[int, ...], name: str) -> np.ndarray:
    """An array for so many images, uint8 (count, *shape); BadInput if this machine cannot hold it."""
    import psutil

    size = count * math.prod(shape)
    try:
        if size > psutil.virtual_memory().total:
            raise MemoryError
        return np.empty((count, *shape), np.uint8)
    except (MemoryError, ValueError):
        sides = " x ".join(map(str, shape))
        raise BadInput(
            f"{name}: {count:,} images of {sides} pixels take {size / 1e9:,.0f} GB, more than this machine's "
            "memory: give a smaller --resize."
        ) from None


class Pixels:
    """What is seen of pixels while they are read, and the bytes that they stand for.

    `images` is what the bytes are put into: 1 is white once a fraction has been seen, so that what
    was read before is then multiplied.
    """

    def __init__(self, images: np.ndarray, dtype: np.dtype[Any], name: str):
        self._images, self._dtype, self._name = images, dtype, name
        self._low, self._high = math.inf, -math.inf
        self._fractions = False
        self._exact = True
        # Of a division in the file's type; 64 bits often hold the results of one in 32.
        self._rounding = 2.0**-11 if dtype == np.float16 else 2.0**-22

    def bytes_of(self, block: np.ndarray) -> np.ndarray:
        """The block as bytes, if its numbers mean what those before did."""
        if block.dtype.kind == "b":
            block = (block.view(np.uint8) != 0).view(np.uint8)  # a file may hold other bytes than 0 and 1
        # Python's own numbers: NumPy's of 8 bits would turn the bounds of others around.
        self._low, self._high = min(self._low, block.min().item()), max(self._high, block.max().item())
        if block.dtype.kind == "f":
            if not np.isfinite(block).all():
                raise BadInput(
                    f"{self._name} holds NaN or infinity: pixels must be whole numbers from 0 to {WHITE}."
                )
            if not self._fractions and not np.equal(block, np.round(block)).all():
                self._fractions = True
                self._images *= WHITE
            if self._fractions:
                return self._whole(block)
        return block.clip(0, WHITE)

    def _whole(self, block: np.ndarray) -> np.ndarray:
        """Fractions of white as bytes; notes whether they are any, in place as memory is bounded."""
        wide: np.ndarray = block.clip(-1, 1)
        wide = wide.astype(np.float32 if block.dtype == np.float16 else np.float64)
        wide *= WHITE
        nearest = np.rint(wide)
        wide -= nearest
        np.abs(wide, out=wide)
        self._exact = self._exact and bool((wide <= self._rounding * nearest).all())
        return nearest.clip(0, WHITE, out=nearest)

    def finish(self) -> None:
        """All were seen: BadInput if it is not plain what they mean; two tones become black and white."""
        if fault := self._fault():
            raise BadInput(f"{self._name} {fault}.")
        if not self._fractions and self._high == 1:
            self._images *= WHITE

    def _fault(self) -> str:
        """What is wrong with them and what to do about it, to follow the file's name; or nothing."""
        low, high = self._low, self._high
        if self._fractions:
            return self._fault_of_fractions(low, high)
        if low == -1 and high == 1:
            return _from_minus_one("pixels")
        if low < 0 or high > WHITE:
            wide = low >= 0 and self._dtype.kind in "ui" and self._dtype.itemsize == 2
            remedy = "; divide 16-bit pixels by 257, round and save as uint8" if wide else ""
            if self._dtype == np.int8:
                remedy = "; save X.view('uint8') if these were bytes"
            return f"holds pixels from {low:.0f} to {high:.0f}: expected 0 to {WHITE}{remedy}"
        return "holds no pixel above 0: all its images are empty" if high == 0 else ""

    def _fault_of_fractions(self, low: float, high: float) -> str:
        if low >= 0 and high <= 1:
            unlike = f"holds fractions from 0 to 1 that are no {WHITE}ths"
            return "" if self._exact else f"{unlike}: multiply by {WHITE}, round and save as uint8"
        if low >= -1 and high <= 1:
            return _from_minus_one("fractions")
        if low >= 0 and WHITE / 4 < high <= WHITE:
            return f"holds fractions: pixels must be whole numbers from 0 to {WHITE}; round and save as uint8"
        return (
            f"holds fractions from {low:.3g} to {high:.3g}: save the pixels as they were before they were "
            f"scaled, whole numbers from 0 to {WHITE}"
        )


def _from_minus_one(what: str) -> str:
    return f"holds {what} from -1 to 1: add 1, multiply by {WHITE / 2}, round and save as uint8"
