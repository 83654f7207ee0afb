"""Figures of predictions for the test images: confusion matrices, calibration, mistakes, repeated draws."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.groups import Group
from hexbench.report.style import Palette, new_figure, shortened

if TYPE_CHECKING:
    from hexbench.store.manifest import DataFacts
    from matplotlib.figure import Figure

MOST_WRITTEN = 20
"""A confusion matrix of more classes has no numbers in its cells."""
MOST_NAMED = 40
"""One of more classes names every second, third, ... class."""
FEWEST_IN_BIN = 30
"""A bin of fewer images, those of all seeds together, is too noisy to be drawn."""
GALLERY = (5, 5)


def confusion_matrix(group: Group, class_names: Sequence[str], name: str) -> "Figure | None":
    """Counts, and percent of each row, of the group's first cell with a snapshot."""
    from matplotlib.colors import PowerNorm

    if not group.snapshots:
        return None
    counts = group.confusions[0]
    classes, record = len(counts), group.snapshots[0][0]
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    written = classes <= MOST_WRITTEN
    side = float(np.clip(0.56 * classes, 4.6, 9.4)) if written else 8.0
    figure = new_figure(side + 0.2, side + 0.3)
    axes = figure.subplots()
    axes.grid(False)
    # A root brings out mistakes of a percent, which would be as white as none.
    image = axes.imshow(shares, "Blues", norm=PowerNorm(0.5, 0, 100))
    for row, column in np.argwhere(counts) if written else ():
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{counts[row, column]:,}\n{share:.{0 if share >= 99.95 else 1}f}%",
            ha="center",
            va="center",
            fontsize=6.5,
            linespacing=1.1,
            color="white" if share > 40 else "black",
            in_layout=False,  # hundreds of texts that lie inside anyway
        )
    if not written:
        figure.colorbar(image, ax=axes, shrink=0.7, label="of the true class (%)")
    step = -(-classes // MOST_NAMED)
    names = [shortened(class_name) for class_name in class_names[::step]]
    size = 10 if classes <= MOST_WRITTEN else 7
    upright = max(map(len, names)) > 10 * step * side / classes
    axes.set_xticks(
        range(0, classes, step), names, fontsize=size, rotation=90 if upright else 0, parse_math=False
    )
    axes.set_yticks(range(0, classes, step), names, fontsize=size, parse_math=False)
    axes.set_xlabel("predicted class")
    correct = f"{np.trace(counts):,} of {counts.sum():,} correct: {np.trace(counts) / counts.sum():.1%}"
    axes.set_ylabel("true class")
    axes.set_title(f"{name}, seed {record.seed}\n{correct}", fontsize=9, parse_math=False)
    return figure


def calibration(groups: Mapping[str, Group], palette: Palette) -> "Figure | None":
    """Accuracy by the predicted class's own probability, in bins over all seeds, a line a group."""
    lines = {name: line for name, group in groups.items() if (line := _reliability(group)) is not None}
    if not lines:
        return None
    figure = new_figure(6.4, 5.2)
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color="grey", linewidth=1, label="perfectly calibrated")
    for name, (images, confidence, accuracy) in lines.items():
        error = float(np.average(np.abs(accuracy - confidence), weights=images))
        shown = images >= min(FEWEST_IN_BIN, images.max())
        axes.plot(
            100 * confidence[shown],
            100 * accuracy[shown],
            color=palette.colour(name),
            marker=palette.marker(name),
            markersize=5,
            label=f"{shortened(name, 50)}: ECE {100 * error:.1f} pp",
        )
    axes.set_xlabel("probability of the predicted class (%)")
    axes.set_ylabel("test accuracy of these images (%)")
    axes.legend(loc="upper left", fontsize=9)
    return figure


def _reliability(group: Group) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(images, confidence, accuracy) of each bin that holds images, over all seeds.

    ECE, the mean of |accuracy - confidence| over images, is the expected calibration error: Guo, Pleiss,
    Sun and Weinberger, "On Calibration of Modern Neural Networks" (2017), eq. 3.
    """
    entries = [entry for _, _, snapshot in group.snapshots for entry in snapshot.calibration or ()]
    bins = sorted({entry.bin for entry in entries})
    if not bins:
        return None
    rows = []
    for place in bins:
        own = [entry for entry in entries if entry.bin == place]
        weights = [entry.images for entry in own]
        middle = np.average([(entry.confidence, entry.accuracy) for entry in own], axis=0, weights=weights)
        rows.append((sum(weights), *middle))
    images, confidence, accuracy = np.array(rows).T
    return images, confidence, accuracy


def gallery(group: Group, data: "DataFacts", name: str) -> "Figure | None":
    """Misclassified test images of the group's first cell that kept some, the most confident first."""
    from hexbench.report.examples import visible

    kept = [(r, snapshot.mistakes) for r, _, snapshot in group.snapshots if snapshot.mistakes]
    if not kept:
        return None
    record, mistakes = kept[0]
    mistakes = mistakes[: GALLERY[0] * GALLERY[1]]
    columns = min(GALLERY[1], len(mistakes))
    rows = -(-len(mistakes) // columns)
    figure = new_figure(max(1.4 * columns, 5.0), 1.6 * rows + 0.8)
    for place, mistake in enumerate(mistakes, start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.axis("off")
        pixels = np.frombuffer(mistake.pixels, np.uint8).reshape(1, *data.shape)
        axes.imshow(
            visible(pixels, data.pixel_max)[0].squeeze(), "gray", vmin=0, vmax=1, interpolation="nearest"
        )
        true, predicted = (shortened(data.class_names[c]) for c in (mistake.label, mistake.predicted))
        between = " " if len(true + predicted) < 8 else "\n"
        sure = "" if mistake.confidence is None else f" ({mistake.confidence:.0%})"
        axes.set_title(f"{true}{between}as {predicted}{sure}", fontsize=8, parse_math=False)
    words = "true class as predicted class" + ("" if mistakes[0].confidence is None else " (its probability)")
    figure.supxlabel(f"{name}, seed {record.seed}: {words}", fontsize=9, parse_math=False)
    return figure


def draws(
    group: Group, palette: Palette, name: str, marks: Mapping[str, float] | None = None
) -> "Figure | None":
    """How test accuracy is spread over a group's cells; `marks` are named accuracies to compare with."""
    from matplotlib.ticker import MaxNLocator

    if len(group) < 2:
        return None
    values = np.array(group.metric("test_accuracy"))
    tested = group.records[0].tested
    middle = intervals.central(values.tolist())
    # As many bins as there are possible accuracies, or fewer where these are too many to see.
    wide = max(1, round(tested * (values.max() - values.min()) / 30))
    first = round(values.min() * tested)
    edges = 100 * (np.arange(first, round(values.max() * tested) + wide + 1, wide) - 0.5) / tested
    figure = new_figure(6.6, 4.0)
    axes = figure.subplots()
    axes.axvspan(
        100 * middle.low,
        100 * middle.high,
        color="grey",
        alpha=0.15,
        linewidth=0,
        label=f"central 95%: {100 * middle.low:.1f} to {100 * middle.high:.1f}%",
    )
    colour = palette.colour(group.records[0].model)
    axes.hist(100 * values, bins=list(edges), color=colour, edgecolor="white")
    for text, value in (marks or {}).items():
        axes.axvline(100 * value, color="black", linestyle="--", label=text)
    axes.set_xlabel(f"accuracy on {tested:,} test images (%)")
    axes.set_ylabel(f"of {len(group):,} draws")
    axes.set_title(shortened(name, 70), fontsize=9, parse_math=False)
    axes.margins(y=0.3)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=9, loc="upper left")
    return figure


def beside_reported(rows: Mapping[str, tuple[float, Group]], palette: Palette) -> "Figure | None":
    """Reported test accuracies, each above its group's: a point a cell, and a line for their mean."""
    if not rows:
        return None
    figure = new_figure(7.4, 0.6 * len(rows) + 1.4)
    axes = figure.subplots()
    for place, (reported, group) in enumerate(rows.values()):
        values = 100 * np.array(group.metric("test_accuracy"))
        colour = palette.colour(group.records[0].model)
        faint = max(0.08, min(0.7, 4 / len(values)))
        at = np.full(len(values), place + 0.12)
        axes.scatter(values, at, color=colour, alpha=faint, s=30, linewidths=0)
        axes.plot([values.mean()] * 2, [place - 0.06, place + 0.3], color=colour, linewidth=2)
        axes.plot(100 * reported, place - 0.2, "D", color="black", markerfacecolor="white")
        text = f"{100 * reported:.1f} reported, {values.mean():.1f} measured"
        axes.annotate(text, (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    axes.set_yticks(range(len(rows)), list(rows), parse_math=False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.set_xlabel("test accuracy (%): ◇ reported, ● each measured cell, | their mean")
    return figure
