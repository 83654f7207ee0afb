"""Expected seconds of a cell, for `--plan` and the time left; only ever used to inform people.

The constants were read off the machine of `results/reference/`, two cores. Another machine differs
by some factor, which `Clock` learns for each model from the cells that are done.
"""

import os
from collections import defaultdict
from math import ceil

from bench.data.split import test_count
from bench.plan.spec import (
    CHOSEN,
    GRID_WITH_PROBABILITY,
    REPORT,
    SVM_TRAIN_ACCURACY_UP_TO,
    VALIDATED,
    CellSpec,
)
from bench.record import CLASSES

SECONDS_PER_STEP = {"mlp": 2e-5, "cnn": 2.5e-4}
SECONDS_PER_TRAINED_IMAGE = {"mlp": 1.4e-6, "cnn": 1.6e-4}
SECONDS_PER_TESTED_IMAGE = {"mlp": 1e-6, "cnn": 4.5e-5}
EPOCHS_UNTIL_STOPPED = {"mlp": 2_000, "cnn": 24}
"""After about so many, validation ends the training of small sets."""
COMPILE_SECONDS = 0.5
SVM_FIT_SECONDS = 1.4e-7
"""For each pair of training images."""
SVM_PREDICT_SECONDS = 2e-8
"""On one core, for each pair of a training image and a predicted one."""
GRID_SECONDS = 1.6e-6
"""All 160 fits of a grid on one core, for each pair of images."""
PROBABILITY_GRID_SECONDS = 5.7e-5
"""The same where every fit computes its kernel itself and trains five more SVMs."""
GRID_OVERHEAD = 0.5
CORES = os.cpu_count() or 1


def expected_seconds(cell: CellSpec, images: int) -> float:
    """About how long `cell` takes on a data set of `images` images."""
    n = cell.train_size
    tested = test_count(cell.images if cell.protocol == REPORT and cell.images else images)
    if cell.classes is not None:
        tested = tested * cell.classes // CLASSES
    if cell.epochs is not None and cell.batch_size is not None:
        epochs = cell.epochs
        if cell.protocol == VALIDATED:
            epochs = min(epochs, EPOCHS_UNTIL_STOPPED[cell.model])
        steps = epochs * ceil(n / cell.batch_size)
        evaluations = sum(e < epochs for e in cell.evaluate_at) + 1
        evaluated = evaluations * cell.held_out + tested if cell.held_out else evaluations * tested
        return (
            COMPILE_SECONDS
            + steps * SECONDS_PER_STEP[cell.model]
            + epochs * n * SECONDS_PER_TRAINED_IMAGE[cell.model]
            + evaluated * SECONDS_PER_TESTED_IMAGE[cell.model]
        )
    own = n if n <= SVM_TRAIN_ACCURACY_UP_TO else 0
    predict = n * (tested + own) * SVM_PREDICT_SECONDS / CORES
    if cell.fit == CHOSEN:
        return n**2 * SVM_FIT_SECONDS + predict
    if cell.fit == GRID_WITH_PROBABILITY:
        return GRID_OVERHEAD + n**2 * PROBABILITY_GRID_SECONDS + predict
    return (GRID_OVERHEAD + n**2 * GRID_SECONDS) / CORES + predict


class Clock:
    """Learns how this machine compares with the constants, and says how much time is left."""

    def __init__(self, cells: list[CellSpec], images: int):
        self._expected = {cell: expected_seconds(cell, images) for cell in cells}
        self._left = dict(self._expected)
        self._seen: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def done(self, cell: CellSpec, seconds: float | None) -> None:
        """`cell` is finished, after `seconds`, or without being run (None)."""
        self._left.pop(cell, None)
        if seconds is not None:
            for model in (cell.model, "any"):
                self._seen[model][0] += self._expected[cell]
                self._seen[model][1] += seconds

    def remaining(self, share_of: CellSpec | None = None, share: float = 0.0) -> float:
        """Seconds left, less the `share` of the running cell `share_of` that is done."""
        left = sum(self._scaled(cell) for cell in self._left)
        return left - (self._scaled(share_of) * share if share_of is not None else 0.0)

    def _scaled(self, cell: CellSpec) -> float:
        for model in (cell.model, "any"):
            expected, actual = self._seen[model]
            if expected > 0:
                return self._expected[cell] * actual / expected
        return self._expected[cell]


def spoken(seconds: float) -> str:
    """A duration in words that do not pretend to be exact: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
