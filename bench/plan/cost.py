"""Expected seconds of a cell, for `--plan` and the time left; only ever used to inform people.

A model says what its training costs for each step, pixel or pair of images on two cores
(`hexbench.models.base`). Another machine differs by some factor, which `Clock` learns for each model
from the cells that are done.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import ceil

from hexbench.models import Entry
from hexbench.models.machine import usable_cores
from hexbench.plan.cell import Cell
from hexbench.plan.suites import Images
from hexbench.plan.sweeps import Models

FIXED_SECONDS = 0.5
TYPICAL_PIXELS = 500
"""Where the shape of the images is not known before they are loaded."""
OWN_ACCURACY_UP_TO = 10_000
"""Predicting can cost as much as fitting: above this many images a model that does not train by epochs
is not asked for its accuracy on its training images."""


class Expectation:
    """How long cells take on a data set."""

    def __init__(self, images: Images, models: Models, pixels: int | None = None):
        """`pixels`: values of an image."""
        self._images, self._models = images, models
        self._pixels = pixels or TYPICAL_PIXELS
        self._cores = usable_cores()

    def seconds(self, cell: Cell) -> float:
        """About how long `cell` takes."""
        entry = self._models.get(cell.model)
        if entry is None:
            return FIXED_SECONDS
        size = cell.subset.size
        tested = cell.parts.tested(size) if cell.subset.resplit else self._images.tested
        if entry.learning_curve:
            return self._by_epochs(cell, entry, tested)
        pairs = entry.cost.get("pair", 0.0) / (self._cores if entry.searches else 1)
        if cell.params.get("probability"):
            pairs = entry.cost.get("probability_pair", pairs)
        n = cell.train_size
        predicted = tested + (n if n <= OWN_ACCURACY_UP_TO else 0)
        per_prediction = entry.cost.get("predicted_pair", 0.0) / self._cores
        pixels = n * self._pixels * entry.cost.get("pixel", 0.0)
        return entry.cost.get("fixed", FIXED_SECONDS) + pixels + n**2 * pairs + n * predicted * per_prediction

    def _by_epochs(self, cell: Cell, entry: Entry, tested: int) -> float:
        n, epochs, held_out = cell.train_size, cell.planned_epochs or 1, cell.subset.held_out
        if held_out and entry.stops_after is not None:
            epochs = min(epochs, entry.stops_after)
        steps = epochs * ceil(n / (cell.batch_size or n))
        evaluations = sum(e < epochs for e in cell.evaluate_at) + 1
        evaluated = evaluations * held_out + tested if held_out else evaluations * tested
        cost = entry.cost
        return (
            cost.get("fixed", FIXED_SECONDS)
            + steps * cost.get("step", 0.0)
            + epochs * n * self._pixels * cost.get("pixel", 0.0)
            + evaluated * self._pixels * cost.get("tested_pixel", 0.0)
        )


class Clock:
    """Learns how this machine compares with what was expected, and says how much time is left."""

    def __init__(self, cells: Sequence[Cell], expectation: Expectation):
        self._expected = {cell: expectation.seconds(cell) for cell in cells}
        self._left = dict(self._expected)
        self._seen: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def done(self, cell: Cell, seconds: float | None) -> None:
        """`cell` is finished, after `seconds`, or without being run (None)."""
        self._left.pop(cell, None)
        if seconds is not None:
            for model in (cell.model, "any"):
                self._seen[model][0] += self._expected[cell]
                self._seen[model][1] += seconds

    def remaining(self, share_of: Cell | None = None, share: float = 0.0) -> float:
        """Seconds left, less the `share` of the running cell `share_of` that is done."""
        left = sum(self._scaled(cell) for cell in self._left)
        return left - (self._scaled(share_of) * share if share_of is not None else 0.0)

    def _scaled(self, cell: Cell) -> float:
        for model in (cell.model, "any"):
            expected, actual = self._seen[model]
            if expected > 0:
                return self._expected[cell] * actual / expected
        return self._expected[cell]


def format_duration(seconds: float) -> str:
    """A duration that does not pretend to be exact: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
