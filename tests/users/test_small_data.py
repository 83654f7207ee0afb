"""Few images, or images of few classes: what cannot be measured is said before the run, and never fails."""

import json
import sys
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from cells import cell
from conftest import blobs
from hexbench import study
from hexbench.cli import main
from hexbench.data.dataset import CLASSES, Dataset, Split, Subset
from hexbench.data.sources import Source
from hexbench.measure.cell import measure
from hexbench.plan.measurable import sentences, unmeasurable
from hexbench.plan.models import known_models
from hexbench.plan.suites import Images, plan
from hexbench.plan.sweeps import suite_of
from hexbench.run.executors import Local
from hexbench.run.suite import Request, run_suite
from hexbench.studies.digit_recognizer.data import course
from rich.console import Console

SPLIT = Split()
MODELS = known_models()
EMPTY = 16
OWN = """
from sklearn.tree import DecisionTreeClassifier

class Picky(DecisionTreeClassifier):
    checks_labels = True

    def __init__(self, fewest=2):
        super().__init__()
        self.fewest = fewest

    @staticmethod
    def unfit(y, params):
        if len(y) < params["fewest"]:
            return f"it needs {params['fewest']} images"

class Broken(Picky):
    @staticmethod
    def unfit(y, params):
        return params["nothing"]
"""


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Runs a command line in this process; its exit code and what it said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["run_benchmarks.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return ended.value.code or 0, said.out + said.err

    return run


@pytest.fixture
def part(hex2024, save_course):
    """Saves some of the real images, those at `rows` (m,), and returns the folder."""

    def save(rows, folder):
        return save_course(hex2024.images[rows].reshape(-1, 400), hex2024.labels[rows], folder)

    return save


def few(data, count, seed=0):
    """Some of the images, whatever their classes."""
    rows = np.random.default_rng(seed).permutation(len(data.labels))[:count]
    return replace(data, images=data.images[rows], labels=data.labels[rows])


def of_labels(labels, **more):
    labels = np.array(labels, np.uint8)
    images = np.random.default_rng(1).integers(0, 255, (len(labels), 4, 4), dtype=np.uint8)
    return Dataset("made-up", images, labels, tuple(map(str, range(17))), **more)


def left_out(data, *cells):
    faults = unmeasurable(cells, data, MODELS)
    return sentences(cells, faults, MODELS, 42)


def verdicts_in(folder):
    return {v["id"]: v["verdict"] for v in json.loads((folder / "verdicts.json").read_text())}


def records_in(folder):
    return [json.loads(path.read_text()) for path in (folder / "cells").iterdir()]


# --- Which classes are drawn. ---


def test_with_images_of_every_class_the_draws_are_those_of_before(hex2024):
    for data in (hex2024, course.dataset("blobs", *blobs(600))):
        for split, seed, classes in ((s, i, c) for s in (42, 3) for i in range(4) for c in (2, 4, 10)):
            drawn = np.random.default_rng([seed, CLASSES]).choice(16, classes, replace=False)
            rows = data.draw(Subset(30, classes=classes), Split(0.3, split), seed)
            assert set(data.labels[rows.test]) == set(drawn)


def test_only_classes_with_training_and_test_images_are_drawn(hex2024):
    ten = np.flatnonzero(hex2024.labels < 10)
    data = replace(hex2024, images=hex2024.images[ten], labels=hex2024.labels[ten])
    drawn = [set(data.labels[data.draw(Subset(60, classes=4), SPLIT, s).train]) for s in range(40)]
    assert all(len(classes) == 4 for classes in drawn)
    assert set.union(*drawn) == set(range(10))
    with pytest.raises(ValueError, match="10 classes have training and test images; 11"):
        data.draw(Subset(60, classes=11), SPLIT, 0)


def test_a_class_in_one_part_alone_is_never_drawn():
    data = of_labels([5, 5, 0, 1, 0, 1, 7], test_part=np.array([2, 3, 6]))
    assert data.choices(data.split_by(SPLIT)).tolist() == [0, 1]


# --- Which cells cannot be measured. ---


@pytest.mark.parametrize("count", [2, 3, 5, 10, 20, 34, 40, 60, 120])
def test_a_search_is_left_out_where_it_would_fail_and_only_there(count):
    """Of so many random images; for each seed and kind of draw, with five folds and with two."""
    grid = {"C": (1.0,), "gamma": (0.1,), "kernel": ("rbf",)}
    pool = course.dataset("blobs", *blobs(600))
    for seed in range(6):
        data = few(pool, count, seed)
        trained = count - SPLIT.tested(count)
        cells = [cell("svm_grid", trained, folds=folds, seed=seed, **grid) for folds in (2, 5)]
        cells += [cell("svm_grid", images=count, folds=folds, seed=seed, **grid) for folds in (2, 5)]
        cells += [cell("svm_grid", max(2, trained // 2), folds=2, seed=seed, classes=2, **grid)]
        faults = unmeasurable(cells, data, MODELS)
        for one in cells:
            try:
                tested = np.array(measure(one, data, MODELS["svm_grid"]).confusion).sum(axis=1)
                worked = np.count_nonzero(tested) > 1
            except ValueError:
                worked = False
            train = data.labels[data.draw(one.subset, SPLIT, seed).train] if worked else []
            whole = one.subset.classes is None or len(np.unique(train)) == one.subset.classes
            assert (one not in faults) == (worked and whole), (seed, one, faults.get(one))


def test_the_reasons():
    grid = cell("svm_grid", 24)
    waiting = cell("svm", 24, params_from=grid)
    data = few(course.dataset("blobs", *blobs(600)), 40)
    assert left_out(data, grid, waiting, cell("cnn", 24)) == [
        "SVM grid: 24 training images left out: no class has 5 images for 5 folds",
        "SVM: 24 training images left out: the search for its hyperparameters is left out",
    ]
    ten = of_labels(np.arange(300) % 10)
    assert left_out(ten, cell("cnn", 50, classes=12), cell("mlp", 100, classes=2)) == [
        "CNN: 50 training images of 12 classes left out: only 10 classes have training and test images",
        "MLP: 100 training images of 2 classes left out: the classes that are drawn have fewer",
    ]
    rare = of_labels([0, 1, *[2] * 20], test_part=np.array([0, 21]))
    given = {"split": "given", "test_size": 0.5}
    assert left_out(rare, cell("cnn", 5, seed=1, **given), cell("mlp", 20, **given)) == [
        "CNN: 5 training images left out: all training images would be of one class"
    ]
    tested = of_labels([0, 1, *[2] * 20], test_part=np.array([20, 21]))
    assert left_out(tested, cell("cnn", 20, **given)) == [
        "CNN: 20 training images left out: all test images would be of one class"
    ]
    assert left_out(of_labels([2, 2]), cell("mlp", 1))[0].startswith("MLP: 1 training image left out")


def test_draws_of_some_seeds_are_named():
    data = of_labels([0] * 20 + [1, 1, 1] + [0] * 10 + [1, 0], test_part=np.arange(23, 35))
    given = {"split": "given", "test_size": 0.5}
    cells = [cell("cnn", 4, seed=seed, **given) for seed in range(30)]
    faults = unmeasurable(cells, data, MODELS)
    seeds = [one.seed for one in cells if one in faults]
    assert 10 < len(seeds) < 30
    named = f"{', '.join(map(str, seeds[:10]))} and {len(seeds) - 10} more"
    why = "left out: all training images would be of one class"
    assert sentences(cells, faults, MODELS, "given") == [f"CNN: 4 training images (seeds {named}) {why}"]
    one = [cells[seeds[0]], next(c for c in cells if c not in faults)]
    said = sentences(one, faults, MODELS, 42)
    assert said == [f"CNN: 4 training images (split given, seed {seeds[0]}) {why}"]


def test_a_cell_that_is_not_drawn_has_two_classes():
    """Where the check trusts the number of images, any seed's draw holds two classes."""
    rng = np.random.default_rng(5)
    trusted = 0
    for turn in range(60):
        shares = rng.dirichlet(np.full(rng.integers(2, 6), 0.4))
        labels = rng.choice(len(shares), 200, p=shares)
        data = of_labels(np.sort(labels) if turn % 3 == 0 else labels)
        split = Split(0.3, None if turn % 2 else 42)
        for size, held_out in ((5, 0), (20, 0), (60, 12), (140, 28), (140, 0)):
            subset = Subset(size, held_out)
            cells = [cell("cnn", seed=s, split=split.name).but(subset=subset) for s in range(20)]
            faults = unmeasurable(cells, data, MODELS)
            for one in set(cells) - faults.keys():
                drawn = data.draw(subset, split, one.seed)
                assert all(len(np.unique(data.labels[rows])) > 1 for rows in (drawn.train, drawn.test))
                trusted += 1
    assert trusted > 1000
    ordered = of_labels(np.repeat([0, 1, 2], [115, 50, 35]))
    whole = cell("cnn", 140, split="given", held_out=28)
    assert unmeasurable([whole], ordered, MODELS) == {whole: "all training images would be of one class"}


def test_of_enough_images_nothing_is_left_out(hex2024):
    of_study = study.load("digit_recognizer")
    suite = suite_of(["svm_grid: images=100 seeds=100", "cnn: classes=2,4 train_size=125 seeds=10"], MODELS)
    cells = plan(suite, Images(len(hex2024.images), of_study.split, 2951), MODELS).cells
    assert len(cells) == 120 and unmeasurable(cells, hex2024, MODELS) == {}


# --- Whole runs. ---


@pytest.mark.parametrize("count", [2, 3])
def test_where_nothing_can_be_measured_nothing_is_written(count, part, command, tmp_path):
    folder = part(np.arange(count), "few")
    for options in (("--suite", "smoke"), ("--sweep", "logistic:")):
        code, said = command(*options, "--data", folder, "--out", "results")
        assert code == 2 and "can be measured on few: " in said and said.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_an_earlier_folder_stays_as_it_is(part, command, tmp_path, hex2024):
    folder = part(np.flatnonzero(hex2024.labels < 2)[:40], "some")
    sweep = ("--sweep", "logistic:", "--sweep", "svm_grid: folds=39", "--data", folder, "--out", "results")
    code, said = command(*sweep)
    assert code == 0 and "SVM grid: 28 training images left out: no class has 39 images" in said
    before = {path: path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()}
    code, said = command(*sweep, "--only", "model=svm_grid", "--fresh")
    assert code == 2 and "nothing of suite sweep can be measured on some: SVM grid: 28" in said
    assert {path: path.read_bytes() for path in before} == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("results.")]


def test_tasks_of_classes_without_images_are_never_judged(part, command, tmp_path, hex2024):
    """Of the digits only the threes are there, and empty squares, which no simple task draws."""
    rows = np.flatnonzero(np.isin(hex2024.labels, (3, EMPTY)))
    sweeps = [
        "svm_grid: classes=2,4 train_size=100,300 seeds=10",
        "svm_grid: train_size=100",
        "cnn: classes=2,4 train_size=125,375 steps=600 validated=true seeds=10",
    ]
    options = [word for sweep in sweeps for word in ("--sweep", sweep)]
    code, said = command(*options, "--data", part(rows, "threes"), "--out", "results")
    assert code == 0 and "failed" not in said
    why = "left out: only 1 class has training and test images"
    assert f"SVM grid: 300 training images of 4 classes {why}" in said
    assert f"CNN: 125 training images of 2 classes {why}" in said
    results = tmp_path / "results"
    (record,) = records_in(results)
    assert (record["status"], record["subset"]["classes"]) == ("done", None)
    manifest = json.loads((results / "manifest.json").read_text())
    assert (
        manifest["cells"] == [record["key"]]
        and f"CNN: 375 training images of 4 classes {why}" in (manifest["left_out"])
    )
    found = verdicts_in(results)
    assert found.pop("dataset-size") == "refuted", "it asks no run"
    assert set(found.values()) <= {"not run", "not comparable"}
    assert why in (results / "report.html").read_text()


def test_with_images_of_ten_classes_tasks_are_of_these(part, command, tmp_path, hex2024):
    folder = part(np.flatnonzero(hex2024.labels < 10)[::5], "ten")
    sweep = "svm_grid: classes=2,12 train_size=60 seeds=4"
    code, said = command("--sweep", sweep, "--data", folder, "--out", "results")
    assert code == 0 and "of 12 classes left out: only 10 classes have" in said
    records = records_in(tmp_path / "results")
    assert [record["subset"]["classes"] for record in records] == [2] * 4
    tasks = [np.flatnonzero(np.sum(record["confusion"], axis=1)) for record in records]
    assert all(len(task) == 2 and max(task) < 10 for task in tasks)
    assert verdicts_in(tmp_path / "results")["svm-simple"] == "not run"


@pytest.mark.slow
@pytest.mark.parametrize("count", [34])
def test_tiny_sets_run_without_a_failure(count, part, command, tmp_path, hex2024):
    folder = part(np.random.default_rng(0).permutation(len(hex2024.labels))[:count], "tiny")
    stopped_early = "mlp: epochs=8 validated=true batch_size=512 train_size=2,5,all"
    for options in (
        ("--suite", "smoke"),
        ("--sweep", stopped_early, "--sweep", "mlp: epochs=2 train_size=2"),
    ):
        code, said = command(*options, "--data", folder, "--out", "results", "--fresh")
        assert code == 0, said
        records = records_in(tmp_path / "results")
        assert records and all(record["status"] == "done" for record in records)
        assert not {"nan", "inf", "None"} & set((tmp_path / "results" / "report.md").read_text().split())


def test_whoever_carries_out_gets_the_reduced_plan(hex2024, tmp_path):
    class Noting(Local):
        def carry_out(self, work):
            noted.extend(work.job.cells)
            return super().carry_out(work)

    noted = []
    data = few(hex2024, 20)
    source = Source("few", len(data.images), lambda: data, "few of the real images")
    suite = suite_of(["logistic: train_size=10", "svm_grid:"], MODELS)
    whole = plan(suite, Images(20, SPLIT, 6), MODELS)
    of_study = study.load("digit_recognizer")
    request = Request(
        of_study, "sweep", source, whole, whole, MODELS, (), tmp_path / "results", executor=Noting()
    )
    assert run_suite(request, Console(file=StringIO())) == 0
    assert [one.model for one in noted] == ["logistic"]


def test_a_model_of_ones_own_says_what_it_cannot_be_fitted_to(command, tmp_path, part, hex2024):
    (tmp_path / "own.py").write_text(OWN)
    folder = part(np.arange(60), "some")
    picky = ("--model", "own.py:Picky", "--data", folder, "--out", "results")
    code, said = command("--sweep", "Picky: fewest=10,50", "--sweep", "logistic:", *picky)
    assert code == 0 and "Picky: 42 training images left out: it needs 50 images" in said
    assert len(records_in(tmp_path / "results")) == 2
    broken = ("--model", "own.py:Broken", "--data", folder, "--out", "others")
    code, said = command("--sweep", "Broken:", *broken)
    assert code == 2 and "Broken: unfit raises KeyError: 'nothing'." in said
    assert not (tmp_path / "others").exists()


def test_a_claim_about_a_class_that_the_data_lack_is_not_run(command, tmp_path):
    """The run is measured and reported; before, it ended without a report once everything was measured."""
    folder = tmp_path / "study"
    (folder / "suites").mkdir(parents=True)
    (folder / "study.toml").write_text(
        """title = "Mine"
[[claim]]
id = "recall-3"
statement = "Every 3 is found."
reported = "100%"
rule = "near"
of = { metric = "recall", class = "3", model = "svm", train_size = 60 }
value = 1.0
margin = 0.01
[[claim]]
id = "accuracy"
statement = "It is right."
reported = "90%"
rule = "above"
of = { metric = "test_accuracy", model = "svm", train_size = 60 }
bound = 0.1
"""
    )
    images, labels = blobs(200, classes=5)
    np.savez(tmp_path / "data.npz", X=images[labels != 3], y=labels[labels != 3])
    code, said = command(
        "--study", folder, "--sweep", "svm: train_size=60", "--data", "data.npz", "--out", "run"
    )
    assert code == 0, said
    assert "claim recall-3 asks for class '3', which these data do not have: it will not be judged" in said
    verdicts = {v["id"]: v for v in json.loads((tmp_path / "run/verdicts.json").read_text())}
    assert verdicts["recall-3"]["verdict"] == "not run"
    assert verdicts["recall-3"]["reason"] == "the data have no class '3'"
    assert verdicts["accuracy"]["verdict"] == "supported"
