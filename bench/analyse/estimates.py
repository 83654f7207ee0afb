"""Estimates of a claim's quantities, from random splits, test images or seeds."""

from collections.abc import Sequence
from dataclasses import replace
from math import nan, sqrt
from statistics import fmean
from typing import Any

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.groups import TIMES, Group
from hexbench.analyse.intervals import CONFIDENCE, Estimate, Spread, Unit
from hexbench.analyse.quantities import (
    INCONCLUSIVE,
    MANY_IMAGES,
    NOT_RUN,
    OF_CLASS,
    SEEDS_OF_MANY,
    SHARES,
    SPLITS,
    Case,
    Finding,
    Part,
    Quantity,
    described,
)
from hexbench.analyse.runs import Runs
from hexbench.errors import BadInput
from hexbench.files import nearest

FEWEST_TIMES = 2
"""Runs that had the machine to themselves, of each side."""
FEWEST_SPLITS = 5
"""With fewer random splits, accuracies rest on the seeds of the study's own."""
ON_SPLITS = ("test_accuracy", "train_accuracy", "recall", "precision")


def measured(case: Case) -> Finding:
    """The estimate of a part; its verdict is empty, unless nothing can be decided.

    Accuracies rest on random splits where there are enough; else on the seeds of the study's own split.
    """
    part, runs, level = case
    groups = [quantity.cells(runs) for quantity in part.of]
    if of_splits := _of_splits(part, runs):
        groups = of_splits
    for quantity, group in zip(part.of, groups, strict=True):
        if not group.records or np.isnan(values_of(quantity, group, runs)[0]).any():
            return not_run(quantity, runs, groups)
    if any(quantity.metric in TIMES for quantity in part.of):
        groups = [group.clean for group in groups]
        if reason := _not_timed(groups):
            return Finding(INCONCLUSIVE, reason, groups=[Group([], None, g.failed) for g in groups])
    elif part.kind == "difference" and not of_splits and _is_paired(part, groups, runs):
        groups = list(groups[0].paired(groups[1]))
    if not of_splits and (reason := too_few(part, groups, runs)):
        n = min(len(group) for group in groups if not runs.is_fixed(group))
        return Finding(INCONCLUSIVE, reason, n=n, groups=groups)
    found, unit = estimate(part, groups, runs, level)
    if of_splits:
        return _found_on_splits(part, groups, runs, found, unit)
    n = min((len(group) for group in groups if len(group) > 1), default=1)
    return Finding("", "", found, unit, n, groups)


def _of_splits(part: Part, runs: Runs) -> list[Group]:
    """The cells of a part on the random splits that all its sides have; empty where these are too few."""
    if part.kind == "ratio" or any(quantity.metric not in ON_SPLITS for quantity in part.of):
        return []
    groups = [runs.on_splits(quantity.selection) for quantity in part.of]
    common = set.intersection(*({record.split for record in group.records} for group in groups))
    if len(common) < FEWEST_SPLITS:
        return []
    return [Group([r for r in g.records if r.split in common], g.epoch, g.failed) for g in groups]


def _found_on_splits(part: Part, groups: Sequence[Group], runs: Runs, found: Estimate, unit: Unit) -> Finding:
    values = _by_split(part, groups, runs)
    reason = ""
    if part.kind == "difference":
        reason = f"above 0 on {sum(value > 0 for value in values)} of {len(values)} random splits"
    return Finding("", reason, found, unit, len(values), groups, counted=SPLITS)


def on_own_split(part: Part, runs: Runs) -> str:
    """The estimate of a part on the study's own split; empty where there is none."""
    own = runs.manifest.split.split
    finding = measured(Case(replace(part, of=tuple(q.but(split=own) for q in part.of)), runs, CONFIDENCE))
    return finding.text(CONFIDENCE)


def _is_paired(part: Part, groups: Sequence[Group], runs: Runs) -> bool:
    """Whether equal seeds are one training run, or are tested on the same images and no others."""
    if any(map(runs.is_fixed, groups)):
        return False
    same = bool(set(groups[0].keys) & set(groups[1].keys))
    accuracies = all(quantity.metric == "test_accuracy" for quantity in part.of)
    return same or not accuracies or not all(map(_share_tests, groups))


def too_few(part: Part, groups: Sequence[Group], runs: Runs) -> str:
    """Why so few seeds decide nothing; empty where there are enough."""
    random = [group for group in groups if not runs.is_fixed(group)]
    if not random:
        return ""
    many_images = any(g.records[0].tested > MANY_IMAGES and _share_tests(g) for g in random)
    accuracies = any(quantity.metric in SHARES for quantity in part.of)
    needed = max(part.seeds, SEEDS_OF_MANY if many_images and accuracies and part.seeds > 1 else 1)
    fewest = min(map(len, random))
    return f"{fewest} of the {needed} seeds that the rule needs" if fewest < needed else ""


def not_run(quantity: Quantity, runs: Runs, groups: Sequence[Group], where: str = "") -> Finding:
    """No cell measures a quantity."""
    what = f"the {quantity.name} of {described(quantity.selection, runs)}{where}"
    return Finding(NOT_RUN, f"no run measures {what}", groups=groups)


def _not_timed(groups: Sequence[Group]) -> str | None:
    """Why times must not be compared; the groups are of clean runs."""
    if min(map(len, groups)) < FEWEST_TIMES:
        return "too few runs had the machine to themselves"
    hardware = {(r.environment.machine, r.device) for g in groups for r in g.records}
    return "the runs are of several machines" if len(hardware) > 1 else None


def estimate(part: Part, groups: Sequence[Group], runs: Runs, level: float) -> tuple[Estimate, Unit]:
    """The quantity of a part on these groups, one for each of `part.of`, and how it is written."""
    if part.kind == "ratio":
        sides = [values_of(q, group, runs)[0] for q, group in zip(part.of, groups, strict=True)]
        if min(min(side) for side in sides) <= 0:
            raise BadInput(f"the ratio of {part.said(runs)} has values that are not above 0.")
        return intervals.ratio(sides[0], sides[1], level), intervals.TIMES
    if len({record.split for group in groups for record in group.records}) > 1:
        test_share = groups[0].records[0].test_size or 0.0
        found = intervals.over_splits(_by_split(part, groups, runs), test_share, level)
    else:
        found = (
            _of_images(part, groups, runs, level)
            or _of_losses(part, groups, level)
            or _ofvalues_of(part, groups, runs, level)
        )
    return found, unit_of(part)


def _by_split(part: Part, groups: Sequence[Group], runs: Runs) -> list[float]:
    """The quantity, or difference, of each split; the mean over its seeds."""
    sides = []
    for quantity, group in zip(part.of, groups, strict=True):
        values: dict[Any, list[float]] = {}
        for record, value in zip(group.records, values_of(quantity, group, runs)[0], strict=True):
            values.setdefault(record.split, []).append(value)
        sides.append({split: fmean(of_split) for split, of_split in values.items()})
    return [sides[0][s] - (sides[1][s] if part.kind == "difference" else 0) for s in sorted(sides[0])]


def _of_images(part: Part, groups: Sequence[Group], runs: Runs, level: float) -> Estimate | None:
    """Of test accuracies on the same images; None where these are not known, or differ by seed."""
    if any(quantity.metric != "test_accuracy" for quantity in part.of):
        return None
    rows = [group.correct for group in groups]
    known = all(len(found) == len(group) for found, group in zip(rows, groups, strict=True))
    one_set = all(map(_share_tests, groups)) or max(map(len, groups)) == 1
    if not known or not one_set or len({len(row) for found in rows for row in found}) > 1:
        return None
    priors = [_spread_of_seeds(group, runs) for group in groups]
    if part.kind == "of":
        return intervals.accuracy(np.array(rows[0]), level, priors[0])
    if not all(map(_share_tests, groups)):
        return None
    if set(groups[0].keys) & set(groups[1].keys):
        return intervals.paired_difference(np.array(rows[0]), np.array(rows[1]), level)
    return intervals.difference(np.array(rows[0]), np.array(rows[1]), level, (priors[0], priors[1]))


def _spread_of_seeds(group: Group, runs: Runs) -> Spread | None:
    """What the model's other settings say of how these cells differ by seed."""
    prior = None if runs.is_fixed(group) else runs.priors[group.records[0].model]
    return prior and prior.at(fmean(group.metric("test_accuracy")))


def _of_losses(part: Part, groups: Sequence[Group], level: float) -> Estimate | None:
    """Of test losses of the same runs at two epochs, image by image; None where these are not known.

    The value is the exact difference; the kept losses, which are rounded, give its interval.
    """
    if part.kind != "difference" or any(quantity.metric != "test_loss" for quantity in part.of):
        return None
    rows = [group.losses for group in groups]
    same = groups[0].keys == groups[1].keys and all(map(_share_tests, groups))
    if not same or len(groups[0]) < 2 or any(len(r) != len(g) for r, g in zip(rows, groups, strict=True)):
        return None
    found = intervals.paired_difference(np.array(rows[0]), np.array(rows[1]), level)
    exact = fmean(groups[0].metric("test_loss")) - fmean(groups[1].metric("test_loss"))
    reach = found.high - found.value
    return Estimate(exact, exact - reach, exact + reach)


def _ofvalues_of(part: Part, groups: Sequence[Group], runs: Runs, level: float) -> Estimate:
    """The mean over the seeds, with the drawing of test images where that is not in the seeds' spread."""
    if part.kind == "difference" and not any(map(runs.is_fixed, groups)):
        groups = groups[0].paired(groups[1])
    sides = [values_of(q, group, runs) for q, group in zip(part.of, groups, strict=True)]
    values = np.array(sides[0][0])
    if part.kind == "difference":
        values = values - np.array(sides[1][0])
    variance = sum(variance for _, variance in sides)
    value = float(values.mean())
    alone = len(values) == 1 and variance > 0
    if alone and part.kind == "of":
        trials = round(value * (1 - value) / variance)
        return intervals.proportion(round(value * trials), trials, level)
    found = Estimate(value, value, value) if alone else intervals.mean(values.tolist(), level)
    return intervals.with_error(found, sqrt(variance), level) if variance else found


def values_of(quantity: Quantity, group: Group, runs: Runs) -> tuple[list[float], float]:
    """A quantity of each cell, and the variance of its mean by the drawing of shared test images."""
    if quantity.metric in TIMES:
        return group.seconds(quantity.metric) or [nan], 0.0
    if quantity.metric in OF_CLASS:
        place = _place(quantity, runs)
        axis = int(quantity.metric == "recall")
        counts = [(m[place, place], m.sum(axis)[place]) for m in group.confusions]
        values = [float(k / n) if n else nan for k, n in counts] or [nan]
        images = float(np.mean([n for _, n in counts])) if counts else 0.0
    else:
        values = group.metric(quantity.metric)
        images = group.records[0].tested if quantity.metric == "test_accuracy" else 0.0
    if not images or not (_share_tests(group) or len(group) == 1):
        return values, 0.0
    share = float(np.mean(values))
    return values, share * (1 - share) / images


def _place(quantity: Quantity, runs: Runs) -> int:
    names = runs.manifest.data.class_names
    if quantity.of_class not in names:
        near = nearest(str(quantity.of_class), names)
        raise BadInput(f"the data have no class {quantity.of_class!r}{near}.")
    return names.index(quantity.of_class)


def _share_tests(group: Group) -> bool:
    """Whether every seed is tested on the same images."""
    subsets = [record.subset for record in group.records]
    return not any(subset.resplit or subset.classes is not None for subset in subsets)


def unit_of(part: Part) -> Unit:
    """How a quantity, or a difference of two, is written."""
    difference = part.kind == "difference"
    if all(quantity.metric in SHARES for quantity in part.of):
        return intervals.POINTS if difference else intervals.PERCENT
    if difference:
        return intervals.SIGNED
    metric = part.of[0].metric
    if metric in TIMES:
        return intervals.SECONDS
    return intervals.COUNT if metric == "parameters" else intervals.LOSS
