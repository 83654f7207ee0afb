"""Trains the three models on one data set and tests them on it and on another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bench.data.dataset import Dataset
from bench.errors import BadInput
from models import NETWORKS
from models.classifier import FlaxClassifier
from models.svm import fit_svm, predict_svm

EPOCHS = {"mlp": 50, "cnn": 3}
"""The report's."""
MODELS = (*EPOCHS, "svm")
SVM_PARAMS = {"C": 10, "gamma": 0.1, "kernel": "rbf"}
"""What the grid search chose on all of hex2024's training images."""
SIZES = (100, 300, 1_000, 3_000)
"""Training sizes beside the whole training part."""
FEWEST = 200
SVM_IMAGES = 10_000
"""What the report trained and tested its SVM on."""


@dataclass(frozen=True)
class Trial:
    """One model, trained on `train_size` images of one set, tested on test images of another or the same."""

    model: str
    trained_on: str
    tested_on: str
    train_size: int
    seed: int
    accuracy: float
    """In percent."""
    confusion: np.ndarray = field(repr=False, compare=False)
    """(17, 17) counts, rows true, columns predicted."""


def matched(first: Dataset, second: Dataset) -> tuple[Dataset, Dataset]:
    """Both sets cut to as many images of each class as either has; BadInput if too few are left."""
    counts = np.minimum(first.class_counts, second.class_counts)
    if counts.sum() < FEWEST:
        raise BadInput(
            f"{first.name} and {second.name} have only {counts.sum()} images of the same classes in "
            f"common: at least {FEWEST} are needed."
        )
    return _cut(first, counts), _cut(second, counts)


def _cut(data: Dataset, counts: np.ndarray) -> Dataset:
    if data.class_counts == counts.tolist():
        return data
    order = np.random.default_rng(0).permutation(len(data.labels))
    kept = [order[data.labels[order] == label][:count] for label, count in enumerate(counts)]
    rows = np.sort(np.concatenate(kept))
    return replace(data, images=data.images[rows], labels=data.labels[rows])


def count_trials(first: Dataset, seeds: int) -> int:
    """How many times `compare_sets` trains."""
    return 2 * seeds * len(MODELS) * len(sizes_of(first))


def sizes_of(data: Dataset) -> list[int]:
    """The training sizes that `data` has enough images for, and all of them."""
    whole = len(data.split[0])
    return [*(size for size in SIZES if size < whole), whole]


def compare_sets(
    first: Dataset, second: Dataset, seeds: int, on_trained: Callable[[], None]
) -> Iterator[Trial]:
    """The three models at every training size on each set; the largest also on the other's test images."""
    for own, other in ((first, second), (second, first)):
        for size in sizes_of(own):
            targets = [own, other] if size == len(own.split[0]) else [own]
            for model in MODELS:
                for seed in range(seeds):
                    rows = own.nested_subset(size, seed)
                    predict = _train(model, own.images[rows], own.labels[rows], seed)
                    for target in targets:
                        yield _tested(predict, model, own, target, target.split[1], size, seed)
                    on_trained()


def report_points(data: Dataset, seeds: int, on_trained: Callable[[], None]) -> Iterator[Trial]:
    """The report's three figures on `data`: networks on all images, the SVM on 10,000 of them."""
    for model in MODELS:
        for seed in range(seeds):
            train, test = data.split
            if model == "svm":
                train, test = data.report_subset(SVM_IMAGES, seed)
            predict = _train(model, data.images[train], data.labels[train], seed)
            yield _tested(predict, model, data, data, test, len(train), seed)
            on_trained()


Predict = Callable[[np.ndarray], np.ndarray]


def _train(model: str, images: np.ndarray, labels: np.ndarray, seed: int) -> Predict:
    if model == "svm":
        svc = fit_svm(images, labels, SVM_PARAMS).svc
        return lambda unseen: predict_svm(svc, unseen)[0]
    network = FlaxClassifier(NETWORKS[model], epochs=EPOCHS[model], seed=seed)
    return network.fit(images, labels).predict


def _tested(
    predict: Predict, model: str, own: Dataset, target: Dataset, test: np.ndarray, size: int, seed: int
) -> Trial:  # fmt: skip
    truth = target.labels[test]
    confusion = np.zeros((17, 17), int)
    np.add.at(confusion, (truth, predict(target.images[test])), 1)
    accuracy = 100 * float(np.trace(confusion)) / len(truth)
    return Trial(model, own.name, target.name, size, seed, accuracy, confusion)


def confused_pairs(trials: Sequence[Trial]) -> dict[tuple[int, int], float]:
    """For each two classes, smaller first, their share in percent of all mistakes in these trials."""
    confusion = sum(trial.confusion for trial in trials) + np.zeros((17, 17))
    both = confusion + confusion.T
    mistakes = confusion.sum() - np.trace(confusion)
    pairs = zip(*np.triu_indices(17, k=1), strict=True)
    return {(int(a), int(b)): 100 * both[a, b] / max(mistakes, 1) for a, b in pairs}
