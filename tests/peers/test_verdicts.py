import pytest
from hexbench.peers.verdicts import (
    allowed_difference,
    compare_accuracies,
    faster_than_ours,
    fastest,
    ratio,
    targets,
)
from peers.made_up import outcome


def test_a_ratio_is_taken_round_by_round():
    # The machine was five times slower in the third round, for both: medians alone would say 2.
    made = outcome("cnn", {"hexbench": [1, 2, 10], "pytorch": [4, 3, 15]})
    found = ratio(made.results[1], made.results[0])
    assert (found.median, found.low, found.high) == (1.5, 1.5, 4)
    assert str(found) == "1.50 (1.50 to 4.00)"


def test_a_ratio_of_one_round_has_no_range_and_large_ones_few_digits():
    made = outcome("mlp", {"hexbench": [1], "pytorch": [235.4], "keras-jax": [15.26]})
    ours, first, second = made.results
    assert str(ratio(first, ours)) == "235"
    assert str(ratio(second, ours)) == "15.3"


def test_targets_of_the_cnn_are_about_the_fastest_peer():
    seconds = {"hexbench": [1, 1, 1], "pytorch": [1.2, 9, 1.25], "flax": [3, 3, 3]}
    (target,) = targets([outcome("cnn", seconds)])
    assert (target.peer, target.at_least) == ("fastest peer: PyTorch", 1.3)
    assert target.measured.median == 1.25
    assert target.verdict == "missed"
    (target,) = targets([outcome("cnn", seconds | {"pytorch": [1.3, 1.3, 1.2]})])
    assert target.verdict == "met"


def test_the_fastest_peer_has_the_smallest_ratio_not_the_fewest_seconds():
    made = outcome("cnn", {"hexbench": [1, 2, 4], "pytorch": [1.4, 2.8, 9], "flax": [9, 2.6, 5.2]})
    assert fastest(made.peers, made.ours).entry.name == "flax"


def test_targets_of_mlp_and_svm_name_their_peers():
    mlp = outcome("mlp", {"hexbench": [1], "pytorch": [5], "keras-tensorflow": [14.9]})
    svm = outcome("svm", {"hexbench": [1], "sklearn": [7.1], "sklearn-all-cores": [3.4]}, images=2000)
    found = [(t.peer, t.at_least, t.verdict) for t in targets([mlp, svm])]
    assert found == [
        ("PyTorch", 5, "met"),
        ("Keras on TensorFlow", 15, "missed"),
        ("Keras on JAX", 4, "not measured"),
        ("GridSearchCV", 7, "met"),
        ("GridSearchCV, n_jobs=-1", 3.5, "missed"),
    ]


def test_a_search_of_few_images_has_no_target():
    assert targets([outcome("svm", {"hexbench": [1], "sklearn": [2]}, images=500)]) == []


def test_who_failed_is_no_peer_to_be_faster_than():
    made = outcome("cnn", {"hexbench": [1], "pytorch": [0.5], "flax": [2]}, failed={"pytorch"})
    assert [r.entry.name for r in made.peers] == ["flax"]
    assert fastest(made.peers, made.ours).entry.name == "flax"
    assert faster_than_ours(made) == []
    assert [t.verdict for t in targets([made])] == ["met"]


def test_nothing_is_measured_where_hexbench_failed():
    made = outcome("cnn", {"hexbench": [1], "pytorch": [2]}, failed={"hexbench"})
    assert made.ours is None
    assert [t.verdict for t in targets([made])] == ["not measured"]
    assert faster_than_ours(made) == []


def test_a_faster_peer_is_found():
    made = outcome("mlp", {"hexbench": [1, 1, 1], "pytorch": [0.9, 0.9, 5], "flax": [1.1, 1, 0.1]})
    assert [r.entry.name for r in faster_than_ours(made)] == ["pytorch"]


NAMES = ("hexbench", "pytorch", "keras-tensorflow", "keras-jax", "flax")
FIVE = {name: [1.0] for name in NAMES}


@pytest.mark.parametrize(
    ("model", "rounds", "off", "agrees"),
    [
        ("cnn", 5, 0.02, True),
        ("cnn", 5, 0.05, False),
        ("mlp", 30, 0.03, True),
        ("mlp", 30, 0.06, False),
        ("mlp", 3, 0.06, True),
    ],
)
def test_another_accuracy_is_noticed(model, rounds, off, agrees):
    made = outcome(model, FIVE, {"flax": 0.9 - off}, rounds=rounds)
    found = {c.result.entry.name: c for c in compare_accuracies(made)}
    assert found["flax"].difference == pytest.approx(-off)
    assert found["flax"].agrees is agrees
    assert all(c.agrees for name, c in found.items() if name != "flax"), "only the odd one"


def test_each_is_held_against_the_others_without_itself():
    seconds = {"hexbench": [1], "pytorch": [1], "flax": [1]}
    made = outcome("cnn", seconds, {"hexbench": 0.9, "pytorch": 0.88, "flax": 0.86})
    differences = [c.difference for c in compare_accuracies(made)]
    assert differences == pytest.approx([0.03, 0.0, -0.03])


def test_the_allowed_difference_is_three_standard_errors():
    # A proportion of 0.5 in 2,500 has a standard deviation of a point; so has, here, a seed.
    one = 2**0.5 * 0.01
    assert allowed_difference(0.5, 2500, 0.01, 1) == pytest.approx(3 * 2**0.5 * one)
    many = allowed_difference(0.5, 2500, 0.01, 10**6)
    assert many == pytest.approx(3 * one, rel=1e-3)


def test_searches_have_no_seed():
    seconds = {"hexbench": [1], "sklearn": [1], "sklearnex": [1]}
    made = outcome("svm", seconds, {"hexbench": 0.87}, images=2000)
    assert [c.agrees for c in compare_accuracies(made)] == [False, True, True]


def test_one_alone_is_held_against_nobody():
    assert compare_accuracies(outcome("cnn", {"hexbench": [1]})) == []
