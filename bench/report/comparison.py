"""What `compare` prints: two runs beside each other as text, as Markdown and as JSON."""

import json
import sys
from collections.abc import Callable
from math import isfinite
from typing import Any

import click
import msgspec
from hexbench.analyse.compare import (
    ASSUMED_SEEDS,
    BETTER,
    IDENTICAL,
    REGRESSION,
    SMALL,
    UNDECIDED,
    Comparison,
    Difference,
    Run,
    Timing,
)
from hexbench.analyse.groups import Setting
from hexbench.analyse.intervals import CONFIDENCE, DEFAULT_SEED_STD, FEWEST_SEEDS, Estimate
from hexbench.files import one_line
from hexbench.report.columns import setting_name
from hexbench.report.markdown import code, escape, table_text
from hexbench.report.slices import Slices
from hexbench.report.table import Table, percent
from hexbench.report.terminal import print_table
from rich.console import Console

TIMES = {"epoch_s": "time of an epoch", "search_s": "time of the search", "train_s": "time of a fit"}
NAMED = 20
"""So many records that do not count are named on a page."""
WIDTH = 160
"""Characters a line where there is no terminal, as in the log of a test machine."""


def as_text(found: Comparison) -> None:
    """Print tables and sentences to the terminal."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in _tables(found):
        print_table(table, console)
        click.echo(f"{table.note}\n")
    for line in _sentences(found):
        click.echo(one_line(line))


def as_markdown(found: Comparison) -> None:
    """Print a page."""
    first, second = (escape(run.name) for run in (found.first, found.second))
    data = found.first.manifest.data
    parts = [
        f"# {second} compared with {first}",
        f"Data: **{escape(data.name)}**, fingerprint {code(data.fingerprint)}.",
        *map(table_text, _tables(found)),
        "\n".join(f"- {escape(line)}" for line in _sentences(found)),
    ]
    click.echo("\n\n".join(parts))


def as_json(found: Comparison) -> None:
    """Print one object; a value that there is not is null."""
    click.echo(json.dumps(_object(found), indent=1, allow_nan=False))


FORMATS: dict[str, Callable[[Comparison], None]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}


def _tables(found: Comparison) -> list[Table]:
    slices = Slices(found.first.runs)
    return [t for t in (_accuracy_table(found, slices), _time_table(found, slices)) if t.rows]


def _accuracy_table(found: Comparison, slices: Slices) -> Table:
    """The worst first."""
    rows = [
        (
            setting_name(slices, d.setting),
            percent(d.first),
            percent(d.second),
            f"{100 * d.change.value:+.2f} ({_interval(d.change, 100, '+.2f')})",
            f"{len(d.first)}{' *' if d.interval_of == ASSUMED_SEEDS else ''}",
            d.verdict,
        )
        for d in sorted(found.accuracy.differences, key=lambda d: d.change.value)
    ]
    note = (
        "Second minus first in percentage points, over the seeds that both have. All intervals hold together "
        f"with 95% confidence ({100 * found.accuracy.confidence:.4g}% each). *: fewer than {FEWEST_SEEDS} "
        "seeds do not show how much training varies; a standard deviation over seeds of "
        f"{100 * DEFAULT_SEED_STD:g} points is assumed."
    )
    header = ("configuration", "first (%)", "second (%)", "second - first, pp (CI)", "seeds", "verdict")
    return Table("Test accuracy, first run and second", note, header, rows, "lrrrrl")


def _time_table(found: Comparison, slices: Slices) -> Table:
    """The slowest first."""
    rows = [
        (
            f"{setting_name(slices, t.setting)}: {TIMES[t.time]}",
            *(f"{mean:.3g}" for mean in t.means),
            f"{t.ratio.value:.2f}" + (f" ({_interval(t.ratio, 1, '.2f')})" if t.has_interval else ""),
            f"{len(t.first)}, {len(t.second)}",
            t.hardware[1],
        )
        for t in sorted(found.times, key=lambda t: -t.ratio.value)
    ]
    note = (
        "Geometric means of the cells that had the machine to themselves, and second / first, each with a "
        "95% interval of its own where both have two cells. No time is a regression."
    )
    header = ("configuration", "first (s)", "second (s)", "second / first (95% CI)", "cells", "device")
    return Table("Time, first run and second", note, header, rows, "lrrrrl")


def _interval(found: Estimate, scale: float, form: str) -> str:
    return f"{scale * found.low:{form}} to {scale * found.high:{form}}"


def _sentences(found: Comparison) -> list[str]:
    """Everything that is no table; the last line sums up."""
    lines = [f"differs: {line}" for line in found.environment] + found.remarks
    for run in (found.first, found.second):
        lines += [
            f"left out of {run.name}: {label} ({key}): {why}" for key, label, why in run.left_out[:NAMED]
        ]
        if len(run.left_out) > NAMED:
            lines.append(f"left out of {run.name}: {len(run.left_out) - NAMED:,} more")
    counts = _counts(found)
    alone = counts["only_first"] + counts["only_second"]
    if alone:
        lines.append(f"{alone:,} more that one run alone measured, or with other seeds.")
    if not counts["compared"]:
        names = f"{found.first.name} and {found.second.name}"
        return [*lines, f"Nothing to compare: {names} measured nothing alike."]
    return [*lines, f"{counts['compared']:,} compared, {counts['fallen']:,} fallen."]


def _counts(found: Comparison) -> dict[str, int]:
    accuracy = found.accuracy
    return {
        "compared": len(accuracy.differences),
        "fallen": accuracy.count(REGRESSION),
        "better": accuracy.count(BETTER),
        "under_one_point": accuracy.count(SMALL),
        "no_difference_shown": accuracy.count(UNDECIDED),
        "identical": accuracy.count(IDENTICAL),
        "only_first": accuracy.only_first,
        "only_second": accuracy.only_second,
        "times": len(found.times),
    }


def _object(found: Comparison) -> dict[str, Any]:
    data = found.first.manifest.data
    return {
        "first": _run(found.first),
        "second": _run(found.second),
        "data": {"name": data.name, "fingerprint": data.fingerprint},
        "confidence": found.accuracy.confidence,
        "accuracy": [_difference(d) for d in found.accuracy.differences],
        "time_confidence": CONFIDENCE,
        "time": [_timing(t) for t in found.times],
        "environment": found.environment,
        "remarks": found.remarks,
        "counts": _counts(found),
    }


def _run(run: Run) -> dict[str, Any]:
    left_out = [{"key": key, "label": label, "reason": why} for key, label, why in run.left_out]
    return {"folder": run.name, "suite": run.manifest.suite, "left_out": left_out}


def _identity(setting: Setting) -> dict[str, Any]:
    """All that tells it apart, by the names that cells.csv and suites use."""
    found: dict[str, Any] = msgspec.to_builtins(setting.values())
    return found


def _difference(d: Difference) -> dict[str, Any]:
    return {
        "identity": _identity(d.setting),
        "first": sum(d.first) / len(d.first),
        "second": sum(d.second) / len(d.second),
        "difference": _finite(d.change.value),
        "low": _finite(d.change.low),
        "high": _finite(d.change.high),
        "interval_of": d.interval_of,
        "seeds": len(d.first),
        "verdict": d.verdict,
    }


def _timing(t: Timing) -> dict[str, Any]:
    first, second = t.means
    return {
        "identity": {name: value for name, value in _identity(t.setting).items() if name != "epochs"},
        "time": t.time,
        "machine": t.hardware[0],
        "device": t.hardware[1],
        "first": first,
        "second": second,
        "ratio": t.ratio.value,
        "low": t.ratio.low if t.has_interval else None,
        "high": t.ratio.high if t.has_interval else None,
        "runs": [len(t.first), len(t.second)],
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
