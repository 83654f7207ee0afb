"""`python -m bench.run.harness`: what hexbench's own work costs as the number of cells grows.

Plans a suite, goes through its stored records as a resumed run does, and writes its report, for
more and more cells. The records are copies of one that is really measured.
"""

import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import msgspec
from rich.console import Console

from bench.analyse.tables import Table
from bench.data.dataset import Dataset
from bench.data.paper import IMAGES_IN_SMALL
from bench.data.sources import resolve
from bench.measure.cell import header, measure
from bench.plan.spec import CellSpec
from bench.plan.suites import parse, plan
from bench.report.markdown import table_text
from bench.report.terminal import print_plan, print_table
from bench.report.write import write_report
from bench.run.suite import Request, manifest_of
from bench.run.worker import is_settled
from bench.store import Store, write_whole

COUNTS = (100, 1_000, 10_000)
SIZES = (100, 300, 1_000, 3_000)
SUITE = """description = "Many short cells."
synthetic_images = 9_834
[[sweep]]
model = "mlp"
epochs = 50
evaluate_at = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40]
train_size = {sizes}
seeds = {seeds}
"""


@click.command()
@click.option("--counts", default=",".join(map(str, COUNTS)), show_default=True, help="Of cells.")
@click.option(
    "--out", default="results/harness", type=click.Path(path_type=Path), show_default=True
)
def main(counts: str, out: Path) -> None:
    """Time plan, resume and report for so many cells each."""
    source = resolve(f"synthetic:{IMAGES_IN_SMALL}", 0)
    data = source.load()
    record: dict[str, Any] | None = None
    lines = []
    for count in map(int, counts.split(",")):
        with TemporaryDirectory() as folder:
            suite_file = Path(folder) / "many.toml"
            suite_file.write_text(
                SUITE.format(sizes=list(SIZES), seeds=max(1, count // len(SIZES)))
            )
            suite = parse(suite_file)
            planned, plan_s = _timed(lambda: plan(suite, source.count))  # noqa: B023 - called at once
            cells = list(planned.cells)
            quiet = Console(file=io.StringIO())
            _, print_s = _timed(lambda: print_plan(cells, source.count, (), quiet))  # noqa: B023
            record = record or measure(replace(cells[0], train_size=1_000), data)
            store = Store(Path(folder) / "results")
            request = Request("many", source, planned, planned, store.folder)
            store.put_manifest(manifest_of(request, data, store))
            keys = [cell.key(data.fingerprint) for cell in cells]
            _copy(record, cells, keys, data, store)
            settled, resume_s = _timed(
                lambda: sum(is_settled(store.get(key)) for key in keys)  # noqa: B023
            )
            assert settled == len(cells)
            _, report_s = _timed(lambda: write_report(store))  # noqa: B023
            seconds = (plan_s + print_s, resume_s, report_s)
            lines.append((f"{len(cells):,}", *(f"{value:.2f}" for value in seconds)))
    made = Table(
        "hexbench's own work by number of cells",
        f"Seconds of one run on this machine; a record has {len(msgspec.json.encode(record)) / 1000:.0f} kB.",
        ("cells", "plan and print", "resume", "report"),
        lines,
    )
    print_table(made, Console())
    write_whole(out / "report.md", f"# What the harness costs\n\n{table_text(made)}\n")
    click.echo(f"Table: {out / 'report.md'}")


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _copy(
    record: dict[str, Any], cells: list[CellSpec], keys: list[str], data: Dataset, store: Store
) -> None:
    """Store the record under every cell's name, without the care that a measured one gets."""
    store.cells.mkdir(parents=True)
    for cell, key in zip(cells, keys, strict=True):
        (store.cells / f"{key}.json").write_bytes(msgspec.json.encode(record | header(cell, data)))


if __name__ == "__main__":
    main()
