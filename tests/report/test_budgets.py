from analyse.sound import correct, grid, network, svm
from hexbench.report.budgets import best_at_each_budget, frontier, trained
from report.made_up import slices_of

SHARES = {1: correct(0.78, 0), 2: correct(0.79, 0)}
RECORDS = [
    network("mlp", correct(0.80, 0), evaluated=SHARES, times={"train_s": 6.0}),  # 2, 4 and 6 s
    network("cnn", correct(0.95, 0), epochs=4, times={"train_s": 8.0}),
    network("cnn", correct(0.70, 0), epochs=1, train_size=100, times={"train_s": 2.0}),
    *(svm(correct(0.81, seed), seed=seed, times={"train_s": 1.0}) for seed in (0, 1)),
    grid(correct(0.90, 0), times={"train_s": 1.0, "search_s": 9.0}),
]


def found(records=RECORDS):
    return trained(slices_of(records))


def test_a_way_to_train_is_the_mean_of_its_seeds_and_counts_its_own_search():
    ways = [(one.model, one.seconds) for one in found()]
    assert ways[0] == ("svm", 1.0)
    assert ("svm_grid", 10.0) in ways
    assert [seconds for _, seconds in ways] == sorted(seconds for _, seconds in ways)
    assert len(ways) == 7


def test_other_test_images_do_not_count():
    records = [grid(correct(0.9, 0)[:30], images=100), network("cnn", correct(0.9, 0), classes=2)]
    assert found([*records, network("cnn", correct(0.9, 0), split=7)]) == []


def test_a_frontier_leaves_out_what_a_quicker_way_equals():
    worse = network("mlp", correct(0.78, 0), epochs=50, train_size=300, times={"train_s": 99.0})
    own = [one for one in found([*RECORDS, worse]) if one.model == "mlp"]
    assert [one.seconds for one in frontier(own)] == [2.0, 4.0, 6.0]
    assert len(own) == 4


def test_which_model_is_best_at_each_budget():
    assert best_at_each_budget(found()) == [(1.0, "svm"), (8.0, "cnn")]
    assert best_at_each_budget([]) == []
