"""Measures one cell: draws its images, fits its model, and returns the record that is stored."""

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from hexbench.data.cache import cache_folder
from hexbench.data.dataset import Dataset, Rows
from hexbench.errors import BadInput
from hexbench.measure.environment import environment
from hexbench.measure.snapshot import confusion, kept_epochs, mistakes, snapshot
from hexbench.measure.start import device, start_jax
from hexbench.measure.timing import MachineWatch, PeakMemory, device_peak_mb, model_mb
from hexbench.models import Entry
from hexbench.models.base import Checkpoint, Evaluation
from hexbench.plan.cell import INITIALISATION, ORDER, SUBSET, Cell
from hexbench.plan.cost import OWN_ACCURACY_UP_TO
from hexbench.store.encoding import convert, encode
from hexbench.store.record import (
    LAST,
    DataName,
    Done,
    Failed,
    History,
    Layer,
    Memory,
    Metrics,
    Record,
    Search,
    Times,
)

NO_DEVICE = "none"
SEARCH_FAILED = "the search that chooses this model's hyperparameters has failed"
OnEpochs = Callable[[int], None]


def measure(
    cell: Cell,
    data: Dataset,
    entry: Entry,
    search: Record | None = None,
    on_epochs: OnEpochs | None = None,
    checkpoint: Checkpoint | None = None,
    devices: int | None = None,
) -> Done:
    """The record of one cell, as of `fit_model`."""
    return fit_model(cell, data, entry, search, on_epochs, checkpoint, devices)[1]


def fit_model(
    cell: Cell,
    data: Dataset,
    entry: Entry,
    search: Record | None = None,
    on_epochs: OnEpochs | None = None,
    checkpoint: Checkpoint | None = None,
    devices: int | None = None,
) -> tuple[Any, Done]:
    """The fitted model of one cell, and its record.

    `search` is the record of the search that `cell.params_from` names. A model with a learning curve
    leaves what it has in `checkpoint`, goes on from what it finds there, and shares out its batches among
    `devices`. Raises whatever the training raises.
    """
    if entry.learning_curve:
        return _fit_together([cell], data, entry, on_epochs, checkpoint, devices)[0]
    chosen = _chosen(cell, search)
    rows = data.draw(cell.subset, cell.parts, cell.seed_of(SUBSET))
    model = _make(entry, cell, chosen)
    with MachineWatch() as watch, PeakMemory() as memory:
        fields = _fit_and_predict(model, data, entry, rows)
    return model, _done(
        cell.but(params=cell.params | chosen),
        data,
        entry,
        fields | {"chosen": tuple(chosen)},
        model,
        key=cell.key_on(data.fingerprint),
        clean=watch.clean,
        memory=memory.found,
        total_s=watch.wall_s,
    )


def measure_together(
    cells: Sequence[Cell],
    data: Dataset,
    entry: Entry,
    on_epochs: OnEpochs | None = None,
    checkpoint: Checkpoint | None = None,
    devices: int | None = None,
) -> list[Done]:
    """The records of cells that differ in their seed alone, whose models are trained side by side.

    More than one are not `timing_clean`: each has an equal share of the seconds. Neither is one that
    another process began: its seconds are those of both, its memory is this one's.
    """
    return [done for _, done in _fit_together(cells, data, entry, on_epochs, checkpoint, devices)]


def _fit_together(
    cells: Sequence[Cell],
    data: Dataset,
    entry: Entry,
    on_epochs: OnEpochs | None,
    checkpoint: Checkpoint | None,
    devices: int | None,
) -> list[tuple[Any, Done]]:
    if entry.accelerated:
        _prepare_devices()
    first = cells[0]
    rows = [data.draw(cell.subset, cell.parts, cell.seed_of(SUBSET)) for cell in cells]
    models = [_make(entry, cell) for cell in cells]
    held_out = [labelled(data, entry, drawn.validation) for drawn in rows]
    with MachineWatch() as watch, PeakMemory() as memory:
        train = [labelled(data, entry, drawn.train) for drawn in rows]
        type(models[0]).fit_together(
            models,
            [images for images, _ in train],
            [labels for _, labels in train],
            classes=range(data.classes),
            initial=[cell.seed_of(INITIALISATION) for cell in cells] if first.held else None,
            test=labelled(data, entry, rows[0].test),
            validation=held_out if first.subset.held_out else None,
            evaluate_at=first.evaluate_at,
            on_epochs=on_epochs,
            checkpoint=checkpoint,
            **({} if devices is None else {"devices": devices}),
        )
        fields = [
            _from_curve(cell, model, data, drawn.test)
            for cell, model, drawn in zip(cells, models, rows, strict=True)
        ]
    earlier_s = models[0].earlier_s_
    shared = {
        "clean": watch.clean if len(cells) == 1 and not earlier_s else False,
        "memory": memory.found | {"device_peak_mb": device_peak_mb() if entry.accelerated else None},
        "total_s": (earlier_s + watch.wall_s) / len(cells),
        "devices": devices,
    }
    return [
        (model, _done(cell, data, entry, of_cell, model, key=cell.key_on(data.fingerprint), **shared))
        for cell, model, of_cell in zip(cells, models, fields, strict=True)
    ]


def failed(
    cell: Cell, data: Dataset, entry: Entry, error: BaseException, *, elsewhere: bool = False
) -> Failed:
    """The record of a cell that raised, here or `elsewhere`: its error, and nothing measured."""
    return Failed(
        **_facts(cell, data),
        device=NO_DEVICE if elsewhere else _device(entry),
        key=cell.key_on(data.fingerprint),
        epochs=cell.planned_epochs,
        error=f"{type(error).__name__}: {error}".encode(errors="backslashreplace").decode()[:2000],
    )


def _make(entry: Entry, cell: Cell, chosen: Mapping[str, Any] | None = None) -> Any:
    """The unfitted model of a cell, with what a search has chosen; RuntimeError if its source is another."""
    if entry.source != cell.source:
        raise RuntimeError(
            f"the source of {entry.name} has changed since this cell was planned: give the command again"
        )
    return make_model(entry, {**cell.params, **(chosen or {})}, cell.seed_of(ORDER))


def make_model(entry: Entry, params: Mapping[str, Any], seed: int) -> Any:
    """An unfitted model; its seed is its `random_state`, if it takes one."""
    model = entry.load()
    takes_seed = "random_state" in inspect.signature(model).parameters
    return model(**params, **({"random_state": seed} if takes_seed else {}))


def _chosen(cell: Cell, search: Record | None) -> dict[str, Any]:
    """The hyperparameters that the search of `params_from` has chosen."""
    if cell.params_from is None:
        return {}
    if isinstance(search, Failed):
        raise RuntimeError(f"{SEARCH_FAILED}: {search.error}")
    if search is None or search.search is None:
        raise RuntimeError("the search that chooses this model's hyperparameters has no record")
    return search.search.best


def labelled(data: Dataset, entry: Entry, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images as the model takes them, and their labels."""
    images = data.pixels(rows) if entry.takes_images else data.features(rows)
    return images, data.labels[rows]


def _fit_and_predict(model: Any, data: Dataset, entry: Entry, rows: Rows) -> dict[str, Any]:
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


def _from_curve(cell: Cell, model: Any, data: Dataset, test: np.ndarray) -> dict[str, Any]:
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


def _done(
    cell: Cell,
    data: Dataset,
    entry: Entry,
    fields: Mapping[str, Any],
    model: Any,
    *,
    key: str,
    clean: bool | None,
    memory: Mapping[str, float | None],
    total_s: float,
    devices: int | None = None,
) -> Done:
    values = {
        **_facts(cell, data),
        "device": _device(entry, devices),
        **fields,
        "key": key,
        "timing_clean": clean,
        "memory": convert({**memory, "model_mb": model_mb(model)}, Memory),
        "times": convert({**fields["times"], "total_s": total_s}, Times),
    }
    record = Done(**values)
    encode(record)  # the cell fails where its model gives what no record can hold
    return record


def _facts(cell: Cell, data: Dataset) -> dict[str, Any]:
    return {name: getattr(cell, name) for name in Cell.__struct_fields__} | {
        "data": DataName(data.name, data.fingerprint),
        "environment": environment(),
    }


def _device(entry: Entry, devices: int | None = None) -> str:
    if not entry.accelerated:
        return "cpu"
    try:
        return device(devices)
    except BadInput:  # no device could be started: the cell fails, and its record says why
        return NO_DEVICE


def _prepare_devices() -> None:
    start_jax()
    from hexbench.models.training.compile_cache import keep_programs_in

    with suppress(BadInput):  # without a cache folder programs are compiled each time
        keep_programs_in(cache_folder() / "programs")


def _converted(value: Any, kind: Any) -> Any:
    return None if value is None else convert(value, kind)


def _rounded(value: float) -> float:
    """Six significant digits: a history is for reading and plotting."""
    return float(f"{value:.6g}")
