"""What `compare` prints: two runs beside each other as text, as Markdown and as JSON."""

import json
import sys
from collections.abc import Callable
from math import isfinite
from typing import Any

import click
from rich.console import Console

from bench.analyse.compare import Comparison, Run
from bench.analyse.compare_accuracy import (
    ASSUMED_LUCK,
    BETTER,
    FEWEST_SEEDS,
    IDENTICAL,
    LUCK,
    REGRESSION,
    SMALL,
    UNDECIDED,
    Difference,
)
from bench.analyse.compare_times import Timing
from bench.analyse.statistics import CONFIDENCE, Estimate
from bench.analyse.tables import NAMES, Table, percent
from bench.outside import one_line
from bench.plan.spec import REPORT, VALIDATED
from bench.report.markdown import code, escape, table_text
from bench.report.terminal import print_table

TIMES = {"epoch_s": "an epoch", "search_s": "the grid search", "train_s": "one fit"}
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
    parts = [
        f"# {second} beside {first}",
        f"Data: **{escape(found.first.manifest['data']['name'])}**, fingerprint "
        f"{code(found.first.manifest['data']['fingerprint'])}.",
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
    return [table for table in (_accuracy_table(found), _time_table(found)) if table.rows]


def _accuracy_table(found: Comparison) -> Table:
    """The worst first."""
    rows = [
        (
            _words(d.identity),
            percent(d.first),
            percent(d.second),
            f"{100 * d.change.value:+.2f} ({_interval(d.change, 100, '+.2f')})",
            f"{len(d.first)}{' *' if d.interval_of == ASSUMED_LUCK else ''}",
            d.verdict,
        )
        for d in sorted(found.accuracy.differences, key=lambda d: d.change.value)
    ]
    note = (
        "The second less the first in points, over the seeds that both have. The intervals are wide "
        f"enough to hold all together with 95% confidence ({100 * found.accuracy.confidence:.4g}% each). "
        f"*: so few seeds do not show a network's luck in training, which is taken to be {100 * LUCK:g} "
        f"points a run; of {FEWEST_SEEDS} seeds it is measured."
    )
    header = ("what", "first %", "second %", "change (interval)", "seeds", "verdict")
    return Table("Test accuracy, first run and second", note, header, rows)


def _time_table(found: Comparison) -> Table:
    """The slowest first."""
    rows = [
        (
            f"{_words(t.identity)}: {TIMES[t.time]}",
            *(f"{mean:.3g}" for mean in t.means),
            f"{t.ratio.value:.2f}"
            + (f" ({_interval(t.ratio, 1, '.2f')})" if t.has_interval else ""),
            f"{len(t.first)}, {len(t.second)}",
            t.hardware[1],
        )
        for t in sorted(found.times, key=lambda t: -t.ratio.value)
    ]
    note = (
        "Geometric means of the runs that had the machine to themselves; the ratio is second by first, "
        "each with a 95% interval of its own where both have two runs. No time is a regression."
    )
    header = ("what", "first s", "second s", "ratio (interval)", "runs", "device")
    return Table("Time, first run and second", note, header, rows)


def _words(identity: dict[str, Any]) -> str:
    """`CNN, 6,883 images, batches of 16, 3 epochs`."""
    images, size = identity["images"], f"{identity['train_size']:,}"
    parts = [
        NAMES.get(identity["model"], identity["model"]),
        f"{size} images" if images is None else f"{size} of {images:,} images",
    ]
    if identity["classes"] is not None:
        parts.append(f"{identity['classes']} classes")
    if identity["batch_size"] is not None:
        parts.append(f"batches of {identity['batch_size']}")
    if identity["epochs"] is not None:
        parts.append(f"{identity['epochs']:,} epochs")
    if identity["protocol"] == VALIDATED:
        parts.append("stopped by validation")
    if identity["protocol"] == REPORT:
        parts.append("the report's protocol")
    return ", ".join(parts + [identity["fit"]] * (identity["fit"] is not None))


def _interval(found: Estimate, scale: float, form: str) -> str:
    return f"{scale * found.low:{form}} to {scale * found.high:{form}}"


def _sentences(found: Comparison) -> list[str]:
    """Everything that is no table; the last line sums up."""
    lines = [f"differs: {line}" for line in found.environment] + found.remarks
    for run in (found.first, found.second):
        lines += [f"left out of {run.name}: {label} ({key}): {why}" for key, label, why in
                  run.left_out[:NAMED]]  # fmt: skip
        if len(run.left_out) > NAMED:
            lines.append(f"left out of {run.name}: {len(run.left_out) - NAMED:,} more")
    counts = _counts(found)
    alone = counts["only_first"] + counts["only_second"]
    if alone:
        lines.append(f"{alone:,} more that one run alone measured, or with other seeds.")
    if not counts["compared"]:
        return [*lines, f"Nothing to compare: {found.first.name} and {found.second.name} measured "
                "nothing alike."]  # fmt: skip
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
    data = found.first.manifest["data"]
    return {
        "first": _run(found.first),
        "second": _run(found.second),
        "data": {name: data[name] for name in ("name", "fingerprint")},
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
    return {"folder": run.name, "suite": run.manifest["suite"], "left_out": left_out}


def _difference(d: Difference) -> dict[str, Any]:
    return {
        "identity": d.identity,
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
        "identity": {k: v for k, v in t.identity.items() if k != "epochs"},
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
