"""Reads the images that a model is asked about: PNG, JPEG and NumPy's .npy, of any size, within bounds."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from hexbench.data import npy
from hexbench.data.npy import Opened
from hexbench.errors import BadInput
from hexbench.files import mistaken, reason
from hexbench.saved.preprocess import Bytes

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 100_000_000
"""Of all images in a file."""
SMALLEST = 8
"""Pixels a side."""
WHITE = 255
LARGER = 2500
"""A JPEG with more pixels a side than twice this is decoded smaller, which is fast and takes less memory."""
COLOURS = (3, 4)


def read(path: Path) -> list[Bytes]:
    """The images in a file, uint8 (h, w) or (h, w, 3) each; a .npy may hold several. BadInput if invalid."""
    if not path.is_file():
        kind = "is no regular file" if path.exists() else "is not there"
        raise BadInput(f"{path} {kind}: name a PNG, a JPEG or a .npy file.")
    try:
        with path.open("rb") as file:
            beginning = file.read(npy.START)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None
    if not beginning:
        raise BadInput(f"{path} is empty: copy or download it again.")
    if beginning.startswith(np.lib.format.MAGIC_PREFIX):
        return images_of(_array(path), str(path))
    return [_large_enough(_picture(path, beginning), str(path))]


def images_of(array: np.ndarray, name: str) -> list[Bytes]:
    """The images of an array, as `read`: (h, w), (h, w, 3), (n, h, w) or (n, h, w, 3) of numbers.

    BadInput, which calls it `name`, for other shapes and numbers.
    """
    shape = array.shape
    in_colour = len(shape) == 4 and (shape[3] in (1, *COLOURS) or shape[1] == 1)
    if array.dtype.kind not in "buif" or not (len(shape) in (2, 3) or in_colour) or 0 in shape:
        raise BadInput(
            f"{name} holds {array.dtype} {shape}: (h, w), (h, w, 3), (n, h, w) or (n, h, w, 3) of numbers "
            "are needed."
        )
    array = _as_uint8(array, name)
    single = array.ndim == 2 or (array.ndim == 3 and shape[2] in COLOURS and shape[0] not in (*COLOURS, 1))
    images = [array] if single else list(array)
    coloured = (image.ndim == 3 and image.shape[2] in COLOURS for image in images)
    found = [i[..., :3] if colour else np.squeeze(i) for i, colour in zip(images, coloured, strict=True)]
    return [_large_enough(image, name) for image in found]


def _large_enough(image: Bytes, name: str) -> Bytes:
    if image.ndim < 2 or min(image.shape[:2]) < SMALLEST:
        size = " x ".join(map(str, image.shape[:2]))
        raise BadInput(f"{name} is too small ({size} pixels): {SMALLEST} pixels a side are needed.")
    return image


def _picture(path: Path, beginning: bytes) -> Bytes:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own bound on the number of pixels, and of odd chunks
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise BadInput(
                        f"{path} has {image.width:,} x {image.height:,} pixels, more than "
                        f"{MOST_PIXELS:,} in all: make it smaller."
                    )
                if image.format == "JPEG":
                    image.draft(None, (LARGER, LARGER))
                return _bytes(ImageOps.exif_transpose(image))
    except BadInput:
        raise
    except Image.DecompressionBombError:
        raise BadInput(f"{path} has more than {MOST_PIXELS:,} pixels: make it smaller.") from None
    except UnidentifiedImageError:
        said = mistaken(beginning) or "is no PNG, JPEG or .npy file, whatever its name says: save it as one"
        raise BadInput(f"{path} {said}.") from None
    except Exception as error:  # decoders raise many kinds
        raise BadInput(f"{path} is damaged: {reason(error)}; copy or download it again.") from None


def _bytes(image: "Image.Image") -> Bytes:
    """Any kind of picture as uint8, without transparency: what shows through is like the background."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # 16 bits and more
        wide = np.asarray(image, np.float64)
        return np.clip(np.rint(wide / 257), 0, WHITE).astype(np.uint8)
    if "A" in image.mode or "transparency" in image.info:
        layers = np.asarray(image.convert("RGBA"))
        solid = layers[..., 3] > WHITE // 2
        grey = np.asarray(image.convert("RGBA").convert("L"))
        light = bool(solid.any() and grey[solid].mean() > WHITE / 2 and not solid.all())
        background = Image.new(
            "RGBA", image.size, (0, 0, 0, WHITE) if light else (WHITE, WHITE, WHITE, WHITE)
        )
        image = Image.alpha_composite(background, image.convert("RGBA"))
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def _array(path: Path) -> np.ndarray:
    with npy.plain_file(path) as opened:
        header = npy.read_header(Opened(opened.stream, opened.size, opened.limit, str(path)))
        if header.size > MOST_PIXELS * 8 or np.prod(header.shape, dtype=float) > MOST_PIXELS:
            raise BadInput(f"{path} has more than {MOST_PIXELS:,} pixels: give it in parts.")
        array = np.empty(header.shape, header.dtype)
        npy.read_into(array, opened.stream, header, lambda block: block)
    return array


def _as_uint8(array: np.ndarray, name: str) -> Bytes:
    if array.dtype.kind == "b" or (array.dtype.kind in "ui" and array.min() == 0 and array.max() == 1):
        return array.astype(np.uint8) * np.uint8(WHITE)
    if array.dtype == np.uint8:
        return array
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > WHITE:
        raise BadInput(f"{name} holds numbers that are not from 0 to {WHITE}: save its pixels as uint8.")
    of_one = array.dtype.kind == "f" and array.max() <= 1
    return np.rint(array * (WHITE if of_one else 1)).astype(np.uint8)
