"""What models answer to the test images at the report's points: matrices, calibration, mistakes.

The report's points are the MLP after 50 epochs and the CNN after 3, both on all training images, and
the SVM of the grid search on 10,000 images or on all there are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.analyse.evidence import Evidence, Group
from bench.analyse.reported import EPOCHS
from bench.plan.spec import CHOSEN, GRID, NESTED, REPORT

SVM_IMAGES = 10_000


def at_report_points(evidence: Evidence) -> dict[str, Group]:
    """The cells of each model at its point; models without any are left out."""
    groups = {m: _networks(evidence, m, epoch) for m, epoch in EPOCHS.items()}
    sizes = evidence.sizes("svm", REPORT, "images", fit=GRID)
    size = max((s for s in sizes if s <= SVM_IMAGES), default=0)
    groups["svm"] = evidence.group("svm", protocol=REPORT, fit=GRID, images=size)
    return {model: group for model, group in groups.items() if group}


def _networks(evidence: Evidence, model: str, epoch: int) -> Group:
    return evidence.group(model, epoch=epoch, train_size="all", batch_size=16)


def confusion(group: Group) -> np.ndarray:
    """(17, 17) counts of the group's first seed: rows true, columns predicted."""
    return np.array(group.snapshots[0]["confusion"])


def right_by_class(group: Group) -> np.ndarray:
    """(17,) share of each class's test images that are read rightly, mean over seeds; NaN without any."""
    counts = np.sum([snapshot["confusion"] for snapshot in group.snapshots], axis=0)
    of_class = counts.sum(axis=1)
    return np.where(of_class > 0, np.diagonal(counts) / np.maximum(of_class, 1), np.nan)


@dataclass(frozen=True)
class Calibration:
    """How far a network's probabilities can be believed, in ten bins of its confidence."""

    name: str
    confidence: list[float]
    """Mean of each bin that holds images."""
    accuracy: list[float]
    images: list[int]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean of |accuracy - confidence| over images.

        Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (2017), eq. 3.
        """
        gaps = np.abs(np.subtract(self.accuracy, self.confidence))
        return float(np.average(gaps, weights=self.images))


def calibrations(evidence: Evidence) -> list[Calibration]:
    """Of both networks at the report's points, and of the CNN at its last epochs."""
    found = []
    for model, epochs in (("mlp", (50,)), ("cnn", (3, 15, 50))):
        for epoch in epochs:
            group = _networks(evidence, model, epoch)
            if group:
                found.append(_pooled(f"{model.upper()}, {epoch} epochs", group))
    return found


def _pooled(name: str, group: Group) -> Calibration:
    """The bins of all seeds together."""
    bins: dict[int, list[dict[str, Any]]] = {}
    for snapshot in group.snapshots:
        for entry in snapshot["calibration"] or []:
            bins.setdefault(entry["bin"], []).append(entry)
    images = {b: [e["images"] for e in entries] for b, entries in sorted(bins.items())}

    def mean(name: str) -> list[float]:
        return [float(np.average([e[name] for e in bins[b]], weights=images[b])) for b in images]

    return Calibration(
        name, mean("confidence"), mean("accuracy"), [sum(n) for n in images.values()]
    )


def best_model(evidence: Evidence) -> tuple[str, Group] | None:
    """Name and cells of the model that ends with the most test images read; for showing its mistakes."""
    groups: dict[str, Group] = {}
    for model in ("mlp", "cnn"):
        cells = evidence.group(model, train_size="all", batch_size=16)
        epoch = max((r["epochs"] for r in cells.records), default=0)
        if epoch:
            groups[f"{model.upper()}, {epoch} epochs"] = _networks(evidence, model, epoch)
    sizes = evidence.sizes("svm", NESTED, fit=CHOSEN)
    if sizes:
        svm = evidence.group("svm", fit=CHOSEN, train_size=max(sizes))
        groups[f"SVM, {max(sizes):,} images"] = svm
    if not groups:
        return None
    return max(groups.items(), key=lambda item: float(np.mean(item[1].metric("test_accuracy"))))
