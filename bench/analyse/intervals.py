"""Estimates with their intervals, and tests; scipy and statsmodels do the mathematics.

`correct` is always (seeds, images) bool: which test images the model of each seed classifies correctly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
DEFAULT_SEED_STD = 0.026
"""Standard deviation of a network's accuracy over seeds: root mean square over the settings of the
reference run. It stands in where there are ..."""
FEWEST_SEEDS = 3
"""... fewer seeds than these, which do not show their own."""


@dataclass(frozen=True)
class Estimate:
    """A value and its interval."""

    value: float
    low: float
    high: float

    def __neg__(self) -> "Estimate":
        """The same of the opposite quantity."""
        return Estimate(-self.value, -self.high, -self.low)


def proportion(successes: int, trials: int, confidence: float = CONFIDENCE) -> Estimate:
    """A share by Wilson's interval, for what has nothing random in it but the images."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, trials, alpha=1 - confidence, method="wilson")
    return Estimate(successes / trials, float(low), float(high))


def mean(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """A mean by Student's t; an interval without end of a single value."""
    from scipy.stats import ttest_1samp

    centre = float(np.mean(values))
    if len(values) < 2:
        return Estimate(centre, -np.inf, np.inf)
    if _constant(values):
        return Estimate(centre, centre, centre)
    interval = ttest_1samp(values, 0).confidence_interval(confidence)
    return Estimate(centre, float(interval.low), float(interval.high))


def _constant(values: Sequence[float]) -> bool:
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.max(np.abs(values)))))


def accuracy(correct: np.ndarray, confidence: float = CONFIDENCE) -> Estimate:
    """Mean accuracy over seeds, with the drawing of seeds and of images in its interval.

    One seed: Wilson's interval, of the images alone.
    """
    if len(correct) == 1:
        return proportion(int(correct.sum()), correct.size, confidence)
    return _crossed(correct.astype(float), confidence)


def difference(a: np.ndarray, b: np.ndarray, confidence: float = CONFIDENCE) -> Estimate:
    """Mean accuracy of `a` less that of `b` on the same images.

    Seeds are paired; a single row, of a model with nothing random in it, is compared with every seed
    of the other. ValueError where the seeds are not as many.
    """
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise ValueError(f"{len(a)} seeds cannot be paired with {len(b)}")
    return _crossed(a.astype(float) - b.astype(float), confidence)


def unpaired_difference(a: np.ndarray, b: np.ndarray, confidence: float = CONFIDENCE) -> Estimate:
    """As `difference`, but equal seeds have nothing in common; at least two seeds each."""
    images = a.mean(axis=0) - b.mean(axis=0)
    parts = [_of_mean(a.mean(axis=1)), _of_mean(b.mean(axis=1)), _of_mean(images)]
    return _around(float(images.mean()), parts, confidence)


def with_assumed_seeds(found: Estimate, seeds: int, confidence: float = CONFIDENCE) -> Estimate:
    """A difference of two accuracies of so few seeds each, with DEFAULT_SEED_STD in its interval."""
    return with_error(found, DEFAULT_SEED_STD * sqrt(2 / seeds), confidence)


def with_error(found: Estimate, error: float, confidence: float = CONFIDENCE) -> Estimate:
    """An estimate with one more, independent error, whose standard deviation is known."""
    from scipy.stats import norm

    reach = hypot(found.high - found.value, float(norm.ppf((1 + confidence) / 2)) * error)
    return Estimate(found.value, found.value - reach, found.value + reach)


def difference_of_draws(
    a: Sequence[np.ndarray], b: Sequence[np.ndarray], confidence: float = CONFIDENCE
) -> Estimate:
    """Mean accuracy of `a` less that of `b`, each a row (images,) a seed, where the seeds draw their
    test images: row i of both is about the same images, another row about others.

    A seed's two accuracies are a pair, and the seeds' differences are draws of training and of test
    images in one: Student's t over them has both in its interval. Of few images two seeds can differ
    by just as much by chance, so it is never narrower than that of all the images as one sample.
    """
    of_seeds = mean([float(x.mean() - y.mean()) for x, y in zip(a, b, strict=True)], confidence)
    of_images = difference(np.concatenate(a)[None], np.concatenate(b)[None], confidence)
    reach = max(of_seeds.high - of_seeds.value, of_images.high - of_images.value)
    return Estimate(of_seeds.value, of_seeds.value - reach, of_seeds.value + reach)


def _crossed(values: np.ndarray, confidence: float) -> Estimate:
    """The mean of (seeds, images) where both are drawn.

    Its variance is the sum of the two: that of the seeds' means over the number of seeds, and that
    of the images' means over the number of images. What both have in common is counted twice, which
    errs on the wide side. Student's t with the degrees of freedom of Welch and Satterthwaite.
    """
    parts = [_of_mean(values.mean(axis=0))]
    if len(values) > 1:
        parts.insert(0, _of_mean(values.mean(axis=1)))
    return _around(float(values.mean()), parts, confidence)


def _of_mean(values: np.ndarray) -> tuple[float, int]:
    """The variance of a mean, and its degrees of freedom."""
    return float(values.var(ddof=1)) / len(values), len(values) - 1


def _around(centre: float, parts: Sequence[tuple[float, int]], confidence: float) -> Estimate:
    """An interval from independent variances with their degrees of freedom."""
    from scipy.stats import t

    total = sum(variance for variance, _ in parts)
    if total == 0:
        return Estimate(centre, centre, centre)
    bends = sum(variance**2 / freedom for variance, freedom in parts)
    reach = float(t.ppf((1 + confidence) / 2, total**2 / bends)) * sqrt(total)
    return Estimate(centre, centre - reach, centre + reach)


def ratio(a: Sequence[float], b: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The ratio of two groups' geometric means, by Welch's t on the logarithms."""
    from scipy.stats import ttest_ind

    logs = np.log(a), np.log(b)
    centre = float(np.exp(logs[0].mean() - logs[1].mean()))
    if len(a) < 2 or len(b) < 2:
        return Estimate(centre, 0.0, np.inf)
    if all(_constant(list(group)) for group in logs):
        return Estimate(centre, centre, centre)
    interval = ttest_ind(*logs, equal_var=False).confidence_interval(confidence)
    return Estimate(centre, float(np.exp(interval.low)), float(np.exp(interval.high)))


def central(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The median of a distribution and the interval that holds its central part."""
    low, middle, high = np.quantile(values, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
    return Estimate(float(middle), float(low), float(high))


def mcnemar(a: np.ndarray, b: np.ndarray) -> float:
    """The p-value of McNemar's exact test that two models, (images,) bool each, err equally often."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    table = [[int((x & y).sum()) for y in (b, ~b)] for x in (a, ~a)]
    return float(test(table, exact=True).pvalue)


def corrected(p_values: Sequence[float]) -> list[float]:
    """p-values by Holm's step-down correction for their number."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]]


class Unit(NamedTuple):
    """How a quantity is written."""

    form: str
    suffix: str = ""
    scale: float = 1
    prefix: str = ""

    def written(self, value: float) -> str:
        """`93.8%`, `+1.2 pp` or `22x`."""
        return self.prefix + self.bare(value) + self.suffix

    def bare(self, value: float) -> str:
        """The same without its suffix."""
        return format(self.scale * value, self.form)


PERCENT, POINTS = Unit(".1f", "%", 100), Unit("+.1f", " pp", 100)
TIMES, NUMBER, SIGNED = Unit(".3g", "x"), Unit(".2f"), Unit("+.3f")
POWER = Unit(".2f", prefix="n^")
COUNT, SECONDS, LOSS = Unit(",.0f"), Unit(".3g", " s"), Unit(".3f")


def written(found: Estimate, unit: Unit, what: str = "95% CI") -> str:
    """`93.8% (95% CI 92.9-94.6%)`; a value that is certain, or without an end, stands alone."""
    value = unit.written(found.value)
    if found.low == found.high or not np.isfinite([found.low, found.high]).all():
        return value
    between = " to " if found.low < 0 or "+" in unit.form else "-"
    return f"{value} ({what} {unit.bare(found.low)}{between}{unit.bare(found.high)}{unit.suffix})"
