"""Test accuracy against seconds of training: which model is best at each time budget."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple, TypeVar

from hexbench.analyse.ranking import on_study_test
from hexbench.report.columns import training_time
from hexbench.report.slices import Slices


class Trained(NamedTuple):
    """A way to train a model."""

    model: str
    seconds: float
    """Of training, with the model's own search: the median over seeds, of clean cells if there are any."""
    accuracy: float
    """On the test images, 0 to 1, mean over seeds."""


def trained(slices: Slices) -> list[Trained]:
    """Every setting on the study's own test images, the quickest first."""
    found = []
    for setting, group in slices.groups.items():
        seconds = training_time(group)
        if seconds is not None and on_study_test(setting, slices.runs):
            found.append(Trained(setting.model, seconds, fmean(group.metric("test_accuracy"))))
    return sorted((one for one in found if one.seconds > 0), key=lambda one: one.seconds)


class Priced(NamedTuple):
    """An accuracy on the test images, 0 to 1, and what it costs."""

    cost: float
    accuracy: float


Reached = TypeVar("Reached", Trained, Priced)


def frontier(found: Sequence[Reached]) -> list[Reached]:
    """Of those in the order of their cost, the ones that no cheaper one equals.

    They are chosen by test accuracy: what was reached, not an estimate of what would be.
    """
    best: list[Reached] = []
    for one in found:
        if not best or one.accuracy > best[-1].accuracy:
            best.append(one)
    return best


def best_at_each_budget(found: Sequence[Trained]) -> list[tuple[float, str]]:
    """(seconds, model): from that budget on the model is best, until the next entry."""
    changes: list[tuple[float, str]] = []
    for one in frontier(found):
        if not changes or changes[-1][1] != one.model:
            changes.append((one.seconds, one.model))
    return changes
