"""Estimates with their intervals, and tests; scipy and statsmodels do the mathematics.

`correct` is always (seeds, images) bool: which test images the model of each seed classifies correctly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value and its interval."""

    value: float
    low: float
    high: float

    def __neg__(self) -> "Estimate":
        """The same of the opposite quantity."""
        return Estimate(-self.value, -self.high, -self.low)

    def within(self, least: float, most: float) -> "Estimate":
        """The same with its ends where the quantity can be."""
        return Estimate(self.value, max(self.low, least), min(self.high, most))


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


class Spread(NamedTuple):
    """The variance of one run's accuracy over seeds, and how many degrees of freedom it is known with."""

    variance: float
    freedom: float


class Prior(NamedTuple):
    """What a model's settings say of the variance of another one over seeds: less where accuracy is high."""

    level: float
    slope: float
    """The logarithm of the variance is `level` + `slope` times that of the error."""
    freedom: float
    errors: tuple[float, float] = (0.0, 1.0)
    """The smallest and the largest that it came from; beyond them the variance is as there."""

    def at(self, accuracy: float) -> Spread:
        """Of a setting with this mean accuracy."""
        error = max(min(max(1 - accuracy, self.errors[0]), self.errors[1]), SMALLEST_ERROR)
        return Spread(float(np.exp(self.level + self.slope * np.log(error))), self.freedom)


SMALLEST_ERROR = 1e-3
FEWEST_SETTINGS, LEAST_RANGE = 4, 2.0
"""With fewer, or where the largest error is not so many times the smallest, nothing shows how variance
changes with accuracy."""
UNKNOWN = Prior(-5.4, 2.04, 3)
"""Of a network that tells nothing itself: what the networks' settings in reference runs say, a standard
deviation of 0.4 points at 94% accuracy and of 1.2 at 82%; it may differ by much from theirs."""


def moderated(own: Spread, prior: Spread | None) -> Spread:
    """A variance drawn towards that of the model's other cells (Smyth 2004), each by its freedom."""
    if prior is None or not own.freedom + prior.freedom:
        return own
    freedom = own.freedom + prior.freedom
    return Spread((own.freedom * own.variance + prior.freedom * prior.variance) / freedom, freedom)


def prior_of(settings: Sequence[tuple[float, Spread]]) -> Prior | None:
    """The prior from the mean accuracies and variances of several settings; None from fewer than two.

    The variances are taken for draws of a scaled F distribution whose scale depends on the error. Scale and
    freedom follow from the line through the logarithms and from the variance about it (Smyth 2004, "Linear
    models and empirical Bayes methods", section 6.2, with the trend of limma's `fitFDist`). Nothing is known
    better than by all the degrees of freedom that it came from.
    """
    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    known = [(mean, *spread) for mean, spread in settings if spread.variance > 0 and spread.freedom > 0]
    if len(known) < 2:
        return None
    means, variances, freedoms = (np.array(column) for column in zip(*known, strict=True))
    errors = np.log(np.maximum(1 - means, SMALLEST_ERROR))
    logs = np.log(variances) - digamma(freedoms / 2) + np.log(freedoms / 2)
    slope = 0.0
    if len(known) >= FEWEST_SETTINGS and np.ptp(errors) > np.log(LEAST_RANGE):
        slope = float(np.polyfit(errors, logs, 1)[0])
    about = logs - slope * errors
    fitted = 2 if slope else 1
    excess = float((about - about.mean()) @ (about - about.mean())) / max(len(known) - fitted, 1)
    excess -= float(polygamma(1, freedoms / 2).mean())
    most = float(freedoms.sum()) - fitted
    freedom = most
    if excess > 0:
        half = brentq(lambda x: float(polygamma(1, x)) - excess, 1e-3, 1e6)
        freedom = min(2 * half, most)
    shift = float(digamma(freedom / 2) - np.log(freedom / 2))
    ends = float(np.exp(errors.min())), float(np.exp(errors.max()))
    return Prior(float(about.mean()) + shift, slope, freedom, ends)


def accuracy(correct: np.ndarray, confidence: float = CONFIDENCE, prior: Spread | None = None) -> Estimate:
    """Mean accuracy over seeds, with the drawing of seeds and of images in its interval.

    One seed without a prior: Wilson's interval, of the images alone.
    """
    if len(correct) == 1 and prior is None:
        return proportion(int(correct.sum()), correct.size, confidence)
    images = correct.mean(axis=0)
    return _around(float(images.mean()), [_of_seeds(correct, prior), _of_images(images)], confidence)


def difference(
    a: np.ndarray,
    b: np.ndarray,
    confidence: float = CONFIDENCE,
    priors: tuple[Spread | None, Spread | None] = (None, None),
) -> Estimate:
    """Mean accuracy of `a` less that of `b` on the same images.

    The seeds of two models have nothing in common, equal ones neither: the variances of both means are
    added. A single seed without a prior is of a model with nothing random in it.
    """
    images = a.mean(axis=0) - b.mean(axis=0)
    seeds = [_of_seeds(side, prior) for side, prior in zip((a, b), priors, strict=True)]
    return _around(float(images.mean()), [*seeds, _of_images(images)], confidence)


def paired_difference(a: np.ndarray, b: np.ndarray, confidence: float = CONFIDENCE) -> Estimate:
    """The same where row i of both is of one training run; ValueError where there are not as many.

    Values need not be bool: a loss of each image has the same two variances.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} seeds cannot be paired with {len(b)}")
    apart = a.astype(float) - b.astype(float)
    images = apart.mean(axis=0)
    return _around(float(images.mean()), [_of_seeds(apart, None), _of_images(images)], confidence)


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
    of_images = paired_difference(np.concatenate(a)[None], np.concatenate(b)[None], confidence)
    reach = max(of_seeds.high - of_seeds.value, of_images.high - of_images.value)
    return Estimate(of_seeds.value, of_seeds.value - reach, of_seeds.value + reach)


def spread(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a standard deviation, by the chi-squared distribution."""
    from scipy.stats import chi2

    freedom = len(values) - 1
    ends = chi2.ppf([(1 + confidence) / 2, (1 - confidence) / 2], freedom)
    low, high = np.std(values, ddof=1) * np.sqrt(freedom / ends)
    return float(low), float(high)


def over_splits(values: Sequence[float], test_share: float, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of one value a random split, by the corrected resampled t-test of Nadeau and Bengio (2003).

    Splits of one data set share images, so that their spread understates the error of the mean: its
    variance is (1/J + n_test/n_train) s^2 for J splits, with n_test/n_train = q / (1 - q) for a share q of
    test images, which is also taken where less than the whole training part is fitted on.
    """
    centre, count = float(np.mean(values)), len(values)
    if count < 2:
        return Estimate(centre, -np.inf, np.inf)
    factor = 1 / count + test_share / (1 - test_share)
    reach = quantile(confidence, count - 1) * sqrt(factor * float(np.var(values, ddof=1)))
    return Estimate(centre, centre - reach, centre + reach)


def with_error(found: Estimate, error: float, confidence: float = CONFIDENCE) -> Estimate:
    """An estimate with one more, independent error, whose standard deviation is known."""
    from scipy.stats import norm

    reach = hypot(found.high - found.value, float(norm.ppf((1 + confidence) / 2)) * error)
    return Estimate(found.value, found.value - reach, found.value + reach)


def quantile(confidence: float, freedom: float) -> float:
    """Student's two-sided quantile."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, freedom))


def _of_seeds(values: np.ndarray, prior: Spread | None) -> Spread:
    """Of the mean over seeds of (seeds, images)."""
    count = len(values)
    own = Spread(float(values.mean(axis=1).var(ddof=1)), count - 1) if count > 1 else Spread(0.0, 0)
    found = moderated(own, prior)
    return Spread(found.variance / count, found.freedom)


def _of_images(values: np.ndarray) -> Spread:
    """Of the mean over images, (images,)."""
    return Spread(float(values.var(ddof=1)) / len(values), len(values) - 1)


def _around(centre: float, parts: Sequence[Spread], confidence: float) -> Estimate:
    """An interval from independent variances, by Cochran's weighted t.

    The quantile is the mean of Student's quantiles at each variance's degrees of freedom, weighted by the
    variances (Cochran 1964, "Approximate significance levels of the Behrens-Fisher test"). That of Welch and
    Satterthwaite is too small where few seeds have most of the variance.
    """
    parts = [part for part in parts if part.variance > 0]
    total = sum(part.variance for part in parts)
    weighted = sum(part.variance * quantile(confidence, part.freedom) for part in parts)
    reach = weighted / sqrt(total) if total else 0.0
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

    @property
    def of_differences(self) -> "Unit":
        """How a difference of two such values is written, with its sign."""
        suffix = " pp" if self.suffix == "%" else self.suffix
        return Unit(f"+{self.form.lstrip('+')}", suffix, self.scale)


PERCENT = Unit(".1f", "%", 100)
POINTS = PERCENT.of_differences
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
