"""Rules about the number of training images: growth of time, images needed, learning curves extrapolated."""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, inf, log, sqrt
from statistics import fmean
from typing import Any

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.decisions import decided_above, decided_below
from hexbench.analyse.estimates import not_run, too_few, values_of
from hexbench.analyse.groups import ANY, Group
from hexbench.analyse.intervals import Estimate
from hexbench.analyse.quantities import INCONCLUSIVE, Case, Finding, Quantity
from hexbench.analyse.runs import Runs
from hexbench.analyse.scaling import FROM, fit_power, law_of

EXTRAPOLATED_FROM = 3
"""Training sizes, the largest."""
DRAWN = 2_000
"""Draws about the measured accuracies, for an interval that has no formula."""


def growth(case: Case, *, bound: float | None = None, smallest: int = FROM) -> Finding:
    """The exponent with which a time grows with the number of images; with `bound`, whether it is above."""
    groups = [group for _, group in _by_size(case.quantity, case.runs)]
    records = [record for group in groups for record in group.records if record.train_size >= smallest]
    law, clean = law_of(records, case.quantity.metric, case.level)
    if law is None:
        return not_run(case.quantity, case.runs, groups, f" at three sizes from {smallest:,} images")
    text = intervals.written(law.estimate, intervals.POWER)
    if not clean:
        reason = "the machine was not free, or not one and the same, at three sizes; all there is gives"
        lacking = [Group([], None, group.failed) for group in groups]
        return Finding(INCONCLUSIVE, f"{reason} {text}", groups=lacking)
    clean_groups = [group.clean for group in groups]
    runs = len(law.points)
    finding = Finding("", "", law.estimate, intervals.POWER, runs, clean_groups, counted="runs")
    return finding if bound is None else decided_above(finding, bound)


def images_needed(case: Case, *, reach: float, bound: float | None = None) -> Finding:
    """How many training images a metric needs to reach a level, along straight lines in log size.

    With `bound`, whether that is fewer than so many. Of a ratio of two models: how many times as many
    images the first needs, and with `bound` whether that is above. Intervals are percentiles of draws of
    the accuracies' error.
    """
    curves = [_curve(quantity, case.runs) for quantity in case.part.of]
    groups = [group for curve in curves for _, group in curve]
    for quantity, curve in zip(case.part.of, curves, strict=True):
        if len(curve) < 2:
            return not_run(quantity, case.runs, groups, " at two sizes")
    if reason := too_few(case.part, groups, case.runs):
        return Finding(INCONCLUSIVE, reason, groups=groups)
    needed = _drawn(curves, reach)
    tail = 50 * (1 - case.level)
    if case.part.kind == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = needed[0] / needed[1]
        value, (low, high) = ratios[0], _central(ratios[1:], tail)
        if not np.isfinite(value) or value == 0:
            reason = f"a model does not reach {100 * reach:.0f}% within the measured sizes"
            return Finding(INCONCLUSIVE, reason, groups=groups)
        found = Estimate(float(value), float(low), float(high))
        finding = Finding("", "", found, intervals.TIMES, min(map(len, groups)), groups)
        return finding if bound is None else decided_above(finding, bound)
    found = Estimate(float(needed[0, 0]), *_central(needed[0, 1:], tail))
    ends = {0.0: f"fewer than {curves[0][0][0]:,}", inf: f"more than {curves[0][-1][0]:,}"}
    words = [ends.get(x, f"{x:,.0f}") for x in (found.value, found.low, found.high)]
    said = f"{words[0]} images for {100 * reach:.0f}% ({case.interval} {words[1]} to {words[2]})"
    finding = Finding("", "", found, intervals.COUNT, min(map(len, groups)), groups, said=said)
    return finding if bound is None else decided_below(finding, bound)


def _central(drawn: np.ndarray, tail: float) -> tuple[float, float]:
    """The percentiles of draws that may be infinite; what is no number is left out."""
    ordered = np.sort(drawn[~np.isnan(drawn)])
    edge = int(len(ordered) * tail / 100)
    return float(ordered[edge]), float(ordered[-1 - edge])


def _curve(quantity: Quantity, runs: Runs) -> list[tuple[int, Group]]:
    """The cells by the number of images that they were fitted on, where their predictions are kept."""
    found = [group for _, group in _by_size(quantity, runs) if group.records]
    kept = [group for group in found if len(group.correct) == len(group)]
    return sorted(((group.records[0].train_size, group) for group in kept), key=lambda one: one[0])


def _drawn(curves: Sequence[Sequence[tuple[int, Group]]], reach: float) -> np.ndarray:
    """(curves, 1 + DRAWN) sizes at which each reaches a level: first of the means, then of draws about them.

    The error of the accuracies is drawn in two parts: that of the test images, which all groups share, is
    normal with the covariance of the images' mean correctness; that of the seeds is Student's t.
    """
    rng = np.random.default_rng(0)
    groups = [group for curve in curves for _, group in curve]
    images = np.array([np.mean(group.correct, axis=0) for group in groups])
    error = rng.multivariate_normal(
        np.zeros(len(groups)), np.cov(images) / images.shape[1], DRAWN, method="eigh"
    )
    for place, group in enumerate(groups):
        values = group.metric("test_accuracy")
        if len(values) > 1:
            scale = float(np.std(values, ddof=1)) / sqrt(len(values))
            error[:, place] += scale * rng.standard_t(len(values) - 1, DRAWN)
    accuracies = images.mean(axis=1) + np.vstack([np.zeros(len(groups)), error])
    found, start = np.empty((len(curves), 1 + DRAWN)), 0
    for place, curve in enumerate(curves):
        sizes = [size for size, _ in curve]
        rows = accuracies[:, start : start + len(curve)].tolist()
        found[place] = [_crossing(list(zip(sizes, row, strict=True)), reach) for row in rows]
        start += len(curve)
    return found


def _by_size(quantity: Quantity, runs: Runs) -> list[tuple[int, Group]]:
    """The cells at every training size at which there are some, or that failed."""
    axis = "images" if "images" in quantity.selection.wanted else "train_size"
    asked = [quantity.selection] + ([quantity.otherwise] if quantity.otherwise else [])
    sizes = sorted({size for one in asked for size in runs.varied(one, axis)})
    return [(size, quantity.but(**{axis: size}).cells(runs)) for size in sizes]


def _crossing(curve: list[tuple[int, float]], level: float) -> float:
    """The size at which a curve crosses a level; 0 or infinity where that is outside its sizes."""
    if curve[0][1] >= level:
        return 0.0
    for (before, low), (after, high) in pairwise(curve):
        if high >= level:
            share = (level - low) / (high - low)
            return exp(log(before) + share * (log(after) - log(before)))
    return inf


def extrapolated(case: Case, *, images: int, sizes: int = EXTRAPOLATED_FROM) -> Finding:
    """What the learning curve predicts of one run on more training images than there are.

    A straight line through the logarithms of the error and of the size, of the runs at the largest sizes, is
    the most that can be expected, for learning curves flatten; no further gain is the least. The interval
    reaches from the one's prediction interval to the other's, the value is in their geometric middle. For
    details: it decides nothing.
    """
    curve = [(size, group) for size, group in _by_size(case.quantity, case.runs) if group.records]
    groups = [group for _, group in curve]
    if not curve or curve[-1][0] >= images:
        return not_run(case.quantity, case.runs, groups, " on fewer images than are asked for")
    found = predicted_accuracy(_errors(case, curve[-sizes:]), images, case.level)
    if found is None:
        return not_run(case.quantity, case.runs, groups, f" at {sizes} sizes")
    reason = f"on {images:,} training images, from {curve[-sizes][0]:,} to {curve[-1][0]:,}"
    n = sum(len(group) for group in groups[-sizes:])
    named = f"{case.percent} prediction interval"
    return Finding("", reason, found, intervals.PERCENT, n, groups[-sizes:], interval=named, counted="runs")


def extrapolation_checked(case: Case, *, largest: int, sizes: int = EXTRAPOLATED_FROM) -> Finding:
    """How many accuracies on larger training sets lie in what runs on up to `largest` images predict.

    On each random split by itself. For details: it decides nothing.
    """
    by_split: dict[Any, list[tuple[int, Group]]] = {}
    open_one = case.quantity.selection.but(split=ANY, train_size=ANY)
    for setting, group in case.runs.found(open_one):
        if group.records and setting.split != case.runs.manifest.split.split:
            by_split.setdefault(setting.split, []).append((setting.subset.size, group))
    inside: list[bool] = []
    groups = []
    for found in by_split.values():
        curve = sorted(found, key=lambda one: one[0])
        small = [one for one in curve if one[0] <= largest][-sizes:]
        for size, group in curve:
            interval = predicted_accuracy(_errors(case, small), size, case.level) if size > largest else None
            if interval is not None:
                values = values_of(case.quantity, group, case.runs)[0]
                inside += [interval.low <= value <= interval.high for value in values]
                groups.append(group)
    if not inside:
        return not_run(case.quantity, case.runs, groups, f" on more than {largest:,} images of random splits")
    said = f"{sum(inside)} of {len(inside)} runs on more than {largest:,} images inside"
    return Finding("", "", Estimate(fmean(inside), 0, 1), intervals.PERCENT, len(inside), groups, said=said)


def _errors(case: Case, curve: Sequence[tuple[int, Group]]) -> list[tuple[float, float]]:
    return [
        (size, 1 - value) for size, group in curve for value in values_of(case.quantity, group, case.runs)[0]
    ]


def predicted_accuracy(points: Sequence[tuple[float, float]], images: int, level: float) -> Estimate | None:
    """That of one run on more images, from (size, error) of runs; None with fewer than three sizes."""
    law = fit_power(points, level)
    if law is None:
        return None
    largest = max(size for size, _ in points)
    low, high = law.predicted(images, level)[0], law.predicted(largest, level)[1]
    return Estimate(1 - sqrt(law(largest) * law(images)), 1 - high, 1 - low)
