"""Class proportions, the noise in place of black, and empty images, as in the course's files.

Measured on 9,834 of their images; the drawn digits and those built from EMNIST share them. Random
numbers are used so that the same generator gives the same bytes on every machine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 20  # pixels
EMPTY = 16  # the class without ink
CLASS_NAMES = (*"0123456789ABCDEF", "empty")
REPORT_COUNTS = (
    *(2218, 2278, 2201, 2217, 2263, 2213, 2183, 2208, 2152, 2188),
    *(1775, 1161, 1903, 1359, 401, 1922, 1705),
)
"""Class counts of the report's test part, classes 0 to 16."""
NOISE_TOP = 255 * 0.35  # the course put floor(255 * U(0, 0.35)) wherever it was black
EMPTY_MEAN, EMPTY_SD = 236.0, 4.47  # grey values before rounding

Floats = NDArray[np.floating[Any]]  # float32 throughout
Bytes = NDArray[np.uint8]


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


def put_noise(grey: Bytes, rng: np.random.Generator) -> Bytes:
    """The images (n, 400) with noise wherever they are black."""
    noise = (NOISE_TOP * rng.random(grey.shape, np.float32)).astype(np.uint8)
    return np.where(grey == 0, noise, grey)


def empty_images(count: int, rng: np.random.Generator) -> Bytes:
    """Images (count, 400) of the class `empty`: light paper."""
    paper = EMPTY_MEAN + EMPTY_SD * normal(rng, count, SIDE * SIDE)
    return np.rint(np.clip(paper, 0, 255)).astype(np.uint8)


def normal(rng: np.random.Generator, *shape: int) -> Floats:
    """Normal draws rounded, so that the last digit of a machine's logarithm cannot matter."""
    return np.round(rng.standard_normal(shape), 6).astype(np.float32)
