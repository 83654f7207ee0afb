"""How a statement becomes a verdict: rules that take evidence and say what it shows.

Fixed before looking. Differences and shares are from 0 to 1. A rule returns a Finding; a claim adds
who said what, and on which data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.analyse import statistics
from bench.analyse.evidence import Evidence, Group, keys_of
from bench.analyse.statistics import Estimate

SUPPORTED, REFUTED = "supported", "refuted"
INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"
MARGIN = 0.015
"""`About x%` means within this of x."""

Rule = Callable[[Evidence], "Finding"]


@dataclass(frozen=True)
class Finding:
    """What a rule says."""

    verdict: str
    reason: str
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    """How many runs the interval rests on."""
    keys: Sequence[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        verdict: str,
        reason: str,
        found: Estimate,
        groups: Sequence[Group],
        n: int | None = None,
    ) -> "Finding":
        """A finding with its estimate and its cells.

        `n` is the smallest group's, if not given; single runs, which have nothing random, do not count.
        """
        if n is None:
            n = min((len(group) for group in groups if len(group) > 1), default=1)
        return cls(verdict, reason, found.value, found.low, found.high, n, keys_of(groups))


def missing(what: str) -> Finding:
    """No cell measures this."""
    return Finding(NOT_RUN, f"no run measures {what}")


def too_few(groups: Sequence[Group], needed: int) -> Finding | None:
    """Inconclusive where any group has fewer seeds than the rule needs."""
    fewest = min(groups, key=len)
    if len(fewest) >= needed:
        return None
    reason = f"{len(fewest)} of the {needed} seeds that the rule needs"
    return Finding(INCONCLUSIVE, reason, n=len(fewest), keys=keys_of(groups))


def about(reported: float, found: Estimate, margin: float = MARGIN) -> str:
    """Supported if the interval lies within the margin of a number, refuted if wholly outside."""
    low, high = reported - margin, reported + margin
    if low <= found.low and found.high <= high:
        return SUPPORTED
    return REFUTED if found.high < low or found.low > high else INCONCLUSIVE


def above(found: Estimate, bound: float = 0.0) -> str:
    """Supported if the interval lies above a bound, refuted if below."""
    if found.low > bound:
        return SUPPORTED
    return REFUTED if found.high < bound else INCONCLUSIVE


def all_of(verdicts: Sequence[str]) -> str:
    """Supported if every part is, refuted if any part is."""
    if REFUTED in verdicts:
        return REFUTED
    return SUPPORTED if set(verdicts) == {SUPPORTED} else INCONCLUSIVE


def percent(found: Estimate) -> str:
    """`93.8% (93.1 to 94.5)`."""
    value, low, high = (100 * x for x in (found.value, found.low, found.high))
    return f"{value:.1f}% ({low:.1f} to {high:.1f})"


def points(found: Estimate) -> str:
    """`+1.2 points (0.3 to 2.1)`."""
    value, low, high = (100 * x for x in (found.value, found.low, found.high))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"


def times(found: Estimate) -> str:
    """`3.1 times (2.8 to 3.5)`."""
    return f"{found.value:.3g} times ({found.low:.3g} to {found.high:.3g})"


def number(found: Estimate) -> str:
    """`1.97 (1.82 to 2.11)`."""
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def signed(found: Estimate) -> str:
    """`+0.131 (+0.057 to +0.206)`."""
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def count(found: Estimate) -> str:
    """`162,582`: what is counted has no interval."""
    return f"about {found.value:,.0f}" if found.value % 1 else f"{found.value:,.0f}"


def test_accuracy_about(model: str, epoch: int | None, reported: float, seeds: int) -> Rule:
    """The mean accuracy on the test images, trained on all images there are."""

    def rule(evidence: Evidence) -> Finding:
        group = evidence.group(model, epoch=epoch, train_size="all", batch_size=16)
        if not group:
            return missing(f"the test accuracy of {NAMES[model]} after {epoch} epochs")
        if lacking := too_few([group], seeds):
            return lacking
        found = statistics.accuracy(group.right)
        reason = f"{percent(found)} of the test images after {epoch} epochs, {len(group)} seeds"
        return Finding.of(about(reported, found), reason, found, [group])

    return rule


def train_accuracy_about(model: str, epoch: int, reported: float, seeds: int) -> Rule:
    """The running mean over an epoch of the accuracy on the training images, as Keras prints it."""

    def rule(evidence: Evidence) -> Finding:
        group = evidence.group(model, epoch=epoch, train_size="all", batch_size=16)
        if not group:
            return missing(f"the training accuracy of {NAMES[model]} after {epoch} epochs")
        if lacking := too_few([group], seeds):
            return lacking
        found = statistics.mean(group.history("train_accuracy"))
        reason = f"{percent(found)} of the training images in epoch {epoch}, {len(group)} seeds"
        return Finding.of(about(reported, found), reason, found, [group])

    return rule


def parameters_are(expected: dict[str, int]) -> Rule:
    """Exactly so many numbers that each network learns."""

    def rule(evidence: Evidence) -> Finding:
        groups = {model: evidence.group(model) for model in expected}
        if not all(groups.values()):
            return missing("both networks")
        counted = {m: {r["parameters"] for r in g.records} for m, g in groups.items()}
        alike = all(counted[model] == {number} for model, number in expected.items())
        words = ", ".join(
            f"{NAMES[model]} {' or '.join(f'{n:,}' for n in sorted(numbers))}"
            for model, numbers in counted.items()
        )
        total = float(sum(max(numbers) for numbers in counted.values()))
        found = Estimate(total, total, total)
        return Finding.of(SUPPORTED if alike else REFUTED, words, found, list(groups.values()))

    return rule


NAMES = {"mlp": "the MLP", "cnn": "the CNN", "svm": "the SVM"}
