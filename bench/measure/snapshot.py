"""What a record keeps of a model's answers to the test images, so that nothing is predicted twice."""

import base64
from typing import Any

import numpy as np

from bench.record import CLASSES

BINS = 10
MISTAKES, EARLIER_MISTAKES = 25, 10
"""How many a snapshot keeps with their pixels, at the last epoch and at earlier ones."""


def snapshot(
    images: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    confidence: np.ndarray | None,
    mistakes_kept: int = MISTAKES,
) -> dict[str, Any]:
    """Accuracy, confusion, hits, calibration and mistakes on n test images.

    images (n, 400) uint8, labels and predicted (n,), confidence (n,) or None where the model gives
    no probabilities.
    """
    right = predicted == labels
    return {
        "accuracy": float(right.mean()),
        "confusion": confusion(labels, predicted).tolist(),
        "right": base64.b64encode(np.packbits(right).tobytes()).decode(),
        "calibration": None if confidence is None else calibration(right, confidence),
        "mistakes": mistakes(images, labels, predicted, confidence)[:mistakes_kept],
    }


def confusion(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(17, 17) counts: rows true, columns predicted."""
    pairs = labels.astype(np.int64) * CLASSES + predicted
    return np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def calibration(right: np.ndarray, confidence: np.ndarray) -> list[dict[str, float]]:
    """Images, mean confidence and accuracy in each of ten equal bins of confidence that is not empty."""
    bins = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    return [
        {
            "bin": int(b),
            "images": int((bins == b).sum()),
            "confidence": float(confidence[bins == b].mean()),
            "accuracy": float(right[bins == b].mean()),
        }
        for b in np.unique(bins)
    ]


def mistakes(
    images: np.ndarray, labels: np.ndarray, predicted: np.ndarray, confidence: np.ndarray | None
) -> list[dict[str, Any]]:
    """At most 25 wrongly read images, the most confident first, with their pixels in base64."""
    wrong = np.flatnonzero(predicted != labels)
    if confidence is not None:
        wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    return [
        {
            "row": int(row),
            "label": int(labels[row]),
            "predicted": int(predicted[row]),
            "confidence": None if confidence is None else round(float(confidence[row]), 4),
            "pixels": base64.b64encode(images[row].tobytes()).decode(),
        }
        for row in wrong[:MISTAKES]
    ]
