"""Measures one cell: draws its images, fits its model, and returns the record that is stored."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from hexbench.data.cache import cache_folder
from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.measure.environment import environment
from hexbench.measure.fields import fit_and_predict, from_curve, labelled
from hexbench.measure.start import device, start_jax
from hexbench.measure.timing import MachineWatch, PeakMemory, device_peak_mb, model_mb
from hexbench.models import Entry
from hexbench.models.base import Checkpoint
from hexbench.plan.cell import INITIALISATION, ORDER, SUBSET, Cell
from hexbench.store.encoding import convert, encode
from hexbench.store.record import (
    DataName,
    Done,
    Failed,
    Memory,
    Record,
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
        fields = fit_and_predict(model, data, entry, rows)
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
            from_curve(cell, model, data, drawn.test)
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
