"""The embedded default data set: handwritten hexadecimal digits drawn from pen strokes.

Owns the hand that writes the signs of `glyphs` and the scanner that reads them: how a sign is
bent, sized, inked and soiled so that it looks like the course's images, which are EMNIST's
shrunk to 20 x 20 with noise in place of black.

The same count and seed give the same bytes with any number of threads, and also on another
processor: only exactly rounded operations are used, and normal draws are put on a grid.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.glyphs import SLANT, WIDTH, Pens, pens

IMAGES_IN_FULL = 107_802  # as many as in the course's file
SIDE = 20  # pixels
EMPTY = 16  # the class without ink
CHUNK = 256  # images that share a random stream; few, so that they stay in the cache
# Class counts of the report's test part, classes 0 to 16.
REPORT_COUNTS = (
    *(2218, 2278, 2201, 2217, 2263, 2213, 2183, 2208, 2152, 2188),
    *(1775, 1161, 1903, 1359, 401, 1922, 1705),
)

# The hand, in units of half a sign; each number is the standard deviation of a normal draw.
ASTRAY = 0.10  # of a point of a stroke, from where it should be
SHIFTED = 0.6  # of a whole stroke, as a multiple of ASTRAY
BENT = 0.08
SLANTED = 0.27  # sideways for each unit up
TURNED = 0.10
WIDENED = 0.26

# The pen and the scanner, in pixels.
INK_BOX = 16.0  # longer side of the box around the ink, at half brightness
RADIUS, RADIUS_SD, RADIUS_SKEW = 0.95, 0.28, 0.06  # half the width of the line
PRESSED = 0.12  # relative change of the radius from the middle to the edge of the frame
BLUR, BLUR_SPREAD = 1.35, 0.12  # how far the edge of a line is smeared out
HALO, HALO_REACH = 0.015, 3.0  # share and reach of a second, faint blur
PEAK_SPREAD = 0.015  # how far the brightest pixel stays below white
NOISE_TOP = 255 * 0.35  # the course put floor(255 * U(0, 0.35)) wherever it was black
EMPTY_MEAN, EMPTY_SD = 236.0, 4.47  # grey values before rounding

Floats = NDArray[np.floating[Any]]  # float32 throughout
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def draw(count: int, seed: int = 0, workers: int | None = None) -> tuple[Bytes, Bytes]:
    """Draw `count` images in the report's class proportions, in an order set by `seed`.

    Returns images, uint8 (count, 400), 0 black to 255 white ink, row by row, and labels,
    uint8 (count,), 0 to 16. `workers` threads (by default one a core) change only the speed.
    """
    labels = np.repeat(np.arange(EMPTY + 1, dtype=np.uint8), class_counts(count))
    np.random.default_rng([seed, 0, 1]).shuffle(labels)  # the chunks' streams are [seed, chunk]
    images = np.empty((count, SIDE * SIDE), np.uint8)

    def fill(chunk: int) -> None:
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        images[part] = _draw_chunk(np.random.default_rng([seed, chunk]), labels[part])

    with ThreadPoolExecutor(workers or os.cpu_count()) as threads:
        list(threads.map(fill, range(-(-count // CHUNK))))  # list: so that errors are raised
    return images, labels


def class_counts(count: int) -> list[int]:
    """How many of `count` images each of the 17 classes gets.

    The report's shares, rounded by largest remainder, but at least one each from 17 images on.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    shares = [divmod(count * part, sum(REPORT_COUNTS)) for part in REPORT_COUNTS]
    counts = [whole for whole, _ in shares]
    by_remainder = sorted(range(len(shares)), key=lambda label: -shares[label][1])
    for label in by_remainder[: count - sum(counts)]:
        counts[label] += 1
    while 0 in counts and count >= len(counts):
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(0)] += 1
    return counts


def _draw_chunk(rng: np.random.Generator, labels: Bytes) -> Bytes:
    """Images (n, 400) of the labels (n,)."""
    images = np.empty((len(labels), SIDE * SIDE), np.uint8)
    empty = labels == EMPTY
    paper = EMPTY_MEAN + EMPTY_SD * _normal(rng, int(empty.sum()), SIDE * SIDE)
    images[empty] = np.rint(np.clip(paper, 0, 255))
    images[~empty] = _draw_signs(rng, labels[~empty], pens())
    return images


def _draw_signs(rng: np.random.Generator, labels: Bytes, table: Pens) -> Bytes:
    ways = _choose_ways(rng, labels, table)
    # Most pieces first: then the images with a piece left to draw are always the first ones.
    order = np.argsort(-table.pieces[ways], kind="stable")
    labels, ways = labels[order], ways[order]
    path = _deform(rng, _write(rng, ways, table), labels)
    radius, blur = _choose_pen(rng, len(ways))
    pieces = _fit(path, radius)[np.arange(len(ways))[:, None, None], table.piece[ways]]
    distance = _distance(pieces, table.pieces[ways])
    grey = _grey(rng, _ink(distance, radius * _pressure(rng, len(ways)), blur))
    noise = (NOISE_TOP * rng.random(grey.shape, np.float32)).astype(np.uint8)
    images = np.empty_like(grey)
    images[order] = np.where(grey == 0, noise, grey)
    return images


def _choose_ways(rng: np.random.Generator, labels: Bytes, table: Pens) -> Integers:
    """For each label one of the ways (n,) in which its class is written."""
    ways, last = table.first[labels], table.first[labels + 1] - 1
    luck = rng.random(len(labels))
    for _ in range(int((last - ways).max(initial=0))):
        ways = ways + ((ways < last) & (luck >= table.chance[ways]))
    return ways


def _write(rng: np.random.Generator, ways: Integers, table: Pens) -> Floats:
    """The path points (n, P, 2) of a hand whose points and whole strokes go astray."""
    n, points = table.stroke[ways].shape
    own = _normal(rng, n, points + 2, 2)
    # Neighbours go astray together, or curves would have kinks; 2.45 keeps the variance.
    own = (own[:, :-2] + 2 * own[:, 1:-1] + own[:, 2:]) / 2.45
    shift = _normal(rng, n, int(table.stroke.max()) + 1, 2)
    shift = shift[np.arange(n)[:, None], table.stroke[ways]]
    untidy = 0.5 + 1.5 * np.square(rng.random((n, 1, 1), np.float32))  # a few are a scrawl
    control = table.control[ways] + ASTRAY * untidy * (own + SHIFTED * shift)
    index, share = table.index[ways], table.share[ways][..., None]
    path = np.zeros((n, index.shape[1], 2), np.float32)
    for j in range(4):
        path += share[:, :, j] * control[np.arange(n)[:, None], index[:, :, j]]
    return path


def _deform(rng: np.random.Generator, path: Floats, labels: Bytes) -> Floats:
    """Bend the signs gently, then slant, turn and widen them, each class after its habit."""
    x, y = path[..., 0], path[..., 1]
    bend = BENT * _normal(rng, 6, len(path), 1)
    x, y = (
        x + bend[0] * x * x + bend[1] * x * y + bend[2] * y * y,
        y + bend[3] * x * x + bend[4] * x * y + bend[5] * y * y,
    )
    slant, turn, widen = _normal(rng, 3, len(path), 1)
    slant = np.array(SLANT, np.float32)[labels, None] + SLANTED * slant
    width = np.array(WIDTH, np.float32)[labels, None] * np.clip(1 + WIDENED * widen, 0.4, 2)
    return np.stack([width * x - slant * y, y + TURNED * turn * x], axis=-1)


def _choose_pen(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Radius of the line and reach of its blur in pixels, each (n, 1, 1)."""
    radius, blur = _normal(rng, 2, n, 1, 1)
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
    right, down = PRESSED * _normal(rng, 2, n, 1)
    factor: Floats = 1 + (down * grid)[:, :, None] + (right * grid)[:, None]
    return np.maximum(factor, 0.4)


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
    """Grey values (n, 400) of images whose brightest pixel is nearly white, as EMNIST's are."""
    ink = ink.reshape(len(ink), SIDE * SIDE)
    peak = np.maximum(1 - PEAK_SPREAD * np.square(_normal(rng, len(ink), 1)), 0.7)
    grey: Floats = np.rint(ink * (255 * peak / ink.max(axis=1, keepdims=True)))
    return grey.astype(np.uint8)


def _normal(rng: np.random.Generator, *shape: int) -> Floats:
    """Normal draws rounded, so that the last digit of a machine's logarithm cannot matter."""
    return np.round(rng.standard_normal(shape), 6).astype(np.float32)
