"""What accuracy and time depend on, drawn: training images, seconds, batch size."""

from collections.abc import Sequence
from itertools import cycle, pairwise
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from bench.analyse.budgets import frontier, settings, winners
from bench.analyse.reported import BATCH_SIZE, EPOCHS
from bench.analyse.scaling import Growth
from bench.analyse.tables import (
    NAMES,
    batch_sizes,
    median_time,
    select,
    svm_searches,
)
from bench.plan.spec import VALIDATED
from bench.report.style import COLOURS, MARKERS

Row = dict[str, Any]
SERIES = (("-", "o"), ("--", "^"), (":", "v"), ("-.", "D"), ("-", "P"))
"""Line and marker, so that a model's several times can be told apart in print."""


def training_size(rows: list[Row]) -> Figure | None:
    """Accuracy of each model by training size: at the report's epochs, and at equal steps."""
    nested = select(rows, protocol="nested")
    if len({r["train_size"] for r in nested}) < 2:
        return None
    figure, axes = plt.subplots(figsize=(6.6, 4.6))
    for model in NAMES:
        of_model = select(nested, model=model)
        if model == "svm":
            own, chosen = svm_searches(of_model)
            _accuracy_line(axes, own, "train_size", model, "-", "SVM, a search at each size")
            _accuracy_line(
                axes, chosen, "train_size", model, ":", "SVM, the largest search's parameters"
            )
            continue
        epochs = EPOCHS[model]
        short = select(of_model, batch_size=BATCH_SIZE, epochs=epochs)
        _accuracy_line(axes, short, "train_size", model, ":", f"{NAMES[model]}, {epochs} epochs")
        best = select(rows, model=model, protocol=VALIDATED, batch_size=BATCH_SIZE)
        _accuracy_line(axes, best, "images", model, "-", f"{NAMES[model]}, stopped by validation")
    axes.set_xscale("log")
    axes.set_xlabel("training images")
    axes.set_ylabel("test accuracy %")
    axes.legend()
    return figure


def batch_size(rows: list[Row]) -> Figure | None:
    """Accuracy after 3 epochs, and the time of an epoch beside that of the smallest batch."""
    by_model = {model: batch_sizes(rows, model) for model in ("mlp", "cnn")}
    by_model = {
        m: found for m, found in by_model.items() if len({r["batch_size"] for r in found}) > 1
    }
    if not by_model:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6))
    for model, found in by_model.items():
        sizes = sorted({r["batch_size"] for r in found})
        label = f"{NAMES[model]}, {found[0]['train_size']:,} images"
        _accuracy_line(left, found, "batch_size", model, "-", label)
        seconds = [median_time(select(found, batch_size=size), "epoch_s") for size in sizes]
        if None not in seconds:
            ratios = [s / seconds[0] for s in seconds if s is not None and seconds[0]]
            right.plot(sizes, ratios, color=COLOURS[model], marker=MARKERS[model], markersize=5)
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(
            FixedLocator(sorted({r["batch_size"] for f in by_model.values() for r in f}))
        )
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.set_xlabel("batch size")
    left.set_ylabel("test accuracy % after 3 epochs")
    left.legend(loc="lower left")
    right.set_ylabel("seconds an epoch, smallest batch = 1")
    right.set_ylim(bottom=0)
    return figure


def _accuracy_line(
    axes: Axes, rows: Sequence[Row], by: str, model: str, style: str, label: str
) -> None:
    """Means over seeds, with bars from the lowest to the highest."""
    places = sorted({r[by] for r in rows})
    if not places:
        return
    values = [[100 * r["test_accuracy"] for r in rows if r[by] == place] for place in places]
    centre = [mean(v) for v in values]
    below = [c - min(v) for c, v in zip(centre, values, strict=True)]
    above = [max(v) - c for c, v in zip(centre, values, strict=True)]
    axes.errorbar(
        places, centre, yerr=[below, above], color=COLOURS[model], marker=MARKERS[model],
        markersize=5, linestyle=style, capsize=3, label=label,
    )  # fmt: skip


def seconds(rows: list[Row]) -> Figure | None:
    """Accuracy against seconds of training; the strip below says who is ahead at each budget."""
    found = settings(rows)
    if len({setting.model for setting in found}) < 2:
        return None
    figure, (axes, strip) = plt.subplots(2, 1, figsize=(6.6, 5), sharex=True, height_ratios=[14, 1])
    end = 1.5 * found[-1].seconds
    for model in NAMES:
        own = [s for s in found if s.model == model]
        if not own:
            continue
        axes.scatter(
            [s.seconds for s in own], [100 * s.accuracy for s in own], color=COLOURS[model],
            marker=MARKERS[model], s=22, alpha=0.45, linewidths=0,
        )  # fmt: skip
        best = frontier(found, model)
        if not best:
            continue
        axes.step(
            [*(s.seconds for s in best), end], [100 * s.accuracy for s in (*best, *best[-1:])],
            where="post", color=COLOURS[model], label=NAMES[model],
        )  # fmt: skip
    for (start, model), (stop, _) in pairwise([*winners(found), (end, "")]):
        strip.axvspan(start, stop, color=COLOURS[model], linewidth=0)
        if stop > 3 * start:
            strip.text(
                (start * stop) ** 0.5, 0.5, NAMES[model], color="white", fontsize=8, ha="center",
                va="center", transform=strip.get_xaxis_transform(),
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylabel("test accuracy %")
    axes.legend(loc="lower right")
    strip.grid(False)
    strip.yaxis.set_major_locator(NullLocator())
    strip.set_ylabel("ahead", rotation=0, ha="right", va="center", fontsize=9)
    strip.set_xlabel(
        "seconds of training on this machine (SVM: a search and a fit, or a fit alone)"
    )
    return figure


def growth(growths: list[Growth]) -> Figure | None:
    """Seconds by training size: an epoch of each network, one fit and the grid search of the SVM."""
    found = [g for g in growths if g.what.startswith("seconds")]
    found = [g for g in found if g.batch_size in (None, BATCH_SIZE)]
    if not found:
        return None
    figure, axes = plt.subplots(figsize=(6.6, 5))
    whats = dict.fromkeys(g.what for g in found)
    styles = dict(zip(whats, cycle(SERIES), strict=False))
    for one in found:
        law, colour = one.law, COLOURS[one.model]
        sizes, values = zip(*law.points, strict=True)
        line, marker = styles[one.what]
        axes.scatter(sizes, values, color=colour, marker=marker, s=24)
        ends = (min(sizes), max(sizes))
        axes.plot(
            ends, [law(x) for x in ends], color=colour, linestyle=line, marker=marker, markersize=5,
            markevery=[],  # in the legend alone: what was measured is scattered above
            label=f"{NAMES[one.model]}, {one.what}: $n^{{{law.exponent:.2f}}}$",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("training images n")
    axes.set_ylabel("seconds")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    return figure
