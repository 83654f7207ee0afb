"""What a data set holds: counts, pixel statistics, and images that stand in both parts of the split."""

from dataclasses import dataclass

import numpy as np

from bench.data.dataset import Dataset
from bench.data.paper import NOISE_TOP

PAPER_TOP = int(NOISE_TOP) + 1
"""Grey values below are, in the course's images, the noise that stands in place of black."""
WHITE = 250


@dataclass(frozen=True)
class Description:
    """The contents of a data set in numbers."""

    images: int
    train: int
    test: int
    class_counts: list[tuple[int, int]]
    """(training, test) images of each class, 0 to 16."""
    class_means: list[float | None]
    """Mean grey value 0 to 255 of each class; None for a class without images."""
    mean: float
    deviation: float
    lowest: int
    highest: int
    dark: float
    """Share of pixels below 90, which may be noise in place of black."""
    white: float
    """Share of pixels from 250."""
    repeated: int
    """Test images that are a training image, pixel by pixel."""
    repeated_ink: int
    """Test images whose pixels from 90 are those of a training image: the same but for the noise."""
    contradictory: int
    """Of these, how many have another label than the training image."""


def describe(data: Dataset) -> Description:
    """Count and measure `data`."""
    train, test = data.split
    histograms = np.array([_histogram(data.images[data.labels == label]) for label in range(17)])
    grey, total = np.arange(256), histograms.sum(axis=0)
    pixels = total.sum()
    mean = float(total @ grey / pixels)
    present = np.flatnonzero(total)
    counts = histograms.sum(axis=1)
    repeated, _ = _repeats(data.images, data.labels, train, test)
    ink = np.where(data.images < PAPER_TOP, 0, data.images).astype(np.uint8)
    repeated_ink, contradictory = _repeats(ink, data.labels, train, test)
    return Description(
        images=len(data.images),
        train=len(train),
        test=len(test),
        class_counts=list(
            zip(*(np.bincount(data.labels[part], minlength=17).tolist() for part in data.split), strict=True)
        ),
        class_means=[
            float(h @ grey / n) if n else None for h, n in zip(histograms, counts, strict=True)
        ],
        mean=mean,
        deviation=float(np.sqrt(total @ np.square(grey - mean) / pixels)),
        lowest=int(present[0]),
        highest=int(present[-1]),
        dark=float(total[:PAPER_TOP].sum() / pixels),
        white=float(total[WHITE:].sum() / pixels),
        repeated=repeated,
        repeated_ink=repeated_ink,
        contradictory=contradictory,
    )  # fmt: skip


def _histogram(images: np.ndarray) -> np.ndarray:
    return np.bincount(images.ravel(), minlength=256)


def _repeats(
    images: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[int, int]:
    """Test images that are also training images, and how many of them under another label."""
    known: dict[bytes, set[int]] = {}
    for row in train:
        known.setdefault(images[row].tobytes(), set()).add(int(labels[row]))
    found = [(known.get(images[row].tobytes()), int(labels[row])) for row in test]
    repeated = [(classes, label) for classes, label in found if classes is not None]
    return len(repeated), sum(label not in classes for classes, label in repeated)
