"""What a record keeps of a model's predictions for the test images, so that nothing is predicted twice."""

import base64

import numpy as np
from hexbench.store.record import Bin, Matrix, Mistake, Snapshot, packed_losses

BINS = 10
MISTAKES = 25
"""How many a snapshot keeps with their pixels."""
HISTORY_ENTRIES = 500
"""Above this many epochs a history keeps the first half as many, and as many of the others."""


def snapshot(
    correct: np.ndarray,
    confidence: np.ndarray | None,
    matrix: Matrix | None,
    kept: list[Mistake],
    losses: np.ndarray | None = None,
) -> Snapshot:
    """Of n test images: which are classified correctly (n,) bool; confidence and losses (n,) if known."""
    return Snapshot(
        correct=base64.b64encode(np.packbits(correct).tobytes()).decode(),
        confusion=matrix,
        calibration=None if confidence is None else calibration(correct, confidence),
        mistakes=kept,
        losses=None if losses is None else packed_losses(losses),
    )


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> Matrix:
    """(classes, classes) counts: rows true, columns predicted."""
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).tolist()


def calibration(correct: np.ndarray, confidence: np.ndarray) -> list[Bin]:
    """Images, mean confidence and accuracy in each of ten equal bins of confidence that is not empty."""
    bins = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    return [
        Bin(
            int(b),
            int((bins == b).sum()),
            float(confidence[bins == b].mean()),
            float(correct[bins == b].mean()),
        )
        for b in np.unique(bins)
    ]


def mistakes(
    images: np.ndarray, labels: np.ndarray, predicted: np.ndarray, confidence: np.ndarray | None
) -> list[Mistake]:
    """At most MISTAKES wrongly classified images (n, *shape) uint8, the most confident first."""
    wrong = np.flatnonzero(predicted != labels)
    if confidence is not None:
        wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    return [
        Mistake(
            int(labels[row]),
            int(predicted[row]),
            None if confidence is None else round(float(confidence[row]), 4),
            images[row].tobytes(),
        )
        for row in wrong[:MISTAKES]
    ]


def kept_epochs(epochs: int, evaluated: set[int]) -> list[int]:
    """Which epochs a history keeps: all, or of very many the first 250 and 250 ever wider apart."""
    if epochs <= HISTORY_ENTRIES:
        return list(range(1, epochs + 1))
    first = HISTORY_ENTRIES // 2
    wider = np.geomspace(first + 1, epochs, HISTORY_ENTRIES - first).round().astype(int)
    return sorted({*range(1, first + 1), *wider.tolist(), *evaluated})
