from collections import Counter

import pytest

from bench.errors import BadInput
from bench.plan import suites
from bench.plan.cost import expected_seconds
from bench.plan.spec import CHOSEN, GRID, GRID_WITH_PROBABILITY, SIMPLER, VALIDATED

COURSE, HEX2024 = 107_802, 9_834


def cells(name, images, **options):
    return suites.plan(suites.load(name), images, **options).cells


def find(plan, **wanted):
    return [c for c in plan if all(getattr(c, k) == v for k, v in wanted.items())]


def test_the_suites_are_the_four_of_the_contract():
    assert suites.names() == ["full", "quick", "scaling", "smoke"]


@pytest.mark.parametrize("name", ["smoke", "quick", "full", "scaling"])
@pytest.mark.parametrize("images", [HEX2024, COURSE, 200, 99, 34])
def test_every_cell_is_there_once_and_can_be_measured(name, images):
    plan = cells(name, images)
    assert len(set(plan)) == len(plan) > 0
    train = images - suites.test_count(images)
    for cell in plan:
        assert 0 < cell.train_size <= train
        assert (cell.model == "svm") == (cell.epochs is None) == (cell.batch_size is None)
        assert expected_seconds(cell, images) > 0
        if cell.fit == CHOSEN:
            assert plan.index(cell.grid) < plan.index(cell)


def test_smoke_and_quick_touch_every_model():
    for name in ("smoke", "quick"):
        assert {c.model for c in cells(name, HEX2024)} == {"mlp", "cnn", "svm"}


def test_full_trains_the_reports_networks_with_several_seeds():
    plan = cells("full", COURSE)
    everything = {"train_size": 75_461, "batch_size": 16, "protocol": "nested"}
    assert Counter(c.epochs for c in find(plan, model="mlp", **everything)) == {50: 5}
    assert Counter(c.epochs for c in find(plan, model="cnn", **everything)) == {50: 1, 15: 2}
    for cell in find(plan, model="cnn", **everything):
        assert {3, 5} <= set(cell.evaluate_at)
    small = cells("full", HEX2024)
    assert Counter(
        c.epochs
        for c in find(small, model="cnn", train_size=6_883, batch_size=16, protocol="nested")
    ) == {50: 3}


def test_full_sweeps_batch_sizes_and_never_trains_a_curve_twice():
    plan = cells("full", COURSE)
    for model in ("mlp", "cnn"):
        for batch_size in (32, 64, 128, 256):
            found = find(plan, model=model, train_size=10_000, batch_size=batch_size)
            assert [(c.epochs, c.seed) for c in found] == [(3, 0), (3, 1), (3, 2)]
    curves = [c.curve for c in plan if c.epochs is not None]
    assert len(curves) == len(set(curves))


def test_full_gives_small_sets_as_many_steps_as_all_images_get():
    plan = cells("full", COURSE)
    for model, epochs in (("mlp", 50), ("cnn", 3)):
        steps = epochs * -(-75_461 // 16)
        for size in (100, 300, 1_000, 3_000, 10_000, 30_000, 75_461):
            found = find(plan, model=model, protocol=VALIDATED, images=size)
            assert [c.seed for c in found] == list(range(5 if size <= 1_000 else 3))
            for cell in found:
                assert cell.train_size == size - cell.held_out == size - size // 5
                of_one = -(-cell.train_size // 16)
                assert steps <= cell.epochs * of_one < steps + of_one
                assert cell.evaluate_at[0] == 1
                assert 3 <= len(cell.evaluate_at) + 1 <= suites.VALIDATIONS + 1
            report = find(plan, model=model, protocol="nested", train_size=size, batch_size=16)
            assert {0, 1, 2} <= {c.seed for c in report}
            assert all(epochs in (*c.evaluate_at, c.epochs) for c in report)


def test_full_has_simpler_tasks_where_there_are_images_for_them():
    plan = find(cells("full", HEX2024), protocol=SIMPLER)
    assert Counter((c.model, c.classes, c.images or c.train_size) for c in plan) == {
        (model, classes, size): 10
        for model in ("cnn", "svm")
        for classes in (2, 4)
        for size in (100, 300)
    }
    for cell in find(plan, model="cnn"):
        assert 600 <= cell.epochs * -(-cell.train_size // 16) < 625
    assert not find(cells("full", 200), protocol=SIMPLER)


def test_full_searches_the_grid_by_the_reports_protocol():
    plan = cells("full", COURSE)
    grids = Counter((c.images, c.train_size) for c in find(plan, fit=GRID, protocol="report"))
    assert grids == {(100, 70): 100, (300, 210): 3, (1_000, 700): 3, (10_000, 7_000): 1}
    assert [c.images for c in find(plan, fit=GRID_WITH_PROBABILITY)] == [300, 300, 300, 500, 1_000]
    chosen = find(plan, fit=CHOSEN)
    own = find(plan, fit=GRID, protocol="nested")
    assert Counter(c.train_size for c in own) == {100: 5, 300: 5, 1_000: 5, 3_000: 3}
    small, large = dict.fromkeys((100, 300, 1_000), 5), dict.fromkeys((3_000, 10_000, 30_000), 3)
    assert Counter(c.train_size for c in chosen) == small | large
    assert {c.grid.images for c in chosen} == {10_000}


def test_evaluated_epochs_can_be_asked_for_of_either_kind_of_sweep(tmp_path):
    path = tmp_path / "mine.toml"
    text = "description = ''\nsynthetic_images = 1\n"
    for length in ("epochs = 40", "steps_of_epochs = 40"):
        text += f"[[sweep]]\nmodel = 'mlp'\n{length}\nevaluate_at = [2, 30, 99]\ntrain_size = 10\n"
        path.write_text(text)
        (cell,) = suites.plan(suites.parse(path), 15).cells
        assert cell.evaluate_at == (2, 30)


def test_sizes_above_the_data_are_left_out_and_said():
    plan = suites.plan(suites.load("full"), HEX2024)
    assert "cnn: 10,000 training images left out, there are 6,883" in plan.left_out
    svm = find(plan.cells, model="svm", protocol="nested", train_size=6_883)
    assert [c.seed for c in svm if c.fit == CHOSEN] == [0], (
        "an SVM on all images has nothing random in it"
    )
    assert find(plan.cells, fit=GRID, images=HEX2024), "10,000 images, or all there are"


def test_seeds_widen_and_only_narrows():
    assert {c.seed for c in cells("quick", HEX2024, seeds=5) if c.model == "mlp"} == set(range(5))
    draws = find(cells("full", HEX2024, seeds=5), fit=GRID, images=100)
    assert len(draws) == 100, "seeds are widened, never narrowed"
    plan = cells("full", HEX2024)
    narrowed = suites.narrow(plan, {"model": "svm", "train_size": "3000"})
    assert Counter(c.fit for c in narrowed) == {CHOSEN: 3, GRID: 4}, "with the grid it waits for"
    with pytest.raises(BadInput, match="matches no cell"):
        suites.narrow(plan, {"model": "cnn", "train_size": "7"})
    with pytest.raises(BadInput, match="does not know colour"):
        suites.narrow(plan, {"colour": "red"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("description = ", "cannot be read"),
        ("description = 'x'\nsynthetic_images = 1", "sweep"),
        ("[[sweep]]\nmodel = 'mlp'\nepochs = 1", "description"),
        ("[[sweep]]\nmodel = 'tree'\nepochs = 1", "no model 'tree'"),
        ("[[sweep]]\nmodel = 'mlp'\nepoch = 1", "epoch"),
        ("[[sweep]]\nepochs = 1", "model"),
        ("[[sweep]]\nmodel = 'mlp'", "one of epochs, steps_of_epochs and steps"),
        ("[[sweep]]\nmodel = 'mlp'\nepochs = 0", "whole number above 0"),
        ("[[sweep]]\nmodel = 'mlp'\nepochs = 1\nbatch_size = 'big'", "whole number above 0"),
        ("[[sweep]]\nmodel = 'mlp'\nepochs = 1\nclasses = 17", "classes that are not 2 to 16"),
        ("[[sweep]]\nmodel = 'svm'\nfit = 'grid'\nvalidated = true", "one of networks"),
        ("[[sweep]]\nmodel = 'svm'\nfit = 'magic'", "fit = 'magic'"),
        ("sweep = 3", "sweep"),
    ],
)
def test_a_suite_that_is_wrong_is_named(tmp_path, text, words):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=words) as caught:
        suites.parse(path)
    assert str(path) in str(caught.value)
