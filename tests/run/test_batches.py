from cells import cell
from hexbench.models import entries
from hexbench.run.batches import divided
from hexbench.run.submission import shares

SEARCH = cell("svm_grid", 60)
WAITING = [cell("svm", 60, params_from=SEARCH, seed=seed) for seed in range(3)]
NETWORKS = [cell("mlp", 210, epochs=2, seed=seed) for seed in range(5)]


def split(cells, most_s=2.0, unsearched=(SEARCH.identity,), timed=lambda _: False):
    return divided(cells, entries(), lambda _: 1.0, most_s, set(unsearched), timed)


def test_cells_are_put_together_by_their_expected_time_and_searches_stand_alone():
    batches = split([*WAITING, *NETWORKS, SEARCH])
    assert [batch.cells for batch in batches] == [
        (SEARCH,),
        tuple(NETWORKS[:2]),
        tuple(NETWORKS[2:4]),
        tuple(NETWORKS[4:]),
        tuple(WAITING[:2]),
        tuple(WAITING[2:]),
    ]
    assert [batch.search for batch in batches] == [None] * 4 + [SEARCH.identity] * 2


def test_a_search_that_has_its_record_is_not_waited_for():
    assert [batch.search for batch in split(WAITING, unsearched=())] == [None, None]


def test_a_cell_longer_than_a_batch_is_one():
    assert [len(batch.cells) for batch in split(NETWORKS, most_s=0.5)] == [1] * 5


def test_cells_whose_times_count_are_apart_from_others():
    batches = split(NETWORKS, timed=lambda one: one.seed == 4)
    assert [(len(batch.cells), batch.alone) for batch in batches] == [(2, False), (2, False), (1, True)]


def test_several_arrays_together_keep_to_the_limit():
    assert shares(64, [100]) == [64]
    assert shares(10, [50, 50]) == [5, 5]
    assert shares(10, [98, 1, 1]) == [9, 1, 1] or sum(shares(10, [98, 1, 1])) <= 11
    assert shares(2, [1, 1, 1]) == [1, 1, 1], "each may run one"
    assert sum(shares(7, [3, 3, 3])) == 7
