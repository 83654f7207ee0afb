"""Two runs of made-up records with known answers."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from analyse.runs import cnns, dropped, manifest_of, run_of, with_data
from analyse.sound import broken, but, correct, grid, network, svm
from hexbench.analyse.compare import (
    BETTER,
    DRAWS,
    FAMILY,
    IDENTICAL,
    IMAGES,
    NOT_SHOWN,
    REGRESSION,
    SEEDS_AND_IMAGES,
    SHOWN,
    SMALL,
    SPLITS,
    UNDECIDED,
    WORSE,
    Run,
    compare,
    difference,
    environment_changes,
)
from hexbench.analyse.intervals import UNKNOWN, Estimate, Spread, prior_of
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


def test_a_model_that_was_edited_between_the_runs_is_named():
    first, second = run_of(cnns([0])), run_of(cnns([0]))
    facts = {
        name: msgspec.structs.replace(one, source="0" * 64 if name == "cnn" else one.source)
        for name, one in second.manifest.models.items()
    }
    edited = replace(second, manifest=msgspec.structs.replace(second.manifest, models=facts))
    assert compare(first, second).remarks == []
    assert compare(first, edited).remarks == ["CNN: its source differs between the runs."]


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
def test_a_network_that_tells_nothing_of_its_seeds_must_fall_further_than_networks_differ(seeds):
    (little,) = differences(cnns(seeds), cnns(seeds, drop=0.004))
    assert (little.verdict, little.interval_of) == (UNDECIDED, SEEDS_AND_IMAGES)
    (far,) = differences(cnns(seeds), cnns(seeds, drop=0.05))
    assert (far.verdict, len(far.first)) == (REGRESSION, len(seeds))
    reach = far.change.high - far.change.value
    assert reach > 1.96 * np.sqrt(2 * UNKNOWN.at(0.95).variance / len(seeds))


def others(seeds=range(5)):
    """Other settings of the CNN, which tell how little its accuracy differs by seed."""
    sizes = (100, 200, 300, 400)
    return [network("cnn", correct(0.9, s), seed=s, train_size=n) for n in sizes for s in seeds]


def of_all_images(found):
    (one,) = [d for d in found if d.setting.subset.size == 7_000]
    return one


def test_two_seeds_are_not_worse_than_one_and_other_settings_tell_how_seeds_differ():
    reaches = []
    for seeds in ([4], [4, 5], [4, 5, 6]):
        fall = of_all_images(differences([*cnns(seeds), *others()], [*cnns(seeds, drop=0.03), *others()]))
        assert fall.verdict == REGRESSION
        reaches.append(fall.change.high - fall.change.value)
    assert reaches[0] > reaches[1] > reaches[2]


def test_seeds_of_two_runs_are_not_taken_for_pairs():
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


def test_headline_settings_are_a_family_of_their_own():
    sizes = range(100, 2_100, 100)
    many = [
        [*cnns(range(3), drop=d), *(r for n in sizes for r in cnns([0], drop=d, train_size=n))]
        for d in (0.0, 0.02)
    ]
    found = differences(*many)
    assert {(d.headline, d.setting.subset.size == 7_000) for d in found} == {(True, True), (False, False)}
    assert of_all_images(found).level == pytest.approx(0.95)
    assert [d.level for d in found if not d.headline] == [pytest.approx(1 - 0.05 / 20)] * 20


def test_a_row_says_what_it_could_have_shown_and_whether_the_margin_is_kept():
    fall = of_all_images(differences([*cnns(range(5)), *others()], [*cnns(range(5), drop=0.02), *others()]))
    reach = fall.change.high - fall.change.value
    assert fall.detectable == pytest.approx(reach * (1 + 0.8416 / 1.96), rel=1e-3)
    assert [fall.against(margin) for margin in (0.005, 0.02, 0.06)] == [WORSE, NOT_SHOWN, SHOWN]


def test_random_splits_are_compared_split_by_split():
    def runs(drop):
        rows = [
            (split, dropped(correct(0.9 + 0.01 * (split % 3), split), drop, split))
            for split in range(100, 110)
        ]
        return [network("cnn", row, seed=split, split=split) for split, row in rows]

    (fall,) = differences(runs(0.0), runs(0.03))
    assert (fall.verdict, fall.interval_of, len(fall.first), fall.headline) == (REGRESSION, SPLITS, 10, True)
    assert fall.change.value == pytest.approx(-0.03)


def test_models_of_different_names_are_compared_also_within_one_run():
    records = [*cnns(range(3)), *(network("mlp", correct(0.8, s), seed=s, epochs=50) for s in range(3))]
    (found,) = compare(run_of(records), run_of(records), {"cnn": "mlp"}).accuracy.differences
    assert (found.setting.model, found.other, found.headline) == ("cnn", "mlp", True)
    assert found.verdict == WORSE, "another model is no regression"
    assert found.change.value == pytest.approx(-0.15, abs=0.02)
    with pytest.raises(BadInput, match=r"run has no cell of a model 'mpl'.*'mlp'"):
        compare(run_of(records), run_of(records), {"cnn": "mpl"})


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "std"), [(1, 0.026), (2, 0.026), (3, 0.005), (3, 0.02), (5, 0.03)])
def test_equal_runs_differ_in_any_of_twenty_cells_in_under_5_percent_of_runs(monkeypatch, seeds, std):
    """Equal seeds have nothing in common, as on another machine; the floor of one point is taken away."""
    monkeypatch.setattr("hexbench.analyse.compare.FLOOR", 0.0)
    setting = run_of(cnns([0])).runs.setting(cnns([0])[0])
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(SIMULATIONS):
        pairs, spreads = [], []
        for _ in range(20):
            hard = rng.random(500)
            scale = std * np.exp(rng.normal(0, 0.3))
            apart = rng.normal(0, scale, (2, seeds, 1))
            pairs.append(hard + rng.normal(0, 0.1, (2, seeds, 500)) < 0.85 + apart)
            spreads.append((0.85, Spread(float(scale**2 * rng.chisquare(2) / 2), 2)))
        prior = prior_of(spreads)
        level = 1 - FAMILY / len(pairs)
        found = [difference(setting, list(zip(*pair, strict=True)), level, (prior, prior)) for pair in pairs]
        wrong += any(d.verdict not in (UNDECIDED, IDENTICAL) for d in found)
    chance = 2 * np.sqrt(0.05 * 0.95 * SIMULATIONS)
    assert wrong < 0.05 * SIMULATIONS + chance


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
