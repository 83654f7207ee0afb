import pytest
from analyse.records import network, svm

from bench.analyse.compare import compare, environment_changes, table


def runs(first, second):
    return [[network("cnn", a, seed=i) for i, a in enumerate(run)] for run in (first, second)]


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((0.95, 0.951, 0.949), (0.85, 0.851, 0.849), "REGRESSION"),
        ((0.85, 0.851, 0.849), (0.95, 0.951, 0.949), "better"),
        ((0.95, 0.951, 0.949), (0.945, 0.946, 0.944), "same"),  # half a point
        ((0.95, 0.90, 0.85), (0.85, 0.80, 0.75), "same"),  # less than the seeds explain
        ((0.95,), (0.93,), "same"),  # less than 300 test images explain
        ((0.95,), (0.80,), "REGRESSION"),
    ],
)
def test_a_fall_is_one_beyond_a_point_and_beyond_chance(first, second, verdict):
    (difference,) = compare(*runs(first, second))
    assert difference.verdict == verdict


def test_only_what_both_measured_is_compared():
    first = [network("cnn", 0.9, epochs=5, evaluated=[3]), svm(0.9)]
    second = [network("cnn", 0.7, epochs=3)]
    (difference,) = compare(first, second)
    assert difference.identity["epochs"] == 3
    assert table([difference]).rows[0][0] == "CNN"


def test_what_can_explain_a_difference_is_named():
    a = {"environment": {"commit": "1", "packages": {"jax": "0.10"}}}
    b = {"environment": {"commit": "1", "packages": {"jax": "0.11"}}}
    assert environment_changes(a, a) == []
    assert environment_changes(a, b) == ["packages.jax: 0.10 → 0.11"]
