"""Two runs of made-up records with known answers."""

import msgspec
import numpy as np
import pytest
from analyse.runs import cnns, dropped, manifest_of, run_of, with_data
from analyse.sound import broken, but, correct, grid, network, svm
from hexbench.analyse.compare import (
    ASSUMED_SEEDS,
    BETTER,
    DRAWS,
    FAMILY,
    IDENTICAL,
    IMAGES,
    REGRESSION,
    SEEDS_AND_IMAGES,
    SMALL,
    UNDECIDED,
    Run,
    compare,
    difference,
    environment_changes,
)
from hexbench.analyse.intervals import DEFAULT_SEED_STD, Estimate
from hexbench.errors import BadInput
from hexbench.store.record import Environment

SIMULATIONS = 200


def differences(first, second):
    return compare(run_of(first), run_of(second)).accuracy.differences


def the_verdict(first, second):
    (difference,) = differences(first, second)
    return difference.verdict


def test_a_planted_drop_is_a_regression_and_a_rise_is_better():
    before, after = cnns(range(3)), cnns(range(3), drop=0.03)
    (fall,) = differences(before, after)
    assert (fall.verdict, fall.interval_of) == (REGRESSION, SEEDS_AND_IMAGES)
    assert fall.change.value == pytest.approx(-0.03)
    assert -0.04 < fall.change.low < fall.change.high < -0.02
    assert the_verdict(after, before) == BETTER


def test_the_same_correct_images_are_identical():
    (same,) = differences(cnns([0]), cnns([0]))
    assert (same.verdict, same.change) == (IDENTICAL, Estimate(0.0, 0.0, 0.0))
    # As many images are correct, but others.
    assert the_verdict([svm(correct(0.9, 1))], [svm(correct(0.9, 1)[::-1])]) == UNDECIDED


def test_a_difference_that_seeds_explain_is_not_shown():
    ahead = [network("cnn", correct(0.95, s, spread=0.02), seed=s) for s in range(3)]
    behind = [network("cnn", correct(0.94, s + 50, spread=0.02), seed=s) for s in range(3)]
    assert the_verdict(ahead, behind) == UNDECIDED
    assert the_verdict([svm(correct(0.90, 1))], [svm(dropped(correct(0.90, 1), 0.001))]) == UNDECIDED


def test_a_certain_difference_under_one_point_is_no_regression():
    assert the_verdict(cnns(range(3)), cnns(range(3), drop=0.009)) == SMALL
    assert the_verdict(cnns(range(3)), cnns(range(3), drop=0.013)) == REGRESSION


def test_an_svm_of_one_seed_has_an_interval_of_the_images_alone():
    right = correct(0.9, 0)
    (fall,) = differences([svm(right)], [svm(dropped(right, 0.03))])
    assert (fall.verdict, fall.interval_of, len(fall.first)) == (REGRESSION, IMAGES, 1)
    few = right[:100]
    assert the_verdict([svm(few)], [svm(dropped(few, 0.02))]) == UNDECIDED


@pytest.mark.parametrize("seeds", [[4], [4, 5]])
def test_a_network_of_one_or_two_seeds_must_fall_further_than_seeds_differ(seeds):
    (little,) = differences(cnns(seeds), cnns(seeds, drop=0.04))
    assert (little.verdict, little.interval_of) == (UNDECIDED, ASSUMED_SEEDS)
    (far,) = differences(cnns(seeds), cnns(seeds, drop=0.12))
    assert (far.verdict, len(far.first)) == (REGRESSION, len(seeds))
    reach = far.change.high - far.change.value
    assert reach > 1.96 * DEFAULT_SEED_STD * np.sqrt(2 / len(seeds))


def test_the_interval_of_a_network_is_never_narrower_than_the_unpaired_one():
    spread = [correct(0.9 + extra, 7) for extra in (-0.05, 0.0, 0.05)]
    before = [network("mlp", right, seed=s) for s, right in enumerate(spread)]
    after = [network("mlp", dropped(right, 0.05, s), seed=s) for s, right in enumerate(spread)]
    assert the_verdict(before, after) == UNDECIDED
    # An SVM is deterministic: its training images are the same for a seed.
    fallen = [dropped(right, 0.05, s) for s, right in enumerate(spread)]
    as_svm = [[svm(r, seed=s, train_size=100) for s, r in enumerate(rows)] for rows in (spread, fallen)]
    assert the_verdict(*as_svm) == REGRESSION


def test_seeds_are_paired_and_those_of_one_run_do_not_count():
    # Unpaired, seed 9 would hide the fall.
    first = cnns([0, 1, 2, 3])
    second = [*cnns([1, 2, 3], drop=0.05), network("cnn", correct(0.999, 9), seed=9)]
    (fall,) = differences(first, second[::-1])
    assert len(fall.first) == 3
    assert fall.change.value == pytest.approx(-0.05)
    assert fall.first == [r.metrics.test_accuracy for r in first[1:]]
    found = compare(run_of(cnns([0, 1])), run_of(cnns([2, 3]))).accuracy
    assert (found.differences, found.only_first, found.only_second) == ([], 1, 1)


def test_every_epoch_at_which_both_kept_their_predictions_is_compared():
    first = [
        network("cnn", correct(0.95, 0), epochs=50, evaluated={3: correct(0.9, 1), 15: correct(0.94, 2)})
    ]
    second = [network("cnn", correct(0.93, 3), epochs=15, evaluated={3: dropped(correct(0.9, 1), 0.2)})]
    found = {d.setting.epochs: d.verdict for d in differences(first, second)}
    assert found == {3: REGRESSION, 15: found[15]}
    alone = compare(run_of(first), run_of(second)).accuracy
    assert (alone.only_first, alone.only_second) == (1, 0)


def test_of_two_cells_with_one_seed_the_longer_trained_counts():
    longer = network("cnn", correct(0.95, 0), epochs=5, evaluated={3: correct(0.9, 1)})
    for first in ([*cnns([0]), longer], [longer, *cnns([0])]):
        found = {d.setting.epochs: d.first for d in differences(first, [longer])}
        assert found[3] == [correct(0.9, 1).mean()]


def test_cells_that_validation_stopped_are_compared_at_their_end():
    kind = {"train_size": 1_000, "held_out": 200, "epochs": 99}
    first = [network("mlp", correct(0.9, s), seed=s, stopped_at=10 + s, **kind) for s in range(3)]
    second = [network("mlp", correct(0.9, s), seed=s, stopped_at=20 - s, **kind) for s in range(3)]
    (same,) = differences(first, second)
    assert (same.verdict, same.setting.epochs, len(same.first)) == (IDENTICAL, None, 3)


def test_cells_that_differ_in_more_than_their_seed_are_not_alike():
    for other in (
        [grid(correct(0.9, 0))],
        [svm(correct(0.9, 0), train_size=100)],
        [svm(correct(0.9, 0), source=grid(correct(0.9, 0), images=100))],
    ):
        assert differences([svm(correct(0.9, 0))], other) == []
    assert differences([grid(correct(0.9, 0))], [grid(correct(0.9, 0), images=7_000)]) == []
    assert differences(cnns([0]), cnns([0], batch_size=32)) == []
    assert differences(cnns([0]), cnns([0], learning_rate=0.01)) == []
    without = [but(r, params={n: v for n, v in r.params.items() if n != "kernel_size"}) for r in cnns([0])]
    assert differences(cnns([0]), without) == [], "a hyperparameter that only one run has"


def test_the_interval_widens_with_the_number_of_comparisons():
    one = compare(run_of(cnns([0])), run_of(cnns([0], drop=0.02))).accuracy
    sizes = range(100, 2_100, 100)
    many = [[r for n in sizes for r in cnns([0], drop=d, train_size=n)] for d in (0.0, 0.02)]
    twenty = compare(*map(run_of, many)).accuracy
    assert one.confidence == pytest.approx(0.95)
    assert twenty.confidence == pytest.approx(1 - 0.05 / 20)
    assert twenty.differences[0].change.low < one.differences[0].change.low


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "std"), [(1, 0.026), (3, 0.005), (3, 0.02), (5, 0.03)])
def test_equal_runs_differ_in_any_of_twenty_cells_in_under_5_percent_of_runs(monkeypatch, seeds, std):
    """Equal seeds have nothing in common, as on another machine; the floor of one point is taken away."""
    monkeypatch.setattr("hexbench.analyse.compare.FLOOR", 0.0)
    setting = run_of(cnns([0])).runs.setting(cnns([0])[0])
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(SIMULATIONS):
        pairs = []
        for _ in range(20):
            hard = rng.random(500)
            apart = rng.normal(0, std, (2, seeds, 1))
            pairs.append(hard + rng.normal(0, 0.1, (2, seeds, 500)) < 0.85 + apart)
        confidence = 1 - FAMILY / len(pairs)
        found = [difference(setting, list(zip(*pair, strict=True)), confidence, False) for pair in pairs]
        wrong += any(d.verdict not in (UNDECIDED, IDENTICAL) for d in found)
    assert wrong < 0.05 * SIMULATIONS


def draws(accuracies, lost=0, tested=30):
    """The report's SVM on 100 images: each seed has 30 test images of its own."""
    few = [correct(a, 100 + seed)[:tested] for seed, a in enumerate(accuracies)]
    return [grid(dropped(right, lost / tested), seed=seed, images=100) for seed, right in enumerate(few)]


def test_seeds_with_test_images_of_their_own_are_paired_one_by_one():
    (fall,) = differences(draws([0.9] * 20), draws([0.9] * 20, lost=6))
    assert (fall.verdict, fall.interval_of, len(fall.first)) == (REGRESSION, DRAWS, 20)
    assert fall.change.value == pytest.approx(-0.2)
    # Each of two seeds lost one image of thirty: equal differences, and no certainty.
    (chance,) = differences(draws([0.9] * 2), draws([0.9] * 2, lost=1))
    assert chance.verdict == UNDECIDED
    assert chance.change.low < 0 < chance.change.high


def test_simpler_tasks_may_have_unequal_numbers_of_test_images():
    def tasks(lost):
        kind = {"train_size": 100, "held_out": 20, "classes": 2, "stopped_at": 2}
        rows = [correct(0.9, seed)[: 300 + 50 * seed] for seed in range(5)]
        return [network("cnn", dropped(row, lost, 1), seed=seed, **kind) for seed, row in enumerate(rows)]

    assert the_verdict(tasks(0), tasks(0)) == IDENTICAL
    assert the_verdict(tasks(0), tasks(0.2)) == REGRESSION


def test_a_record_that_failed_or_is_about_other_images_is_named_and_does_not_count():
    first, second = cnns(range(3)), cnns(range(3))
    second[1] = broken(second[1])
    second[2] = but(second[2], data=but(second[2].data, fingerprint="e" * 64))
    found = compare(run_of(first), run_of(second))
    assert [len(d.first) for d in found.accuracy.differences] == [1]
    reasons = {key: why for key, label, why in found.second.left_out}
    assert reasons == {
        second[1].key: "it failed: ValueError: no",
        second[2].key: "it is about other images than its folder",
    }
    assert found.second.left_out[0][1].startswith("cell ")
    assert found.first.left_out == []


def test_runs_on_different_images_cannot_be_compared():
    first = run_of(cnns([0]), "a")
    other = manifest_of([], data=with_data(fingerprint="e" * 64))
    with pytest.raises(BadInput, match="a and b are about different images"):
        compare(first, Run.of("b", other, []))


def test_what_can_explain_a_difference_is_named():
    a = Environment("3", "s", "p", commit="1", packages={"jax": "0.10"})
    b = msgspec.structs.replace(a, packages={"jax": "0.11"})
    assert environment_changes(a, a) == []
    assert environment_changes(a, b) == ["packages.jax: 0.10 → 0.11"]
