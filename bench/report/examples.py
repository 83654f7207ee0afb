"""A picture with examples of every class of one or more data sets."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from bench.data.paper import CLASS_NAMES
from bench.report.style import styled

CLASSES = CLASS_NAMES[:-1]
EXAMPLES = 12
FRAME = 22
"""An image of 20 pixels and its border."""


def draw_examples(sets: Sequence[tuple[str, np.ndarray, np.ndarray]], file: Path) -> None:
    """Random images of every class of each (name, images (n, 400) uint8, labels (n,)), side by side."""
    with styled(**{"axes.grid": False}):
        figure, all_axes = plt.subplots(1, len(sets), figsize=(4.6 * len(sets), 6.6), squeeze=False)
        for axes, (name, images, labels) in zip(all_axes[0], sets, strict=True):
            axes.imshow(_sheet(images, labels), "gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_title(name, fontsize=10, parse_math=False)
            axes.set_yticks(np.arange(17) * FRAME + FRAME / 2, [*CLASSES, "empty"])
            axes.set_xticks([])
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, bbox_inches="tight", metadata={"Software": None})
        plt.close(figure)


def _sheet(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    sheet = np.full((17 * FRAME, EXAMPLES * FRAME), 255, np.uint8)
    for label in range(17):
        rows = rng.permutation(np.flatnonzero(labels == label))[:EXAMPLES]
        for column, row in enumerate(rows):
            top, left = label * FRAME + 1, column * FRAME + 1
            sheet[top : top + 20, left : left + 20] = images[row].reshape(20, 20)
    return sheet
