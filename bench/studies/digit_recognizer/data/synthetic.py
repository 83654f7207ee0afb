"""The embedded default data set: handwritten hexadecimal digits drawn from pen strokes.

Models the writing and scanning of the digits in `glyphs`: how one is deformed, sized, inked and
degraded so that it looks like the course's images, which are EMNIST's shrunk to 20 x 20 with noise
in place of black.

The same count and seed give the same bytes with any number of threads, and also on another
processor: only exactly rounded operations are used, and normal draws are put on a grid.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hexbench.models.machine import usable_cores
from hexbench.studies.digit_recognizer.data.glyphs import Pens, pens
from hexbench.studies.digit_recognizer.data.ground import (
    EMPTY,
    SIDE,
    Bytes,
    Floats,
    class_counts,
    empty_images,
    normal,
    put_noise,
)
from numpy.typing import NDArray

CHUNK = 256  # images that share a random stream; few, so that they stay in the cache

# The hand, in units of half a sign; each number is the standard deviation of a normal draw.
ASTRAY = 0.107  # of a point of a stroke, from where it should be
SHIFTED = 0.08  # of a whole stroke
SLANTED = 0.26  # sideways for each unit up
TURNED = 0.16
WIDENED = 0.22

# The pen and the scanner, in pixels.
INK_BOX = 16.0  # longer side of the box around the ink, at half brightness
RADIUS, RADIUS_SD, RADIUS_SKEW = 0.82, 0.2, 0.05  # half the width of the line
PRESSED = 0.12  # relative change of the radius from the middle to the edge of the frame
ROUGH = 0.11  # how far the edge of a line strays from pixel to pixel
SKIPPING, SKIP = 0.08, 6.0  # share of pens that leave a gap, and its radius squared
BLUR, BLUR_SPREAD = 1.35, 0.12  # how far the edge of a line is smeared out
HALO, HALO_REACH = 0.015, 3.0  # share and reach of a second, faint blur
GAIN, GAIN_SD = 1.2, 0.08  # brightness before it saturates
PEAK_SPREAD = 0.015  # how far the brightest pixel stays below white

Integers = NDArray[np.int64]


def draw(count: int | Sequence[int], seed: int = 0, workers: int | None = None) -> tuple[Bytes, Bytes]:
    """Draw `count` images in the report's class proportions, or so many of each of the 17 classes.

    `seed` sets every byte and the order.
    Returns images, uint8 (n, 400), 0 black to 255 white ink, row by row, and labels, uint8 (n,),
    0 to 16. `workers` threads (by default one a core) change only the speed.
    """
    counts = class_counts(count) if isinstance(count, int) else count
    labels = np.repeat(np.arange(EMPTY + 1, dtype=np.uint8), counts)
    count = len(labels)
    np.random.default_rng([seed, 0, 1]).shuffle(labels)  # the chunks' streams are [seed, chunk]
    images = np.empty((count, SIDE * SIDE), np.uint8)

    def fill(chunk: int) -> None:
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        images[part] = _draw_chunk(np.random.default_rng([seed, chunk]), labels[part])

    with ThreadPoolExecutor(workers or usable_cores()) as threads:
        list(threads.map(fill, range(-(-count // CHUNK))))  # list: so that errors are raised
    return images, labels


def _draw_chunk(rng: np.random.Generator, labels: Bytes) -> Bytes:
    """Images (n, 400) of the labels (n,)."""
    images = np.empty((len(labels), SIDE * SIDE), np.uint8)
    empty = labels == EMPTY
    images[empty] = empty_images(int(empty.sum()), rng)
    images[~empty] = _draw_signs(rng, labels[~empty], pens())
    return images


def _draw_signs(rng: np.random.Generator, labels: Bytes, table: Pens) -> Bytes:
    ways = _choose_ways(rng, labels, table)
    # Most pieces first: then the images with a piece left to draw are always the first ones.
    order = np.argsort(-table.pieces[ways], kind="stable")
    labels, ways = labels[order], ways[order]
    path = _deform(rng, _write(rng, ways, table), labels, table)
    radius, blur = _choose_pen(rng, len(ways))
    pieces = _fit(path, radius)[np.arange(len(ways))[:, None, None], table.piece[ways]]
    distance = _distance(pieces, table.pieces[ways])
    radius = radius * _pressure(rng, len(ways)) + _roughness(rng, len(ways))
    radius = np.maximum(radius - _gaps(rng, pieces), 0)
    grey = _grey(rng, _ink(distance, radius, blur))
    images = np.empty_like(grey)
    images[order] = put_noise(grey, rng)
    return images


def _choose_ways(rng: np.random.Generator, labels: Bytes, table: Pens) -> Integers:
    """For each label one of the ways (n,) in which its class is written."""
    ways, last = table.first[labels], table.first[labels + 1] - 1
    drawn = rng.random(len(labels))
    for _ in range(int((last - ways).max(initial=0))):
        ways = ways + ((ways < last) & (drawn >= table.chance[ways]))
    return ways


def _write(rng: np.random.Generator, ways: Integers, table: Pens) -> Floats:
    """The path points (n, P, 2) of a hand whose points and whole strokes go astray."""
    n, points = table.stroke[ways].shape
    shift = SHIFTED * normal(rng, n, int(table.stroke.max()) + 1, 2)
    astray = ASTRAY * normal(rng, n, points, 2)
    astray += shift[np.arange(n)[:, None], table.stroke[ways]]
    untidy = 0.6 + 1.2 * np.square(rng.random((n, 1, 1), np.float32))  # a few are a scrawl
    control = table.control[ways] + untidy * astray
    index, share = table.index[ways], table.share[ways][..., None]
    path = np.zeros((n, index.shape[1], 2), np.float32)
    for j in range(4):
        path += share[:, :, j] * control[np.arange(n)[:, None], index[:, :, j]]
    return path


def _deform(rng: np.random.Generator, path: Floats, labels: Bytes, table: Pens) -> Floats:
    """Slant, turn and widen the signs, each class after its habit."""
    x, y = path[..., 0], path[..., 1]
    slant, turn, widen = normal(rng, 3, len(path), 1)
    slant = table.slant[labels, None] + SLANTED * slant
    width = table.width[labels, None] * np.clip(1 + WIDENED * widen, 0.4, 2)
    return np.stack([width * x - slant * y, y + TURNED * turn * x], axis=-1)


def _choose_pen(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Radius of the line and reach of its blur in pixels, each (n, 1, 1)."""
    radius, blur = normal(rng, 2, n, 1, 1)
    radius = RADIUS + RADIUS_SD * radius + RADIUS_SKEW * np.square(radius)
    return np.clip(radius, 0.35, 2.6), np.clip(BLUR + BLUR_SPREAD * np.square(blur), 1, 2.2)


def _fit(path: Floats, radius: Floats) -> Floats:
    """Centre the inked box and let its longer side fill `INK_BOX`, in pixels, as EMNIST does."""
    low, high = path.min(axis=1, keepdims=True), path.max(axis=1, keepdims=True)
    scale = (INK_BOX - 2 * radius) / (high - low).max(axis=2, keepdims=True)
    fitted: Floats = (path - (low + high) / 2) * scale + (SIDE - 1) / 2
    return fitted


def _distance(pieces: Floats, used: Integers) -> Floats:
    """Distance (n, 20, 20) of each pixel from the nearest straight piece, in pixels.

    `pieces` (n, S, 2, 2) holds x and y of both ends, `used` (n,) how many of the S count; it
    never rises.
    """
    grid = np.arange(SIDE, dtype=np.float32)
    nearest = np.full((len(pieces), SIDE, SIDE), np.inf, np.float32)
    for s in range(int(used.max(initial=0))):
        n = int((used > s).sum())
        start, step = pieces[:n, s, 0], pieces[:n, s, 1] - pieces[:n, s, 0]
        length2 = step[:, :1] * step[:, :1] + step[:, 1:] * step[:, 1:] + 1e-6
        x, y = grid - start[:, :1], grid - start[:, 1:]
        # Where along the piece a pixel lies, 0 at its start and 1 at its end; in place, as
        # nearly all the time goes here.
        along = (y * step[:, 1:] / length2)[:, :, None] + (x * step[:, :1] / length2)[:, None]
        foot = np.clip(along, 0, 1)
        along += along
        along -= foot
        along *= foot
        along *= length2[:, :, None]
        distance2 = (y * y)[:, :, None] + (x * x)[:, None]
        distance2 -= along
        np.minimum(nearest[:n], distance2, out=nearest[:n])
    return np.sqrt(np.maximum(nearest, 0))


def _pressure(rng: np.random.Generator, n: int) -> Floats:
    """A factor (n, 20, 20) for the radius, rising across the frame."""
    grid = np.linspace(-1, 1, SIDE, dtype=np.float32)
    right, down = PRESSED * normal(rng, 2, n, 1)
    factor: Floats = 1 + (down * grid)[:, :, None] + (right * grid)[:, None]
    return np.maximum(factor, 0.4)


def _roughness(rng: np.random.Generator, n: int) -> Floats:
    """How far (n, 20, 20) the ink's edge lies outside its line at each pixel, smoothed."""
    field = np.pad(normal(rng, n, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)), mode="edge")
    field = field[:, :-2] + 2 * field[:, 1:-1] + field[:, 2:]
    field = field[:, :, :-2] + 2 * field[:, :, 1:-1] + field[:, :, 2:]
    return field * np.float32(ROUGH / 6)  # (1 + 4 + 1) is the variance of each sum


def _gaps(rng: np.random.Generator, pieces: Floats) -> Floats:
    """What a few pens lack in radius (n, 20, 20) around the start of one of their pieces."""
    n = len(pieces)
    skipping = rng.random((n, 1, 1), np.float32) < SKIPPING
    place = pieces[np.arange(n), rng.integers(pieces.shape[1], size=n), 0]
    grid = np.arange(SIDE, dtype=np.float32)
    distance2 = np.square(grid - place[:, 1:])[:, :, None] + np.square(grid - place[:, :1])[:, None]
    return np.where(skipping, 2 * np.maximum(1 - distance2 / np.float32(SKIP), 0), 0)


def _ink(distance: Floats, radius: Floats, blur: Floats) -> Floats:
    """Brightness (n, 20, 20) across a blurred line with a faint halo."""
    inner, outer = radius - distance, radius + distance
    line = _edge(inner / blur) + _edge(outer / blur)
    halo = _edge(inner / HALO_REACH) + _edge(outer / HALO_REACH)
    return (1 - HALO) * line + HALO * halo


def _edge(x: Floats) -> Floats:
    """A smooth step from -0.5 at x = -1 to 0.5 at 1: the integral of a biweight kernel."""
    x = np.clip(x, -1, 1)
    square = x * x
    return x * (0.9375 + square * (0.1875 * square - 0.625))


def _grey(rng: np.random.Generator, ink: Floats) -> Bytes:
    """Grey values (n, 400) of images whose brightest pixels are nearly white, as EMNIST's are."""
    ink = ink.reshape(len(ink), SIDE * SIDE)
    gain, dim = normal(rng, 2, len(ink), 1)
    gain = np.maximum(GAIN + GAIN_SD * gain, 1.05 / ink.max(axis=1, keepdims=True))
    peak = np.maximum(1 - PEAK_SPREAD * np.square(dim), 0.7)
    ink = np.minimum(gain * ink, 1.2)
    ink = ink - np.square(np.maximum(ink - np.float32(0.8), 0)) / np.float32(0.8)  # 1.2 becomes 1
    grey: Floats = np.rint(255 * peak * ink)
    return grey.astype(np.uint8)
