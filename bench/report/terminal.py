"""Tables for a terminal: the plan, the headline of a run, and the regression check."""

from dataclasses import replace

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text
from tabulate import tabulate

from bench.analyse.check import Finding
from bench.analyse.cost_tables import by_time
from bench.analyse.readings import Record, failures, readings
from bench.analyse.tables import Table, by_epochs
from bench.outside import one_line
from bench.plan.cost import expected_seconds, spoken
from bench.plan.spec import CellSpec

TEXT = (
    "model", "cell", "what", "threshold", "metric", "device", "contest", "contestant", "verdict",
)  # fmt: skip
HEADLINES = {
    "Accuracy by model and epochs": ("model", "trained on", "epochs", "test accuracy %", "seeds"),
    "Time": ("model", "trained on", "epochs", "compile", "epoch", "train", "predict"),
}


def headline(records: list[Record], data_name: str, console: Console) -> None:
    """The two tables that most people look for."""
    rows = [*readings(records), *failures(records)]
    for table in (by_epochs(rows), by_time(rows)):
        if table.rows:
            short = table.only(HEADLINES[table.title])
            print_table(replace(short, title=f"{table.title} · {data_name}"), console)


def print_plan(
    cells: list[CellSpec], images: int, left_out: tuple[str, ...], console: Console
) -> None:
    """Every cell with about how long it takes on a machine like the one the constants are from."""
    seconds = [expected_seconds(cell, images) for cell in cells]
    rows = [(cell.label, spoken(s)) for cell, s in zip(cells, seconds, strict=True)]
    # rich lays out ten thousand rows in seconds, tabulate in a fraction of one.
    grid = tabulate(rows, ("cell", "about"), "rounded_outline", colalign=("left", "right"))
    console.print(f"{len(cells):,} cells", highlight=False)
    console.file.write(f"{grid}\n")
    for message in left_out:
        console.print(message, highlight=False, markup=False)
    console.print(
        f"In all about {spoken(sum(seconds))} on two cores; yours may differ by a factor."
    )


def print_findings(findings: list[Finding], console: Console) -> None:
    """Each threshold with the measured value."""
    rows = [
        (f.where, f.metric, f.allowed, "–" if f.measured is None else f"{f.measured:.4f}",
         str(f.seeds or "–"), f.verdict)
        for f in findings
    ]  # fmt: skip
    header = ("threshold", "metric", "allowed", "measured", "seeds", "verdict")
    print_table(Table("Regression check", "", header, rows), console)


def print_table(table: Table, console: Console) -> None:
    """A table as a grid of lines."""
    grid = Grid(title=Text(one_line(table.title)), title_justify="left", header_style="bold")
    for name in table.header:
        text = name in TEXT
        grid.add_column(Text(one_line(name)), justify="left" if text else "right")
    for row in table.rows:
        grid.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(grid)
