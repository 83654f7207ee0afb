"""Rules: how a quantity of a run becomes a verdict. A table of functions, by the names claims use.

A rule is a function of a `Case`; its keyword-only arguments are the options that a claim may give it. A
study may add functions of this kind. Accuracies and differences are from 0 to 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import exp, inf, log, sqrt
from statistics import fmean
from typing import Any

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.intervals import Estimate
from hexbench.analyse.quantities import (
    INCONCLUSIVE,
    NOT_RUN,
    Case,
    Finding,
    Quantity,
    measured,
    not_run,
    too_few,
    unit_of,
    values_of,
)
from hexbench.analyse.runs import ANY, Group, Runs
from hexbench.analyse.scaling import FROM, fit_power, law_of

SUPPORTED, REFUTED, CONSISTENT = "supported", "refuted", "consistent"
NOT_COMPARABLE = "not comparable"
EXTRAPOLATED_FROM = 3
"""Training sizes, the largest."""
DRAWN = 2_000
"""Draws about the measured accuracies, for an interval that has no formula."""
MARGIN = 0.015
"""`near` means within this unless a claim says otherwise."""

VERDICTS = (SUPPORTED, CONSISTENT, REFUTED, INCONCLUSIVE, NOT_COMPARABLE, NOT_RUN)

Rule = Callable[..., Finding]


def decide_above(found: Estimate, bound: float = 0.0) -> str:
    """Supported if the interval lies above a bound, refuted if below."""
    if found.low > bound:
        return SUPPORTED
    return REFUTED if found.high < bound else INCONCLUSIVE


def decide_near(
    value: float, inner: Estimate, outer: Estimate, margin: float, rounding: float = 0.0
) -> tuple[str, float]:
    """Supported if the inner interval lies within the margin, refuted if the outer lies wholly beyond it.

    And how far the deciding end is from where that would turn, negative beyond.
    """
    inside = margin - rounding - max(value - inner.low, inner.high - value)
    outside = max(outer.low - value, value - outer.high) - margin - rounding
    if outside > 0:
        return REFUTED, -outside
    return SUPPORTED if inside >= 0 else INCONCLUSIVE, inside


def _decided(finding: Finding, verdict: str, distance: float, reason: str = "") -> Finding:
    reason = reason or finding.reason
    return replace(finding, verdict=verdict, reason=reason, distance=distance)


def near(
    case: Case, *, value: float, margin: float = MARGIN, rounding: float = 0.0, counted: int = 0
) -> Finding:
    """Within a margin of a value: supported by two one-sided tests, refuted by the interval.

    `counted`: the value is a share of so many, found in one run, with its binomial error and that of its
    seed and split. `rounding`: the value was rounded, and may be off by so much.
    """
    finding = measured(case)
    if finding.found is None:
        return finding
    # Two one-sided tests at half of 1 - level each are an interval of twice that (Schuirmann 1987).
    tested = case._replace(level=1 - 2 * (1 - case.level))
    inner = measured(tested).found
    assert inner is not None
    error = _error_of_one_run(case, finding, value, counted) if counted else 0.0
    outer, inner = (
        intervals.with_error(found, error, level) if error else found
        for found, level in ((finding.found, case.level), (inner, tested.level))
    )
    verdict, distance = decide_near(value, inner, outer, margin, rounding)
    apart = Estimate(outer.value - value, outer.low - value, outer.high - value)
    reason = f"measured minus reported {intervals.written(apart, finding.unit.of_differences, case.interval)}"
    if error:
        reason += ", with the error of the reported value"
    if verdict == SUPPORTED:
        reason += f"; within {finding.unit.of_differences.written(margin)[1:]} by two one-sided tests"
    room = abs(margin - abs(outer.value - value))
    return replace(_decided(finding, verdict, distance, reason), target=value, room=room)


def _error_of_one_run(case: Case, finding: Finding, value: float, counted: int) -> float:
    """The standard deviation of a reported accuracy: its test images, and the seed and split of one run.

    What one run varies by beyond its test images is the variance over the measured runs, less that of
    drawing their test images.
    """
    (group,) = finding.groups
    values = values_of(case.quantity, group, case.runs)[0]
    mean, of_runs = float(np.mean(values)), float(np.var(values, ddof=1)) if len(values) > 1 else 0.0
    if len({record.split for record in group.records}) > 1:
        of_runs = max(0.0, of_runs - mean * (1 - mean) / group.records[0].tested)
    return sqrt(value * (1 - value) / counted + of_runs)


def measure(case: Case) -> Finding:
    """The value alone; for details, which decide nothing."""
    return measured(case)


def above(case: Case, *, bound: float) -> Finding:
    """Above a bound."""
    return _above(measured(case), bound)


def below(case: Case, *, bound: float) -> Finding:
    """Below a bound."""
    return _below(measured(case), bound)


def _above(finding: Finding, bound: float) -> Finding:
    if finding.found is None:
        return finding
    found = finding.found
    finding = replace(finding, target=bound, room=abs(found.value - bound))
    return _decided(finding, decide_above(found, bound), found.low - bound)


def _below(finding: Finding, bound: float) -> Finding:
    if finding.found is None:
        return finding
    found = finding.found
    finding = replace(finding, target=bound, room=abs(found.value - bound))
    return _decided(finding, decide_above(-found, -bound), bound - found.high)


def equals(case: Case, *, value: float, digits: int = 9) -> Finding:
    """The same value in every cell, rounded to so many digits; an axis that is `any` may differ."""
    groups = [group for _, group in case.runs.found(case.quantity.selection) if group.records]
    values = {v for group in groups for v in values_of(case.quantity, group, case.runs)[0]}
    if not values or any(np.isnan(v) for v in values):
        return not_run(case.quantity, case.runs, groups)
    seeds = {record.seed for group in groups for record in group.records}
    verdict = SUPPORTED if all(round(v, digits) == round(value, digits) for v in values) else REFUTED
    first = min(values, key=lambda v: -abs(v - value))
    found = Estimate(first, min(values), max(values))
    return Finding(verdict, "", found, unit_of(case.part), len(seeds), groups, -abs(first - value))


def draws(case: Case, *, value: float) -> Finding:
    """Whether a value lies in the central part of the draws, one a seed; `seeds` says how many at least.

    Fewer than 40 draws have no 2.5th percentile.
    """
    group = case.quantity.cells(case.runs)
    finding = measured(case)
    if finding.found is None:
        return finding
    values = np.array(values_of(case.quantity, group, case.runs)[0])
    found = intervals.central(values.tolist(), case.level)
    share = 100 * float(np.mean(values <= value))
    reason = f"{share:.0f}% of {len(values)} draws are at or below {finding.unit.written(value)}"
    inside = min(value - found.low, found.high - value)
    verdict = CONSISTENT if inside >= 0 else REFUTED  # so would many another value be
    central = f"central {case.percent}"
    finding = replace(finding, found=found, n=len(values), interval=central, counted="draws", target=value)
    return _decided(finding, verdict, inside, reason)


def rising_share(case: Case, *, bound: float, first: int = 1, falling: bool = False) -> Finding:
    """Whether a metric rises from one evaluated epoch to the next in more than a share of the steps.

    From the epoch `first` up to the selected one; with `falling`, whether it falls.
    """
    finding = measured(case)
    if finding.found is None:
        return finding
    group = finding.groups[0]
    last = group.epoch or max(r.epochs or 0 for r in group.records)
    rows = np.array([group.metric(case.quantity.metric, epoch) for epoch in range(first, last + 1)])
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < 2:
        return not_run(case.quantity, case.runs, [group], " at two epochs")
    shares = (np.diff(rows, axis=0) * (-1 if falling else 1) > 0).mean(axis=0)
    found = intervals.mean(shares.tolist(), case.level)
    reason = f"of {len(rows) - 1} steps from one evaluated epoch to the next, from epoch {first} to {last}"
    return _above(Finding("", reason, found, intervals.PERCENT, len(shares), [group]), bound)


def growth(case: Case, *, bound: float | None = None, smallest: int = FROM) -> Finding:
    """The exponent with which a time grows with the number of images; with `bound`, whether it is above."""
    groups = [group for _, group in _by_size(case.quantity, case.runs)]
    records = [record for group in groups for record in group.records if record.train_size >= smallest]
    law, clean = law_of(records, case.quantity.metric, case.level)
    if law is None:
        return not_run(case.quantity, case.runs, groups, f" at three sizes from {smallest} images")
    text = intervals.written(law.estimate, intervals.POWER)
    if not clean:
        reason = "the machine was not free, or not one and the same, at three sizes; all there is gives"
        lacking = [Group([], None, group.failed) for group in groups]
        return Finding(INCONCLUSIVE, f"{reason} {text}", groups=lacking)
    clean_groups = [group.clean for group in groups]
    runs = len(law.points)
    finding = Finding("", "", law.estimate, intervals.POWER, runs, clean_groups, counted="runs")
    return finding if bound is None else _above(finding, bound)


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
        return finding if bound is None else _above(finding, bound)
    found = Estimate(float(needed[0, 0]), *_central(needed[0, 1:], tail))
    ends = {0.0: f"fewer than {curves[0][0][0]:,}", inf: f"more than {curves[0][-1][0]:,}"}
    words = [ends.get(x, f"{x:,.0f}") for x in (found.value, found.low, found.high)]
    said = f"{words[0]} images for {100 * reach:.0f}% ({case.interval} {words[1]} to {words[2]})"
    finding = Finding("", "", found, intervals.COUNT, min(map(len, groups)), groups, said=said)
    return finding if bound is None else _below(finding, bound)


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

    A straight line through the logarithms of the error and of the size, of the runs at the largest sizes; the
    interval is one of prediction. For details: it decides nothing.
    """
    curve = [(size, group) for size, group in _by_size(case.quantity, case.runs) if group.records]
    groups = [group for _, group in curve]
    if not curve or curve[-1][0] >= images:
        return not_run(case.quantity, case.runs, groups, " on fewer images than are asked for")
    found = _predicted(_errors(case, curve[-sizes:]), images, case.level)
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
            interval = _predicted(_errors(case, small), size, case.level) if size > largest else None
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


def _predicted(points: Sequence[tuple[float, float]], images: int, level: float) -> Estimate | None:
    law = fit_power(points, level)
    if law is None:
        return None
    low, high = law.predicted(images, level)
    return Estimate(1 - law(images), 1 - high, 1 - low)


def consistency(
    _: Case,
    *,
    part_count: int = 0,
    share: float = 0.0,
    whole: int = 0,
    percent: str = "",
    count: int = 0,
) -> Finding:
    """Whether reported numbers agree; no run is needed.

    `part_count` is to be the `share` of `whole`, rounded; or `percent` a whole number of `count`, rounded
    to its digits (the GRIM test of Brown and Heathers, 2016).
    """
    if percent:
        decimals = len(percent.rstrip("%").partition(".")[2])
        wanted = round(float(percent.rstrip("%")), decimals)
        nearest_count = round(wanted * count / 100)
        around = [k for k in range(nearest_count - 1, nearest_count + 2) if 0 <= k <= count]
        agree = any(round(100 * k / count, decimals) == wanted for k in around)
        closest = min(around, key=lambda k: abs(100 * k / count - wanted)) / count
        reason = f"{percent} of {count:,} is {'' if agree else 'no '}whole number"
        found, unit = Estimate(closest, closest, closest), intervals.PERCENT
    else:
        agree = abs(part_count - share * whole) <= 1
        implied = part_count / share
        reason = f"{part_count:,} are {100 * share:g}% of about {implied:,.0f}, not of {whole:,}"
        reason = f"{part_count:,} are {100 * share:g}% of {whole:,}" if agree else reason
        found, unit = Estimate(implied, implied, implied), intervals.COUNT
    return Finding(CONSISTENT if agree else REFUTED, reason, found, unit)


ALL_KINDS, ONE = ("of", "difference", "ratio"), ("of",)
KINDS: Mapping[Rule, tuple[str, ...]] = {
    measure: ALL_KINDS,
    near: ALL_KINDS,
    above: ALL_KINDS,
    below: ALL_KINDS,
    equals: ONE,
    draws: ONE,
    rising_share: ONE,
    growth: ONE,
    images_needed: ("of", "ratio"),
    extrapolated: ONE,
    extrapolation_checked: ONE,
    consistency: (),
}
"""What each rule can be about; a study's own may be about anything."""

RULES: Mapping[str, Rule] = {rule.__name__: rule for rule in KINDS}
