"""Rules: how a quantity of a run becomes a verdict. A table of functions, by the names claims use.

A rule is a function of a `Case`; its keyword-only arguments are the options that a claim may give it. A
study may add functions of this kind. Accuracies and differences are from 0 to 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import exp, inf, log, sqrt

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.intervals import Estimate
from hexbench.analyse.quantities import (
    INCONCLUSIVE,
    NOT_RUN,
    Case,
    Finding,
    Quantity,
    estimate,
    measured,
    not_run,
    unit_of,
    values_of,
)
from hexbench.analyse.runs import Group, Runs
from hexbench.analyse.scaling import law_of

SUPPORTED, REFUTED, CONSISTENT = "supported", "refuted", "consistent"
NOT_COMPARABLE = "not comparable"
MARGIN = 0.015
"""`near` means within this unless a claim says otherwise."""

VERDICTS = (SUPPORTED, CONSISTENT, REFUTED, INCONCLUSIVE, NOT_COMPARABLE, NOT_RUN)

Rule = Callable[..., Finding]


def decide_near(value: float, found: Estimate, margin: float = MARGIN) -> str:
    """Supported if the interval lies within the margin of a value, refuted if wholly outside."""
    low, high = value - margin, value + margin
    if low <= found.low and found.high <= high:
        return SUPPORTED
    return REFUTED if found.high < low or found.low > high else INCONCLUSIVE


def decide_above(found: Estimate, bound: float = 0.0) -> str:
    """Supported if the interval lies above a bound, refuted if below."""
    if found.low > bound:
        return SUPPORTED
    return REFUTED if found.high < bound else INCONCLUSIVE


def all_of(verdicts: Sequence[str]) -> str:
    """Supported, or consistent, if every part is; refuted if any part is."""
    if REFUTED in verdicts:
        return REFUTED
    return verdicts[0] if len(set(verdicts)) == 1 else INCONCLUSIVE


def _decided(finding: Finding, verdict: str, distance: float, reason: str = "") -> Finding:
    reason = reason or finding.reason
    return replace(finding, verdict=verdict, reason=reason, distance=distance)


def near(case: Case, *, value: float, margin: float = MARGIN, counted: int = 0) -> Finding:
    """Within a margin of a value; `counted`: that is a share of so many, with its binomial error."""
    finding = measured(case)
    if finding.found is None:
        return finding
    found, reason = finding.found, ""
    if counted:
        found = intervals.with_error(found, sqrt(value * (1 - value) / counted), case.level)
        less = Estimate(found.value - value, found.low - value, found.high - value)
        what = f"{case.percent} CI, with the error of both"
        reason = f"measured minus reported {intervals.written(less, intervals.POINTS, what)}"
    verdict = decide_near(value, found, margin)
    return _decided(finding, verdict, margin - abs(found.value - value), reason)


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
    return _decided(finding, decide_above(finding.found, bound), finding.found.value - bound)


def _below(finding: Finding, bound: float) -> Finding:
    if finding.found is None:
        return finding
    return _decided(finding, decide_above(-finding.found, -bound), bound - finding.found.value)


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
    verdict = SUPPORTED if inside >= 0 else REFUTED
    central = f"central {case.percent}"
    finding = replace(finding, found=found, n=len(values), interval=central, counted="draws")
    return _decided(finding, verdict, inside, reason)


def rising_share(case: Case, *, bound: float) -> Finding:
    """Whether a metric rises from one epoch to the next, up to the selected one, in more than a share."""
    finding = measured(case)
    if finding.found is None:
        return finding
    group = finding.groups[0]
    last = group.epoch or max(r.epochs or 0 for r in group.records)
    rows = np.array([group.metric(case.quantity.metric, epoch) for epoch in range(1, last + 1)])
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < 2:
        return not_run(case.quantity, case.runs, [group], " at two epochs")
    shares = (np.diff(rows, axis=0) > 0).mean(axis=0)
    found = intervals.mean(shares.tolist(), case.level)
    reason = f"of {len(rows) - 1} steps from one epoch to the next"
    return _above(Finding("", reason, found, intervals.PERCENT, len(group), [group]), bound)


def growth(case: Case, *, bound: float | None = None) -> Finding:
    """The exponent with which a time grows with the number of images; with `bound`, whether it is above."""
    groups = [group for _, group in _by_size(case.quantity, case.runs)]
    records = [record for group in groups for record in group.records]
    law, clean = law_of(records, case.quantity.metric, case.level)
    if law is None:
        return not_run(case.quantity, case.runs, groups, " at three sizes from 200 images")
    text = intervals.written(law.estimate, intervals.POWER)
    if not clean:
        reason = "the machine was not free, or not one and the same, at three sizes; all there is gives"
        lacking = [Group([], None, group.failed) for group in groups]
        return Finding(INCONCLUSIVE, f"{reason} {text}", groups=lacking)
    clean_groups = [group.clean for group in groups]
    sizes = len(law.points)
    finding = Finding("", "", law.estimate, intervals.POWER, sizes, clean_groups, counted="sizes")
    return finding if bound is None else _above(finding, bound)


def images_needed(case: Case, *, reach: float, bound: float | None = None) -> Finding:
    """How many training images a metric needs to reach a level, along straight lines in log size.

    With `bound`, whether that is fewer than so many.
    """
    curve: list[tuple[int, Estimate]] = []
    groups = []
    for size, group in _by_size(case.quantity, case.runs):
        if group.records:
            groups.append(group)
            curve.append((size, estimate(case.part, [group], case.runs, case.level)[0]))
    if len(curve) < 2:
        return not_run(case.quantity, case.runs, groups, " at two sizes")
    middle, few, many = (
        _crossing([(size, getattr(e, end)) for size, e in curve], reach) for end in ("value", "high", "low")
    )
    ends = {0.0: f"fewer than {curve[0][0]:,}", inf: f"more than {curve[-1][0]:,}"}
    words = [ends.get(x, f"{x:,.0f}") for x in (middle, few, many)]
    said = f"{words[0]} images for {100 * reach:.0f}% ({case.percent} CI {words[1]} to {words[2]})"
    found = Estimate(middle, few, many)
    finding = Finding("", "", found, intervals.COUNT, min(map(len, groups)), groups, said=said)
    return finding if bound is None else _below(finding, bound)


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
    images_needed: ONE,
    consistency: (),
}
"""What each rule can be about; a study's own may be about anything."""

RULES: Mapping[str, Rule] = {rule.__name__: rule for rule in KINDS}
