"""What the measured numbers say: ratios to hexbench, the targets, and whether accuracies agree."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import pi, sqrt
from statistics import median

from hexbench.peers.contest import Outcome, Result
from hexbench.peers.roster import CPU, contestants

FASTEST = "fastest peer"
AT_LEAST = {
    ("cnn", FASTEST): 1.3,
    ("mlp", "pytorch"): 5.0,
    ("mlp", "keras-tensorflow"): 15.0,
    ("mlp", "keras-jax"): 4.0,
    ("svm", "sklearn"): 7.0,
    ("svm", "sklearn-all-cores"): 3.5,
}
"""The targets, on a CPU: (model, contestant): its time as a multiple of hexbench's."""
SVM_TARGETS_FROM = 2_000
"""Images from which the targets of the SVM hold: below, a search's fixed cost weighs more."""

STANDARD_ERRORS = 3
SEED_SPREAD = {
    "mlp": {1: 0.068, 3: 0.029, 5: 0.026, 15: 0.008},
    "cnn": {1: 0.013, 5: 0.007},
    "svm": {0: 0.0},
}
"""Standard deviation of test accuracy over seeds, from so many epochs on, in
`results/reference/full-hex2024`; for the CNN the largest there, of batches of 128 after 3 epochs and
of batches of 16 from 5 on."""


@dataclass(frozen=True)
class Ratio:
    """One contestant's time as a multiple of another's, round by round."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """The median and, of more than one round, the range."""
        return times(self.median) + (f" ({self.range})" if self.low < self.high else "")

    @property
    def range(self) -> str:
        """The smallest and the largest."""
        return f"{times(self.low)} to {times(self.high)}"


def times(ratio: float) -> str:
    """A ratio with as many digits as say something: `1.34`, `15.2`, `235`."""
    return f"{ratio:.{2 if ratio < 10 else 1 if ratio < 100 else 0}f}"


def ratio(one: Result, other: Result) -> Ratio:
    """The time of `one` as a multiple of `other`'s.

    Of each round on its own, so that a slow moment of the machine weighs on both sides.
    """
    ratios = [a / b for a, b in zip(one.seconds, other.seconds, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))


@dataclass(frozen=True)
class Target:
    """A ratio that hexbench is meant to reach, and what was measured."""

    setting: str
    peer: str
    at_least: float
    measured: Ratio | None
    """None where one of the two did not take part or failed."""

    @property
    def verdict(self) -> str:
        """`met`, `missed` or `not measured`."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured.median >= self.at_least else "missed"


def fastest(peers: Iterable[Result], ours: Result | None) -> Result | None:
    """The peer with the smallest ratio to ours; None if there is none."""
    if ours is None:
        return None
    return min(peers, key=lambda r: ratio(r, ours).median, default=None)


def targets(outcomes: Iterable[Outcome]) -> list[Target]:
    """Every target that a contest was about, in the contests' order."""
    found = []
    for outcome in outcomes:
        setting, ours = outcome.setting, outcome.ours
        if setting.device != CPU or (setting.model == "svm" and setting.train_size < SVM_TARGETS_FROM):
            continue
        by_name = {r.entry.name: r for r in outcome.peers}
        for (model, name), at_least in AT_LEAST.items():
            if model != setting.model:
                continue
            peer = fastest(outcome.peers, ours) if name == FASTEST else by_name.get(name)
            measured = ratio(peer, ours) if peer and ours else None
            title = FASTEST + (f": {peer.entry.title}" if peer else "")
            if name != FASTEST:
                title = next(e.title for e in contestants(model) if e.name == name)
            found.append(Target(setting.title, title, at_least, measured))
    return found


def faster_than_ours(outcome: Outcome) -> list[Result]:
    """The peers whose rounds took less time than hexbench's, by the median ratio."""
    ours = outcome.ours
    return [] if ours is None else [r for r in outcome.peers if ratio(r, ours).median < 1]


def allowed_difference(accuracy: float, tested: int, spread: float, others: int) -> float:
    """How far an accuracy may lie from the median of `others` others that do the same work.

    STANDARD_ERRORS standard errors of that difference. Each accuracy has the variance of a binomial
    proportion of `tested` images and that of a seed; a median of k has pi / 2k times that variance,
    of few at most as much as one alone. All share the test images, so that the true error is smaller:
    the check misses small differences, but finds another optimizer, scale of pixels or number of epochs.
    """
    variance = accuracy * (1 - accuracy) / tested + spread**2
    return STANDARD_ERRORS * sqrt(variance * (1 + min(1.0, pi / (2 * others))))


@dataclass(frozen=True)
class Comparison:
    """A contestant's accuracy against the others'."""

    result: Result
    difference: float
    """From the median of the others."""
    allowed: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within noise."""
        return abs(self.difference) <= self.allowed


def compare_accuracies(outcome: Outcome) -> list[Comparison]:
    """Accuracies of equal precision, each against the median of the others'; none if fewer than two are left.

    The rule, which was written before anything was measured: accuracies agree if every difference is
    within `allowed_difference`, with the SEED_SPREAD of the epochs trained. An SVM has no seed.
    """
    finished = [result for result in outcome.finished if outcome.is_equal(result)]
    if len(finished) < 2:
        return []
    by_epochs = SEED_SPREAD[outcome.setting.model]
    epochs = outcome.setting.rounds + 1  # the first is not among the rounds
    spread = by_epochs[max(e for e in by_epochs if e <= epochs)]
    centre = median(r.accuracy for r in finished)
    allowed = allowed_difference(centre, outcome.tested, spread, len(finished) - 1)
    found = []
    for result in finished:
        others = median(r.accuracy for r in finished if r is not result)
        found.append(Comparison(result, result.accuracy - others, allowed))
    return found
