"""What models answer to the test images, drawn: confusion matrices, calibration, mistakes, draws."""

import base64

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from bench.analyse import statistics
from bench.analyse.answers import at_report_points, best_model, calibrations, confusion
from bench.analyse.evidence import Evidence
from bench.analyse.tables import NAMES
from bench.data.paper import CLASS_NAMES, SIDE
from bench.plan.spec import GRID, REPORT
from bench.report.style import COLOURS

LABELS = (*CLASS_NAMES[:-1], "empty")
GALLERY = (5, 5)
FEWEST_IN_BIN = 30
"""A bin of fewer images, those of all seeds together, says too little to be drawn."""
DRAWN_IMAGES, DRAWN_REPORTED = 100, 0.45
"""The report's SVM on 100 images."""
LINES = (("#0072B2", "o"), ("#E69F00", "s"), ("#D55E00", "^"), ("#000000", "D"))


def confusion_matrix(evidence: Evidence, model: str) -> Figure | None:
    """Counts, and percent of each row, of the first seed at the report's point."""
    group = at_report_points(evidence).get(model)
    if not group:
        return None
    counts = confusion(group)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(9.6, 8.6))
    axes.grid(False)
    # Roots bring out mistakes of a percent, which would be as white as none.
    axes.imshow(shares, "Blues", norm=PowerNorm(0.5, 0, 100))
    for row, column in np.argwhere(counts):
        share = shares[row, column]
        axes.text(
            column, row, f"{counts[row, column]:,}\n{share:.{0 if share >= 99.95 else 1}f}%",
            ha="center", va="center", fontsize=6.5, linespacing=1.1,
            color="white" if share > 40 else "black",
        )  # fmt: skip
    axes.set_xticks(range(len(LABELS)), LABELS)
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set_xlabel("read as")
    right = f"{np.trace(counts):,} of {counts.sum():,} right: {np.trace(counts) / counts.sum():.1%}"
    axes.set_ylabel("class")
    epoch = f", {group.epoch} epochs" if group.epoch else ""
    images = group.records[0]["images"] or group.records[0]["train_size"]
    axes.set_title(
        f"{NAMES[model]}{epoch}, {images:,} images, seed {group.records[0]['seed']} · {right}",
        fontsize=10,
    )
    return figure


def calibration(evidence: Evidence) -> Figure | None:
    """Accuracy against the network's own confidence, in ten bins; those of few images are left out."""
    found = calibrations(evidence)
    if not found:
        return None
    figure, axes = plt.subplots(figsize=(6.2, 4.8))
    axes.plot([0, 100], [0, 100], color="grey", linewidth=1, label="as confident as right")
    for line, (colour, marker) in zip(found, LINES, strict=False):
        shown = np.array(line.images) >= FEWEST_IN_BIN
        axes.plot(
            100 * np.array(line.confidence)[shown], 100 * np.array(line.accuracy)[shown], color=colour,
            marker=marker, markersize=5, label=f"{line.name}: off by {100 * line.error:.1f} points",
        )  # fmt: skip
    axes.set_xlabel("probability that the network gives its answer, %")
    axes.set_ylabel("of these images read rightly, %")
    axes.legend(loc="upper left", fontsize=9)
    return figure


def gallery(evidence: Evidence) -> Figure | None:
    """Test images that the best model reads wrongly, those first of which it is most sure."""
    best = best_model(evidence)
    if best is None or not best[1].snapshots or not best[1].snapshots[0]["mistakes"]:
        return None
    name, group = best
    mistakes = group.snapshots[0]["mistakes"]
    rows, columns = GALLERY
    figure, all_axes = plt.subplots(rows, columns, figsize=(6.4, 7.4))
    for axes in all_axes.flat:
        axes.axis("off")
    for axes, mistake in zip(all_axes.flat, mistakes, strict=False):
        pixels = np.frombuffer(base64.b64decode(mistake["pixels"]), np.uint8)
        axes.imshow(pixels.reshape(SIDE, SIDE), "gray", vmin=0, vmax=255, interpolation="nearest")
        sure = "" if mistake["confidence"] is None else f" ({mistake['confidence']:.0%})"
        axes.set_title(
            f"{LABELS[mistake['label']]} read as {LABELS[mistake['predicted']]}{sure}", fontsize=8
        )
    figure.supxlabel(f"{name}, seed {group.records[0]['seed']}", fontsize=9)
    return figure


def draws(evidence: Evidence) -> Figure | None:
    """How test accuracy is spread over draws of 100 images, and where the report's figure lies."""
    group = evidence.group("svm", protocol=REPORT, fit=GRID, images=DRAWN_IMAGES)
    if len(group) < 2:
        return None
    values = group.metric("test_accuracy")
    middle = statistics.central(values)
    tested = int(np.sum(group.snapshots[0]["confusion"]))
    edges = (np.arange(tested + 2) - 0.5) * 100 / tested
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    axes.axvspan(100 * middle.low, 100 * middle.high, color="grey", alpha=0.15, linewidth=0,
                 label=f"central 95%: {100 * middle.low:.0f} to {100 * middle.high:.0f}%")  # fmt: skip
    axes.hist(100 * np.array(values), bins=list(edges), color=COLOURS["svm"], edgecolor="white")
    axes.axvline(100 * DRAWN_REPORTED, color="black", linestyle="--", label="the report: 45%")
    axes.set_xlim(100 * min(values) - 8, 100 * max(values) + 8)
    axes.set_xlabel(f"of {tested} test images read rightly, %")
    axes.set_ylabel(f"of {len(group)} draws")
    axes.margins(y=0.3)
    axes.legend(fontsize=9, loc="upper left")
    return figure
