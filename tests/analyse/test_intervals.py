"""Intervals and tests against known answers, and against 500 simulated runs each."""

import base64
from collections import Counter

import numpy as np
import pytest
from analyse.runs import runs_of
from analyse.sound import but, network, svm
from hexbench import study
from hexbench.analyse import intervals
from hexbench.analyse.claims import judge
from hexbench.analyse.decisions import REFUTED, SUPPORTED, decide_near
from hexbench.analyse.decisions import decide_above as above
from hexbench.analyse.intervals import (
    COUNT,
    PERCENT,
    POINTS,
    POWER,
    TIMES,
    Estimate,
    written,
)
from hexbench.analyse.rules import MARGIN
from hexbench.analyse.scaling import fit_power
from scipy.stats import t, ttest_ind
from statsmodels.stats.proportion import proportion_confint


def about(value, found):
    """The rule `near` with the margin that it has where nothing else is said."""
    return decide_near(value, found, found, MARGIN)[0]


RUNS = 500
IMAGES = 2_000


def test_known_answers():
    one = intervals.accuracy(np.arange(100)[None] < 90)
    assert (one.low, one.high) == pytest.approx(proportion_confint(90, 100, method="wilson"))
    interval = intervals.mean([1.0, 2.0, 3.0])
    assert interval.value == 2
    assert interval.high - 2 == pytest.approx(4.302653 / np.sqrt(3), rel=1e-5)  # Student's t, 2 degrees
    assert intervals.ratio([2.0, 2.0], [1.0, 1.0]) == Estimate(2.0, 2.0, 2.0)
    assert intervals.central(range(101)).low == pytest.approx(2.5)


def test_seeds_that_are_not_as_many_cannot_be_paired():
    with pytest.raises(ValueError, match="2 seeds cannot be paired with 3"):
        intervals.paired_difference(np.ones((2, 9), bool), np.ones((3, 9), bool))


def test_one_run_has_no_interval_of_its_seeds():
    assert intervals.mean([0.5]).high == np.inf
    assert intervals.ratio([1.0], [2.0, 3.0]).low == 0


def test_rules_decide_by_the_whole_interval():
    assert about(0.9, Estimate(0.9, 0.89, 0.91)) == SUPPORTED
    assert about(0.9, Estimate(0.9, 0.88, 0.91)) == "inconclusive"
    assert about(0.9, Estimate(0.95, 0.92, 0.98)) == REFUTED
    assert above(Estimate(1, 0.1, 2)) == SUPPORTED
    assert above(Estimate(1, -0.1, 2)) == "inconclusive"
    assert above(Estimate(-1, -2, -0.1)) == REFUTED
    assert -Estimate(1, 0, 3) == Estimate(-1, -3, 0)


def simulated(rng, share, seeds, difficulty=None, spread=0.08):
    """Correct (seeds, IMAGES): images differ in how hard they are, seeds in how good they turned out."""
    logit = np.log(share / (1 - share))
    hard = rng.normal(0, 2, IMAGES) if difficulty is None else difficulty
    seeds_apart = rng.normal(0, spread, (seeds, 1))
    return rng.random((seeds, IMAGES)) < 1 / (1 + np.exp(-(logit + hard + seeds_apart)))


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("side", [-1, 1])
def test_about_x_errs_in_under_5_percent_of_runs_at_the_boundary(seeds, side):
    """The true mean accuracy is exactly x plus or minus the margin: neither answer is right."""
    rng = np.random.default_rng(seeds)
    true = _true_share(0.9)
    found = Counter(
        about(true - side * MARGIN, intervals.accuracy(simulated(rng, 0.9, seeds))) for _ in range(RUNS)
    )
    assert found[SUPPORTED] < 0.05 * RUNS
    assert found[REFUTED] < 0.05 * RUNS


@pytest.mark.parametrize("seeds", [(3, 3), (3, 1)])
def test_two_equal_models_are_told_apart_in_under_5_percent_of_runs(seeds):
    """The second case is an SVM's: one run, with nothing random in it but the images."""
    rng = np.random.default_rng(1)
    found = Counter()
    for _ in range(RUNS):
        hard = rng.normal(0, 2, IMAGES)
        a = simulated(rng, 0.9, seeds[0], hard)
        b = simulated(rng, 0.9, seeds[1], hard, spread=0.08 if seeds[1] > 1 else 0)
        found[above(intervals.difference(a, b))] += 1
    assert max(found[SUPPORTED], found[REFUTED]) < 0.05 * RUNS


def draw_of_tests(rng, share, images=30, both=0.1):
    """Correct images of two equal models on test images of a seed's own; they agree on most."""
    a = rng.random(images) < share
    return a, np.where(rng.random(images) < both, rng.random(images) < share, a)


@pytest.mark.parametrize("seeds", [2, 3, 20])
def test_equal_models_on_draws_of_test_images_are_told_apart_in_under_5_percent_of_runs(seeds):
    rng = np.random.default_rng(seeds)
    found = Counter()
    for _ in range(RUNS):
        a, b = zip(*(draw_of_tests(rng, 0.6) for _ in range(seeds)), strict=True)
        found[above(intervals.difference_of_draws(a, b))] += 1
    assert max(found[SUPPORTED], found[REFUTED]) < 0.05 * RUNS


def test_draws_of_test_images_are_as_wide_as_students_t_or_as_their_images():
    rows = [np.arange(100) < count for count in (90, 80, 70)]
    none = [np.zeros(100, bool)] * 3
    found = intervals.difference_of_draws(rows, none)
    assert found.value == pytest.approx(0.8)
    assert found.high - 0.8 == pytest.approx(4.302653 * 0.1 / np.sqrt(3), rel=1e-5)
    alike = intervals.difference_of_draws([np.arange(30) < 1] * 2, [np.zeros(30, bool)] * 2)
    one_sample = intervals.paired_difference(np.tile(np.arange(30) < 1, 2)[None], np.zeros((1, 60)))
    assert (alike.low, alike.high) == pytest.approx((one_sample.low, one_sample.high))


def test_seeds_alone_have_the_interval_of_cochran():
    """Where all images are alike, the seeds are all that the interval has in it."""
    a, b = ([0.9, 0.8, 0.7], [0.5, 0.45, 0.4, 0.6])
    found = intervals.difference(*(np.tile(np.array(m)[:, None], 100) for m in (a, b)))
    parts = [(np.var(m, ddof=1) / len(m), t.ppf(0.975, len(m) - 1)) for m in (a, b)]
    total = sum(variance for variance, _ in parts)
    reach = sum(variance * quantile for variance, quantile in parts) / np.sqrt(total)
    assert found.high - found.value == pytest.approx(reach)
    welch = ttest_ind(a, b, equal_var=False).confidence_interval()
    assert reach > (welch.high - welch.low) / 2, "it is the wider one"
    added = intervals.with_error(Estimate(0.5, 0.5 - 3, 0.5 + 3), 4 / 1.959964)
    assert (added.low, added.high) == pytest.approx((-4.5, 5.5))


def test_a_better_model_is_found():
    rng = np.random.default_rng(2)
    found = Counter()
    for _ in range(RUNS // 5):
        hard = rng.normal(0, 2, IMAGES)
        found[above(intervals.difference(simulated(rng, 0.95, 3, hard), simulated(rng, 0.85, 3, hard)))] += 1
    assert found[SUPPORTED] > 0.9 * RUNS // 5


@pytest.mark.parametrize("count", [3, 10])
def test_equal_times_and_means_are_told_apart_in_under_5_percent_of_runs(count):
    rng = np.random.default_rng(count)
    found: Counter = Counter()
    for _ in range(RUNS):
        a, b = np.exp(rng.normal(0, 0.1, (2, count)))
        found["ratio", above(intervals.ratio(a, b), 1.0)] += 1
        found["mean", above(intervals.mean(rng.normal(0, 1, count)))] += 1
    for what in ("ratio", "mean"):
        assert max(found[what, SUPPORTED], found[what, REFUTED]) < 0.05 * RUNS, what


def _true_share(share):
    rng = np.random.default_rng(0)
    return float(np.mean([simulated(rng, share, 20).mean() for _ in range(50)]))


@pytest.mark.parametrize("side", [-1, 1])
def test_a_single_run_errs_in_under_5_percent_of_runs_at_the_boundary(side):
    """An SVM on all images: Wilson's interval, of the images alone."""
    rng = np.random.default_rng(4)
    found = Counter(
        about(0.9 - side * MARGIN, intervals.accuracy(rng.random((1, IMAGES)) < 0.9)) for _ in range(RUNS)
    )
    assert max(found[SUPPORTED], found[REFUTED]) < 0.05 * RUNS


@pytest.mark.parametrize("sizes", [4, 6])
def test_time_in_proportion_to_images_is_called_otherwise_in_under_5_percent_of_runs(sizes):
    rng = np.random.default_rng(sizes)
    images = np.geomspace(300, 30_000, sizes)
    found: Counter = Counter()
    for _ in range(RUNS):
        law = fit_power(zip(images, images * np.exp(rng.normal(0, 0.2, sizes)), strict=True))
        found[above(Estimate(law.exponent, law.low, law.high), 1.0)] += 1
    assert max(found[SUPPORTED], found[REFUTED]) < 0.05 * RUNS


def test_a_number_far_from_all_draws_is_never_supported_and_a_usual_one_never_refuted():
    rng = np.random.default_rng(5)
    for _ in range(RUNS):
        found = intervals.central(rng.binomial(30, 0.48, 100) / 30)
        assert not found.low <= 5 / 30 <= found.high
        assert found.low <= 14 / 30 <= found.high


def test_the_best_of_three_equal_models_is_found_in_under_5_percent_of_runs():
    """The whole claim: two differences, which must both be shown."""
    rng = np.random.default_rng(6)
    (claim,) = [c for c in study.load("digit_recognizer").claims if c.id == "cnn-best"]
    found = Counter()
    any_images = np.arange(IMAGES) < 1_800
    records = [network("cnn", any_images, seed=s, epochs=3) for s in range(3)]
    records += [network("mlp", any_images, seed=s, epochs=50) for s in range(3)]
    records.append(svm(any_images))
    for _ in range(RUNS):
        hard = rng.normal(0, 2, IMAGES)
        rows = [
            *(simulated(rng, 0.9, 3, hard) for _ in range(2)),
            simulated(rng, 0.9, 1, hard, spread=0),
        ]
        made = [_with_correct(record, row) for record, row in zip(records, np.concatenate(rows), strict=True)]
        found[judge([claim], runs_of(made))[0].verdict] += 1
    assert sum(found.values()) == RUNS
    assert max(found[SUPPORTED], found[REFUTED]) < 0.05 * RUNS


def _with_correct(record, row):
    ((name, kept),) = record.snapshots.items()
    packed = base64.b64encode(np.packbits(row).tobytes()).decode()
    return but(record, snapshots={name: but(kept, correct=packed)})


def test_intervals_are_written_as_journals_have_them():
    assert written(Estimate(0.9378, 0.931, 0.9446), PERCENT) == "93.8% (95% CI 93.1-94.5%)"
    assert written(Estimate(-0.0077, -0.0203, 0.0048), POINTS, "98.75% CI") == (
        "-0.8 pp (98.75% CI -2.0 to +0.5 pp)"
    )
    assert written(Estimate(52.1, 41.4, 65.2), TIMES) == "52.1x (95% CI 41.4-65.2x)"
    assert written(Estimate(1.86, 1.52, 2.21), POWER) == "n^1.86 (95% CI 1.52-2.21)"
    assert written(Estimate(4_197, 4_197, 4_197), COUNT) == "4,197", "what is counted has no interval"
    assert written(Estimate(0.5, -np.inf, np.inf), PERCENT) == "50.0%"
