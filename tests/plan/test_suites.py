"""The suites of the studies: which cells they plan, in which order."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from hexbench import study
from hexbench.data.dataset import Split
from hexbench.errors import BadInput
from hexbench.models import entries
from hexbench.plan import suites
from hexbench.plan.cell import SOURCES
from hexbench.plan.cost import Clock, Expectation
from hexbench.plan.suites import Images
from hexbench.plan.sweeps import read_suite

COURSE, HEX2024 = 107_802, 9_834
MODELS = entries()
STUDY = study.FOLDER / "digit_recognizer"
NAMES = ["full", "quick", "scaling", "smoke", "zoo"]
ZOO = [
    *("modern_cnn", "cnn", "mlp", "wide_mlp", "svm", "nystroem_svm", "knn", "random_forest"),
    *("gradient_boosting", "sklearn_mlp", "logistic"),
]
PLANNED = Path(__file__).with_name("planned.csv")
"""The cells of the small suites in measurement version 5, whose numbers must stay as they were."""


SPLIT = Split()


def images(count, split=SPLIT):
    return Images(count, split, split.tested(count))


def planned(name, count, **options):
    suite = read_suite(STUDY / "suites" / f"{name}.toml", MODELS)
    return suites.plan(suite, images(count), MODELS, **options)


def cells(name, count, **options):
    return planned(name, count, **options).cells


def value_of(cell, name):
    fields = {
        "epochs": cell.planned_epochs,
        "drawn": cell.subset.size,
        "classes": cell.subset.classes,
        "early": cell.subset.held_out > 0,
    }
    return fields.get(name, cell.params.get(name)) if name in fields else getattr(cell, name)


def find(plan, **wanted):
    return [c for c in plan if all(value_of(c, name) == v for name, v in wanted.items())]


def nested(plan, **wanted):
    """On the study's own split, with everything that a seed draws."""
    found = find(plan, protocol="nested", classes=None, early=False, split=42, varied="", **wanted)
    return [c for c in found if c.model != "svm_grid"]


def test_the_suites_are_those_of_the_contract():
    assert list(study.load("digit_recognizer").suites) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [HEX2024, COURSE, 200, 99, 34])
def test_every_cell_is_there_once_and_can_be_measured(name, count):
    plan = cells(name, count)
    assert len({cell.identity for cell in plan}) == len(plan) > 0
    known = images(count)
    expectation = Expectation(known, MODELS, 400)
    identities = [cell.identity for cell in plan]
    for place, cell in enumerate(plan):
        assert 0 < cell.train_size <= known.available
        by_epochs = MODELS[cell.model].learning_curve
        assert by_epochs == (cell.planned_epochs is not None) == (cell.batch_size is not None)
        assert expectation.seconds(cell) > 0
        if cell.params_from is not None:
            assert cell.params_from in identities[:place], "a search runs before who waits for it"
            assert not set(cell.params) & {"C", "gamma", "kernel"}
        else:
            assert list(cell.params) == list(MODELS[cell.model].defaults)


def protocol_of(cell):
    subset = cell.subset
    if subset.resplit:
        return "report"
    return "simpler" if subset.classes else "validated" if subset.held_out else "nested"


@pytest.mark.parametrize("name", ["scaling", "smoke"])
@pytest.mark.parametrize("count", [HEX2024, COURSE])
def test_the_cells_are_those_that_they_always_were(name, count):
    """So many of each, with their seeds; every hyperparameter else has the report's value."""
    with PLANNED.open() as file:
        rows = [row for row in csv.DictReader(file) if (row["suite"], row["images"]) == (name, str(count))]
    expected = Counter()
    for row in rows:
        first, last = map(int, row.pop("seeds").split("-"))
        values = tuple(list(row.values())[2:])
        expected.update((*values, seed) for seed in range(first, last + 1))
    plan = cells(name, count)
    searches = {cell.identity: cell for cell in plan}
    found = Counter()
    for cell in plan:
        search = searches.get(cell.params_from)
        values = (
            cell.model,
            protocol_of(cell),
            cell.subset.size,
            cell.train_size,
            cell.batch_size,
            cell.planned_epochs,
            cell.subset.classes,
            cell.params.get("probability", False),
            search and search.train_size,
        )
        found[(*("" if v is None else str(v) for v in values), cell.seed)] += 1
        assert (cell.split, cell.test_size) == (42, 0.3)
        swept = {"batch_size", "epochs", "probability"}
        for hyperparameter, value in cell.params.items():
            if hyperparameter not in swept:
                assert value == MODELS[cell.model].defaults[hyperparameter]
    assert found == expected
    assert found.total() == {"scaling": {HEX2024: 19, COURSE: 29}[count], "smoke": 4}[name]


@pytest.mark.parametrize("name", NAMES)
def test_small_cells_come_first_and_seeds_side_by_side(name):
    plan = cells(name, HEX2024)
    models = [cell.model for cell in plan]
    assert list(dict.fromkeys(models)) == (ZOO if name == "zoo" else ["mlp", "cnn", "svm_grid", "svm"])
    for model in set(models):
        sizes = [cell.train_size for cell in plan if cell.model == model]
        assert sizes == sorted(sizes)
        assert models.count(model) == len(models) - models[::-1].index(model) - models.index(model)
    alike = [cell.but(seed=0).identity for cell in plan]
    changes = [a for a, b in zip(alike, [None, *alike], strict=False) if a != b]
    assert len(changes) == len(set(changes)), "no setting is left and come back to"


def test_smoke_and_quick_touch_every_model_of_the_report():
    for name in ("smoke", "quick"):
        assert {c.model for c in cells(name, HEX2024)} == {"mlp", "cnn", "svm", "svm_grid"}


def test_full_trains_the_reports_networks_with_several_seeds():
    plan = cells("full", COURSE)
    everything = {"train_size": 75_461, "batch_size": 16}
    assert Counter(c.planned_epochs for c in nested(plan, model="mlp", **everything)) == {50: 5}
    found = nested(plan, model="cnn", **everything)
    assert Counter(c.planned_epochs for c in found) == {50: 1, 15: 4}
    for cell in found:
        assert {1, 3, 5} <= set(cell.evaluate_at)
        assert 3 in cell.snapshot_at
        assert set(cell.snapshot_at) <= set(cell.evaluate_at)
        assert cell.losses
    small = nested(cells("full", HEX2024), model="cnn", train_size=6_883, batch_size=16)
    assert Counter(c.planned_epochs for c in small) == {50: 5}


@pytest.mark.parametrize(("count", "splits", "largest"), [(HEX2024, 20, 6_883), (COURSE, 5, 75_461)])
def test_full_has_random_splits_each_with_a_seed_and_a_search_of_its_own(count, splits, largest):
    plan = cells("full", count)
    for model, size in (
        ("mlp", largest),
        ("cnn", largest),
        ("svm", min(largest, 7_000)),
        ("svm_grid", 2_000),
    ):
        found = [c for c in find(plan, model=model, drawn=size, early=False) if c.split != 42]
        assert [(c.split, c.seed) for c in found] == [(100 + i, 100 + i) for i in range(splits)], model
    searches = {c.identity: c for c in find(plan, model="svm_grid")}
    for cell in find(plan, model="svm"):
        assert searches[cell.params_from].split == cell.split, (
            "another split's search has seen the test images"
        )


def test_full_varies_each_source_of_variance_alone_where_that_is_cheap():
    plan = find(cells("full", HEX2024), drawn=3_000)
    assert Counter((c.model, c.varied) for c in plan if c.varied) == {
        (model, source): 10 for model in ("mlp", "cnn") for source in SOURCES
    }
    for model in ("mlp", "cnn", "svm"):
        splits = [c for c in find(plan, model=model, early=False) if c.split != 42]
        assert len(splits) == 10
        assert (len({c.seed for c in splits}) == 1) == (model != "svm")
    assert not [c for c in cells("full", COURSE) if c.varied]


def test_full_uses_no_seed_and_split_that_earlier_runs_had():
    for cell in cells("full", HEX2024):
        assert cell.seed >= 100
        assert cell.split == 42 or cell.split >= 100


def test_full_sweeps_batch_sizes_and_never_trains_a_curve_twice():
    plan = cells("full", COURSE)
    for model in ("mlp", "cnn"):
        for batch_size in (32, 64, 128, 256):
            found = nested(plan, model=model, train_size=10_000, batch_size=batch_size)
            assert [(c.planned_epochs, c.seed) for c in found] == [(3, 100), (3, 101), (3, 102)]
    networks = [c for c in plan if c.planned_epochs is not None]
    bare = {"evaluate_at": (), "snapshot_at": (), "losses": False}
    curves = [c.but(params=c.params | {"epochs": 0}, **bare) for c in networks]
    assert len(curves) == len(set(curves))


def test_full_gives_small_sets_as_many_steps_as_all_images_get():
    plan = cells("full", COURSE)
    for model, epochs in (("mlp", 50), ("cnn", 3)):
        steps = epochs * -(-75_461 // 16)
        for size in (100, 300, 1_000, 3_000, 10_000, 30_000, 75_461):
            drawn = size if size == 75_461 else size * 5 // 4
            found = find(plan, model=model, drawn=drawn, early=True, classes=None)
            assert [c.seed - 100 for c in found] == list(range(5 if size <= 1_000 else 3))
            for cell in found:
                assert cell.train_size == drawn - cell.subset.held_out == drawn - drawn // 5
                assert size in (cell.train_size, 75_461), "as many as models without early stopping have"
                of_one = -(-cell.train_size // 16)
                assert steps <= cell.planned_epochs * of_one < steps + of_one
                assert cell.evaluate_at[0] == 1
                assert 3 <= len(cell.evaluate_at) + 1 <= suites.VALIDATIONS + 1
            report = nested(plan, model=model, train_size=size, batch_size=16)
            assert {100, 101, 102} <= {c.seed for c in report}
            assert all(epochs in (*c.evaluate_at, c.planned_epochs) for c in report)


def test_full_has_simpler_tasks_where_there_are_images_for_them():
    plan = [c for c in cells("full", HEX2024) if c.subset.classes]
    assert Counter((c.model, c.subset.classes, c.subset.size) for c in plan) == {
        (model, classes, size): 10
        for model, sizes in (("cnn", (125, 375)), ("svm_grid", (100, 300)))
        for classes in (2, 4)
        for size in sizes
    }
    for cell in find(plan, model="cnn"):
        assert 600 <= cell.planned_epochs * -(-cell.train_size // 16) < 625
    assert not [c for c in cells("full", 200) if c.subset.classes]


def test_full_searches_the_grid_by_the_reports_protocol():
    plan = cells("full", COURSE)
    searches = find(plan, model="svm_grid", classes=None)
    report = find(searches, protocol="resplit")
    grids = Counter((c.subset.size, c.train_size) for c in report if not c.params["probability"])
    assert grids == {(100, 70): 100, (300, 210): 3, (1_000, 700): 3, (10_000, 7_000): 1}
    slow = [c.subset.size for c in report if c.params["probability"]]
    assert slow == [300, 300, 300, 500, 1_000, 1_000, 1_000]
    chosen = find(plan, model="svm", split=42)
    own = find(searches, protocol="nested", split=42)
    assert Counter(c.train_size for c in own) == {100: 5, 300: 5, 1_000: 5, 3_000: 3}
    small, large = dict.fromkeys((100, 300, 1_000), 5), {3_000: 3, 7_000: 3, 10_000: 3, 30_000: 3}
    assert Counter(c.train_size for c in chosen) == small | large
    (largest,) = find(report, drawn=10_000)
    assert {c.params_from for c in chosen} == {largest.identity}


def test_evaluated_epochs_can_be_asked_for_of_either_kind_of_sweep(tmp_path):
    path = tmp_path / "mine.toml"
    for length in ("epochs = 40", "steps_of_epochs = 40"):
        path.write_text(f"[[sweep]]\nmodel = 'mlp'\n{length}\nevaluate_at = [2, 30, 99]\ntrain_size = 10\n")
        (cell,) = suites.plan(read_suite(path, MODELS), images(15), MODELS).cells
        assert cell.evaluate_at == (2, 30)


def test_sizes_above_the_data_are_left_out_and_said():
    plan = planned("full", HEX2024)
    assert "CNN: 10,000 training images left out, there are 6,883" in plan.left_out
    svm = find(plan.cells, model="svm", train_size=6_883, split=42)
    assert [c.seed for c in svm] == [100], "an SVM on all images has nothing random in it"
    assert find(plan.cells, model="svm_grid", drawn=HEX2024), "10,000 images, or all there are"


def test_early_stopping_needs_an_image_to_hold_out(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[[sweep]]\nmodel = 'mlp'\nvalidated = true\ntrain_size = [4, 5, 'all']\n")
    plan = suites.plan(read_suite(path, MODELS), images(10), MODELS)
    assert [c.subset.held_out for c in plan.cells] == [1, 1]
    assert plan.left_out == ("MLP: 4 training images left out: early stopping holds out one of 5",)


def test_seeds_widen_and_only_narrows():
    assert {c.seed for c in cells("quick", HEX2024, seeds=5) if c.model == "mlp"} == set(range(5))
    draws = find(cells("full", HEX2024, seeds=5), model="svm_grid", protocol="resplit", drawn=100)
    assert len(draws) == 100, "seeds are widened, never narrowed"
    plan = cells("full", HEX2024)
    narrowed = suites.narrow(plan, {"model": "svm", "train_size": "3000", "split": "42"})
    assert Counter(c.model for c in narrowed) == {"svm": 10, "svm_grid": 1}, "with its search"
    assert narrowed[0].subset.size == HEX2024
    chosen = suites.narrow(plan, {"params.batch_size": "64", "model": "cnn"})
    assert {(c.model, c.batch_size) for c in chosen} == {("cnn", 64)}
    sizes = suites.narrow(plan, {"params.hidden_layer_sizes": "10", "images": "none", "seed": "102"})
    assert {(c.model, c.seed) for c in sizes} == {("mlp", 102)}
    probability = suites.narrow(plan, {"params.probability": "true"})
    assert Counter(c.subset.size for c in probability) == {300: 3, 500: 1, 1_000: 3}
    assert probability == suites.narrow(plan, {"params.probability": "True"})
    tasks = suites.narrow(plan, {"classes": "2", "model": "cnn"})
    assert {c.subset.classes for c in tasks} == {2}


@pytest.mark.parametrize(
    ("only", "words"),
    [
        ({"model": "cmn"}, r"model=cmn matches no cell of this suite \(did you mean 'cnn'\?\)"),
        ({"model": "cnn", "train_size": "7"}, "model=cnn,train_size=7 matches no cell"),
        ({"colour": "red"}, "does not know 'colour'"),
        ({"params.bath_size": "16"}, "did you mean 'params.batch_size'"),
        ({"params.C": "1"}, "matches no cell"),
        ({"trainsize": "16"}, "did you mean 'train_size'"),
    ],
)
def test_only_says_what_it_cannot_do(only, words):
    plan = cells("full", HEX2024)
    with pytest.raises(BadInput, match=words):
        suites.narrow(plan, only)


def test_expected_times_are_in_the_order_of_what_was_measured():
    """Of reference runs on two cores; a factor of four either way is no surprise."""
    known = images(HEX2024)
    expectation = Expectation(known, MODELS, 400)
    total = sum(map(expectation.seconds, cells("full", HEX2024)))
    assert 400 < total < 6_000
    plan = find(cells("full", HEX2024), model="cnn", train_size=6_883, early=False)
    (whole,) = find(plan, epochs=50, seed=100)
    assert 30 < expectation.seconds(whole) < 240
    short = whole.but(params=whole.params | {"epochs": 5})
    assert expectation.seconds(whole) > 5 * expectation.seconds(short)


def test_the_clock_learns_how_fast_this_machine_is():
    plan = cells("smoke", HEX2024)
    expectation = Expectation(images(HEX2024), MODELS, 400)
    clock = Clock(plan, expectation)
    total = sum(map(expectation.seconds, plan))
    assert clock.remaining() == pytest.approx(total)
    first, *others = plan
    clock.done(first, 3 * expectation.seconds(first))
    assert clock.remaining() == pytest.approx(3 * (total - expectation.seconds(first)))
    assert clock.remaining(others[0], 0.5) < clock.remaining()
    for cell in others:
        clock.done(cell, None)
    assert clock.remaining() == 0
