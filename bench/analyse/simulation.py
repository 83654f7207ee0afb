"""Coverage and errors of the intervals and rules, by simulation from components of variance.

Test images differ in how difficult they are, and training runs in how good they turned out: an image of
difficulty d is classified correctly by the run of seed s with the probability 1 / (1 + exp(-(m + d + s))),
where d and s are normal. Their scales follow from the variances that runs showed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.compare import FAMILY
from hexbench.analyse.decisions import REFUTED, SUPPORTED, decide_near
from hexbench.analyse.intervals import CONFIDENCE, Estimate, Spread

NODES = 64
"""Of the quadrature over difficulties."""
OTHERS, SEEDS_OF_OTHERS, APART = 8, 3, 0.8
"""A prior is made of so many other settings, with so many seeds each, whose standard deviations differ by so
much on the scale of the natural logarithm."""


@dataclass(frozen=True)
class Components:
    """A model's accuracy and how it varies."""

    name: str
    accuracy: float
    between: float
    """Variance over images of the probability that they are classified correctly."""
    seed_sd: float
    """Standard deviation over seeds of the accuracy."""

    @cached_property
    def _logits(self) -> tuple[float, float, float]:
        """(mean, standard deviation of the difficulty, standard deviation of seeds), in logits."""
        from scipy.optimize import root

        def off(x: np.ndarray) -> list[float]:
            shares = _share_correct(x[0] + exp(x[1]) * AT)
            mean = float(WEIGHTS @ shares)
            return [mean - self.accuracy, float(WEIGHTS @ (shares - mean) ** 2) - self.between]

        middle, logarithm = root(off, [2.0, log(3.0)]).x
        slope = float(WEIGHTS @ (_share_correct(middle + 0.05 + exp(logarithm) * AT)) - self.accuracy) / 0.05
        return float(middle), exp(logarithm), self.seed_sd / slope

    @cached_property
    def truth(self) -> float:
        """The mean accuracy over all images and seeds."""
        middle, difficulty, seeds = self._logits
        return float(WEIGHTS @ _share_correct(middle + sqrt(difficulty**2 + seeds**2) * AT))

    def drawn(
        self, rng: np.random.Generator, seeds: int, images: int, difficulty: np.ndarray | None = None
    ) -> np.ndarray:
        """(seeds, images) bool: a measurement; `difficulty` (images,) are standard normal."""
        middle, scale, apart = self._logits
        hard = rng.standard_normal(images) if difficulty is None else difficulty
        shares = _share_correct(middle + scale * hard + apart * rng.standard_normal((seeds, 1)))
        return rng.random((seeds, images)) < shares

    def prior(self, rng: np.random.Generator) -> Spread | None:
        """What the model's other settings say of how seeds differ."""
        scales = self.seed_sd * np.exp(APART * rng.standard_normal(OTHERS))
        freedom = SEEDS_OF_OTHERS - 1
        variances = scales**2 * rng.chisquare(freedom, OTHERS) / freedom
        found = intervals.prior_of([(self.accuracy, Spread(float(v), freedom)) for v in variances])
        return found and found.at(self.accuracy)


def _share_correct(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


_nodes, _weights = np.polynomial.hermite_e.hermegauss(NODES)
AT, WEIGHTS = _nodes, _weights / _weights.sum()
"""Quadrature over the standard normal distribution."""


class Missed(NamedTuple):
    """Shares of simulated runs."""

    low: float
    """Whose interval lies below the truth."""
    high: float
    """Whose interval lies above it."""
    reach: float
    """Mean half width."""

    @property
    def covered(self) -> float:
        """Whose interval holds the truth."""
        return 1 - self.low - self.high


def mean_accuracy(
    model: Components, seeds: int, images: int, runs: int, level: float = CONFIDENCE, seed: int = 0
) -> Missed:
    """Of `intervals.accuracy`."""
    rng = np.random.default_rng(seed)
    found = [
        intervals.accuracy(model.drawn(rng, seeds, images), level, model.prior(rng)) for _ in range(runs)
    ]
    return _missed(found, model.truth)


def equal_models(
    model: Components,
    seeds: tuple[int, int],
    images: int,
    runs: int,
    level: float = CONFIDENCE,
    seed: int = 0,
) -> Missed:
    """Of `intervals.difference` between two models that are equally good and find other images difficult."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(runs):
        shared = rng.standard_normal(images)
        sides = [
            model.drawn(rng, count, images, sqrt(0.8) * shared + sqrt(0.2) * rng.standard_normal(images))
            for count in seeds
        ]
        priors = (model.prior(rng), model.prior(rng))
        found.append(intervals.difference(sides[0], sides[1], level, priors))
    return _missed(found, 0.0)


def over_splits(
    model: Components, splits: int, images: int, training_sd: float, runs: int, seed: int = 0
) -> Missed:
    """Of `intervals.over_splits` on `images` of which 30% are tested; the training part of a split adds
    a normal error."""
    rng = np.random.default_rng(seed)
    tested = round(0.3 * images)
    found = []
    for _ in range(runs):
        hard = rng.standard_normal(images)
        values = []
        for _ in range(splits):
            rows = rng.choice(images, tested, replace=False)
            correct = model.drawn(rng, 1, tested, hard[rows])
            values.append(float(correct.mean()) + training_sd * rng.standard_normal())
        found.append(intervals.over_splits(values, 0.3))
    return _missed(found, model.truth)


class Row(NamedTuple):
    """A row of a comparison of two runs."""

    model: Components
    seeds: int
    """Or random splits, of one seed each."""
    splits: bool = False
    headline: bool = False


def any_difference(rows: Sequence[Row], images: int, runs: int, seed: int = 0) -> float:
    """The share of pairs of runs of equal code and independent seeds in which `compare` shows a difference
    in any row, of whatever size."""
    rng = np.random.default_rng(seed)
    families = Counter(row.headline for row in rows)
    models = dict.fromkeys(row.model for row in rows)
    shown = 0
    for _ in range(runs):
        hard = rng.standard_normal(images)
        priors = {model: (model.prior(rng), model.prior(rng)) for model in models}
        found = [
            _difference_of_equals(rng, row, hard, priors[row.model], 1 - FAMILY / families[row.headline])
            for row in rows
        ]
        shown += any(one.low > 0 or one.high < 0 for one in found)
    return shown / runs


def _difference_of_equals(
    rng: np.random.Generator,
    row: Row,
    hard: np.ndarray,
    priors: tuple[Spread | None, Spread | None],
    level: float,
) -> Estimate:
    """Of two measurements of a model on the same images, `hard` if they are not split anew."""
    images = len(hard)
    if not row.splits:
        sides = [row.model.drawn(rng, row.seeds, images, hard) for _ in range(2)]
        return intervals.difference(sides[0], sides[1], level, priors)
    apart = []
    for _ in range(row.seeds):
        tested = rng.standard_normal(images)
        first, second = (row.model.drawn(rng, 1, images, tested).mean() for _ in range(2))
        apart.append(float(second - first))
    return intervals.over_splits(apart, 0.3, level)


def near(
    model: Components, seeds: int, images: int, off: float, runs: int, margin: float = 0.015, seed: int = 0
) -> tuple[float, float]:
    """(supported, refuted) shares where the true accuracy is `off` from the reported."""
    rng = np.random.default_rng(seed)
    verdicts = []
    for _ in range(runs):
        correct, prior = model.drawn(rng, seeds, images), model.prior(rng)
        inner, outer = (intervals.accuracy(correct, level, prior) for level in (0.9, 0.95))
        verdicts.append(decide_near(model.truth - off, inner, outer, margin)[0])
    return verdicts.count(SUPPORTED) / runs, verdicts.count(REFUTED) / runs


def _missed(found: list[Estimate], truth: float) -> Missed:
    below = float(np.mean([one.high < truth for one in found]))
    above = float(np.mean([one.low > truth for one in found]))
    return Missed(below, above, float(np.mean([(one.high - one.low) / 2 for one in found])))
