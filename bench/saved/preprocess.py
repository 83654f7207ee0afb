"""Makes an image of any size like the training images: finds its ink, and draws it as they have it.

What the training images have in common is measured once, when a model is saved. Where they show no ink on
a ground, as photographs of things, an image is only resized.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hexbench.saved.ink import Floats, Ink, find, resized
from msgspec import Struct
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

MEASURED = 300
"""Training images that are looked at."""
INKED, ALIKE = 0.7, 0.9
"""Training images show ink if so many have it, and so many of these are all light, or all dark."""
FILLED = 0.62
"""Of the square on its longer side: ink covers less."""
OVER = 8
"""So many pixels a pixel of the training images have while ink is drawn."""
USUAL = (0.05, 0.95)
"""Of strokes and slants, quantiles between which ink is left as it is."""
BLURS = (0.0, 0.25, 0.4, 0.55, 0.7, 1.0)
"""Standard deviations that are tried, in pixels of the training images."""
DRAWN = 40
"""Training images that are drawn anew to find out how."""
GROUND = 33
"""How many quantiles describe the ground's grey levels."""
LOOKS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of an image's grey levels that say whether it looks like the training images."""
ENDS = (0.002, 0.998)
"""Of what the training images have, quantiles between which an image is like them."""

Range = tuple[float, float]


class Alike(Struct, frozen=True):
    """What an image of the training images' shape must have to be taken as it is."""

    levels: tuple[Range, ...]
    """The quantiles LOOKS of its grey levels, and the mean of its edge."""
    side: Range | None = None
    row: Range | None = None
    column: Range | None = None
    """Of its ink, where some is found: see `Ink`."""


class Ground(Struct, frozen=True):
    """How the training images have their ink, in grey levels of 255 and in pixels of theirs."""

    light: bool
    """Whether the ink is lighter than the ground."""
    side: float
    """The longer side of its box."""
    by_mass: bool
    """Whether its centre of mass is placed, or else that of its box."""
    row: float
    column: float
    """Where that is, from the image's middle."""
    strokes: Range
    """Between which its strokes are thick."""
    slant: Range
    """Between which it leans, columns a row; below 0 is to the right."""
    blur: float
    """Standard deviation of its edges."""
    level: float
    """Its grey level."""
    ground: tuple[float, ...]
    """Quantiles of the ground's grey levels."""


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
    margin = 0.02 * max(float(high - low), 1e-3)
    return float(low) - margin, float(high) + margin


def _ground(pairs: Sequence[tuple[Floats, Ink]], light: bool) -> Ground:
    """What the images with ink have in common."""
    longer = max(pairs[0][0].shape)
    inks = [ink for _, ink in pairs]
    boxes, masses = np.array([ink.centre for ink in inks]), np.array([ink.mass for ink in inks])
    by_mass = bool(masses.var(axis=0).sum() < boxes.var(axis=0).sum())
    row, column = np.median(masses if by_mass else boxes, axis=0) * longer
    side = float(np.median([ink.side for ink in inks])) * longer
    canvases = [_canvas(ink.cover, ink.side * longer) for ink in inks]
    plain = np.concatenate([_plain(image, ink) for image, ink in pairs])
    ground = tuple(np.quantile(plain, np.linspace(0, 1, GROUND)).round(2).tolist())
    blur, level = _blur_and_level(pairs, light, float(np.median(plain)))
    return Ground(
        light=light,
        side=side,
        by_mass=by_mass,
        row=float(row),
        column=float(column),
        strokes=_middle([_thickness(canvas) / OVER for canvas in canvases]),
        slant=_middle([_slant(canvas) for canvas in canvases]),
        blur=blur,
        level=level,
        ground=ground,
    )


def _plain(image: Floats, ink: Ink) -> Floats:
    """The grey levels of an image's ground."""
    middle = (ink.ground + ink.level) / 2
    far = image < middle if ink.light else image > middle
    from scipy.ndimage import binary_erosion

    return image[binary_erosion(far, np.ones((3, 3)), border_value=1)]


def _middle(values: Sequence[float]) -> Range:
    """Between which most of them are."""
    low, high = np.quantile(values, USUAL).tolist()
    return low, high


def _blur_and_level(pairs: Sequence[tuple[Floats, Ink]], light: bool, plain: float) -> tuple[float, float]:
    """With which blur and grey level the training images' own ink, drawn anew, is most like them."""
    few = pairs[:: max(1, len(pairs) // DRAWN)]
    longer = max(few[0][0].shape)
    middle = float(np.median([ink.level for _, ink in few]))
    ends = [float(image.max() if light else image.min()) for image, _ in few]
    levels = np.linspace(middle, float(np.median(ends)), 3).clip(0, 255).tolist()

    def miss(blur: float) -> list[float]:
        covers = [
            _drawn(
                ink.cover,
                image.shape,
                ink.side * longer,
                False,
                ink.centre[0] * longer,
                ink.centre[1] * longer,
                blur,
            )
            for image, ink in few
        ]
        return [
            float(
                np.mean(
                    [
                        np.abs(plain + (level - plain) * cover - image).mean()
                        for cover, (image, _) in zip(covers, few, strict=True)
                    ]
                )
            )
            for level in levels
        ]

    misses = np.array([miss(blur) for blur in BLURS])
    blur, level = np.unravel_index(int(misses.argmin()), misses.shape)
    return BLURS[blur], levels[level]


def prepare(image: Bytes, looks: Looks) -> Prepared:
    """An image (h, w) or (h, w, 3), uint8, as the training images are."""
    height, width = shape = looks.shape[:2]
    if image.shape[:2] == shape and looks.pixel_max < 255 and image.max() <= looks.pixel_max:
        image = np.rint(image * (255 / looks.pixel_max)).astype(
            np.uint8
        )  # it has the training images' numbers
    grey = grey_of(image, 255)
    ink = find(grey) if looks.ink is not None or grey.shape == shape else None
    if grey.shape == shape and any(_is_alike(grey, ink, alike) for alike in looks.alike):
        return Prepared(_as_bytes(image, grey, looks), False, False)
    if looks.ink is None:
        return Prepared(_resized(image, looks), False, False)
    if ink is None:
        return Prepared(_as_bytes(image, resized(grey, height, width), looks), True, False)
    return Prepared(_scaled(draw(ink, shape, looks.ink), looks), False, True)


def draw(ink: Ink, shape: tuple[int, int], of: Ground) -> Floats:
    """Ink as the training images have it, grey levels (height, width); the ground's noise is always the same."""
    side = min(of.side, min(shape) - 1.0)
    cover = _drawn(ink.cover, shape, side, of.by_mass, of.row, of.column, of.blur, of)
    rng = np.random.default_rng(0)
    at = np.linspace(0, 1, len(of.ground))
    ground = np.interp(rng.random(shape), at, of.ground)
    return np.asarray(ground + (of.level - ground) * cover, np.float32)


def _drawn(
    cover: Floats,
    shape: tuple[int, ...],
    side: float,
    by_mass: bool,
    row: float,
    column: float,
    blur: float,
    like: Ground | None = None,
) -> Floats:
    """How much of each pixel (height, width) is ink that is so large, at this place, with such strokes."""
    from scipy.ndimage import gaussian_filter, shift

    canvas = _canvas(cover, side)
    if like is not None:
        canvas = _canvas(_upright(canvas, like.slant), side)
        canvas = _with_strokes(canvas, like.strokes[0] * OVER, like.strokes[1] * OVER, side)
    height, width = (OVER * length for length in shape)
    paper = np.zeros((3 * height, 3 * width), np.float32)
    top, left = (3 * height - canvas.shape[0]) // 2, (3 * width - canvas.shape[1]) // 2
    paper[top : top + canvas.shape[0], left : left + canvas.shape[1]] = canvas
    rows, columns = np.nonzero(paper > 0.5)
    if by_mass:
        weights = paper[rows, columns]
        at = np.average(rows, weights=weights), np.average(columns, weights=weights)
    else:
        at = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    wanted = 1.5 * height - 0.5 + OVER * row, 1.5 * width - 0.5 + OVER * column
    moved = round(wanted[0] - at[0]), round(wanted[1] - at[1])
    paper = np.roll(paper, moved, (0, 1))[height : 2 * height, width : 2 * width]
    if blur:
        paper = gaussian_filter(paper, blur * OVER)
    found: Floats = paper.reshape(shape[0], OVER, shape[1], OVER).mean(axis=(1, 3))
    return found


def _canvas(cover: Floats, side: float) -> Floats:
    """Ink whose longer side is `side` pixels of the training images, OVER times as large."""
    scale = OVER * side / max(cover.shape)
    height, width = (max(1, round(length * scale)) for length in cover.shape)
    return np.clip(resized(cover, height, width), 0, 1)


def _thickness(canvas: Floats) -> float:
    """How thick strokes are, in pixels: the mean distance of a strip's points to its edge is a quarter."""
    inside = _distances(canvas)
    return 4 * float(inside[inside > 0].mean()) if (inside > 0).any() else 0.0


def _distances(canvas: Floats) -> Floats:
    """Of each pixel from the ink's edge, above 0 inside."""
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(canvas > 0.5, 1)
    inside = np.asarray(distance_transform_edt(padded), np.float32)
    outside = np.asarray(distance_transform_edt(~padded), np.float32)
    found: Floats = np.where(padded, inside - 0.5, 0.5 - outside)[1:-1, 1:-1]
    return found


def _slant(canvas: Floats) -> float:
    """How far ink leans, columns a row."""
    rows, columns = np.nonzero(canvas > 0.5)
    if len(rows) < 2 or not rows.var():
        return 0.0
    return float(((rows - rows.mean()) * (columns - columns.mean())).mean() / rows.var())


def _upright(canvas: Floats, bounds: Range) -> Floats:
    """Ink that leans no farther than that."""
    from scipy.ndimage import affine_transform

    own = _slant(canvas)
    lean = own - float(np.clip(own, *bounds))
    if not lean:
        return canvas
    height, width = canvas.shape
    room = int(np.ceil(abs(lean) * height / 2)) + 1
    back = np.array([[1, 0], [lean, 1]])
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    offset = middle - back @ (middle + [0, room])
    moved = affine_transform(canvas, back, offset, (height, width + 2 * room), order=1)
    return _trimmed(moved)


def _with_strokes(canvas: Floats, thin: float, thick: float, side: float) -> Floats:
    """The same ink with strokes between `thin` and `thick`, its box as large as before."""
    own = _thickness(canvas)
    if not own or thin <= own <= thick:
        return canvas
    grow = (np.clip(own, thin, thick) - own) / 2
    grow = max(float(grow), -0.3 * own)
    room = int(np.ceil(max(grow, 0))) + 1
    edge = _distances(np.pad(canvas, room)) + grow
    return _canvas(_trimmed(np.clip(edge + 0.5, 0, 1).astype(np.float32)), side)


def _trimmed(canvas: Floats) -> Floats:
    there = canvas > 0.5
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


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


def _as_bytes(image: Bytes, grey: Floats, looks: Looks) -> Bytes:
    """An image that is taken as it is."""
    if image.shape == looks.shape and looks.pixel_max == 255:
        return image
    return _scaled(grey, looks)


def _resized(image: Bytes, looks: Looks) -> Bytes:
    channels = looks.shape[2] if len(looks.shape) == 3 else 1
    layers = [image] if image.ndim == 2 else [image[..., c] for c in range(image.shape[2])]
    if channels == 1:
        layers = [grey_of(image, 255)]
    layers = [layers[c % len(layers)] for c in range(channels)]
    sized = [resized(layer.astype(np.float32), *looks.shape[:2]) for layer in layers]
    return _levels_of(np.stack(sized, -1) if len(looks.shape) == 3 else sized[0], looks.pixel_max)


def _scaled(grey: Floats, looks: Looks) -> Bytes:
    if len(looks.shape) == 3:
        grey = np.repeat(grey[..., None], looks.shape[2], axis=2)
    return _levels_of(grey, looks.pixel_max)


def _levels_of(grey: NDArray[np.floating], white: int) -> Bytes:
    """Grey levels of 255 as those of images whose white is `white`."""
    return np.clip(np.rint(grey * (white / 255)), 0, white).astype(np.uint8)
