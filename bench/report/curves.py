"""Loss and accuracy while a network trains: the counterparts of the report's figures 3, 6, 7 and 8."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.analyse.evidence import Evidence, Group
from bench.analyse.tables import NAMES
from bench.report.style import COLOURS

QUANTITIES = {"accuracy": "accuracy %", "loss": "loss"}


def training_curves(evidence: Evidence, model: str, epochs: int) -> Figure | None:
    """Both quantities over so many epochs on all training images; lines are means over the seeds, bands
    reach from the lowest seed to the highest."""
    group = evidence.group(model, epoch=epochs, train_size="all", batch_size=16)
    if not group:
        return None
    figure, all_axes = plt.subplots(1, 2, figsize=(8.6, 3.5))
    for axes, (quantity, label) in zip(all_axes, QUANTITIES.items(), strict=True):
        trained = list(range(1, epochs + 1))
        tested = [e for e in trained if not np.isnan(group.history(f"test_{quantity}", e)).any()]
        _line(
            axes, group, f"train_{quantity}", trained, COLOURS[model], "training, running mean", "-"
        )
        _line(axes, group, f"test_{quantity}", tested, "black", "test", "--")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.set_ylabel(label)
        if quantity == "loss":
            axes.set_ylim(bottom=0)
    seeds = f"{len(group)} seeds" if len(group) > 1 else "1 seed"
    all_axes[0].legend(
        loc="lower right", title=f"{NAMES[model]}, {evidence.all_images:,} images, {seeds}"
    )
    return figure


def _line(
    axes: Axes, group: Group, name: str, epochs: Sequence[int], colour: str, label: str, style: str
) -> None:
    factor = 100 if name.endswith("accuracy") else 1
    values = factor * np.array([group.history(name, epoch) for epoch in epochs])
    marker = "D" if style == "--" else None
    axes.plot(
        epochs, values.mean(axis=1), color=colour, linestyle=style, marker=marker, markersize=4,
        label=label,
    )  # fmt: skip
    axes.fill_between(
        epochs, values.min(axis=1), values.max(axis=1), color=colour, alpha=0.2, linewidth=0
    )
