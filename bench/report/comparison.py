"""What `compare` prints: two runs beside each other as text, as Markdown and as JSON."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import click
import msgspec
from hexbench.analyse.compare import (
    BETTER,
    IDENTICAL,
    NOT_SHOWN,
    POWER,
    REGRESSION,
    SHOWN,
    SMALL,
    SPLITS,
    UNDECIDED,
    WORSE,
    Comparison,
    Difference,
    Run,
)
from hexbench.analyse.compare_times import Timing
from hexbench.analyse.groups import Setting
from hexbench.analyse.intervals import CONFIDENCE, Estimate
from hexbench.files import one_line
from hexbench.report.columns import setting_name
from hexbench.report.markdown import code, escape, table_text
from hexbench.report.slices import Slices
from hexbench.report.table import Table, percent
from hexbench.report.terminal import print_table, standard_output

TIMES = {"epoch_s": "time of an epoch", "search_s": "time of the search", "train_s": "time of a fit"}
NAMED = 20
"""So many records that do not count are named on a page."""
WIDTH = 160
"""Characters a line where there is no terminal, as in the log of a test machine."""


def as_text(found: Comparison, margin: float | None = None) -> None:
    """Print tables and sentences to the terminal; `margin`, a share, is what the second may be worse by."""
    console = standard_output(WIDTH)
    for table in _tables(found, margin):
        print_table(table, console)
        click.echo(f"{table.note}\n")
    for line in _sentences(found, margin):
        click.echo(one_line(line))


def as_markdown(found: Comparison, margin: float | None = None) -> None:
    """Print a page."""
    first, second = (escape(run.name) for run in (found.first, found.second))
    data = found.first.manifest.data
    parts = [
        f"# {second} compared with {first}",
        f"Data: **{escape(data.name)}**, fingerprint {code(data.fingerprint)}.",
        *map(table_text, _tables(found, margin)),
        "\n".join(f"- {escape(line)}" for line in _sentences(found, margin)),
    ]
    click.echo("\n\n".join(parts))


def as_json(found: Comparison, margin: float | None = None) -> None:
    """Print one object; a value that there is not is null."""
    click.echo(json.dumps(_object(found, margin), indent=1, allow_nan=False))


FORMATS: dict[str, Callable[[Comparison, float | None], None]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}


def _tables(found: Comparison, margin: float | None) -> list[Table]:
    slices = Slices(found.first.runs)
    apart = [[d for d in found.accuracy.differences if d.headline is headline] for headline in (True, False)]
    tables = [
        _accuracy_table("Test accuracy: headline settings", apart[0], slices, margin),
        _accuracy_table("Test accuracy: all other settings", apart[1], slices, margin),
        _time_table(found, slices),
    ]
    return [table for table in tables if table.rows]


def _accuracy_table(
    title: str, differences: Sequence[Difference], slices: Slices, margin: float | None
) -> Table:
    """The worst first."""
    rows = [
        (
            _named(d, slices),
            percent(d.first),
            percent(d.second),
            f"{100 * d.change.value:+.2f} ({_interval(d.change, 100, '+.2f')})",
            "–" if d.identical else f"{100 * d.detectable:.1f}",
            f"{len(d.first)}{' splits' if d.interval_of == SPLITS else ''}",
            *((d.against(margin),) if margin is not None else ()),
            d.verdict,
        )
        for d in sorted(differences, key=lambda d: d.change.value)
    ]
    level = differences[0].level if differences else CONFIDENCE
    note = (
        "Second minus first in percentage points, over the seeds or random splits that both have. The "
        f"intervals of this table hold together with 95% confidence ({100 * level:.4g}% each). `would show`: "
        f"the true difference that {POWER:.0%} of such comparisons would show."
    )
    asked = () if margin is None else (f"not worse by more than {100 * margin:g} pp",)
    header = (
        "configuration",
        "first (%)",
        "second (%)",
        "second - first, pp (CI)",
        "would show (pp)",
        "seeds",
    )
    return Table(title, note, (*header, *asked, "verdict"), rows, f"lrrrrr{'l' * len(asked)}l")


def _named(d: Difference, slices: Slices) -> str:
    return setting_name(slices, d.setting) + _other(d)


def _other(d: Difference) -> str:
    return f" / {d.other}" if d.other else ""


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


def _sentences(found: Comparison, margin: float | None) -> list[str]:
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
        lines.append(f"Settings measured in one of the runs alone, or with other seeds: {alone:,}.")
    if not counts["compared"]:
        names = f"{found.first.name} and {found.second.name}"
        return [*lines, f"Nothing to compare: {names} measured nothing alike."]
    if margin is not None:
        said = Counter(d.against(margin) for d in found.accuracy.differences if d.headline)
        words = ", ".join(f"{said[kind]} {kind}" for kind in (SHOWN, NOT_SHOWN, WORSE))
        lines.append(f"Headline settings not worse by more than {100 * margin:g} points: {words}.")
    return [*lines, f"{counts['compared']:,} compared, {counts['fallen']:,} fallen."]


def _counts(found: Comparison) -> dict[str, int]:
    accuracy = found.accuracy
    return {
        "compared": len(accuracy.differences),
        "fallen": accuracy.count(REGRESSION) + accuracy.count(WORSE),
        "better": accuracy.count(BETTER),
        "under_one_point": accuracy.count(SMALL),
        "no_difference_shown": accuracy.count(UNDECIDED),
        "identical": accuracy.count(IDENTICAL),
        "only_first": accuracy.only_first,
        "only_second": accuracy.only_second,
        "times": len(found.times),
    }


def _object(found: Comparison, margin: float | None) -> dict[str, Any]:
    data = found.first.manifest.data
    return {
        "first": _run(found.first),
        "second": _run(found.second),
        "data": {"name": data.name, "fingerprint": data.fingerprint},
        "accuracy": [_difference(d, margin) for d in found.accuracy.differences],
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


def _difference(d: Difference, margin: float | None) -> dict[str, Any]:
    asked = {} if margin is None else {"not_worse": d.against(margin)}
    return asked | {
        "identity": _identity(d.setting),
        "other": d.other,
        "headline": d.headline,
        "confidence": d.level,
        "first": sum(d.first) / len(d.first),
        "second": sum(d.second) / len(d.second),
        "difference": _finite(d.change.value),
        "low": _finite(d.change.low),
        "high": _finite(d.change.high),
        "detectable": _finite(d.detectable),
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
