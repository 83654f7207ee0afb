"""Which cells of a plan a data set cannot measure, and sentences that say so.

A plan is made from the number of images alone; which classes they have is known once they are loaded.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from hexbench.data.dataset import Dataset, Split, Subset
from hexbench.errors import BadInput
from hexbench.files import one_line, reason
from hexbench.models import Entry
from hexbench.plan.cell import SUBSET, Cell
from hexbench.plan.suites import setting_of
from hexbench.plan.sweeps import Models

FEWEST_CLASSES = 2
"""With one there is nothing to tell apart: every answer is right."""
MOST_NAMED = 10
"""Seeds, and splits, in a sentence."""


def unmeasurable(cells: Sequence[Cell], data: Dataset, models: Models) -> dict[Cell, str]:
    """By cell that `data` cannot measure: why, in half a sentence."""
    drawing: dict[tuple[Subset, Split, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        drawing[cell.subset, cell.parts, cell.seed_of(SUBSET)].append(cell)
    faults: dict[Cell, str] = {}
    for (subset, split, seed), same in drawing.items():
        asked = [cell for cell in same if models[cell.model].checks_labels]
        if not asked and _has_two_classes(data, subset, split):
            continue
        fault, labels = _drawn(data, subset, split, seed)
        if fault is not None:
            faults |= dict.fromkeys(same, fault)
            continue
        said = ((cell, _unfit(models[cell.model], labels, cell)) for cell in asked)
        faults |= {cell: why for cell, why in said if why is not None}
    without = {cell.identity for cell in faults}
    return faults | {
        cell: "the search for its hyperparameters is left out"
        for cell in cells
        if cell.params_from in without and cell not in faults
    }


def _drawn(data: Dataset, subset: Subset, split: Split, seed: int) -> tuple[str | None, np.ndarray]:
    """What is wrong with a draw for any model, and its training labels in their order."""
    nothing = data.labels[:0]
    if subset.classes is not None and (there := len(data.choices(split))) < subset.classes:
        return f"{_counted(there)} training and test images", nothing
    try:
        rows = data.draw(subset, split, seed)
    except ValueError:
        return "the classes that are drawn have fewer", nothing
    train, test = data.labels[rows.train], data.labels[rows.test]
    if len(np.unique(train)) < FEWEST_CLASSES:
        return "all training images would be of one class", train
    if len(np.unique(test)) < FEWEST_CLASSES:
        return "all test images would be of one class", train
    if len(np.unique(train)) < (subset.classes or 0):
        return "a class that is drawn would have no training image", train
    return None, train


def _counted(classes: int) -> str:
    return "only 1 class has" if classes == 1 else f"only {classes} classes have"


def _has_two_classes(data: Dataset, subset: Subset, split: Split) -> bool:
    """Whether that is certain without drawing, which takes its time where there are many images.

    The first k of n images in a stratified order hold at least m (k - c) / n, rounded down, of the m of a
    class, if there are c classes.
    """
    if subset.resplit or subset.classes is not None:
        return False
    train, test = (np.bincount(data.labels[rows], minlength=FEWEST_CLASSES) for rows in data.parts(split))
    if np.count_nonzero(test) < FEWEST_CLASSES:
        return False
    count, fitted = train.sum(), subset.size - subset.held_out
    if subset.size >= count:  # the training part as it is, in whatever order
        return bool(train.max() < fitted <= count)
    second = np.sort(train)[-FEWEST_CLASSES]
    return bool(second * (fitted - len(train)) >= count)


def _unfit(entry: Entry, labels: np.ndarray, cell: Cell) -> str | None:
    """What the model says of these labels. BadInput where it cannot answer."""
    try:
        said = entry.load().unfit(labels, cell.params)  # type: ignore[attr-defined]
    except Exception as error:
        raise BadInput(f"{entry.name}: unfit raises {type(error).__name__}: {reason(error)}.") from None
    return None if said is None else one_line(str(said))


def sentences(
    cells: Sequence[Cell], faults: Mapping[Cell, str], models: Models, own_split: int | str | None
) -> list[str]:
    """One for each model, size and reason; where other seeds of the same setting stay, it names the seeds."""
    stay = {setting_of(cell) for cell in cells if cell not in faults}
    alike: dict[tuple[str, str, bool], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell in faults:
            what = f"{models[cell.model].label}: {_size(cell.subset)}"
            alike[what, faults[cell], setting_of(cell) in stay].append(cell)
    return [
        f"{what}{_seeds(group, own_split) if some else ''} left out: {why}"
        for (what, why, some), group in alike.items()
    ]


def _size(subset: Subset) -> str:
    kind = "image" if subset.resplit else "training image"
    kind += "" if subset.size == 1 else "s"
    classes = "" if subset.classes is None else f" of {subset.classes} classes"
    return f"{subset.size:,} {kind}{classes}"


def _seeds(cells: Sequence[Cell], own_split: int | str | None) -> str:
    """Which draws these are, in brackets."""
    seeds: dict[int | str, list[str]] = defaultdict(list)
    for cell in cells:
        if str(cell.seed) not in seeds[cell.split]:
            seeds[cell.split].append(str(cell.seed))
    draws = []
    for split, own in seeds.items():
        where = "" if split == own_split else f"split {split}, "
        draws.append(f"{where}{'seed' if len(own) == 1 else 'seeds'} {_first(own, ', ')}")
    return f" ({_first(draws, '; ')})"


def _first(names: Sequence[str], between: str) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return between.join(names[:MOST_NAMED]) + more
