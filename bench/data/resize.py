"""Brings images to another size, antialiased."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self

from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.files import short

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

SMALLEST, LARGEST = 2, 4_096
"""Pixels a side."""
WHITE = 255


class Size(NamedTuple):
    """Of an image in pixels."""

    height: int
    width: int

    @classmethod
    def of(cls, text: str) -> Self:
        """What `--resize` says: N or HxW; BadInput if it says something else."""
        found = re.fullmatch(r"([0-9]{1,4})(?:[xX×]([0-9]{1,4}))?", text)
        size = found and cls(int(found[1]), int(found[2] or found[1]))
        if not size or not all(SMALLEST <= side <= LARGEST for side in size):
            raise BadInput(
                f"--resize {short(text)!r}: write N or HxW, from {SMALLEST} to {LARGEST:,} pixels a side."
            )
        return size

    def __str__(self) -> str:
        return f"{self.height} x {self.width}"


def scaled(image: "Image", size: Size) -> "Image":
    """A grey or RGB image in that size, whatever its proportions, each pixel a weighted mean."""
    from PIL import Image

    return image.resize((size.width, size.height), Image.Resampling.BILINEAR)


def resized(data: Dataset, size: Size) -> Dataset:
    """The same images in another size; 255 is white then, so that few tones do not become fewer."""
    import numpy as np
    from hexbench.data.images import room_for
    from PIL import Image

    images = room_for(len(data.images), (*size, *data.shape[2:]), data.name)
    for image, small in zip(data.images, images, strict=True):
        whole = image if data.pixel_max == WHITE else _up_to_white(image, data.pixel_max)
        bands = np.moveaxis(np.atleast_3d(whole), -1, 0)
        done = [np.asarray(scaled(Image.fromarray(np.ascontiguousarray(band)), size)) for band in bands]
        small[...] = done[0] if small.ndim == 2 else np.stack(done, axis=-1)
    note = f"images of {' x '.join(map(str, data.shape[:2]))} pixels were resized to {size}"
    return replace(data, images=images, pixel_max=WHITE, ground=None, notes=(*data.notes, note))


def _up_to_white(image: "np.ndarray", top: int) -> "np.ndarray":
    import numpy as np

    return np.minimum((image.astype(np.uint32) * WHITE + top // 2) // top, WHITE).astype(np.uint8)
