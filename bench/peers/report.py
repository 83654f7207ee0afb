"""The files of a run: report.md with its tables, a figure of ratios, and every number as CSV."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec
from hexbench.files import write_whole
from hexbench.peers.contest import Outcome, Result
from hexbench.peers.roster import CPU, OURS
from hexbench.peers.verdicts import Comparison, compare_accuracies, faster_than_ours, ratio, targets, times
from hexbench.report.markdown import escape, table_text
from hexbench.report.style import OKABE_ITO, save, styled
from hexbench.report.table import NONE, Table
from hexbench.store.record import Environment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURE = "ratios.png"
CAPTION = "Time relative to hexbench's"
COLUMNS = 2
"""Panels of the figure side by side."""
PACKAGES = ("torch", "keras", "tensorflow-cpu", "tensorflow", "scikit-learn-intelex")
ROUNDS = ("contestant", "model", "batch_size", "images", "round", "seconds")
CONTESTANTS = (
    *("contestant", "model", "batch_size", "images", "start_s", "memory_mb", "test_accuracy"),
    *("parameters", "chosen", "cross_validation", "error"),
)
IDLE = {True: "was otherwise idle", False: "was not otherwise idle", None: "may have been busy"}
RANGE = "median over the rounds, and (range)"


@dataclass
class Run:
    """All that a page is about."""

    data: str
    """The images' name."""
    environment: Environment
    command: str
    outcomes: list[Outcome] = field(default_factory=list)
    peak: float | None = None
    """Operations a second of a large matrix product; None if that was not measured."""
    remarks: list[str] = field(default_factory=list)
    """Who was left out, and why."""
    device: str = "every core of the CPU"
    """What they computed on, in words."""


def write(run: Run, folder: Path) -> None:
    """Write `report.md`, `ratios.png`, `rounds.csv` and `contestants.csv`, replacing older ones."""
    with styled():
        drawn = draw(run.outcomes, run.data)
        if drawn is None:
            (folder / FIGURE).unlink(missing_ok=True)
        else:
            save(drawn, folder / FIGURE)
    write_whole(folder / "rounds.csv", _csv(ROUNDS, _round_rows(run.outcomes)))
    write_whole(folder / "contestants.csv", _csv(CONTESTANTS, _contestant_rows(run.outcomes)))
    write_whole(folder / "report.md", page(run, None if drawn is None else FIGURE))


def page(run: Run, figure: str | None = None) -> str:
    """The whole of report.md; `figure` is a file beside it."""
    parts = [
        f"# hexbench and other libraries on {escape(run.data)}",
        _about(run),
        *(table_text(table) for table in headline(run.outcomes)),
        f"![{CAPTION}]({figure})" if figure else "",
        *(table_text(table) for table in details(run.outcomes, run.peak)),
        f"## Environment\n\n```json\n{json.dumps(_environment(run), indent=1)}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def conclusions(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    """What is wrong, in sentences: who `failed`, who makes hexbench `slower`, whose accuracy `differs`.

    Of the contests of SVMs, `slower` says nothing: they have targets only.
    """
    found: dict[str, list[str]] = {"failed": [], "slower": [], "differs": []}
    for outcome in outcomes:
        where = outcome.setting.title
        for result in outcome.results:
            if result.error is not None:
                found["failed"].append(f"{where}: {result.entry.title} failed: {result.error}")
        if outcome.setting.batch_size:
            for result in faster_than_ours(outcome):
                found["slower"].append(f"{where}: hexbench is slower than {result.entry.title}.")
        found["differs"] += [
            f"{where}: {c.result.entry.title} did not reach the same accuracy: it is "
            f"{100 * c.difference:+.1f} pp from the median of the others, where {100 * c.allowed:.1f} "
            "are noise."
            for c in compare_accuracies(outcome)
            if not c.agrees
        ]
    return found


def _about(run: Run) -> str:
    peak = "not measured" if run.peak is None else f"{run.peak / 1e9:,.0f} GFLOP/s"
    lines = [
        f"Peak: {peak}, the fastest large float32 matrix product by XLA in this run.",
        *map(escape, run.remarks),
        *(f"**{escape(s)}**" for found in conclusions(run.outcomes).values() for s in found),
    ]
    busy = [outcome.setting.title for outcome in run.outcomes if outcome.clean is False]
    if busy:
        lines.append(
            "**The machine was busy with other work, so these timings are not valid: "
            f"{'; '.join(busy)}.** A library whose threads wait for each other suffers most."
        )
    return (
        f"Each contestant ran in a process of its own, on {escape(run.device)}, one at a time and in "
        "turn on the same images: after a first run that is not counted, rounds of A B C, C B A, "
        "...\n\n" + "\n".join(f"- {line}" for line in lines)
    )


def _environment(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(run.environment)
    packages = found.setdefault("packages", {})
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            packages[name] = version(name)
    return found | {"command": run.command}


def headline(outcomes: Sequence[Outcome]) -> list[Table]:
    """The summaries and the targets."""
    tables = [
        _summary(
            "Training beside other libraries",
            f"Time of an epoch relative to hexbench's: {RANGE}.",
            [o for o in outcomes if o.setting.batch_size],
        ),
        _summary(
            "Training in lower precision",
            "Products and convolutions in bfloat16, which not every processor computes faster. Time of an "
            f"epoch relative to hexbench's in float32: {RANGE}.",
            [o for o in outcomes if o.setting.batch_size],
            equal=False,
        ),
        _summary(
            "Grid search beside scikit-learn",
            f"Time of a grid search by cross-validation relative to hexbench's: {RANGE}.",
            [o for o in outcomes if not o.setting.batch_size],
        ),
        _targets(outcomes),
    ]
    return [table for table in tables if table.rows]


def _summary(title: str, note: str, outcomes: Sequence[Outcome], *, equal: bool = True) -> Table:
    """One row a contestant of equal, or of another, precision; one column a contest."""
    by_title = [
        {r.entry.title: _relative_time(r, o) for r in o.results if o.is_equal(r) == equal} for o in outcomes
    ]
    names = dict.fromkeys(name for texts in by_title for name in texts)
    rows = [(name, *(texts.get(name, NONE) for texts in by_title)) for name in names]
    return Table(title, note, ("contestant", *(o.setting.title for o in outcomes)), rows)


def _relative_time(result: Result, outcome: Outcome) -> str:
    if result.error is not None:
        return "failed"
    if outcome.ours is None:
        return NONE
    return "1" if result.entry.name == OURS else str(ratio(result, outcome.ours))


def _targets(outcomes: Sequence[Outcome]) -> Table:
    rows = []
    for t in targets(outcomes):
        measured = (NONE, NONE) if t.measured is None else (times(t.measured.median), t.measured.range)
        rows.append((t.setting, t.peer, f"{t.at_least:g}", *measured, t.verdict))
    return Table(
        "Targets",
        "A peer's time relative to hexbench's: the median over the rounds should be at least the target.",
        ("contest", "contestant", "target", "measured", "range", "verdict"),
        rows,
        "llrrrl",
    )


def details(outcomes: Sequence[Outcome], peak: float | None) -> list[Table]:
    """One table for each contest, those of networks first. `peak` is in operations a second."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.setting.batch_size == 0)
    return [_details(outcome, peak) for outcome in ordered if outcome.finished]


def _details(outcome: Outcome, peak: float | None) -> Table:
    setting, comparisons = outcome.setting, compare_accuracies(outcome)
    differences = {c.result.entry.name: f"{100 * c.difference:+.1f}" for c in comparisons}
    rows = [_columns(r, outcome, peak, differences) for r in outcome.finished]
    memory = "" if setting.device == CPU else "Memory is the process's, without the device's. "
    header = tuple(rows[0])
    if outcome.operations is None:
        work = (
            "A search ends with the fit of the best point on all images. Start-up is a search on few "
            f"images. Memory is of all its processes together. Accuracy is on {outcome.tested:,} test images."
        )
    else:
        work = (
            "Seconds are the median epoch's. The share of the peak counts the operations of a plain "
            f"convolution. Start-up is building, compiling and the first epoch. {memory}Accuracy is on "
            f"{outcome.tested:,} test images after {setting.rounds + 1} epochs."
        )
    rounds = "1 round" if setting.rounds == 1 else f"{setting.rounds} rounds"
    return Table(
        setting.title,
        f"{setting.train_size:,} training images; {rounds} on a machine that {IDLE[outcome.clean]}. "
        f"Relative time is the ratio to hexbench's: {RANGE}. {work} {_agreement(comparisons)}",
        header,
        [tuple(row.values()) for row in rows],
        "".join("l" if name in ("contestant", "chosen") else "r" for name in header),
    )


def _columns(
    result: Result, outcome: Outcome, peak: float | None, differences: dict[str, str]
) -> dict[str, str]:
    """A row of a contest's table, by its header."""
    seconds, ours = median(result.seconds), outcome.ours
    first = {"contestant": result.entry.title, "relative time": _relative_time(result, outcome)}
    start = {
        "start-up (s)": f"{result.start_s:.1f}",
        "relative start-up": NONE if ours is None else f"{result.start_s / ours.start_s:.2f}",
        "memory (MB)": f"{result.memory_mb:,.0f}",
    }
    last = {
        "test accuracy (%)": f"{100 * result.accuracy:.1f}",
        "vs. median of others (pp)": differences.get(result.entry.name, NONE),
    }
    if outcome.operations is None:
        search = {
            "chosen": result.facts["chosen"],
            "cross-validation (%)": f"{100 * result.facts['cross_validation']:.2f}",
        }
        return first | {"search time (s)": f"{seconds:.3g}"} | start | search | last
    rate = outcome.setting.train_size / seconds
    speed = {
        "epoch (s)": f"{seconds:.3g}",
        "images/s": f"{rate:,.0f}",
        "peak (%)": NONE if peak is None else f"{100 * rate * outcome.operations / peak:.2g}",
    }
    return first | speed | start | last


def _agreement(comparisons: Sequence[Comparison]) -> str:
    if not comparisons:
        return "There is no other accuracy to compare with."
    allowed = f"{100 * comparisons[0].allowed:.1f} pp"
    differing = [c.result.entry.title for c in comparisons if not c.agrees]
    if differing:
        return f"**Accuracies differ:** more than {allowed} off are {'; '.join(differing)}."
    return f"All accuracies agree: within {allowed} of the median of the others."


def draw(outcomes: Sequence[Outcome], data: str) -> "Figure | None":
    """Bars of every contestant's relative time, a panel a contest; None if there is nothing to draw."""
    drawable = [o for o in outcomes if o.ours is not None and o.peers]
    if not drawable:
        return None
    from matplotlib.figure import Figure

    rows, columns = -(-len(drawable) // COLUMNS), min(COLUMNS, len(drawable))
    figure = Figure(figsize=(5.2 * columns, 2.5 * rows))
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(drawable) :]:
        axes.set_visible(False)
    for axes, outcome in zip(panels.flat, drawable, strict=False):
        _panel(axes, outcome)
    figure.suptitle(f"{CAPTION}: median and range · {data}", fontsize=11, parse_math=False)
    return figure


def _panel(axes: "Axes", outcome: Outcome) -> None:
    ours, finished = outcome.ours, outcome.finished
    assert ours is not None
    ratios = [ratio(result, ours) for result in finished]
    medians, places = [r.median for r in ratios], list(range(len(finished)))
    axes.barh(
        places,
        medians,
        color=[OKABE_ITO[0] if result is ours else "#BBBBBB" for result in finished],
        xerr=[[r.median - r.low for r in ratios], [r.high - r.median for r in ratios]],
        error_kw={"ecolor": "#555555", "capsize": 3, "linewidth": 1},
    )
    for place, found in enumerate(ratios):
        text, where = f"{found.median:.3g}", (found.high, place)
        axes.annotate(text, where, (6, 0), textcoords="offset points", va="center", fontsize=9)
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_yticks(places, [result.entry.title for result in finished])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * max(r.high for r in ratios))
    axes.grid(axis="y", visible=False)
    axes.set_title(outcome.setting.title, fontsize=10)


def _rows(outcomes: Sequence[Outcome]) -> Iterator[tuple[Result, dict[str, Any]]]:
    """Each result, with the columns that say which it is."""
    for outcome in outcomes:
        setting = outcome.setting
        where = {"model": setting.model, "batch_size": setting.batch_size or "", "images": setting.train_size}
        for result in outcome.results:
            yield result, {"contestant": result.entry.name, **where}


def _round_rows(outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    for result, which in _rows(outcomes):
        for number, seconds in enumerate(result.seconds, 1):
            yield which | {"round": number, "seconds": seconds}


def _contestant_rows(outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    for result, which in _rows(outcomes):
        measured = {"start_s": result.start_s, "memory_mb": result.memory_mb}
        measured = {**measured, "test_accuracy": result.accuracy, **result.facts}
        yield which | (measured if result.error is None else {"error": result.error})


def _csv(header: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
