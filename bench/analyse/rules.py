"""Rules: how a quantity of a run becomes a verdict. A table of functions, by the names claims use.

A rule is a function of a `Case`; its keyword-only arguments are the options that a claim may give it. A
study may add functions of this kind. Accuracies and differences are from 0 to 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import sqrt

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.decisions import (
    CONSISTENT,
    REFUTED,
    SUPPORTED,
    decide_near,
    decided,
    decided_above,
    decided_below,
)
from hexbench.analyse.estimates import measured, not_run, unit_of, values_of
from hexbench.analyse.intervals import Estimate
from hexbench.analyse.quantities import Case, Finding
from hexbench.analyse.size_rules import extrapolated, extrapolation_checked, growth, images_needed

MARGIN = 0.015
"""`near` means within this unless a claim says otherwise."""


Rule = Callable[..., Finding]


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
    return replace(decided(finding, verdict, distance, reason), target=value, room=room)


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
    return decided_above(measured(case), bound)


def below(case: Case, *, bound: float) -> Finding:
    """Below a bound."""
    return decided_below(measured(case), bound)


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
    return decided(finding, verdict, inside, reason)


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
    found = intervals.mean(shares.tolist(), case.level).within(0, 1)
    reason = f"of {len(rows) - 1} steps from one evaluated epoch to the next, from epoch {first} to {last}"
    return decided_above(Finding("", reason, found, intervals.PERCENT, len(shares), [group]), bound)


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
