"""What came of a fitted model, as the fields of its record."""

import time
from typing import Any

import numpy as np
from hexbench.data.dataset import Dataset, Rows
from hexbench.measure.snapshot import confusion, kept_epochs, mistakes, snapshot
from hexbench.models import Entry
from hexbench.models.base import Evaluation
from hexbench.plan.cell import Cell
from hexbench.plan.cost import OWN_ACCURACY_UP_TO
from hexbench.store.encoding import convert
from hexbench.store.record import LAST, History, Layer, Metrics, Search


def labelled(data: Dataset, entry: Entry, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images as the model takes them, and their labels."""
    images = data.pixels(rows) if entry.takes_images else data.features(rows)
    return images, data.labels[rows]


def fit_and_predict(model: Any, data: Dataset, entry: Entry, rows: Rows) -> dict[str, Any]:
    """Fields of the record of a model that has `fit` and `predict` alone."""
    images, labels = labelled(data, entry, rows.train)
    if len(np.unique(labels)) < 2:
        raise ValueError(f"these {len(labels)} training images hold only one class")
    started = time.perf_counter()
    model.fit(images, labels)
    times = {"train_s": time.perf_counter() - started} | getattr(model, "times_", {})
    tested, truth = labelled(data, entry, rows.test)
    started = time.perf_counter()
    predicted = _labels(model.predict(tested), truth, data)
    times["predict_s"] = time.perf_counter() - started
    loss, confidence = _probabilities(model, entry, tested, truth, predicted)
    train_accuracy = None
    if len(labels) <= OWN_ACCURACY_UP_TO:
        train_accuracy = float((_labels(model.predict(images), labels, data) == labels).mean())
    kept = mistakes(data.images[rows.test], truth, predicted, confidence)
    correct = predicted == truth
    return {
        "parameters": getattr(model, "n_parameters_", None),
        "search": _converted(getattr(model, "search_", None), Search),
        "metrics": Metrics(float(correct.mean()), loss, train_accuracy),
        "confusion": confusion(truth, predicted, data.classes),
        "snapshots": {LAST: snapshot(correct, confidence, None, kept)},
        "times": times,
    }


def _labels(predicted: Any, truth: np.ndarray, data: Dataset) -> np.ndarray:
    """What a model predicts, held against what it may: ValueError for anything but (n,) labels."""
    found = np.asarray(predicted)
    if found.shape != truth.shape or not np.isin(found, np.arange(data.classes)).all():
        raise ValueError(
            f"predict gives {found.dtype} {found.shape}, not {len(truth)} labels from 0 to {data.classes - 1}"
        )
    return found.astype(truth.dtype)


def _probabilities(
    model: Any, entry: Entry, images: np.ndarray, truth: np.ndarray, predicted: np.ndarray
) -> tuple[float | None, np.ndarray | None]:
    """Mean cross-entropy and the probability (n,) of each predicted class, where a model gives them."""
    if not entry.probabilities or not hasattr(model, "predict_proba"):
        return None, None
    found, known = np.asarray(model.predict_proba(images), np.float64), np.asarray(model.classes_, int)
    if found.shape != (len(truth), len(known)):
        raise ValueError(f"predict_proba gives {found.shape}, not {(len(truth), len(known))}, by classes_")
    if not np.isfinite(found).all():
        raise FloatingPointError("predict_proba gives numbers that are not finite")
    shares = np.zeros((len(truth), 1 + max(int(truth.max()), int(known.max()))))
    shares[:, known] = found
    rows = np.arange(len(truth))
    likelihood = np.maximum(shares[rows, truth], np.finfo(np.float32).eps)
    return float(-np.log(likelihood).mean()), shares[rows, predicted]


def from_curve(cell: Cell, model: Any, data: Dataset, test: np.ndarray) -> dict[str, Any]:
    """Fields of the record of a model with a learning curve."""
    curve, truth = model.curve_, data.labels[test]
    evaluations: dict[int, Evaluation] = curve.evaluations
    correct = {epoch: found.predicted == truth for epoch, found in evaluations.items()}
    accuracy = {epoch: float(hits.mean()) for epoch, hits in correct.items()}
    validations, last = curve.validations, evaluations[curve.epoch]
    trained = len(curve.train_loss)
    kept = kept_epochs(trained, {*evaluations, *validations})
    wrong = mistakes(data.images[test], truth, last.predicted, last.confidence)
    return {
        "parameters": model.n_parameters_,
        "layers": convert(model.layers_, tuple[Layer, ...]),
        "epochs": trained,
        "stopped_at": curve.epoch if validations else None,
        "metrics": Metrics(
            accuracy[curve.epoch],
            last.loss,
            curve.train_accuracy[curve.epoch - 1],
            curve.train_loss[curve.epoch - 1],
        ),
        "history": History(
            epoch=kept,
            train_loss=[_rounded(curve.train_loss[e - 1]) for e in kept],
            train_accuracy=[_rounded(curve.train_accuracy[e - 1]) for e in kept],
            test_loss=[evaluations[e].loss if e in evaluations else None for e in kept],
            test_accuracy=[accuracy.get(e) for e in kept],
            validation_loss=[validations[e].loss if e in validations else None for e in kept]
            if validations
            else None,
        ),
        "confusion": confusion(truth, last.predicted, data.classes),
        "snapshots": {
            str(epoch): snapshot(
                correct[epoch],
                found.confidence,
                None if epoch == curve.epoch else confusion(truth, found.predicted, data.classes),
                wrong if epoch == curve.epoch else [],
                found.losses if cell.losses else None,
            )
            for epoch, found in evaluations.items()
            if epoch in (*cell.snapshot_at, curve.epoch)
        },
        "times": model.times_,
        "programs": model.programs_,
    }


def _converted(value: Any, kind: Any) -> Any:
    return None if value is None else convert(value, kind)


def _rounded(value: float) -> float:
    """Six significant digits: a history is for reading and plotting."""
    return float(f"{value:.6g}")
