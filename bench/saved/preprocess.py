"""Makes an image of any size like the training images: finds its ink, and draws it as they have it.

What the training images have in common is measured once, when a model is saved. Where they show no ink on
a ground, as photographs of things, an image is only resized.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hexbench.saved.drawing import OVER, Ground, Range, canvas_of, draw, drawn, slant_of, thickness_of
from hexbench.saved.ink import Floats, Ink, find, resized
from msgspec import Struct
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

MEASURED = 250
"""Training images that are looked at."""
INKED, ALIKE = 0.7, 0.9
"""Training images show ink if so many have it, and so many of these are all light, or all dark."""
FILLED = 0.62
"""Of the square on its longer side: ink covers less."""
USUAL = (0.05, 0.95)
"""Of strokes and slants, quantiles between which ink is left as it is."""
BLURS = (0.0, 0.25, 0.4, 0.55, 0.7, 1.0)
"""Standard deviations that are tried, in pixels of the training images."""
DRAWN = 24
"""Training images that are drawn anew to find out how."""
GROUND = 33
"""How many quantiles describe the ground's grey levels."""
LOOKS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of an image's grey levels that say whether it looks like the training images."""
ENDS, WIDER = (0.002, 0.998), 0.3
"""Of what the training images have, quantiles between which an image is like them, and how much beyond."""


class Alike(Struct, frozen=True):
    """What an image of the training images' shape must have to be taken as it is."""

    levels: tuple[Range, ...]
    """The quantiles LOOKS of its grey levels, and the mean of its edge."""
    side: Range | None = None
    row: Range | None = None
    column: Range | None = None
    """Of its ink, where some is found: see `Ink`."""


class Looks(Struct, frozen=True):
    """What the training images look like."""

    shape: tuple[int, ...]
    pixel_max: int
    alike: tuple[Alike, ...]
    """Of the images with ink, and of those without."""
    ink: Ground | None
    """None where the images show no ink on a ground: then others are resized alone."""


class Prepared(NamedTuple):
    """An image as a model takes it."""

    image: Bytes
    """(height, width[, channels]), 0 to pixel_max."""
    empty: bool
    """Whether no ink was found in it, so that no model needs to be asked."""
    drawn: bool
    """Whether its ink was found and drawn anew; otherwise it is the image as it was, or resized."""


def measure(images: Bytes, labels: NDArray[np.integer], pixel_max: int) -> Looks:
    """What training images (n, height, width[, channels]) have in common, of a sample of them."""
    rows = np.linspace(0, len(images) - 1, min(len(images), MEASURED)).astype(int)
    rows = rows[np.argsort(labels[rows], kind="stable")]
    sample = [grey_of(image, pixel_max) for image in images[rows]]
    if images.ndim == 4 and images.shape[3] > 1:
        return Looks(images.shape[1:], pixel_max, (_alike(sample, []),), None)
    found = [find(image) for image in sample]
    inks = [ink for ink in found if ink is not None]
    light = sum(ink.light for ink in inks) > len(inks) / 2
    written = [ink is not None and ink.light == light for ink in found]
    blank = _without_ink(labels[rows], [ink is not None for ink in found])
    inked = ~blank
    filled = np.median([_filled(ink) for ink in inks]) if inks else 1.0
    if not inked.any() or np.mean(np.array(written)[inked]) < INKED * ALIKE or filled > FILLED:
        return Looks(images.shape[1:], pixel_max, (_alike(sample, []),), None)
    pairs = [
        (image, ink)
        for image, ink, is_inked, is_written in zip(sample, found, inked, written, strict=True)
        if is_inked and is_written and ink is not None
    ]
    alike = [_alike([image for image, use in zip(sample, inked, strict=True) if use], [i for _, i in pairs])]
    if blank.any():
        alike.append(_alike([image for image, use in zip(sample, blank, strict=True) if use], []))
    return Looks(images.shape[1:], pixel_max, tuple(alike), _ground(pairs, light))


def _without_ink(labels: NDArray[np.integer], found: Sequence[bool]) -> NDArray[np.bool_]:
    """(n,) whether an image is of a class that mostly shows no ink."""
    there = np.array(found)
    shares = {label: there[labels == label].mean() for label in np.unique(labels)}
    return np.array([shares[label] < 0.5 for label in labels])


def _filled(ink: Ink) -> float:
    return float(ink.cover.sum()) / max(ink.cover.shape) ** 2


def _alike(images: Sequence[Floats], inks: Sequence[Ink]) -> Alike:
    levels = np.array([_levels(image) for image in images])
    ranges = tuple(map(_range, levels.T))
    if not inks:
        return Alike(ranges)
    sides = ([i.side for i in inks], [i.centre[0] for i in inks], [i.centre[1] for i in inks])
    return Alike(ranges, *map(_range, sides))


def _levels(image: Floats) -> list[float]:
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return [*np.quantile(image, LOOKS).tolist(), float(edge.mean())]


def _range(values: Sequence[float] | Floats) -> Range:
    low, high = np.quantile(values, ENDS)
    margin = WIDER * max(float(high - low), 1e-3)
    return float(low) - margin, float(high) + margin


def _ground(pairs: Sequence[tuple[Floats, Ink]], light: bool) -> Ground:
    """What the images with ink have in common."""
    longer = max(pairs[0][0].shape)
    inks = [ink for _, ink in pairs]
    boxes, masses = np.array([ink.centre for ink in inks]), np.array([ink.mass for ink in inks])
    by_mass = bool(masses.var(axis=0).sum() < boxes.var(axis=0).sum())
    row, column = np.median(masses if by_mass else boxes, axis=0) * longer
    side = float(np.median([ink.side for ink in inks])) * longer
    canvases = [canvas_of(ink.cover, ink.side * longer) for ink in inks]
    plain = np.concatenate([_plain(image, ink) for image, ink in pairs])
    ground = tuple(np.quantile(plain, np.linspace(0, 1, GROUND)).round(2).tolist())
    blur, level = _blur_and_level(pairs, light, float(np.median(plain)))
    return Ground(
        light=light,
        side=side,
        by_mass=by_mass,
        row=float(row),
        column=float(column),
        strokes=_middle([thickness_of(canvas) / OVER for canvas in canvases]),
        slant=_middle([slant_of(canvas) for canvas in canvases]),
        blur=blur,
        level=level,
        ground=ground,
    )


def _plain(image: Floats, ink: Ink) -> Floats:
    """The grey levels of an image's ground."""
    middle = (ink.ground + ink.level) / 2
    far = image < middle if ink.light else image > middle
    from scipy.ndimage import binary_erosion

    return image[binary_erosion(far, np.ones((3, 3), bool), border_value=1)]


def _middle(values: Sequence[float]) -> Range:
    """Between which most of them are."""
    low, high = np.quantile(values, USUAL).tolist()
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


def prepare(image: Bytes, looks: Looks) -> Prepared:
    """An image (h, w) or (h, w, 3), uint8, as the training images are."""
    height, width = shape = looks.shape[:2]
    if image.shape[:2] == shape and looks.pixel_max < 255 and image.max() <= looks.pixel_max:
        # It has the training images' own numbers.
        image = np.rint(image * (255 / looks.pixel_max)).astype(np.uint8)
    grey = grey_of(image, 255)
    ink = find(grey) if looks.ink is not None or grey.shape == shape else None
    if grey.shape == shape and any(_is_alike(grey, ink, alike) for alike in looks.alike):
        return Prepared(_resized(image, looks), False, False)
    if looks.ink is None:
        return Prepared(_resized(image, looks), False, False)
    if ink is None:
        return Prepared(_scaled(resized(grey, height, width), looks), True, False)
    return Prepared(_scaled(draw(ink, shape, looks.ink), looks), False, True)


def _is_alike(grey: Floats, ink: Ink | None, alike: Alike) -> bool:
    def within(value: float, bounds: Range) -> bool:
        return bounds[0] <= value <= bounds[1]

    if not all(map(within, _levels(grey), alike.levels)):
        return False
    if ink is None or alike.side is None or alike.row is None or alike.column is None:
        return ink is None or alike.side is None
    return (
        within(ink.side, alike.side)
        and within(ink.centre[0], alike.row)
        and within(ink.centre[1], alike.column)
    )


def grey_of(image: Bytes, pixel_max: int) -> Floats:
    """Grey levels (h, w) from 0 to 255 of an image (h, w[, channels])."""
    flat = image.astype(np.float32) * (255 / pixel_max)
    if flat.ndim == 2:
        return flat
    if flat.shape[2] < 3:
        return np.ascontiguousarray(flat[..., 0])
    return np.asarray(flat[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32))


def _resized(image: Bytes, looks: Looks) -> Bytes:
    """The whole image at the training images' size, with their channels; as it is where it has both."""
    if image.shape == looks.shape and looks.pixel_max == 255:
        return image
    if len(looks.shape) == 2 or looks.shape[2] == 1:
        return _scaled(resized(grey_of(image, 255), *looks.shape[:2]), looks)
    layers = image.reshape(*image.shape[:2], -1).astype(np.float32)
    sized = [resized(layers[..., c % layers.shape[2]], *looks.shape[:2]) for c in range(looks.shape[2])]
    return _levels_of(np.stack(sized, -1), looks.pixel_max)


def _scaled(grey: Floats, looks: Looks) -> Bytes:
    if len(looks.shape) == 3:
        grey = np.repeat(grey[..., None], looks.shape[2], axis=2)
    return _levels_of(grey, looks.pixel_max)


def _levels_of(grey: NDArray[np.floating], white: int) -> Bytes:
    """Grey levels of 255 as those of images whose white is `white`."""
    return np.clip(np.rint(grey * (white / 255)), 0, white).astype(np.uint8)
