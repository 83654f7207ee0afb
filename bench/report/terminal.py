"""Tables for a terminal: the plan, the headline of a run, and the regression check."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hexbench.files import one_line
from hexbench.report.table import NONE, Table

if TYPE_CHECKING:
    from hexbench.analyse.runs import Runs
    from hexbench.analyse.thresholds import Finding
    from hexbench.models import Entry
    from hexbench.plan.cost import Expectation
    from hexbench.plan.suites import Plan
    from rich.console import Console

WIDTH = 140
"""Characters a line where there is no terminal, as in the log of a test machine."""
NARROWEST = 20
MOST_ROWS = 40
"""Longer tables are for the report."""


def standard_output(width: int = WIDTH) -> "Console":
    """The console of the standard output, of this width where it is no terminal.

    Bars are drawn on a terminal alone: variables that force colours in a log do not force them.
    """
    from rich.console import Console

    if sys.stdout.isatty():
        found = Console(emoji=False)
        # Terminals without a window say that they have no column.
        return found if found.width >= NARROWEST else Console(width=80, emoji=False)
    return Console(width=width, force_interactive=False, emoji=False)


def headline(runs: "Runs", console: "Console") -> None:
    """The models with their main settings, and what the run varied."""
    from hexbench.report import tables
    from hexbench.report.slices import Slices

    slices = Slices(runs)
    found = [tables.brief(slices), *(tables.by(slices, axis).table for axis in slices.axes)]
    for table in found:
        if 0 < len(table.rows) <= MOST_ROWS:
            title = f"{table.title} · {slices.runs.manifest.data.name}"
            print_table(replace(table, title=title), console)


def print_plan(
    plan: "Plan", models: "Mapping[str, Entry]", expectation: "Expectation", console: "Console"
) -> None:
    """Every cell with about how long it takes on a machine like the one that costs were measured on."""
    from hexbench.plan.cell import label_of
    from hexbench.plan.cost import format_duration
    from tabulate import tabulate

    expected = [expectation.seconds(cell) for cell in plan.cells]
    rows = [
        (label_of(cell, models, plan.own_split), format_duration(s))
        for cell, s in zip(plan.cells, expected, strict=True)
    ]
    # rich lays out ten thousand rows in seconds, tabulate in a fraction of one.
    grid = tabulate(rows, ("cell", "about"), "rounded_outline", colalign=("left", "right"))
    console.print(f"{len(plan.cells):,} cells", highlight=False)
    console.file.write(f"{one_line_each(grid)}\n")
    for message in plan.left_out:
        console.print(message, highlight=False, markup=False)
    total = format_duration(sum(expected))
    console.print(f"In all about {total} on two cores; other machines differ by a factor.")


def one_line_each(text: str) -> str:
    """The lines of a text without what a terminal would obey."""
    return "\n".join(map(one_line, text.split("\n")))


def print_findings(findings: "Sequence[Finding]", console: "Console") -> None:
    """Each threshold with the measured value."""
    rows = [
        (
            finding.where,
            finding.metric,
            finding.allowed,
            NONE if finding.measured is None else f"{finding.measured:.4f}",
            f"± {finding.reach:.4f}" if finding.reach else NONE,
            NONE if finding.fails_at is None else f"{finding.fails_at:.4f}",
            str(finding.seeds or NONE),
            finding.verdict,
        )
        for finding in findings
    ]
    header = ("threshold", "metric", "allowed", "measured", "95% CI", "would fail at", "seeds", "verdict")
    print_table(Table("Regression check", "", header, rows, "llrrrrrl"), console)


def print_table(table: Table, console: "Console") -> None:
    """A table as a grid of lines, or line by line where not even its longest words fit beside each other."""
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(title=Text(one_line(table.title)), title_justify="left", header_style="bold")
    for name, side in zip(table.header, table.alignment, strict=True):
        grid.add_column(Text(one_line(name)), justify="left" if side == "left" else "right")
    for row in table.rows:
        grid.add_row(*(Text(one_line(cell)) for cell in row))
    unbounded = console.options.update(max_width=10_000)
    if console.measure(grid, options=unbounded).minimum <= console.width:
        console.print(grid)
        return
    console.print(Text(one_line(table.title), "bold"))
    for row in table.rows:
        pairs = zip(table.header, row, strict=True)
        console.print(Text(one_line(", ".join(f"{name}: {cell}" for name, cell in pairs))))
