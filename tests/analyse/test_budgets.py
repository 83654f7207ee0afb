from analyse.records import network, svm

from bench.analyse.budgets import frontier, settings, winners
from bench.analyse.readings import readings

ONE_FIT = {"times": {"train_s": 1.0, "predict_s": 0.2}}
RECORDS = [
    network("mlp", 0.80, epochs=3, evaluated=[1, 2]),  # 2, 4 and 6 s: 78, 79 and 80%
    network("cnn", 0.95, epochs=4),  # 8 s
    network("cnn", 0.70, epochs=1, train_size=100),  # 2 s
    svm(0.79, seed=0) | ONE_FIT, svm(0.83, seed=1) | ONE_FIT,  # 1 s
    svm(0.90, fit="grid"),  # 10 s with its search
]  # fmt: skip


def test_a_setting_is_the_mean_of_its_seeds_and_counts_the_search():
    found = [(s.model, s.seconds, round(s.accuracy, 3)) for s in settings(readings(RECORDS))]
    assert found[0] == ("svm", 1.0, 0.81)
    assert ("svm", 10.0, 0.9) in found
    assert [seconds for _, seconds, _ in found] == sorted(seconds for _, seconds, _ in found)
    assert len(found) == 7


def test_a_frontier_leaves_out_what_a_quicker_setting_equals():
    found = settings(readings([*RECORDS, network("mlp", 0.78, epochs=50)]))
    assert [round(s.accuracy, 2) for s in frontier(found, "mlp")] == [0.78, 0.79, 0.8]


def test_who_is_ahead_at_each_budget():
    assert winners(settings(readings(RECORDS))) == [(1.0, "svm"), (8.0, "cnn")]
    assert winners([]) == []
