"""A picture with examples of every class of one or more data sets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hexbench.data.dataset import Dataset
from hexbench.report.style import styled

EXAMPLES = 12
MAX_CLASSES = 40
MAX_SIDE = 64
"""Pixels of a side; of larger images every second, third, ... pixel is shown."""
MAX_NAME = 20
WIDTH, MARGIN, MAX_HEIGHT = 4.6, 0.6, 20.0
"""Inches of one set, with its labels."""


def draw_examples(sets: Sequence[Dataset], file: Path) -> None:
    """Random images of every class of each data set, side by side; MAX_CLASSES classes at most."""
    from matplotlib.figure import Figure

    sheets = [_sheet(data) for data in sets]
    height = max(len(s) / s.shape[1] for s in sheets) * (WIDTH - MARGIN) + MARGIN
    with styled(**{"axes.grid": False}):
        figure = Figure(figsize=(WIDTH * len(sets), min(height, MAX_HEIGHT)))
        all_axes = figure.subplots(1, len(sets), squeeze=False)[0]
        for axes, data, sheet in zip(all_axes, sets, sheets, strict=True):
            names = data.class_names[:MAX_CLASSES]
            frame = len(sheet) / len(names)
            some = f"\nfirst {MAX_CLASSES} of {data.classes} classes"
            axes.imshow(sheet, "gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_title(
                data.name + (some if data.classes > MAX_CLASSES else ""),
                fontsize=10,
                parse_math=False,
            )
            axes.set_yticks(
                (np.arange(len(names)) + 0.5) * frame,
                [name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…" for name in names],
                fontsize=min(10, 60 * (WIDTH - MARGIN) * frame / sheet.shape[1]),
                parse_math=False,
            )
            axes.set_xticks([])
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, bbox_inches="tight", metadata={"Software": None})


def visible(images: np.ndarray, pixel_max: int) -> np.ndarray:
    """Images as matplotlib shows them, float 0 to 1: (n, h, w) grey, (n, h, w, 3 or 4) colour.

    Two channels become red and green.
    """
    scaled: np.ndarray = images / np.float32(pixel_max)
    if scaled.ndim == 4 and scaled.shape[3] == 2:
        scaled = np.pad(scaled, ((0, 0), (0, 0), (0, 0), (0, 1)))
    return scaled


def _sheet(data: Dataset) -> np.ndarray:
    """EXAMPLES images of each class in a row, with a white border around each."""
    rng = np.random.default_rng(0)
    step = -(-max(data.shape[:2]) // MAX_SIDE)
    height, width = (-(-side // step) for side in data.shape[:2])
    classes = min(data.classes, MAX_CLASSES)
    channels = (max(data.shape[2], 3),) if len(data.shape) == 3 else ()
    sheet = np.ones((classes * (height + 2), EXAMPLES * (width + 2), *channels), np.float32)
    for label in range(classes):
        rows = rng.permutation(np.flatnonzero(data.labels == label))[:EXAMPLES]
        shown = visible(data.images[rows, ::step, ::step], data.pixel_max)
        for column, image in enumerate(shown):
            top, left = label * (height + 2) + 1, column * (width + 2) + 1
            sheet[top : top + height, left : left + width] = image
    return sheet
