"""The idempotent worker: specifications in, records out. What is stored already is not run again."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from bench.data.dataset import Dataset
from bench.measure.cell import OnEpochs, failed, measure
from bench.plan.spec import CellSpec
from bench.store import Store

Record = dict[str, Any]


def is_settled(record: Record | None, rerun_failed: bool) -> bool:
    """Whether a cell with this record needs no run."""
    if record is None:
        return False
    return record["status"] == "done" or not rerun_failed


def carry_out(
    cells: Iterable[CellSpec], data: Dataset, store: Store, on_epochs: OnEpochs | None = None
) -> Iterator[tuple[CellSpec, Record, float]]:
    """Measure `cells` one after another; store each record, then yield it with its seconds.

    A cell that raises becomes a `failed` record, and the rest goes on.
    """
    for spec in cells:
        started = time.perf_counter()
        chosen = store.get(spec.grid.key(data.fingerprint)) if spec.grid else None
        try:
            record = measure(spec, data, chosen, on_epochs)
            store.put(record)
        except Exception as error:
            record = failed(spec, data, error)
            store.put(record)
        yield spec, record, time.perf_counter() - started
