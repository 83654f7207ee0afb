"""The one way to ask for cells: defaults, what may be pooled, and what never is."""

import msgspec
import pytest
from analyse.runs import manifest_of, runs_of
from analyse.sound import GRID, broken, but, correct, grid, network, svm
from cells import cell, done
from hexbench.analyse.groups import ANY, Selection
from hexbench.analyse.runs import Ambiguous, Runs
from hexbench.errors import BadInput
from hexbench.models import entries
from hexbench.store.manifest import ModelFacts


def nets(**more):
    return [network("cnn", correct(0.9, seed), seed=seed, **more) for seed in (1, 0)]


def test_a_selection_takes_the_defaults_of_what_it_does_not_name():
    others = [*nets(learning_rate=0.01), *nets(batch_size=32), *nets(train_size=100), *nets(epochs=2)]
    others += nets(held_out=1_400, stopped_at=2)
    runs = runs_of([*others, *nets()])
    found = runs.select(Selection("cnn"))
    assert found.keys == [record.key for record in reversed(nets())]
    assert (found.seeds, found.epoch, len(found.failed)) == ([0, 1], 3, 0)
    assert runs.select(Selection("cnn", {"learning_rate": 0.01})).records == nets(learning_rate=0.01)[::-1]
    assert len(runs.select(Selection("cnn", {"early_stopping": True}))) == 2
    assert len(runs.select(Selection("cnn", {"train_size": 100}))) == 2
    assert not runs.select(Selection("cnn", {"train_size": 300})).records


def test_cells_that_differ_in_more_than_their_seed_are_an_error_that_names_the_difference():
    runs = runs_of([*nets(), *nets(learning_rate=0.01)])
    with pytest.raises(Ambiguous, match=r"differ in params\.learning_rate: 0\.001 and 0\.01\.$"):
        runs.select(Selection("cnn", {"learning_rate": ANY}))
    assert len(runs.matching(Selection("cnn", {"learning_rate": ANY}))) == 2
    assert issubclass(Ambiguous, BadInput), "exit code 2"


def test_two_splits_and_two_settings_of_early_stopping_are_never_pooled():
    other_split = [but(r, split=7) for r in nets()]
    runs = runs_of([*nets(), *other_split])
    assert {r.split for r in runs.select(Selection("cnn")).records} == {42}
    with pytest.raises(Ambiguous, match="differ in split: 42 and 7"):
        runs.select(Selection("cnn", {"split": ANY}))
    assert len(runs.groups) == 2
    longer = [*nets(held_out=99, stopped_at=2), *nets(held_out=99, stopped_at=2, epochs=9)]
    with pytest.raises(Ambiguous, match=r"params\.epochs"):
        runs_of(longer).select(Selection("cnn", {"early_stopping": True}))


def longer_and_shorter():
    evaluated = {3: correct(0.9, 5)}
    return [
        network("cnn", correct(0.95, 0), epochs=50, evaluated=evaluated),
        network("cnn", correct(0.8, 1), epochs=3),
        network("cnn", correct(0.8, 1), epochs=3, seed=1),
    ]


def test_of_two_cells_with_one_seed_the_longer_counts_where_it_contains_the_shorter():
    records = longer_and_shorter()
    for order in (records, records[::-1]):
        found = runs_of(order).select(Selection("cnn", {"epochs": 3}))
        assert [r.planned_epochs for r in found.records] == [50, 3]
        assert found.metric("test_accuracy")[0] == correct(0.9, 5).mean()


def test_lengths_are_not_merged_where_a_model_does_not_say_that_the_longer_contains_the_shorter():
    known = ModelFacts.of(entries()["cnn"])
    facts = msgspec.structs.replace(known, longer_contains_shorter=False)
    runs = runs_of(longer_and_shorter(), models={"cnn": facts})
    with pytest.raises(Ambiguous, match=r"params\.epochs: 3 and 50"):
        runs.select(Selection("cnn", {"epochs": 3}))
    named = runs.select(Selection("cnn", {"epochs": 3, "params": {"epochs": 3}}))
    assert [r.planned_epochs for r in named.records] == [3, 3]
    assert runs.select(Selection("cnn", {"epochs": 50})).seeds == [0]


def test_hyperparameters_of_a_search_are_no_part_of_what_is_selected():
    chosen = [svm(correct(0.9, s), seed=s, train_size=100) for s in range(2)]
    chosen[1] = but(chosen[1], params=chosen[1].params | {"C": 0.1})
    plain = done(cell("svm", 100, C=10.0), correct(0.5, 0))
    runs = runs_of([*chosen, plain, grid(correct(0.9, 3), images=10_000)])
    tuned = Selection("svm", {"train_size": 100, "params_from": "svm_grid"})
    assert runs.select(tuned).records == chosen
    assert runs.select(Selection("svm", {"train_size": 100, "C": 10})).records == [plain]
    assert not runs.select(Selection("svm", {"train_size": 100})).records, "C is 1 by default"
    # The record of the search may be lost, and its cells are still there.
    assert runs_of(chosen).select(tuned).records == chosen
    assert GRID.identity == chosen[0].params_from


def test_images_that_are_split_again_are_apart_from_nested_ones():
    records = [grid(correct(0.9, 0), train_size=100), grid(correct(0.9, 0), images=100)]
    runs = runs_of([*records, grid(correct(0.9, 0), images=10_000)])
    assert runs.select(Selection("svm_grid", {"train_size": 100})).records == records[:1]
    assert runs.select(Selection("svm_grid", {"images": 100})).records == records[1:]
    assert runs.select(Selection("svm_grid", {"images": "up to 10,000"})).records[0].subset.size == 10_000
    assert runs.select(Selection("svm_grid", {"images": "largest"})).records[0].subset.size == 10_000
    assert runs.select(Selection("svm_grid", {"train_size": "largest"})).records == records[:1]
    assert runs.varied(Selection("svm_grid"), "images") == [100, 10_000]


def test_failed_cells_are_known_to_the_groups_they_lack_in():
    lost = broken(network("cnn", correct(0.9, 2), seed=2, epochs=15, evaluated={3: correct(0.9, 2)}))
    runs = runs_of([*nets(), lost])
    assert runs.select(Selection("cnn", {"epochs": 3})).failed == [lost]
    only = runs.select(Selection("cnn", {"epochs": 15}))
    assert (len(only), only.failed) == (0, [lost])
    assert runs.select(Selection("cnn", {"epochs": 5})).failed == ()
    assert runs.models == ["cnn"]


def test_asking_changes_nothing():
    runs = runs_of([*nets(), broken(network("cnn", correct(0.9, 2), seed=2))])
    before = runs.select(Selection("cnn"))
    runs.select(Selection("mlp"))
    assert runs.select(Selection("cnn")) == before


@pytest.mark.parametrize(
    ("model", "wanted", "words"),
    [
        ("cnn", {"learning_rat": 1}, "did you mean 'learning_rate'"),
        ("svm", {"epochs": 3}, "svm has no epochs"),
        ("cnn", {"epochs": 3, "early_stopping": True}, "cannot name epochs"),
        ("svm_grid", {"images": 100, "train_size": 100}, "one of images, train_size and fitted"),
        ("cnn", {"params": {"colour": 1}}, "cannot name 'colour'"),
    ],
)
def test_a_selection_that_cannot_be_is_named(model, wanted, words):
    with pytest.raises(BadInput, match=words):
        runs_of(nets()).select(Selection(model, wanted))


def test_records_about_other_images_are_not_among_them():
    other = but(nets()[0], data=but(nets()[0].data, fingerprint="e" * 64))
    runs = Runs.of(manifest_of(nets()), [other, nets()[1]])
    assert runs.done == [nets()[1]]


def test_what_has_nothing_random_in_it_is_known():
    runs = runs_of([svm(correct(0.9, 0)), svm(correct(0.9, 0), train_size=100), *nets()])
    tuned = {"params_from": "svm_grid"}
    assert runs.is_fixed(runs.select(Selection("svm", tuned)))
    assert not runs.is_fixed(runs.select(Selection("svm", tuned | {"train_size": 100})))
    assert not runs.is_fixed(runs.select(Selection("cnn")))


def test_the_values_of_an_axis_are_those_that_were_measured():
    runs = runs_of([*nets(), *nets(batch_size=64), *nets(channels=(8,)), *nets(train_size=100)])
    assert runs.varied(Selection("cnn"), "params.batch_size") == [16, 64]
    assert runs.varied(Selection("cnn"), "params.channels") == [(8,), (64, 32)]
    assert runs.varied(Selection("cnn"), "train_size") == [100, 7_000]
    assert runs.varied(Selection("cnn", {"batch_size": 64}), "train_size") == [7_000]
