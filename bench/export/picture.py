"""A confusion matrix as a small picture, drawn fast enough for thousands of cells."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hexbench.store.record import Matrix

if TYPE_CHECKING:
    from PIL.Image import Image

DARKEST = 70
"""Grey of a full cell; an empty one is white, 255."""
WIDEST = 600
"""Pixels of a matrix, if its classes have one each."""
SIDES = 1, 28
"""Least and most pixels of a cell."""
WRITTEN_FROM = 24
"""Pixels of a cell that has room for its number and of a margin that has room for a name."""
LONGEST_NAME = 6


class Picture(NamedTuple):
    """A PNG and its size in pixels."""

    content: bytes
    height: int
    width: int


def confusion(matrix: Matrix, names: Sequence[str]) -> Picture:
    """Rows are true classes, columns predicted ones; the darker, the larger the share of its row.

    The shade is the root of the share, so that rare confusions are seen. Few classes have their names and
    numbers written.
    """
    from PIL.Image import fromarray

    counts = np.array(matrix)
    shares = np.sqrt(counts / np.maximum(counts.sum(1, keepdims=True), 1))
    shades = (255 - shares * (255 - DARKEST)).round().astype(np.uint8)
    side = int(np.clip(WIDEST // len(counts), *SIDES))
    image = fromarray(shades.repeat(side, 0).repeat(side, 1))
    if side >= WRITTEN_FROM:
        image = _written(image, counts, shares, names, side)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return Picture(stream.getvalue(), image.height, image.width)


def _written(
    image: "Image", counts: np.ndarray, shares: np.ndarray, names: Sequence[str], side: int
) -> "Image":
    """The picture with numbers in its cells, and names left of its rows and above its columns."""
    from PIL import ImageDraw, ImageFont
    from PIL.Image import new

    margin = 2 * side
    page = new("L", (image.width + margin, image.height + margin), "white")
    page.paste(image, (margin, margin))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(10)
    middles = [margin + side // 2 + place * side for place in range(len(counts))]
    for middle, name in zip(middles, names, strict=False):
        text = name[:LONGEST_NAME]
        draw.text((margin - 4, middle), text, "black", font, anchor="rm")
        draw.text((middle, margin - 4), text, "black", font, anchor="ms")
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.6 else "black"
        draw.text((middles[column], middles[row]), str(counts[row, column]), colour, font, anchor="mm")
    return page
