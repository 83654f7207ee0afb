"""The figures of a report, drawn from readings; each is left out where there is nothing to draw."""

from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from bench.analyse.readings import Record, readings
from bench.analyse.scaling import growths
from bench.analyse.tables import NAMES, REPORT_BATCH_SIZE, REPORT_EPOCHS, select
from bench.plan.spec import VALIDATED

COLOURS = {"mlp": "#0072B2", "cnn": "#D55E00", "svm": "#009E73"}
"""From Okabe and Ito's palette, told apart by colour-blind readers."""
MARKERS = {"mlp": "o", "cnn": "s", "svm": "^"}
STYLE: Any = {
    "figure.dpi": 110,
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def draw_all(records: Iterable[Record], data_name: str, folder: Path) -> list[tuple[str, str]]:
    """Draw every figure there are numbers for into `folder`; returns (file name, caption) of each."""
    records = list(records)
    rows = readings(records)
    makers: list[tuple[str, str, Callable[[], Figure | None]]] = [
        ("curves", "Loss and accuracy while training", lambda: _curves(records)),
        ("training_size", "Test accuracy by training size", lambda: _by_training_size(rows)),
        ("time", "Test accuracy against seconds of training", lambda: _by_seconds(rows)),
        ("growth", "Time by training size, with fitted exponents", lambda: _growth(records)),
    ]
    drawn = []
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        for name, caption, make in makers:
            file = folder / f"{name}.png"
            figure = make()
            if figure is None:
                file.unlink(missing_ok=True)
                continue
            figure.suptitle(f"{caption} · {data_name}", fontsize=11, parse_math=False)
            # No software version in the file: the same numbers give the same bytes.
            figure.savefig(file, bbox_inches="tight", metadata={"Software": None})
            plt.close(figure)
            drawn.append((file.name, caption))
    return drawn


def _curves(records: list[Record]) -> Figure | None:
    """Training curves of both networks on all images, the range over seeds shaded."""
    groups = {}
    for model in ("mlp", "cnn"):
        cells = [
            r
            for r in records
            if r["status"] == "done"
            and r["model"] == model
            and r["protocol"] == "nested"
            and r["batch_size"] == REPORT_BATCH_SIZE
        ]
        size = max((r["train_size"] for r in cells), default=0)
        cells = [r for r in cells if r["train_size"] == size]
        if cells and max(r["epochs"] for r in cells) > 1:
            groups[model] = cells
    if not groups:
        return None
    figure, axes = plt.subplots(2, len(groups), figsize=(4.6 * len(groups), 6), squeeze=False)
    for column, (model, cells) in enumerate(groups.items()):
        for row, quantity in enumerate(("accuracy", "loss")):
            axis = axes[row][column]
            _band(axis, cells, f"train_{quantity}", COLOURS[model], "training, running mean")
            _points(axis, cells, f"test_{quantity}")
            axis.set_xlabel("epoch")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
            axis.set_ylabel(quantity if quantity == "loss" else "accuracy %")
            axis.set_ylim(bottom=0 if quantity == "loss" else None)
        axes[0][column].set_title(f"{NAMES[model]}, {cells[0]['train_size']:,} images")
        axes[0][column].legend(loc="lower right")
    return figure


def _band(axis: Axes, cells: list[Record], name: str, colour: str, label: str) -> None:
    by_epoch = _by_epoch(cells, name)
    epochs = sorted(by_epoch)
    axis.plot(epochs, [mean(by_epoch[e]) for e in epochs], color=colour, label=label)
    low, high = [min(by_epoch[e]) for e in epochs], [max(by_epoch[e]) for e in epochs]
    axis.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)


def _points(axis: Axes, cells: list[Record], name: str) -> None:
    by_epoch = _by_epoch(cells, name)
    epochs = sorted(by_epoch)
    axis.plot(
        epochs,
        [mean(by_epoch[e]) for e in epochs],
        color="black",
        linestyle="--",
        marker="D",
        markersize=4,
        label="test",
    )


def _by_epoch(cells: list[Record], name: str) -> dict[int, list[float]]:
    """Values of all seeds at each epoch that any of them has; accuracy in percent."""
    factor = 100 if name.endswith("accuracy") else 1
    found: dict[int, list[float]] = {}
    for cell in cells:
        history = cell["history"]
        for epoch, value in zip(history["epoch"], history[name], strict=True):
            if value is not None:
                found.setdefault(epoch, []).append(factor * value)
    return found


def _by_training_size(rows: list[dict[str, Any]]) -> Figure | None:
    """Accuracy of each model by training size: at the report's epochs, and at equal steps."""
    nested = select(rows, protocol="nested")
    if len({r["train_size"] for r in nested}) < 2:
        return None
    figure, axis = plt.subplots(figsize=(6.4, 4.4))
    for model in NAMES:
        of_model = select(nested, model=model)
        if model == "svm":
            _size_line(axis, of_model, model, "-", NAMES[model])
            continue
        of_model = select(of_model, batch_size=REPORT_BATCH_SIZE)
        epochs = REPORT_EPOCHS[model]
        short = select(of_model, epochs=epochs)
        _size_line(axis, short, model, ":", f"{NAMES[model]}, {epochs} epochs")
        validated = select(rows, model=model, protocol=VALIDATED, batch_size=REPORT_BATCH_SIZE)
        drawn = [row | {"train_size": row["images"]} for row in validated]
        _size_line(axis, drawn, model, "-", f"{NAMES[model]}, steps of all images, best epoch")
    axis.set_xscale("log")
    axis.set_xlabel("training images")
    axis.set_ylabel("test accuracy %")
    axis.legend()
    return figure


def _size_line(axis: Axes, rows: list[dict[str, Any]], model: str, line: str, label: str) -> None:
    sizes = sorted({r["train_size"] for r in rows})
    values = [[100 * r["test_accuracy"] for r in select(rows, train_size=size)] for size in sizes]
    if not sizes:
        return
    centre = [mean(v) for v in values]
    below = [c - min(v) for c, v in zip(centre, values, strict=True)]
    above = [max(v) - c for c, v in zip(centre, values, strict=True)]
    axis.errorbar(
        sizes, centre, yerr=[below, above], color=COLOURS[model], marker=MARKERS[model],
        markersize=5, linestyle=line, capsize=3, label=label,
    )  # fmt: skip


def _by_seconds(rows: list[dict[str, Any]]) -> Figure | None:
    """Accuracy against training time on this machine, compile and evaluation time left out."""
    nested = [r for r in select(rows, protocol="nested") if r["test_accuracy"] is not None]
    nested = [r for r in nested if r["batch_size"] in (None, REPORT_BATCH_SIZE)]
    if len({r["model"] for r in nested}) < 2:
        return None
    figure, axis = plt.subplots(figsize=(6.4, 4.4))
    for model in NAMES:
        of_model = select(nested, model=model)
        largest = max((r["train_size"] for r in of_model), default=0)
        for row in of_model:
            axis.scatter(
                row["train_s"],
                100 * row["test_accuracy"],
                color=COLOURS[model],
                marker=MARKERS[model],
                s=30,
                alpha=0.9 if row["train_size"] == largest else 0.35,
                linewidths=0,
            )
        axis.scatter([], [], color=COLOURS[model], marker=MARKERS[model], label=NAMES[model])
    axis.set_xscale("log")
    axis.set_xlabel("seconds of training (full colour: the largest training set; pale: fewer)")
    axis.set_ylabel("test accuracy %")
    axis.legend(loc="lower right")
    return figure


def _growth(records: list[Record]) -> Figure | None:
    """Seconds by training size: an epoch of each network, one fit and the grid search of the SVM."""
    found = [g for g in growths(records) if g.what.startswith("seconds")]
    found = [g for g in found if g.batch_size in (None, REPORT_BATCH_SIZE)]
    if not found:
        return None
    figure, axis = plt.subplots(figsize=(6.4, 4.4))
    lines = iter(("-", "--", ":", "-."))
    styles = {what: next(lines, "-") for what in dict.fromkeys(g.what for g in found)}
    for growth in found:
        law, colour = growth.law, COLOURS[growth.model]
        sizes, seconds = zip(*law.points, strict=True)
        axis.scatter(sizes, seconds, color=colour, marker=MARKERS[growth.model], s=22)
        ends = (min(sizes), max(sizes))
        axis.plot(
            ends, [law(x) for x in ends], color=colour, linestyle=styles[growth.what],
            label=f"{NAMES[growth.model]}, {growth.what}: $n^{{{law.exponent:.2f}}}$",
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("training images n")
    axis.set_ylabel("seconds")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    return figure
