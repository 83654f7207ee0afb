"""A data set as everything after it sees one: checked arrays, a name, a fingerprint and its split."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.data.paper import CLASS_NAMES, EMPTY
from bench.data.split import SPLIT_SEED, TEST_SHARE, test_count

SUBSET, REPORT, CLASSES = 0, 3, 4
"""Streams of random numbers for drawing images; 1 and 2 belong to `models.fitting`."""


@dataclass(frozen=True)
class Dataset:
    """Images (n, 400) uint8 and labels (n,) uint8 under a name."""

    name: str
    images: np.ndarray
    labels: np.ndarray
    synthetic: bool = False

    @cached_property
    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers of the training and of the test images, as the report's code draws them."""
        from sklearn.model_selection import train_test_split

        rows = np.arange(len(self.images))
        train, test = train_test_split(rows, test_size=TEST_SHARE, random_state=SPLIT_SEED)
        return train, test

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over pixels, labels and the split: equal if and only if the images are the same."""
        digest = hashlib.sha256(f"hexbench images {self.images.shape}\n".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        digest.update(self.split[0].astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def class_counts(self) -> list[int]:
        """Images of each class, 0 to 16."""
        return np.bincount(self.labels, minlength=17).tolist()

    def nested_subset(self, size: int, seed: int) -> np.ndarray:
        """Rows of `size` training images; for one seed, smaller subsets lie inside larger ones."""
        train, _ = self.split
        return train if size == len(train) else self._stratified(train, seed)[:size]

    def simpler_task(self, classes: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of `size` training images of so many digits, and of all their test images.

        The seed draws the digits, and the images as for `nested_subset`. Raises ValueError where
        there are not so many images of them.
        """
        rng = np.random.default_rng([seed, CLASSES])
        digits = rng.choice(EMPTY, classes, replace=False)
        train, test = (rows[np.isin(self.labels[rows], digits)] for rows in self.split)
        if size > len(train) or len(test) == 0:
            names = ", ".join(CLASS_NAMES[digit] for digit in sorted(digits))
            raise ValueError(f"there are {len(train)} training images of {names}, not {size}")
        return self._stratified(train, seed)[:size], test

    def _stratified(self, rows: np.ndarray, seed: int) -> np.ndarray:
        return rows[stratified_order(self.labels[rows], np.random.default_rng([seed, SUBSET]))]

    def report_subset(self, images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows for the report's own protocol: `images` at random, 70% to fit on and 30% to test.

        The two parts are drawn from the training and from the test images of the whole set, so that
        nothing chosen on the one has seen the other; all images give the report's own split.
        """
        rng = np.random.default_rng([seed, REPORT])
        train, test = (rng.permutation(rows) for rows in self.split)
        tested = test_count(images)
        return train[: images - tested], test[:tested]


def stratified_order(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An order of the n labels whose every prefix has about the class proportions of the whole.

    Each class is shuffled; the image of rank r = 1 ... m in its class stands at (r - u) / m, with u
    uniform in [0, 1), and the order sorts by that.
    """
    position = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        rank = rng.permutation(len(rows)) + 1
        position[rows] = (rank - rng.random(len(rows))) / len(rows)
    return np.argsort(position, kind="stable")
