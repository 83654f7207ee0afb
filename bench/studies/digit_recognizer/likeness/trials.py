"""Trains the report's models on one data set and tests them on it and on another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hexbench.data.dataset import Dataset, Split, Subset
from hexbench.errors import BadInput
from hexbench.models import entries

MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"epochs": 50},
    "cnn": {"epochs": 3},
    "svm": {"C": 10, "gamma": 0.1, "kernel": "rbf"},
}
"""Epochs are the report's; the SVM's are what the grid search chose on all of hex2024's training images."""
SIZES = (100, 300, 1_000, 3_000)
"""Training sizes beside the whole training part."""
MIN_IMAGES = 200
SVM_IMAGES = 10_000
"""What the report trained and tested its SVM on."""
SPLIT = Split()
"""The report's, for either set."""

Predict = Callable[[Dataset, np.ndarray], np.ndarray]
"""From a data set and row numbers to predicted classes."""
Pairs = dict[tuple[int, int], float]
"""For each two classes, smaller first, a share in percent."""


@dataclass(frozen=True)
class Trial:
    """One model, trained on `train_size` images of one set and tested on a set's test images."""

    model: str
    trained_on: str
    tested_on: str
    train_size: int
    seed: int
    accuracy: float
    """In percent."""
    confusion: np.ndarray = field(repr=False, compare=False)
    """(classes, classes) counts, rows true, columns predicted."""


def matched(first: Dataset, second: Dataset) -> tuple[Dataset, Dataset]:
    """Both sets cut to as many images of each class as either has; BadInput if too few are left."""
    counts = np.minimum(first.class_counts, second.class_counts)
    if counts.sum() < MIN_IMAGES:
        raise BadInput(
            f"{first.name} and {second.name} have only {counts.sum()} images of the same classes in "
            f"common: at least {MIN_IMAGES} are needed."
        )
    return _cut(first, counts), _cut(second, counts)


def _cut(data: Dataset, counts: np.ndarray) -> Dataset:
    if data.class_counts == counts.tolist():
        return data
    order = np.random.default_rng(0).permutation(len(data.labels))
    kept = [order[data.labels[order] == label][:count] for label, count in enumerate(counts)]
    rows = np.sort(np.concatenate(kept))
    return replace(data, images=data.images[rows], labels=data.labels[rows], test_part=None)


def count_trials(first: Dataset, seeds: int) -> int:
    """How many times `compare_sets` trains."""
    return 2 * seeds * len(MODELS) * len(train_sizes(first))


def train_sizes(data: Dataset) -> list[int]:
    """The training sizes that `data` has enough images for, and all of them."""
    whole = len(data.parts(SPLIT)[0])
    return [*(size for size in SIZES if size < whole), whole]


def compare_sets(
    first: Dataset, second: Dataset, seeds: int, on_trained: Callable[[], None]
) -> Iterator[Trial]:
    """Every model at every training size on each set; the largest also on the other's test images."""
    for own, other in ((first, second), (second, first)):
        sizes = train_sizes(own)
        for size in sizes:
            targets = [own, other] if size == sizes[-1] else [own]
            for model in MODELS:
                for seed in range(seeds):
                    train = own.draw(Subset(size), SPLIT, seed).train
                    predict = _train(model, own, train, seed)
                    for target in targets:
                        test = target.parts(SPLIT)[1]
                        yield _tested(predict, model, own, target, test, size, seed)
                    on_trained()


def report_points(data: Dataset, seeds: int, on_trained: Callable[[], None]) -> Iterator[Trial]:
    """The report's three figures on `data`: networks on all images, the SVM on 10,000 of them."""
    for model in MODELS:
        for seed in range(seeds):
            train, test = data.parts(SPLIT)
            if model == "svm":
                train, _, test = data.draw(Subset(SVM_IMAGES, resplit=True), SPLIT, seed)
            predict = _train(model, data, train, seed)
            yield _tested(predict, model, data, data, test, len(train), seed)
            on_trained()


def _train(model: str, data: Dataset, rows: np.ndarray, seed: int) -> Predict:
    entry = entries()[model]
    classifier = entry.load()(**MODELS[model], random_state=seed)
    options = {"classes": range(data.classes)} if entry.learning_curve else {}
    classifier.fit(data.pixels(rows), data.labels[rows], **options)
    return lambda target, tested: classifier.predict(target.pixels(tested))


def _tested(
    predict: Predict, model: str, own: Dataset, target: Dataset, test: np.ndarray, size: int, seed: int
) -> Trial:
    truth = target.labels[test]
    confusion = np.zeros((target.classes, target.classes), int)
    np.add.at(confusion, (truth, predict(target, test)), 1)
    accuracy = 100 * float(np.trace(confusion)) / len(truth)
    return Trial(model, own.name, target.name, size, seed, accuracy, confusion)


def confused_pairs(trials: Sequence[Trial]) -> Pairs:
    """How much of all errors in these trials is between two classes."""
    confusion = np.sum([trial.confusion for trial in trials], axis=0)
    both = confusion + confusion.T
    errors = confusion.sum() - np.trace(confusion)
    pairs = zip(*np.triu_indices(len(confusion), k=1), strict=True)
    return {(int(a), int(b)): 100 * both[a, b] / max(errors, 1) for a, b in pairs}
