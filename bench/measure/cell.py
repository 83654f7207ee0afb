"""Measures one cell: draws its images, trains its model, and returns the record that is stored."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.data.dataset import Dataset
from bench.measure.environment import commit, device, machine
from bench.measure.snapshot import EARLIER_MISTAKES, MISTAKES, confusion, snapshot
from bench.measure.timing import MachineWatch
from bench.plan.spec import (
    CHOSEN,
    GRID_WITH_PROBABILITY,
    SVM_TRAIN_ACCURACY_UP_TO,
    CellSpec,
)
from models import NETWORKS

HISTORY_ENTRIES = 500
"""Above this many epochs a history keeps the first half as many, and as many of the others."""

SNAPSHOT_EPOCHS = (3, 5, 15, 50)
"""A snapshot is large: it is kept at the report's epochs and at the last, not at every evaluation."""

Record = dict[str, Any]
OnEpochs = Callable[[int], None]


def measure(
    spec: CellSpec, data: Dataset, chosen: Record | None = None, on_epochs: OnEpochs | None = None
) -> Record:
    """The record of one cell, `status` done.

    `chosen` is the record of `spec.grid`, for an SVM that takes the largest grid's parameters.
    Raises whatever the training raises.
    """
    train, test = _rows(spec, data)
    with MachineWatch() as watch:
        if spec.model in NETWORKS:
            result = _measure_network(spec, data, train, test, on_epochs)
        else:
            result = _measure_svm(spec, data, train, test, chosen)
    return {
        **header(spec, data),
        "status": "done",
        "error": None,
        **result,
        "timing_clean": watch.clean,
        "times": {**result["times"], "total_s": watch.wall_s},
    }


def header(spec: CellSpec, data: Dataset) -> Record:
    """What a record says whether its cell was measured or failed."""
    return {
        "key": spec.key(data.fingerprint),
        "model": spec.model,
        "protocol": spec.protocol,
        "fit": spec.fit,
        "images": spec.images,
        "train_size": spec.train_size,
        "batch_size": spec.batch_size,
        "epochs": spec.epochs,
        "seed": spec.seed,
        "data": {"name": data.name, "fingerprint": data.fingerprint},
        "device": _device(spec),
        "machine": machine(),
        "commit": commit(),
    }


def failed(spec: CellSpec, data: Dataset, error: BaseException) -> Record:
    """The record of a cell that raised: its error, and nothing measured."""
    empty = ("params", "parameters", "history", "confusion", "timing_clean")
    return {
        **header(spec, data),
        "status": "failed",
        "error": f"{type(error).__name__}: {error}"[:2000],
        **dict.fromkeys(empty),
        "metrics": dict.fromkeys(("test_accuracy", "test_loss", "train_accuracy")),
        "times": {},
        "snapshots": {},
    }


def _device(spec: CellSpec) -> str:
    if spec.model not in NETWORKS:
        return "cpu"
    try:
        return device()
    except RuntimeError:  # no device could be started: the cell fails, and its record says why
        return "none"


def _rows(spec: CellSpec, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    if spec.protocol == "report":
        assert spec.images is not None
        return data.report_subset(spec.images, spec.seed)
    return data.nested_subset(spec.train_size, spec.seed), data.split[1]


def _measure_network(
    spec: CellSpec,
    data: Dataset,
    train: np.ndarray,
    test: np.ndarray,
    on_epochs: OnEpochs | None,
) -> Record:
    from models.classifier import FlaxClassifier

    assert spec.epochs is not None and spec.batch_size is not None
    images, labels = data.images[test], data.labels[test]
    classifier = FlaxClassifier(
        NETWORKS[spec.model], epochs=spec.epochs, batch_size=spec.batch_size, seed=spec.seed
    )
    classifier.fit(
        data.images[train],
        data.labels[train],
        test=(images, labels),
        evaluate_at=spec.evaluate_at,
        on_epochs=on_epochs,
    )
    fit = classifier.fit_
    last = fit.evaluations[spec.epochs]
    accuracy = {e: float((v.predicted == labels).mean()) for e, v in fit.evaluations.items()}
    kept = kept_epochs(spec.epochs, fit.evaluations)
    return {
        "params": {"optimizer": "adam", "learning_rate": 1e-3},
        "parameters": classifier.parameters_,
        "metrics": {
            "test_accuracy": accuracy[spec.epochs],
            "test_loss": last.loss,
            "train_accuracy": fit.train_accuracy[-1],
            "train_loss": fit.train_loss[-1],
        },
        "history": {
            "epoch": kept,
            "train_loss": [_rounded(fit.train_loss[e - 1]) for e in kept],
            "train_accuracy": [_rounded(fit.train_accuracy[e - 1]) for e in kept],
            "test_loss": [fit.evaluations[e].loss if e in accuracy else None for e in kept],
            "test_accuracy": [accuracy.get(e) for e in kept],
        },
        "confusion": confusion(labels, last.predicted).tolist(),
        "snapshots": {
            str(epoch): snapshot(
                images,
                labels,
                found.predicted,
                found.confidence,
                mistakes_kept=MISTAKES if epoch == spec.epochs else EARLIER_MISTAKES,
            )
            for epoch, found in fit.evaluations.items()
            if epoch in (*SNAPSHOT_EPOCHS, spec.epochs)
        },
        "times": fit.times,
    }


def kept_epochs(epochs: int, evaluated: Any = ()) -> list[int]:
    """Which epochs a history keeps: all, or of very many the first 250 and 250 ever wider apart."""
    if epochs <= HISTORY_ENTRIES:
        return list(range(1, epochs + 1))
    first = HISTORY_ENTRIES // 2
    wider = np.geomspace(first + 1, epochs, HISTORY_ENTRIES - first).round().astype(int)
    return sorted({*range(1, first + 1), *wider.tolist(), *evaluated})


def _measure_svm(
    spec: CellSpec, data: Dataset, train: np.ndarray, test: np.ndarray, chosen: Record | None
) -> Record:
    from models import svm

    images, labels = data.images[train], data.labels[train]
    if len(np.unique(labels)) < 2:
        raise ValueError(f"these {len(train)} training images hold only one class")
    if spec.fit == CHOSEN:
        if chosen is None or chosen["status"] != "done":
            raise RuntimeError("the grid search that chooses this SVM's parameters has failed")
        fit = svm.fit_svm(images, labels, chosen["params"])
    else:
        fit = svm.search_svm(images, labels, probability=spec.fit == GRID_WITH_PROBABILITY)
    predicted, predict_s = svm.predict_svm(fit.svc, data.images[test])
    train_accuracy = None
    if len(train) <= SVM_TRAIN_ACCURACY_UP_TO:
        train_accuracy = float((svm.predict_svm(fit.svc, images)[0] == labels).mean())
    last = snapshot(data.images[test], data.labels[test], predicted, None)
    return {
        "params": fit.params,
        "parameters": svm.count_parameters(fit.svc),
        "search": fit.search,
        "metrics": {
            "test_accuracy": last["accuracy"],
            "test_loss": None,
            "train_accuracy": train_accuracy,
        },
        "history": None,
        "confusion": last["confusion"],
        "snapshots": {"last": last},
        "times": {**fit.times, "predict_s": predict_s},
    }


def _rounded(value: float) -> float:
    """Six significant digits: a history is for reading and plotting."""
    return float(f"{value:.6g}")
