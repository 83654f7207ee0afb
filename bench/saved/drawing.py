"""Draws ink as the training images have it: as large, as upright, with such strokes and edges, as noisy."""

import numpy as np
from hexbench.saved.ink import Floats, Ink, resized
from msgspec import Struct
from numpy.typing import NDArray

Range = tuple[float, float]

OVER = 8
"""So many pixels a pixel of the training images has while ink is drawn."""
LEAST_LEFT = 0.3
"""Of their thickness, strokes lose at most so much a side."""


class InkStyle(Struct, frozen=True):
    """How the training images have their ink, in grey levels of 255 and in pixels of theirs."""

    light: bool
    """Whether the ink is lighter than the background."""
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
    background: tuple[float, ...]
    """Quantiles of the background's grey levels."""


def draw(ink: Ink, shape: tuple[int, ...], of: InkStyle) -> Floats:
    """Ink as the training images have it, grey levels (height, width); the noise is always the same."""
    side = min(of.side, min(shape) - 1.0)
    cover = drawn(ink.cover, shape, side, of.by_mass, of.row, of.column, of.blur, of)
    rng = np.random.default_rng(0)
    at = np.linspace(0, 1, len(of.background))
    background = np.interp(rng.random(shape), at, of.background)
    return np.asarray(background + (of.level - background) * cover, np.float32)


def drawn(
    cover: Floats,
    shape: tuple[int, ...],
    side: float,
    by_mass: bool,
    row: float,
    column: float,
    blur: float,
    like: InkStyle | None = None,
) -> Floats:
    """How much of each pixel (height, width) is ink that is so large, at this place, with such strokes."""
    from scipy.ndimage import gaussian_filter

    canvas = canvas_of(cover, side)
    if like is not None:
        canvas = canvas_of(_upright(canvas, like.slant), side)
        canvas = _with_strokes(canvas, like.strokes[0] * OVER, like.strokes[1] * OVER, side)
    height, width = (OVER * length for length in shape)
    paper = np.zeros((3 * height, 3 * width), np.float32)
    top, left = (3 * height - canvas.shape[0]) // 2, (3 * width - canvas.shape[1]) // 2
    paper[top : top + canvas.shape[0], left : left + canvas.shape[1]] = canvas
    rows, columns = np.nonzero(_there(paper))
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


def _there(canvas: Floats) -> NDArray[np.bool_]:
    """Where the ink is, of which a faint line has less than half anywhere."""
    found: NDArray[np.bool_] = canvas >= 0.5 * max(float(canvas.max()), 1e-12)
    return found


def canvas_of(cover: Floats, side: float) -> Floats:
    """Ink whose longer side is `side` pixels of the training images, OVER times as large."""
    scale = OVER * side / max(cover.shape)
    height, width = (max(1, round(length * scale)) for length in cover.shape)
    return np.clip(resized(cover, height, width), 0, 1)


def thickness_of(canvas: Floats) -> float:
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


def slant_of(canvas: Floats) -> float:
    """How far ink leans, columns a row."""
    rows, columns = np.nonzero(canvas > 0.5)
    if len(rows) < 2 or not rows.var():
        return 0.0
    return float(((rows - rows.mean()) * (columns - columns.mean())).mean() / rows.var())


def _upright(canvas: Floats, bounds: Range) -> Floats:
    """Ink that leans no farther than that."""
    from scipy.ndimage import affine_transform

    own = slant_of(canvas)
    lean = own - float(np.clip(own, *bounds))
    if not lean:
        return canvas
    height, width = canvas.shape
    room = int(np.ceil(abs(lean) * height / 2)) + 1
    back = np.array([[1, 0], [lean, 1]])
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    offset = middle - back @ (middle + np.array([0, room]))
    moved = affine_transform(canvas, back, offset, (height, width + 2 * room), order=1)
    return _trimmed(moved)


def _with_strokes(canvas: Floats, thin: float, thick: float, side: float) -> Floats:
    """The same ink with strokes between `thin` and `thick`, its box as large as before."""
    own = thickness_of(canvas)
    if not own or thin <= own <= thick:
        return canvas
    grow = (np.clip(own, thin, thick) - own) / 2
    grow = max(float(grow), -LEAST_LEFT * own)
    room = int(np.ceil(max(grow, 0))) + 1
    edge = _distances(np.pad(canvas, room)) + grow
    return canvas_of(_trimmed(np.clip(edge + 0.5, 0, 1).astype(np.float32)), side)


def _trimmed(canvas: Floats) -> Floats:
    there = _there(canvas)
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
