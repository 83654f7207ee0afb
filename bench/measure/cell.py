"""Measures one cell: draws its images, trains its model, and returns the record that is stored."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench.data.cache import cache_folder
from bench.data.dataset import Dataset
from bench.measure.environment import commit, device, machine
from bench.measure.memory import PeakMemory, device_peak_mb
from bench.measure.snapshot import EARLIER_MISTAKES, MISTAKES, confusion, snapshot
from bench.measure.timing import MachineWatch
from bench.plan.spec import (
    CHOSEN,
    GRID_WITH_PROBABILITY,
    MEASUREMENT_VERSION,
    REPORT,
    SVM_TRAIN_ACCURACY_UP_TO,
    CellSpec,
)
from bench.record import SNAPSHOT_EPOCHS
from models import NETWORKS

if TYPE_CHECKING:  # JAX takes seconds to load
    from models.fitting import NetworkFit
    from models.progress import Checkpoint

HISTORY_ENTRIES = 500
"""Above this many epochs a history keeps the first half as many, and as many of the others."""

Record = dict[str, Any]
OnEpochs = Callable[[int], None]


def measure(
    spec: CellSpec,
    data: Dataset,
    chosen: Record | None = None,
    on_epochs: OnEpochs | None = None,
    checkpoint: "Checkpoint | None" = None,
) -> Record:
    """The record of one cell, `status` done.

    `chosen` is the record of `spec.grid`, for an SVM that takes the largest grid's parameters. A network
    leaves what it has in `checkpoint`, and goes on from what it finds there. Raises whatever the training
    raises.
    """
    if spec.model in NETWORKS:
        return measure_networks([spec], data, on_epochs, checkpoint)[0]
    rows = draw(spec, data)
    with MachineWatch() as watch, PeakMemory() as memory:
        result = _measure_svm(spec, data, rows.train, rows.test, chosen)
    return _record(spec, data, result, watch.clean, memory.found, watch.wall_s)


def measure_networks(
    specs: Sequence[CellSpec],
    data: Dataset,
    on_epochs: OnEpochs | None = None,
    checkpoint: "Checkpoint | None" = None,
) -> list[Record]:
    """The records of network cells that differ in their seed alone, trained side by side.

    More than one are not `timing_clean`: each has an equal share of the seconds. Neither is one that
    another process began: its seconds are those of both, its memory is this one's.
    """
    from models.compiling import keep_programs_in
    from models.fitting import fit_networks

    keep_programs_in(cache_folder() / "programs")
    first = specs[0]
    assert first.epochs is not None and first.batch_size is not None
    rows = [draw(spec, data) for spec in specs]
    test = rows[0].test
    with MachineWatch() as watch, PeakMemory() as memory:
        fits = fit_networks(
            NETWORKS[first.model],
            np.stack([data.images[drawn.train] for drawn in rows]),
            np.stack([data.labels[drawn.train] for drawn in rows]),
            epochs=first.epochs,
            batch_size=first.batch_size,
            seeds=[spec.seed for spec in specs],
            test=(data.images[test], data.labels[test]),
            validation=[
                (data.images[drawn.validation], data.labels[drawn.validation]) for drawn in rows
            ]
            if first.held_out
            else None,
            evaluate_at=first.evaluate_at,
            on_epochs=on_epochs,
            checkpoint=checkpoint,
        )
        results = [
            _network_result(spec, fit, data.images[test], data.labels[test])
            for spec, fit in zip(specs, fits, strict=True)
        ]
    earlier_s = fits[0].earlier_s
    clean = watch.clean if len(specs) == 1 and not earlier_s else False
    peak = memory.found | {"device_peak_mb": device_peak_mb()}
    return [
        _record(spec, data, result, clean, peak, (earlier_s + watch.wall_s) / len(specs))
        for spec, result in zip(specs, results, strict=True)
    ]


def _record(
    spec: CellSpec,
    data: Dataset,
    result: Record,
    clean: bool | None,
    memory: dict[str, float | None],
    total_s: float,
) -> Record:
    return {
        **header(spec, data),
        "status": "done",
        "error": None,
        **result,
        "timing_clean": clean,
        "memory": memory,
        "times": {**result["times"], "total_s": total_s},
    }


def header(spec: CellSpec, data: Dataset) -> Record:
    """What a record says whether its cell was measured or failed."""
    return {
        "key": spec.key(data.fingerprint),
        "spec": asdict(spec),
        "measurement_version": MEASUREMENT_VERSION,
        "model": spec.model,
        "protocol": spec.protocol,
        "fit": spec.fit,
        "images": spec.images,
        "classes": spec.classes,
        "train_size": spec.train_size,
        "batch_size": spec.batch_size,
        "epochs": spec.epochs,
        "stopped_at": None,
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


class Rows(NamedTuple):
    """Row numbers of a cell's images: fitted on, held out to choose the epoch (or none), tested."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def draw(spec: CellSpec, data: Dataset) -> Rows:
    """The images of a cell; ValueError where there are too few."""
    drawn = spec.images or spec.train_size
    if spec.protocol == REPORT:
        train, test = data.report_subset(drawn, spec.seed)
    elif spec.classes is not None:
        train, test = data.simpler_task(spec.classes, drawn, spec.seed)
    else:
        train, test = data.nested_subset(drawn, spec.seed), data.split[1]
    return Rows(train[: spec.train_size], train[spec.train_size :], test)


def _network_result(
    spec: CellSpec, fit: "NetworkFit", images: np.ndarray, labels: np.ndarray
) -> Record:
    """What a record says of a trained network and its test images (n, 400) and labels (n,)."""
    from models.compiling import ORIGINS
    from models.training import layers

    last = fit.evaluations[fit.epoch]
    accuracy = {e: float((v.predicted == labels).mean()) for e, v in fit.evaluations.items()}
    trained = len(fit.train_loss)
    kept = kept_epochs(trained, {*fit.evaluations, *fit.validations})
    return {
        "params": {"optimizer": "adam", "learning_rate": 1e-3},
        "parameters": fit.parameters,
        "layers": layers(NETWORKS[spec.model]),
        "epochs": trained,
        "metrics": {
            "test_accuracy": accuracy[fit.epoch],
            "test_loss": last.loss,
            "train_accuracy": fit.train_accuracy[fit.epoch - 1],
            "train_loss": fit.train_loss[fit.epoch - 1],
        },
        "stopped_at": fit.epoch if fit.validations else None,
        "history": {
            "epoch": kept,
            "train_loss": [_rounded(fit.train_loss[e - 1]) for e in kept],
            "train_accuracy": [_rounded(fit.train_accuracy[e - 1]) for e in kept],
            "test_loss": [fit.evaluations[e].loss if e in accuracy else None for e in kept],
            "test_accuracy": [accuracy.get(e) for e in kept],
            "validation_loss": [
                fit.validations[e].loss if e in fit.validations else None for e in kept
            ],
        },
        "confusion": confusion(labels, last.predicted).tolist(),
        "snapshots": {
            str(epoch): snapshot(
                images,
                labels,
                found.predicted,
                found.confidence,
                mistakes_kept=MISTAKES if epoch == fit.epoch else EARLIER_MISTAKES,
            )
            for epoch, found in fit.evaluations.items()
            if epoch in (*SNAPSHOT_EPOCHS, fit.epoch)
        },
        "times": fit.times,
        "programs": {origin: fit.programs[origin] for origin in ORIGINS},
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
