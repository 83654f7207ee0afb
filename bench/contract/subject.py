"""The model that is tried, images for it, and how predictions are compared."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from hexbench.data import digits
from hexbench.data.dataset import Dataset, stratified_order
from hexbench.measure.cell import make_model
from hexbench.models import Entry

FITTED, PREDICTED = 64, 48
LARGER = 3
"""Times in each direction."""


class Images(NamedTuple):
    """As the model gets them."""

    what: str
    X: np.ndarray
    y: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


class Subject:
    """The model, and what several checks need of it."""

    def __init__(self, entry: Entry):
        self.entry = entry

    def model(self, seed: int = 0, **params: Any) -> Any:
        """An unfitted one."""
        return make_model(self.entry, {**self.entry.defaults, **params}, seed)

    def fit(self, images: Images, seed: int = 0, **options: Any) -> Any:
        """One that is fitted as the engine does; `options` are hyperparameters, or of a network's fit."""
        params = {name: options.pop(name) for name in list(options) if name in self.entry.defaults}
        if self.entry.learning_curve:
            options.setdefault("classes", range(int(images.y.max()) + 1))
        return self.model(seed, **params).fit(images.X, images.y, **options)

    def predictions(self, model: Any, X: np.ndarray) -> np.ndarray:
        """Probabilities (n, k) where it gives any, else labels (n, 1)."""
        if self.entry.probabilities and hasattr(model, "predict_proba"):
            return np.asarray(model.predict_proba(X), float)
        return np.asarray(model.predict(X))[:, None]

    def images(self, change: Callable[[np.ndarray], np.ndarray] = lambda images: images) -> Images:
        """Digits, (n, height, width) before and (n, height, width[, channels]) after the change."""
        found = digits.load()
        rows = stratified_order(found.labels, np.random.default_rng(0))[: FITTED + PREDICTED]
        white = 255
        pixels = change((found.images[rows].astype(int) * white // found.pixel_max).astype(np.uint8))
        data = Dataset(found.name, pixels, found.labels[rows], found.class_names, white)
        train, test = np.split(np.arange(len(rows)), [FITTED])
        as_given = data.pixels if self.entry.takes_images else data.features
        what = f"images of {' x '.join(map(str, data.shape))}"
        return Images(what, as_given(train), data.labels[train], as_given(test), data.labels[test])

    @cached_property
    def base(self) -> Images:
        """Images that the model takes: as they are, or larger if it refuses those."""
        small = self.images()
        try:
            self.fit(small)
        except ValueError as error:
            large = self.images(enlarged)
            try:
                self.fit(large)
            except Exception:
                raise error from None
            return large
        return small

    @cached_property
    def fitted(self) -> Any:
        """Fitted on the base with seed 0."""
        return self.fit(self.base)


def enlarged(images: np.ndarray) -> np.ndarray:
    """Each pixel as a square of several."""
    return images.repeat(LARGER, axis=1).repeat(LARGER, axis=2)


def differing_in(first: np.ndarray, second: np.ndarray, by: float) -> int:
    """For how many images predictions (n, k) differ by more than that."""
    if first.shape != second.shape:
        return len(first)
    return int((np.abs(first - second) > by).any(axis=1).sum())


def plain(value: Any) -> Any:
    """A value in which lists are tuples, and what cannot be compared is its text."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return value if isinstance(value, bool | int | float | str | None) else repr(value)
