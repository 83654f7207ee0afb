"""Makes an image of any size like the training images: finds its ink, and draws it as they have it.

What the training images have in common is measured once, when a model is saved. Where they show no ink on
a background, as photographs of things, an image is only resized.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hexbench.saved.drawing import OVER, InkStyle, Range, canvas_of, draw, drawn, slant_of, thickness_of
from hexbench.saved.ink import Floats, Ink, find, resized
from msgspec import Struct
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

MEASURED = 250
"""Training images that are looked at."""
WITH_INK, SAME_POLARITY = 0.7, 0.9
"""Training images show ink if so many have it, and so many of these are all light, or all dark."""
MAX_FILLED = 0.62
"""Of the square on its longer side: ink covers less."""
CENTRAL = (0.05, 0.95)
"""Of strokes and slants, quantiles between which ink is left as it is."""
BLURS = (0.0, 0.25, 0.4, 0.55, 0.7, 1.0)
"""Standard deviations that are tried, in pixels of the training images."""
DRAWN = 24
"""Training images that are drawn anew to find out how."""
BACKGROUND_QUANTILES = 33
"""How many quantiles describe the background's grey levels."""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of an image's grey levels that say whether it looks like the training images."""
ENDS, WIDER = (0.002, 0.998), 0.3
"""Of what the training images have, quantiles between which an image is like them, and how much beyond."""


class Typical(Struct, frozen=True):
    """What an image of the training images' shape must have to be taken as it is."""

    levels: tuple[Range, ...]
    """The quantiles LEVELS of its grey levels, and the mean of its edge."""
    side: Range | None = None
    row: Range | None = None
    column: Range | None = None
    """Of its ink, where some is found: see `Ink`."""


class Appearance(Struct, frozen=True):
    """What the training images look like."""

    shape: tuple[int, ...]
    pixel_max: int
    typical: tuple[Typical, ...]
    """Of the images with ink, and of those without."""
    ink: InkStyle | None
    """None where the images show no ink on a background: then others are resized alone."""


class Prepared(NamedTuple):
    """An image as a model takes it."""

    image: Bytes
    """(height, width[, channels]), 0 to pixel_max."""
    empty: bool
    """Whether no ink was found in it, so that no model needs to be asked."""
    drawn: bool
    """Whether its ink was found and drawn anew; otherwise it is the image as it was, or resized."""


def measure(images: Bytes, labels: NDArray[np.integer], pixel_max: int) -> Appearance:
    """What training images (n, height, width[, channels]) have in common, of a sample of them."""
    rows = np.linspace(0, len(images) - 1, min(len(images), MEASURED)).astype(int)
    rows = rows[np.argsort(labels[rows], kind="stable")]
    sample = [grey_of(image, pixel_max) for image in images[rows]]
    if images.ndim == 4 and images.shape[3] > 1:
        return Appearance(images.shape[1:], pixel_max, (_typical(sample, []),), None)
    found = [find(image) for image in sample]
    inks = [ink for ink in found if ink is not None]
    light = sum(ink.light for ink in inks) > len(inks) / 2
    written = [ink is not None and ink.light == light for ink in found]
    blank = _without_ink(labels[rows], [ink is not None for ink in found])
    with_ink = ~blank
    filled = np.median([_filled(ink) for ink in inks]) if inks else 1.0
    if (
        not with_ink.any()
        or np.mean(np.array(written)[with_ink]) < WITH_INK * SAME_POLARITY
        or filled > MAX_FILLED
    ):
        return Appearance(images.shape[1:], pixel_max, (_typical(sample, []),), None)
    pairs = [
        (image, ink)
        for image, ink, is_with_ink, is_written in zip(sample, found, with_ink, written, strict=True)
        if is_with_ink and is_written and ink is not None
    ]
    typical = [
        _typical([image for image, use in zip(sample, with_ink, strict=True) if use], [i for _, i in pairs])
    ]
    if blank.any():
        typical.append(_typical([image for image, use in zip(sample, blank, strict=True) if use], []))
    return Appearance(images.shape[1:], pixel_max, tuple(typical), _ink_style(pairs, light))


def _without_ink(labels: NDArray[np.integer], found: Sequence[bool]) -> NDArray[np.bool_]:
    """(n,) whether an image is of a class that mostly shows no ink."""
    there = np.array(found)
    shares = {label: there[labels == label].mean() for label in np.unique(labels)}
    return np.array([shares[label] < 0.5 for label in labels])


def _filled(ink: Ink) -> float:
    return float(ink.cover.sum()) / max(ink.cover.shape) ** 2


def _typical(images: Sequence[Floats], inks: Sequence[Ink]) -> Typical:
    levels = np.array([_levels(image) for image in images])
    ranges = tuple(map(_range, levels.T))
    if not inks:
        return Typical(ranges)
    sides = ([i.side for i in inks], [i.centre[0] for i in inks], [i.centre[1] for i in inks])
    return Typical(ranges, *map(_range, sides))


def _levels(image: Floats) -> list[float]:
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return [*np.quantile(image, LEVELS).tolist(), float(edge.mean())]


def _range(values: Sequence[float] | Floats) -> Range:
    low, high = np.quantile(values, ENDS)
    margin = WIDER * max(float(high - low), 1e-3)
    return float(low) - margin, float(high) + margin


def _ink_style(pairs: Sequence[tuple[Floats, Ink]], light: bool) -> InkStyle:
    """What the images with ink have in common."""
    longer = max(pairs[0][0].shape)
    inks = [ink for _, ink in pairs]
    boxes, masses = np.array([ink.centre for ink in inks]), np.array([ink.mass for ink in inks])
    by_mass = bool(masses.var(axis=0).sum() < boxes.var(axis=0).sum())
    row, column = np.median(masses if by_mass else boxes, axis=0) * longer
    side = float(np.median([ink.side for ink in inks])) * longer
    canvases = [canvas_of(ink.cover, ink.side * longer) for ink in inks]
    plain = np.concatenate([_plain(image, ink) for image, ink in pairs])
    background = tuple(np.quantile(plain, np.linspace(0, 1, BACKGROUND_QUANTILES)).round(2).tolist())
    blur, level = _blur_and_level(pairs, light, float(np.median(plain)))
    return InkStyle(
        light=light,
        side=side,
        by_mass=by_mass,
        row=float(row),
        column=float(column),
        strokes=_middle([thickness_of(canvas) / OVER for canvas in canvases]),
        slant=_middle([slant_of(canvas) for canvas in canvases]),
        blur=blur,
        level=level,
        background=background,
    )


def _plain(image: Floats, ink: Ink) -> Floats:
    """The grey levels of an image's background."""
    middle = (ink.background + ink.level) / 2
    far = image < middle if ink.light else image > middle
    from scipy.ndimage import binary_erosion

    return image[binary_erosion(far, np.ones((3, 3), bool), border_value=1)]


def _middle(values: Sequence[float]) -> Range:
    """Between which most of them are."""
    low, high = np.quantile(values, CENTRAL).tolist()
    return low, high


def _blur_and_level(pairs: Sequence[tuple[Floats, Ink]], light: bool, plain: float) -> tuple[float, float]:
    """With which blur and grey level the training images' own ink, drawn anew, is most like them."""
    few = pairs[:: max(1, len(pairs) // DRAWN)]
    longer = max(few[0][0].shape)
    images = np.array([image for image, _ in few])
    ends = (images.max if light else images.min)(axis=(1, 2))
    middle = np.median([ink.level for _, ink in few])
    levels = np.linspace(middle, np.median(ends), 3).clip(0, 255).tolist()

    def misses(blur: float) -> list[float]:
        covers = np.array(
            [
                drawn(ink.cover, image.shape, ink.side * longer, False, *_scaled_by(ink.centre, longer), blur)
                for image, ink in few
            ]
        )
        return [float(np.abs(plain + (level - plain) * covers - images).mean()) for level in levels]

    found = np.array([misses(blur) for blur in BLURS])
    blur, level = np.unravel_index(int(found.argmin()), found.shape)
    return BLURS[blur], levels[level]


def _scaled_by(place: tuple[float, float], scale: float) -> tuple[float, float]:
    return place[0] * scale, place[1] * scale


def prepare(image: Bytes, appearance: Appearance) -> Prepared:
    """An image (h, w) or (h, w, 3), uint8, as the training images are."""
    height, width = shape = appearance.shape[:2]
    if image.shape[:2] == shape and appearance.pixel_max < 255 and image.max() <= appearance.pixel_max:
        # It has the training images' own numbers.
        image = np.rint(image * (255 / appearance.pixel_max)).astype(np.uint8)
    grey = grey_of(image, 255)
    ink = find(grey) if appearance.ink is not None or grey.shape == shape else None
    if grey.shape == shape and any(_is_typical(grey, ink, typical) for typical in appearance.typical):
        return Prepared(_resized(image, appearance), False, False)
    if appearance.ink is None:
        return Prepared(_resized(image, appearance), False, False)
    if ink is None:
        return Prepared(_scaled(resized(grey, height, width), appearance), True, False)
    return Prepared(_scaled(draw(ink, shape, appearance.ink), appearance), False, True)


def _is_typical(grey: Floats, ink: Ink | None, typical: Typical) -> bool:
    def within(value: float, bounds: Range) -> bool:
        return bounds[0] <= value <= bounds[1]

    if not all(map(within, _levels(grey), typical.levels)):
        return False
    if ink is None or typical.side is None or typical.row is None or typical.column is None:
        return ink is None or typical.side is None
    return (
        within(ink.side, typical.side)
        and within(ink.centre[0], typical.row)
        and within(ink.centre[1], typical.column)
    )


def grey_of(image: Bytes, pixel_max: int) -> Floats:
    """Grey levels (h, w) from 0 to 255 of an image (h, w[, channels])."""
    flat = image.astype(np.float32) * (255 / pixel_max)
    if flat.ndim == 2:
        return flat
    if flat.shape[2] < 3:
        return np.ascontiguousarray(flat[..., 0])
    return np.asarray(flat[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32))


def _resized(image: Bytes, appearance: Appearance) -> Bytes:
    """The whole image at the training images' size, with their channels; as it is where it has both."""
    if image.shape == appearance.shape and appearance.pixel_max == 255:
        return image
    if len(appearance.shape) == 2 or appearance.shape[2] == 1:
        return _scaled(resized(grey_of(image, 255), *appearance.shape[:2]), appearance)
    layers = image.reshape(*image.shape[:2], -1).astype(np.float32)
    sized = [
        resized(layers[..., c % layers.shape[2]], *appearance.shape[:2]) for c in range(appearance.shape[2])
    ]
    return _levels_of(np.stack(sized, -1), appearance.pixel_max)


def _scaled(grey: Floats, appearance: Appearance) -> Bytes:
    if len(appearance.shape) == 3:
        grey = np.repeat(grey[..., None], appearance.shape[2], axis=2)
    return _levels_of(grey, appearance.pixel_max)


def _levels_of(grey: NDArray[np.floating], white: int) -> Bytes:
    """Grey levels of 255 as those of images whose white is `white`."""
    return np.clip(np.rint(grey * (white / 255)), 0, white).astype(np.uint8)
