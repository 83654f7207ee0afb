"""The accuracy of two runs on the same test images: where the second reads fewer of them rightly.

Cells are alike that differ in nothing but their seed. They are paired by seed: on images with one
fingerprint, equal seeds mean equal training and test images and equal initial weights.

A network's luck in training is another matter. Where anything rounds otherwise, on another machine or
with another version, equal seeds soon go ways of their own, and the differences of three seeds are too
often alike by chance: over all cells of a suite the paired interval then errs many times more often than
it says. So the interval of a network is never narrower than one that takes the seeds for strangers.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from bench.analyse import statistics
from bench.analyse.evidence import Evidence, Group
from bench.analyse.readings import Record
from bench.analyse.statistics import Estimate
from bench.plan.spec import REPORT, SIMPLER

KIND = ("model", "protocol", "fit", "images", "classes", "train_size", "batch_size")
"""What cells have in common that are compared, besides the epoch and the measurement version."""
FAMILY = 0.05
"""The chance that any interval of accuracy misses its true difference, shared among all of them."""
FLOOR = 0.01
"""A change of at most one point is neither a regression nor better."""
DRAWN_TESTS = (REPORT, SIMPLER)
"""Protocols in which each seed has test images of its own."""
LUCK = 0.026
"""Standard deviation of a network's accuracy over seeds: root mean square over the kinds of cells of the
reference run. It stands in where there are ..."""
FEWEST_SEEDS = 3
"""... fewer than these, which do not show their own."""

REGRESSION, BETTER, IDENTICAL = "REGRESSION", "better", "identical"
SMALL = "under one point"
UNDECIDED = "no difference that this data can show"

SEEDS_AND_IMAGES, IMAGES, DRAWS = "seeds and images", "images", "draws"
ASSUMED_LUCK = "images and assumed luck"
"""What an interval has in it. Of an SVM's one seed it is the images alone: on the same training images
there is no luck."""


@dataclass(frozen=True)
class Difference:
    """The test accuracy of one kind of cell in both runs."""

    identity: dict[str, Any]
    """KIND, and `epochs`: None for an SVM, and where validation chose the epoch."""
    first: list[float]
    second: list[float]
    """Accuracies of the same seeds, in order."""
    change: Estimate
    """Of the mean, second less first."""
    interval_of: str
    identical: bool
    """Whether both read the very same images rightly."""

    @property
    def verdict(self) -> str:
        """REGRESSION and BETTER need an interval that leaves out 0, and more than FLOOR."""
        if self.identical:
            return IDENTICAL
        if not (self.change.low > 0 or self.change.high < 0):
            return UNDECIDED
        if abs(self.change.value) <= FLOOR:
            return SMALL
        return REGRESSION if self.change.value < 0 else BETTER


@dataclass(frozen=True)
class Accuracy:
    """Every kind of cell and epoch that both runs measured with a common seed."""

    differences: list[Difference]
    confidence: float
    """Of each interval, so that all hold together with 1 - FAMILY (Bonferroni)."""
    only_first: int
    only_second: int
    """Kinds of cells and epochs with no counterpart, or none with a common seed."""

    def count(self, verdict: str) -> int:
        """How many have this verdict."""
        return sum(d.verdict == verdict for d in self.differences)


def compare_accuracy(first: Evidence, second: Evidence) -> Accuracy:
    """Pair the cells of two runs on images with one fingerprint."""
    groups = _groups(first), _groups(second)
    pairs = {
        key: _paired(group, groups[1][key]) for key, group in groups[0].items() if key in groups[1]
    }
    pairs = {key: pair for key, pair in pairs.items() if pair}
    confidence = 1 - FAMILY / max(len(pairs), 1)
    differences = [_difference(key, pair, confidence) for key, pair in pairs.items()]
    alone = (len(found) - len(pairs) for found in groups)
    return Accuracy(differences, confidence, *alone)


def identity(record: Record, epoch: int | None) -> dict[str, Any]:
    """What a record is compared as, as it was after `epoch`."""
    return {name: record[name] for name in KIND} | {"epochs": epoch}


Key = tuple[Any, ...]
Pair = list[tuple[np.ndarray, np.ndarray]]
"""Hits of the first run and of the second, (images,) bool each, for every common seed."""


def _groups(evidence: Evidence) -> dict[Key, Group]:
    """The records that have the hits of an epoch, by kind and epoch; of one seed the longest trained.

    Seeds that share their test images must have as many of them.
    """
    found: dict[Key, dict[int, Record]] = {}
    for record in sorted(evidence.records, key=lambda r: r["epochs"] or 0):
        shared = record["protocol"] not in DRAWN_TESTS
        tested = sum(map(sum, record["confusion"])) if shared else None
        for epoch in _epochs(record):
            alike = tuple(identity(record, epoch).items())
            key = (alike, record["measurement_version"], tested)
            found.setdefault(key, {})[record["seed"]] = record
    return {
        key: Group(list(by_seed.values()), dict(key[0])["epochs"]) for key, by_seed in found.items()
    }


def _epochs(record: Record) -> list[int | None]:
    """The epochs after which a record has its hits; None is the end that the cell itself chose."""
    snapshots = record["snapshots"]
    if "last" in snapshots or str(record["stopped_at"]) in snapshots:
        return [None]
    return [int(epoch) for epoch in snapshots if epoch.isdecimal()]


def _paired(first: Group, second: Group) -> Pair:
    rows = (group.hits for group in first.paired(second))
    return [(a, b) for a, b in zip(*rows, strict=True) if len(a) == len(b)]


def _difference(key: Key, pair: Pair, confidence: float) -> Difference:
    kind = dict(key[0])
    first, second = (list(rows) for rows in zip(*pair, strict=True))
    identical = all(np.array_equal(a, b) for a, b in pair)
    change, interval_of = _estimate(kind, second, first, confidence)
    return Difference(
        kind,
        [float(row.mean()) for row in first],
        [float(row.mean()) for row in second],
        Estimate(0.0, 0.0, 0.0) if identical else change,
        interval_of,
        identical,
    )


def _estimate(
    kind: dict[str, Any], a: list[np.ndarray], b: list[np.ndarray], confidence: float
) -> tuple[Estimate, str]:
    """The accuracy of `a` less that of `b`, rows (images,) of equal seeds, and what its interval is of."""
    seeds, network = len(a), kind["model"] != "svm"
    if kind["protocol"] in DRAWN_TESTS and seeds > 1:
        found, interval_of = statistics.difference_of_draws(a, b, confidence), DRAWS
    else:
        found = statistics.difference(np.array(a), np.array(b), confidence)
        interval_of = SEEDS_AND_IMAGES if seeds > 1 else IMAGES
    if network and seeds < FEWEST_SEEDS:
        return statistics.with_error(found, LUCK * sqrt(2 / seeds), confidence), ASSUMED_LUCK
    if network and interval_of == SEEDS_AND_IMAGES:
        strangers = statistics.unpaired_difference(np.array(a), np.array(b), confidence)
        found = max(found, strangers, key=lambda estimate: estimate.high)
    return found, interval_of
