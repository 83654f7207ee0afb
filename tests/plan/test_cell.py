import msgspec
import pytest
from cells import cell
from hexbench.data.dataset import Subset
from hexbench.models import entries
from hexbench.plan.cell import MEASUREMENT_VERSION, Cell, frozen, identity_of, key_of, label_of, shown

CELL = cell("mlp", 100, epochs=5, evaluate_at=(3,))
SEARCH = cell("svm_grid", images=100)
CHANGES = {
    "model": "cnn",
    "params": CELL.params | {"learning_rate": 0.01},
    "subset": Subset(99),
    "split": 7,
    "test_size": 0.5,
    "seed": 1,
    "evaluate_at": (4,),
    "snapshot_at": (),
    "params_from": SEARCH.identity,
    "losses": True,
    "held": ("order",),
    "held_seed": 3,
    "source": "f" * 64,
}
NEEDED = {"held_seed": {"held": ("order",)}}
"""Without which a field says nothing."""
SUBSETS = [
    Subset(100, 20),
    Subset(100, resplit=True),
    Subset(100, classes=2),
    Subset(100, classes=3),
]


def test_a_key_changes_with_everything_it_names_and_with_nothing_else():
    assert CHANGES.keys() == set(Cell.__struct_fields__)
    keys = [CELL.key_on("a"), CELL.key_on("b"), key_of(CELL.identity, "c")]
    keys += [CELL.but(**{name: value} | NEEDED.get(name, {})).key_on("a") for name, value in CHANGES.items()]
    keys += [CELL.but(subset=subset).key_on("a") for subset in SUBSETS]
    assert len(set(keys)) == len(keys)
    assert CELL.but().key_on("a") == CELL.key_on("a")


@pytest.mark.parametrize("model", entries())
def test_a_key_changes_with_each_hyperparameter(model):
    base = cell(model)
    keys = [base.key_on("a")]
    keys += [base.but(params=base.params | {name: 7}).key_on("a") for name in base.params]
    assert len(set(keys)) == len(base.params) + 1


def test_a_key_is_that_of_the_measurement_and_of_its_version(monkeypatch):
    before = CELL.key_on("a")
    monkeypatch.setattr("hexbench.plan.cell.MEASUREMENT_VERSION", MEASUREMENT_VERSION + 1)
    assert CELL.key_on("a") != before


def test_a_key_written_down_stays_the_same():
    """If this fails, stored results are no longer found: raise MEASUREMENT_VERSION on purpose."""
    assert CELL.key_on("a") == "77bdc6a34307fc0018b4d4395e863682ce686671fbb10d821a95658f35386da8"


def test_a_key_does_not_depend_on_the_order_of_the_hyperparameters_or_on_the_kind_of_list():
    backwards = CELL.but(params=dict(reversed(CELL.params.items())))
    assert backwards.identity == CELL.identity
    lists = CELL.but(params=CELL.params | {"hidden_layer_sizes": [10]})
    assert lists.identity == CELL.identity


def test_a_cell_that_took_its_hyperparameters_from_a_search_is_known_by_its_specification():
    waiting = cell("svm", 100, params_from=SEARCH)
    assert set(waiting.params) == {"probability"}
    measured = waiting.but(params=waiting.params | {"C": 10, "gamma": 0.1, "kernel": "rbf"})
    assert identity_of(measured, ("C", "gamma", "kernel")) == waiting.identity
    assert identity_of(measured, ("C", "gamma")) != waiting.identity
    assert measured.identity != waiting.identity


def test_cells_with_equal_fields_are_one_and_can_be_looked_up():
    assert CELL.but() == CELL
    assert {CELL: 1}[CELL.but()] == 1
    assert CELL.but(seed=1) not in {CELL}
    assert msgspec.json.decode(msgspec.json.encode(CELL), type=Cell).identity == CELL.identity


def test_how_many_images_are_fitted_on():
    assert cell("mlp", 100).train_size == 100
    assert cell("mlp", 100, held_out=20).train_size == 80
    assert cell("svm_grid", images=100).train_size == 70
    assert cell("svm_grid", images=9_834).train_size == 6_883
    assert cell("svm_grid", images=99, split="given", test_size=0.5).train_size == 49
    assert (CELL.planned_epochs, CELL.batch_size, CELL.protocol) == (5, 16, "nested")
    assert (SEARCH.planned_epochs, SEARCH.batch_size, SEARCH.protocol) == (None, None, "resplit")


def test_a_label_says_what_differs_from_the_defaults():
    models = entries()
    assert label_of(CELL, models) == "MLP, 100 images, 5 epochs, seed 0"
    assert label_of(CELL, models, 42) == "MLP, 100 images, 5 epochs, seed 0"
    assert label_of(CELL, models, "given") == "MLP, 100 images, 5 epochs, split 42, seed 0"
    wide = cell("mlp", 7_000, hidden_layer_sizes=(64, 32), learning_rate=0.01, split="given")
    assert "7,000 images" in label_of(wide, models)
    assert label_of(wide, models).endswith("hidden_layer_sizes=64-32, learning_rate=0.01, seed 0")
    task = label_of(cell("cnn", 100, held_out=20, classes=4), models)
    assert "4 classes, early stopping" in task
    assert "70 of 100 images" in label_of(SEARCH, models)
    assert "hyperparameters of a search" in label_of(cell("svm", params_from=SEARCH), models)
    assert label_of(CELL.but(model="gone"), models).startswith("gone, 100 images")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.001, "0.001"),
        (1e-07, "1e-07"),
        (16, "16"),
        ((64, 32), "64-32"),
        ([(3, 1), 2], "3-1-2"),
        ((), "()"),
        ("relu", "relu"),
        (True, "true"),
        (None, "none"),
        (100_000_000, "100000000"),
    ],
)
def test_values_as_tables_show_them(value, text):
    assert shown(value) == text


def test_lists_are_tuples_all_the_way_down():
    assert frozen([1, [2, [3]], "ab"]) == (1, (2, (3,)), "ab")
