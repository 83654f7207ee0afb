"""`python -m hexbench.run.harness`: what hexbench's own work costs as the number of cells grows.

Plans a suite, stores its records from several processes, goes through them as a resumed run does, and
writes its report, for more and more cells. The records are copies of one that is really measured.
"""

import io
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import click
import msgspec
from hexbench import process
from hexbench.data.dataset import Dataset
from hexbench.data.sources import Source
from hexbench.files import write_whole
from hexbench.measure.cell import measure
from hexbench.models import entries
from hexbench.paths import PathType
from hexbench.plan.cell import Cell
from hexbench.plan.cost import Expectation
from hexbench.plan.suites import Images, plan
from hexbench.plan.sweeps import read_suite
from hexbench.report.markdown import table_text
from hexbench.report.table import Table
from hexbench.report.terminal import print_plan, print_table, standard_output
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
CURVES = "evaluate_at = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40]\nsnapshot_at = [3, 5, 15]"
SMALL = "epochs = 5\nevaluate_at = 5\nsnapshot_at = 5"
"""Curves evaluated at many epochs, and at the last alone."""
SUITE = """description = "Many short cells."
[[sweep]]
model = "{model}"
{more}
train_size = {sizes}
seeds = {seeds}
"""

T = TypeVar("T")


@click.command()
@click.option("--counts", default=",".join(map(str, COUNTS)), show_default=True, help="Of cells.")
@click.option("--writers", default=1, show_default=True, type=click.IntRange(1), help="Processes that store.")
@click.option("--small", is_flag=True, help="Records of short runs: one evaluation, and few epochs.")
@click.option("--out", default="results/harness", type=PathType(), show_default=True)
def main(counts: str, writers: int, small: bool, out: Path) -> None:
    """Time plan, storing, resume and report for so many cells each."""
    study = load(DEFAULT)
    source = study.sources.resolve(study.sources.fallback)
    data = source.load()
    record: Done | None = None
    lines = []
    for count in map(int, counts.split(",")):
        with TemporaryDirectory() as folder:
            record, line = _line(count, Path(folder), study, source, data, record, writers, small)
            lines.append(line)
    assert record is not None
    made = Table(
        "hexbench's own work by number of cells",
        f"Seconds of one run on this machine; a record has {len(encode(record)) / 1000:.0f} kB; records are "
        f"stored by {writers} {'processes' if writers > 1 else 'process'}. Memory is the highest of the "
        "process that plans, resumes and reports.",
        ("cells", "plan and print", "store", "resume", "report", "memory (MB)"),
        lines,
        "r",
    )
    print_table(made, standard_output())
    write_whole(out / "report.md", f"# What the harness costs\n\n{table_text(made)}\n")
    click.echo(f"Table: {out / 'report.md'}")


def _line(
    count: int,
    folder: Path,
    study: Study,
    source: Source,
    data: Dataset,
    record: Done | None,
    writers: int,
    small: bool,
) -> tuple[Done, tuple[str, ...]]:
    """The measured record, measured now unless it is given, and the table's line for so many cells."""
    models = entries()
    curves = [name for name, entry in models.items() if entry.learning_curve]
    cheapest = min(curves, key=lambda name: models[name].cost["pixel"])
    file = folder / "many.toml"
    more, seeds = SMALL if small else CURVES, max(1, count // len(SIZES))
    file.write_text(SUITE.format(model=cheapest, sizes=list(SIZES), seeds=seeds, more=more))
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
    kept = record
    _, store_s = _timed(lambda: _store(kept, cells, data.fingerprint, store.folder, writers))
    settled, resume_s = _timed(lambda: sum(map(is_settled, store.survey().sound.values())))
    assert settled == len(cells)
    _, report_s = _timed(lambda: write_report(store, study))
    seconds = (plan_s + print_s, store_s, resume_s, report_s)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return record, (f"{len(cells):,}", *(f"{value:.2f}" for value in seconds), f"{memory:,.0f}")


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _store(record: Done, cells: Sequence[Cell], fingerprint: str, folder: Path, writers: int) -> None:
    """Store the record under every cell's name, as measured ones are stored."""
    if writers == 1:
        _put(record, cells, fingerprint, folder)
        return
    with ProcessPoolExecutor(writers, get_context("spawn")) as pool:
        parts = [cells[i::writers] for i in range(writers)]
        for done in [pool.submit(_put, record, part, fingerprint, folder) for part in parts]:
            done.result()


def _put(record: Done, cells: Sequence[Cell], fingerprint: str, folder: Path) -> None:
    store = Store(folder, locked=False)
    for cell in cells:
        fields = {name: getattr(cell, name) for name in Cell.__struct_fields__}
        store.put(msgspec.structs.replace(record, **fields, key=cell.key_on(fingerprint)))


if __name__ == "__main__":
    process.run(main)
