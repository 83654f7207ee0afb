"""`python -m hexbench.run.harness`: what hexbench's own work costs as the number of cells grows.

Plans a suite, goes through its stored records as a resumed run does, and writes its report, for
more and more cells. The records are copies of one that is really measured.
"""

import io
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import click
import msgspec
from hexbench.data.dataset import Dataset
from hexbench.data.sources import Source
from hexbench.files import write_whole
from hexbench.measure.cell import measure
from hexbench.models import entries
from hexbench.plan.cell import Cell
from hexbench.plan.cost import Expectation
from hexbench.plan.suites import Images, plan
from hexbench.plan.sweeps import read_suite
from hexbench.report.markdown import table_text
from hexbench.report.table import Table
from hexbench.report.terminal import print_plan, print_table
from hexbench.report.write import write_report
from hexbench.run.suite import Request, manifest_of
from hexbench.run.worker import is_settled
from hexbench.store.encoding import encode
from hexbench.store.record import Done
from hexbench.store.store import Store
from hexbench.study import DEFAULT, Study, load
from rich.console import Console

COUNTS = (100, 1_000, 10_000)
SIZES = (100, 300, 1_000, 3_000)
MEASURED_SIZE = 1_000
"""Of the cell whose record is copied."""
SUITE = """description = "Many short cells."
[[sweep]]
model = "{model}"
evaluate_at = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40]
snapshot_at = [3, 5, 15]
train_size = {sizes}
seeds = {seeds}
"""

T = TypeVar("T")


@click.command()
@click.option("--counts", default=",".join(map(str, COUNTS)), show_default=True, help="Of cells.")
@click.option("--out", default="results/harness", type=click.Path(path_type=Path), show_default=True)
def main(counts: str, out: Path) -> None:
    """Time plan, resume and report for so many cells each."""
    study = load(DEFAULT)
    source = study.sources.resolve(study.sources.fallback)
    data = source.load()
    record: Done | None = None
    lines = []
    for count in map(int, counts.split(",")):
        with TemporaryDirectory() as folder:
            record, line = _line(count, Path(folder), study, source, data, record)
            lines.append(line)
    assert record is not None
    made = Table(
        "hexbench's own work by number of cells",
        f"Seconds of one run on this machine; a record has {len(encode(record)) / 1000:.0f} kB.",
        ("cells", "plan and print", "resume", "report"),
        lines,
        "r",
    )
    print_table(made, Console())
    write_whole(out / "report.md", f"# What the harness costs\n\n{table_text(made)}\n")
    click.echo(f"Table: {out / 'report.md'}")


def _line(
    count: int, folder: Path, study: Study, source: Source, data: Dataset, record: Done | None
) -> tuple[Done, tuple[str, ...]]:
    """The measured record, measured now unless it is given, and the table's line for so many cells."""
    models = entries()
    curves = [name for name, entry in models.items() if entry.learning_curve]
    cheapest = min(curves, key=lambda name: models[name].cost["pixel"])
    file = folder / "many.toml"
    file.write_text(SUITE.format(model=cheapest, sizes=list(SIZES), seeds=max(1, count // len(SIZES))))
    images = Images(len(data.images), study.split, study.split.tested(len(data.images)))
    planned, plan_s = _timed(lambda: plan(read_suite(file, models), images, models))
    cells = planned.cells
    expectation, quiet = Expectation(images, models, data.images[0].size), Console(file=io.StringIO())
    _, print_s = _timed(lambda: print_plan(planned, models, expectation, quiet))
    if record is None:
        first = next(cell for cell in cells if cell.train_size == MEASURED_SIZE)
        record = measure(first, data, models[cheapest])
    store = Store(folder / "results")
    request = Request(study, "many", source, planned, planned, models, (), store.folder)
    store.put_manifest(manifest_of(request, data, store))
    _copy(record, cells, data, store)
    keys = [cell.key_on(data.fingerprint) for cell in cells]
    settled, resume_s = _timed(lambda: sum(is_settled(store.get(key)) for key in keys))
    assert settled == len(cells)
    _, report_s = _timed(lambda: write_report(store, study))
    seconds = (plan_s + print_s, resume_s, report_s)
    return record, (f"{len(cells):,}", *(f"{value:.2f}" for value in seconds))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _copy(record: Done, cells: tuple[Cell, ...], data: Dataset, store: Store) -> None:
    """Store the record under every cell's name, without the care that a measured one gets."""
    store.cells.mkdir(parents=True)
    for cell in cells:
        key = cell.key_on(data.fingerprint)
        fields = {name: getattr(cell, name) for name in Cell.__struct_fields__}
        copy = msgspec.structs.replace(record, **fields, key=key)
        (store.cells / f"{key}.json").write_bytes(encode(copy))


if __name__ == "__main__":
    main()
