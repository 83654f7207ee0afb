"""Intervals and tests against known answers, and against 500 simulated runs each."""

import base64
import gc
from collections import Counter

import numpy as np
import pytest
from analyse.sound import network, svm
from scipy.stats import ttest_ind
from statsmodels.stats.proportion import proportion_confint

from bench.analyse import statistics
from bench.analyse.comparisons import best_of_all
from bench.analyse.evidence import Evidence
from bench.analyse.rules import MARGIN, REFUTED, SUPPORTED, about, above
from bench.analyse.scaling import fit_power
from bench.analyse.statistics import Estimate

RUNS = 500
IMAGES = 2_000


def test_known_answers():
    one = statistics.accuracy(np.arange(100)[None] < 90)
    assert (one.low, one.high) == pytest.approx(proportion_confint(90, 100, method="wilson"))
    interval = statistics.mean([1.0, 2.0, 3.0])
    assert interval.value == 2
    assert interval.high - 2 == pytest.approx(
        4.302653 / np.sqrt(3), rel=1e-5
    )  # Student's t, 2 degrees
    assert statistics.ratio([2.0, 2.0], [1.0, 1.0]) == Estimate(2.0, 2.0, 2.0)
    a, b = np.arange(30) < 20, np.arange(30) >= 5
    assert statistics.mcnemar(a, b) == pytest.approx(
        2 * 0.5**15 * sum((1, 15, 105, 455, 1365, 3003))
    )
    assert statistics.corrected([0.01, 0.04]) == pytest.approx([0.02, 0.04])
    assert statistics.central(range(101)).low == pytest.approx(2.5)


def test_seeds_that_are_not_as_many_cannot_be_paired():
    with pytest.raises(ValueError, match="2 seeds cannot be paired with 3"):
        statistics.difference(np.ones((2, 9), bool), np.ones((3, 9), bool))


def test_one_run_has_no_interval_of_its_seeds():
    assert statistics.mean([0.5]).high == np.inf
    assert statistics.ratio([1.0], [2.0, 3.0]).low == 0


def test_rules_decide_by_the_whole_interval():
    assert about(0.9, Estimate(0.9, 0.89, 0.91)) == SUPPORTED
    assert about(0.9, Estimate(0.9, 0.88, 0.91)) == "inconclusive"
    assert about(0.9, Estimate(0.95, 0.92, 0.98)) == REFUTED
    assert above(Estimate(1, 0.1, 2)) == SUPPORTED
    assert above(Estimate(1, -0.1, 2)) == "inconclusive"
    assert above(Estimate(-1, -2, -0.1)) == REFUTED
    assert -Estimate(1, 0, 3) == Estimate(-1, -3, 0)


def simulated(rng, share, seeds, difficulty=None, luck=0.08):
    """Hits (seeds, IMAGES): images differ in how hard they are, seeds in how good they turned out."""
    logit = np.log(share / (1 - share))
    hard = rng.normal(0, 2, IMAGES) if difficulty is None else difficulty
    lucky = rng.normal(0, luck, (seeds, 1))
    return rng.random((seeds, IMAGES)) < 1 / (1 + np.exp(-(logit + hard + lucky)))


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("side", [-1, 1])
def test_about_x_errs_in_under_5_percent_of_runs_at_the_boundary(seeds, side):
    """The true mean accuracy is exactly x plus or minus the margin: neither answer is right."""
    rng = np.random.default_rng(seeds)
    true = _true_share(0.9)
    found = Counter(
        about(true - side * MARGIN, statistics.accuracy(simulated(rng, 0.9, seeds)))
        for _ in range(RUNS)
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
        b = simulated(rng, 0.9, seeds[1], hard, luck=0.08 if seeds[1] > 1 else 0)
        found[above(statistics.difference(a, b))] += 1
    assert max(found[SUPPORTED], found[REFUTED]) < 0.05 * RUNS


def draw_of_tests(rng, share, images=30, both=0.1):
    """Hits of two equal models on test images of a seed's own; they agree on most."""
    a = rng.random(images) < share
    return a, np.where(rng.random(images) < both, rng.random(images) < share, a)


@pytest.mark.parametrize("seeds", [2, 3, 20])
def test_equal_models_on_draws_of_test_images_are_told_apart_in_under_5_percent_of_runs(seeds):
    rng = np.random.default_rng(seeds)
    found = Counter()
    for _ in range(RUNS):
        a, b = zip(*(draw_of_tests(rng, 0.6) for _ in range(seeds)), strict=True)
        found[above(statistics.difference_of_draws(a, b))] += 1
    assert max(found[SUPPORTED], found[REFUTED]) < 0.05 * RUNS


def test_draws_of_test_images_are_as_wide_as_students_t_or_as_their_images():
    rows = [np.arange(100) < right for right in (90, 80, 70)]
    none = [np.zeros(100, bool)] * 3
    found = statistics.difference_of_draws(rows, none)
    assert found.value == pytest.approx(0.8)
    assert found.high - 0.8 == pytest.approx(4.302653 * 0.1 / np.sqrt(3), rel=1e-5)
    alike = statistics.difference_of_draws([np.arange(30) < 1] * 2, [np.zeros(30, bool)] * 2)
    one_sample = statistics.difference(np.tile(np.arange(30) < 1, 2)[None], np.zeros((1, 60)))
    assert (alike.low, alike.high) == pytest.approx((one_sample.low, one_sample.high))


def test_seeds_that_are_strangers_have_the_interval_of_welch():
    """Where all images are alike, the seeds are all that the interval has in it."""
    a, b = ([0.9, 0.8, 0.7], [0.5, 0.45, 0.4, 0.6])
    found = statistics.unpaired_difference(*(np.tile(np.array(m)[:, None], 100) for m in (a, b)))
    welch = ttest_ind(a, b, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high))
    added = statistics.with_error(Estimate(0.5, 0.5 - 3, 0.5 + 3), 4 / 1.959964)
    assert (added.low, added.high) == pytest.approx((-4.5, 5.5))


def test_a_better_model_is_found():
    rng = np.random.default_rng(2)
    found = Counter()
    for _ in range(RUNS // 5):
        hard = rng.normal(0, 2, IMAGES)
        found[
            above(
                statistics.difference(simulated(rng, 0.95, 3, hard), simulated(rng, 0.85, 3, hard))
            )
        ] += 1
    assert found[SUPPORTED] > 0.9 * RUNS // 5


@pytest.mark.parametrize("count", [3, 10])
def test_equal_times_and_means_are_told_apart_in_under_5_percent_of_runs(count):
    rng = np.random.default_rng(count)
    found: Counter = Counter()
    for _ in range(RUNS):
        a, b = np.exp(rng.normal(0, 0.1, (2, count)))
        found["ratio", above(statistics.ratio(a, b), 1.0)] += 1
        found["mean", above(statistics.mean(rng.normal(0, 1, count)))] += 1
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
        about(0.9 - side * MARGIN, statistics.accuracy(rng.random((1, IMAGES)) < 0.9))
        for _ in range(RUNS)
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
        found = statistics.central(rng.binomial(30, 0.48, 100) / 30)
        assert not found.low <= 5 / 30 <= found.high
        assert found.low <= 14 / 30 <= found.high


def test_the_best_of_three_equal_models_is_found_in_under_5_percent_of_runs(monkeypatch):
    """The whole rule: two corrected differences and two corrected tests of McNemar."""
    monkeypatch.setattr(gc, "collect", lambda: 0)  # statsmodels collects for every correction
    rng = np.random.default_rng(6)
    rule, found = best_of_all(seeds=3), Counter()
    any_hits = np.arange(IMAGES) < 1_800
    records = [network("cnn", any_hits, seed=s, epochs=3) for s in range(3)]
    records += [network("mlp", any_hits, seed=s, epochs=50) for s in range(3)]
    records.append(svm(any_hits))
    for _ in range(RUNS):
        hard = rng.normal(0, 2, IMAGES)
        hits = [
            *(simulated(rng, 0.9, 3, hard) for _ in range(2)),
            simulated(rng, 0.9, 1, hard, luck=0),
        ]
        for record, right in zip(records, np.concatenate(hits), strict=True):
            (snapshot,) = record["snapshots"].values()
            snapshot["right"] = base64.b64encode(np.packbits(right).tobytes()).decode()
        found[rule(Evidence(records)).verdict] += 1
    assert max(found[SUPPORTED], found[REFUTED]) < 0.05 * RUNS
