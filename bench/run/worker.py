"""The idempotent worker: specifications in, records out. What is stored already is not run again."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from bench.data.dataset import Dataset
from bench.measure.cell import OnEpochs, failed, measure, measure_networks
from bench.measure.environment import has_accelerator
from bench.plan.spec import CellSpec
from bench.store import Store

Record = dict[str, Any]


def is_settled(record: Record | None, rerun_failed: bool) -> bool:
    """Whether a cell with this record needs no run."""
    if record is None:
        return False
    return record["status"] == "done" or not rerun_failed


def carry_out(
    cells: Iterable[CellSpec],
    data: Dataset,
    store: Store,
    on_epochs: OnEpochs | None = None,
    *,
    together: bool | None = None,
) -> Iterator[tuple[CellSpec, Record, float]]:
    """Measure `cells` one after another; store each record, then yield it with its seconds.

    A cell that raises becomes a `failed` record, and the rest goes on. `together` trains the seeds
    of a network side by side; by default where that is faster, on an accelerator.
    """
    for group in _groups(cells, together):
        started = time.perf_counter()
        if len(group) > 1:
            try:
                records = measure_networks(group, data, on_epochs)
            except Exception:  # one by one, so that only those that cannot be measured fail
                yield from carry_out(group, data, store, on_epochs, together=False)
                continue
        else:
            records = [_measure(group[0], data, store, on_epochs)]
        for spec, record in zip(group, records, strict=True):
            store.put(record)
            yield spec, record, (time.perf_counter() - started) / len(group)


def _measure(spec: CellSpec, data: Dataset, store: Store, on_epochs: OnEpochs | None) -> Record:
    chosen = store.get(spec.grid.key(data.fingerprint)) if spec.grid else None
    try:
        return measure(spec, data, chosen, on_epochs)
    except Exception as error:
        return failed(spec, data, error)


def _groups(cells: Iterable[CellSpec], together: bool | None) -> Iterator[list[CellSpec]]:
    """The cells in their order; network cells that differ in their seed alone are one group."""
    for alike, seeds in groupby(cells, lambda cell: replace(cell, seed=0)):
        group = list(seeds)
        network = alike.epochs is not None and alike.protocol == "nested"
        if network and together is None:
            together = has_accelerator()
        yield from [group] if network and together else [[cell] for cell in group]
