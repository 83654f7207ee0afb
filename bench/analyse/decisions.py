"""Verdicts, and how an interval decides between them."""

from dataclasses import replace

from hexbench.analyse.intervals import Estimate
from hexbench.analyse.quantities import INCONCLUSIVE, NOT_RUN, Finding

SUPPORTED, REFUTED, CONSISTENT = "supported", "refuted", "consistent"
NOT_COMPARABLE = "not comparable"
VERDICTS = (SUPPORTED, CONSISTENT, REFUTED, INCONCLUSIVE, NOT_COMPARABLE, NOT_RUN)


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


def decided(finding: Finding, verdict: str, distance: float, reason: str = "") -> Finding:
    """The finding with its verdict."""
    reason = reason or finding.reason
    return replace(finding, verdict=verdict, reason=reason, distance=distance)


def decided_above(finding: Finding, bound: float) -> Finding:
    """Whether the value lies above a bound."""
    if finding.found is None:
        return finding
    found = finding.found
    finding = replace(finding, target=bound, room=abs(found.value - bound))
    return decided(finding, decide_above(found, bound), found.low - bound)


def decided_below(finding: Finding, bound: float) -> Finding:
    """Whether the value lies below a bound."""
    if finding.found is None:
        return finding
    found = finding.found
    finding = replace(finding, target=bound, room=abs(found.value - bound))
    return decided(finding, decide_above(-found, -bound), bound - found.high)
