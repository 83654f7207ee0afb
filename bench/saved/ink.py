"""Finds what is written in a grey image: where the ink is, whether it is light or dark, how thick.

The background is estimated as a smooth surface, because the light on a photograph is uneven. What is found is
measured in shares of the image, so that images of any size can be held beside each other.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

WORKING = 192
"""Pixels of the longer side on which ink is looked for."""
COARSE = 32
"""Pixels of the longer side on which it is looked for once more where none is found."""
SAMPLED = 32
"""Pixels a side, at most, that the background is fitted to."""
STEPS, RIDGE = 8, 1e-6
"""Of the robust fit of the background."""
ZOOMED_BELOW = 0.45
"""Ink that takes less of the longer side is looked at again, in what lies around it."""
AROUND = 0.6
"""Of the ink's longer side, that much is taken around it."""
WEAK, STRONG = 0.35, 0.55
"""Of the ink's own contrast: ink reaches the first, in a piece that somewhere reaches the second."""
ABOVE_NOISE = 3.5
"""Standard deviations of the background by which ink differs from it at the least."""
LEAST_CONTRAST = 16.0
"""Grey levels of 255."""
SMALLEST, FEWEST = 0.04, 3
"""Of the image's longer side, and in its pixels: what is smaller is a speck."""
PART = 0.03
"""Of the largest piece's ink: what has less is no part of the same character."""
REACH = 0.35
"""Of the largest piece's longer side: what is farther away is no part of the same character."""
AT_EDGE = 0.1
"""A piece that reaches the image's edge counts so much: it may be a shadow, or what lies beside the paper."""
LINE = 0.12
"""A piece from edge to edge whose ink covers less than this share of the square on it is a line."""


class Box(NamedTuple):
    """Of ink, in pixels, the ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def side(self) -> int:
        """The longer one."""
        return max(self.bottom - self.top, self.right - self.left)

    @property
    def place(self) -> tuple[slice, slice]:
        """As an index of the image."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


class Ink(NamedTuple):
    """A character that was found; shares are of the image's longer side."""

    cover: Floats
    """(h, w) how much of each pixel of its box is ink, 0 to 1, at some size."""
    light: bool
    """Whether it is lighter than the background."""
    side: float
    """Of its box, the longer one, as a share."""
    centre: tuple[float, float]
    """Of its box, down and right from the image's middle, as shares."""
    mass: tuple[float, float]
    """Its centre of mass, likewise."""
    background: float
    """Grey level around it."""
    level: float
    """Its own grey level."""
    touches: bool
    """Whether it reaches the image's edge."""


def find(grey: Floats) -> Ink | None:
    """The character in an image (h, w) of grey levels from 0 to 255; None where there is no ink."""
    found = _find(grey, Box(0, 0, *grey.shape))
    if found is None:
        # The pixels of a small image that was enlarged are blocks; and the mean of many has less noise.
        scale = COARSE / max(grey.shape)
        small = [max(1, round(side * scale)) for side in grey.shape]
        return find(resized(grey, *small)) if scale < 1 else None
    if found[0].side >= ZOOMED_BELOW:
        return found[0]
    return (_find(grey, _around(found[1], grey.shape)) or found)[0]


def _find(grey: Floats, part: Box) -> tuple[Ink, Box] | None:
    """The ink in a part of the image, measured against the whole, and its box in the whole."""
    image = grey[part.place]
    work = resized(image, *_working(image.shape))
    scale = image.shape[0] / work.shape[0], image.shape[1] / work.shape[1]
    rest = work - background_of(work)
    noise, pixel = _deviation(rest), 1 / min(1.0, scale[0])
    candidates = [(_piece(sign * rest, noise, pixel), sign) for sign in (1, -1)]
    sound = [(*piece, sign) for piece, sign in candidates if piece is not None]
    if not sound:
        return None
    mask, contrast, _, sign = max(sound, key=lambda one: one[2])
    cover = np.clip(sign * rest / contrast, 0, 1).astype(np.float32)
    cover[~_grown(mask)] = 0
    box = _box(mask)
    rows, columns = np.indices(mask.shape)
    total = float(cover.sum())
    longer = max(grey.shape)
    middle = (np.array(grey.shape) - 1) / 2

    def share(row: float, column: float) -> tuple[float, float]:
        at = (part.top + (row + 0.5) * scale[0] - 0.5, part.left + (column + 0.5) * scale[1] - 0.5)
        return float((at[0] - middle[0]) / longer), float((at[1] - middle[1]) / longer)

    height, width = (box.bottom - box.top) * scale[0], (box.right - box.left) * scale[1]
    around = float(np.median((work - rest)[box.place]))
    ink = Ink(
        cover[box.place],
        sign > 0,
        max(height, width) / longer,
        share((box.top + box.bottom - 1) / 2, (box.left + box.right - 1) / 2),
        share(float((rows * cover).sum()) / total, float((columns * cover).sum()) / total),
        around,
        around + sign * contrast,
        min(box.top, box.left) == 0 or box.bottom == mask.shape[0] or box.right == mask.shape[1],
    )
    whole = Box(
        part.top + int(box.top * scale[0]),
        part.left + int(box.left * scale[1]),
        part.top + int(np.ceil(box.bottom * scale[0])),
        part.left + int(np.ceil(box.right * scale[1])),
    )
    return ink, whole


def resized(image: Floats, height: int, width: int) -> Floats:
    """(height, width): averages where it shrinks, interpolates smoothly where it grows."""
    from PIL import Image

    grows = height >= image.shape[0]
    method = Image.Resampling.BICUBIC if grows else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), method))


def _working(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = WORKING / max(shape)
    return max(2, round(shape[0] * scale)), max(2, round(shape[1] * scale))


def background_of(image: Floats) -> Floats:
    """The background (h, w): a surface of second degree that leaves out the ink, then what is left locally.

    It is as smooth as that: every few pixels of the image are enough to know it by.
    """
    from scipy.ndimage import gaussian_filter

    step = max(1, max(image.shape) // SAMPLED)
    sample = image[::step, ::step]
    basis = _basis(sample.shape)
    few, values = basis.reshape(-1, basis.shape[-1]), sample.ravel().astype(np.float64)
    edge = np.concatenate([sample[0], sample[-1], sample[:, 0], sample[:, -1]])
    starts = (float(np.median(values)), float(np.median(edge)))  # ink may take more than half
    rest = min((_robust_rest(few, values, start) for start in starts), key=_deviation)
    left = rest.reshape(sample.shape)
    plain = (np.abs(left) < 4 * _deviation(left)).astype(np.float64)
    sigma = max(sample.shape) / 8
    weight = gaussian_filter(plain, sigma)
    local = np.where(weight > 0.05, gaussian_filter(left * plain, sigma) / np.maximum(weight, 0.05), 0)
    smooth = np.asarray(sample - left + local, np.float32)
    return resized(smooth, *image.shape)


def _robust_rest(
    basis: NDArray[np.float64], values: NDArray[np.float64], start: float
) -> NDArray[np.float64]:
    """What the surface leaves of values (n,): Tukey's biweight, from residuals about `start` on."""
    rest = values - start
    for _ in range(STEPS):
        scale = 3 * _deviation(rest)
        weights = np.where(np.abs(rest) < scale, (1 - (rest / scale) ** 2) ** 2, 0)
        weighted = basis * weights[:, None]
        squares = basis.T @ weighted + RIDGE * np.eye(basis.shape[1])
        rest = values - basis @ np.linalg.solve(squares, weighted.T @ values)
    return rest


def _basis(shape: tuple[int, ...]) -> NDArray[np.float64]:
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def _deviation(rest: NDArray[np.floating]) -> float:
    """The standard deviation of the background's noise, from the smallest residuals: ink has large ones."""
    place = int(0.35 * (rest.size - 1))
    return max(1.0, 2 * float(np.partition(np.abs(rest), place, axis=None)[place]))


def _piece(rest: Floats, noise: float, pixel: float) -> tuple[Mask, float, float] | None:
    """The pixels of the character among those above the background, its contrast, and how much ink it has.

    `pixel` is the side here of a pixel as it was given.
    """
    from scipy.ndimage import find_objects, label, sum_labels

    least = max(ABOVE_NOISE * noise, LEAST_CONTRAST)
    high = rest[rest > least / 2]
    if not (rest > least).any():
        return None
    contrast = float(np.quantile(high, 0.9))
    if contrast < least:
        contrast = float(rest.max())
    labels, count = label(rest > max(WEAK * contrast, least / 2), np.ones((3, 3)))
    strong = sum_labels(rest > STRONG * contrast, labels, np.arange(count + 1))
    amount = sum_labels(np.clip(rest / contrast, 0, 1), labels, np.arange(count + 1))
    boxes = {
        n: Box(rows.start, columns.start, rows.stop, columns.stop)
        for n, (rows, columns) in enumerate(find_objects(labels), 1)
        if strong[n]
    }
    smallest = max(SMALLEST * max(rest.shape), FEWEST * pixel)
    kept = {
        n: box
        for n, box in boxes.items()
        if box.side >= smallest and not _is_edge(box, amount[n], rest.shape)
    }
    if not kept:
        return None
    inside = {n: box for n, box in kept.items() if not _touches(box, rest.shape)}
    weights = {n: amount[n] * (1 if n in inside else AT_EDGE) for n in kept}
    main = max(kept, key=weights.__getitem__)
    parts = [
        n
        for n, box in kept.items()
        if amount[n] >= PART * amount[main]
        and _apart(box, boxes[main]) <= REACH * boxes[main].side
        and (n in inside or main not in inside)
    ]
    return np.isin(labels, parts), contrast, weights[main] * contrast


def _is_edge(box: Box, amount: float, shape: tuple[int, ...]) -> bool:
    """Whether a piece is a ruled line, or the edge of the paper."""
    height, width = box.bottom - box.top, box.right - box.left
    across = box.left == 0 and box.right == shape[1]
    down = box.top == 0 and box.bottom == shape[0]
    return (across or down) and amount < LINE * max(height, width) ** 2


def _touches(box: Box, shape: tuple[int, ...]) -> bool:
    return min(box.top, box.left) == 0 or box.bottom == shape[0] or box.right == shape[1]


def _apart(one: Box, other: Box) -> int:
    """Pixels between two boxes."""
    return max(
        one.top - other.bottom, other.top - one.bottom, one.left - other.right, other.left - one.right, 0
    )


def _box(mask: Mask) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def _grown(mask: Mask) -> Mask:
    """The mask and the soft edge around it."""
    from scipy.ndimage import binary_dilation

    grown: Mask = binary_dilation(mask, np.ones((3, 3), bool), iterations=max(1, WORKING // 64))
    return grown


def _around(box: Box, shape: tuple[int, ...]) -> Box:
    """A square about the box and what is around it, as far as the image goes."""
    half = box.side * (0.5 + AROUND)
    row, column = (box.top + box.bottom) / 2, (box.left + box.right) / 2
    top, left = max(0, int(row - half)), max(0, int(column - half))
    bottom, right = min(shape[0], int(np.ceil(row + half))), min(shape[1], int(np.ceil(column + half)))
    return Box(top, left, bottom, right)
