"""Models are kept as they were measured, once, whole, and load without executing anything."""

import json
import re
import shutil
import sys

import msgspec
import numpy as np
import pytest
from cells import cell, correct, done, small
from hexbench.analyse.groups import Group
from hexbench.errors import BadInput
from hexbench.measure.cell import fit_model
from hexbench.models import entries
from hexbench.plan import models
from hexbench.saved import description, estimators, networks, save
from hexbench.saved.load import load
from hexbench.store.store import Store
from saved.conftest import run
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

pytestmark = pytest.mark.slow

BUILT_IN = ("mlp", "svm", "logistic")
OWN = ("Tiny", "Neighbours")


def test_each_model_is_saved_and_says_so(digits_run):
    _, out, said = digits_run
    assert sorted(path.name for path in (out / "models").iterdir()) == sorted((*BUILT_IN, *OWN))
    assert said.count(": saved: ") == 5


def sources(own_file, name):
    return [f"{own_file}:{name}"] if name in OWN else []


@pytest.mark.parametrize("name", (*BUILT_IN, *OWN))
def test_a_loaded_model_classifies_the_test_images_as_its_record_says(
    name, digits_run, digits_images, own_file
):
    from hexbench.study import load as load_study

    _, out, _ = digits_run
    model = load(out / "models" / name, sources(own_file, name))
    about = model.description
    study = load_study("digit_recognizer")
    data = study.sources.resolve("digits").load()
    _, labels = digits_images
    _, test = data.parts(study.split)
    (record,) = [r for r in Store(out).planned() if r.model == name and r.seed == 0]
    taken = data.pixels(test) if model.entry.takes_images else data.features(test)
    hits = model.classifier.predict(taken) == labels[test]
    epoch = about.cell.params.get("epochs")
    snapshot = record.last if epoch is None else str(epoch)
    assert about.same_as_record
    assert hits.mean() == Group([record], epoch).metric("test_accuracy")[0]
    if snapshot in record.snapshots:
        assert np.array_equal(hits, record.correct(snapshot))
    else:
        assert name == "mlp"  # which was trained for longer than its default


@pytest.mark.parametrize("name", BUILT_IN)
def test_images_of_the_data_are_answered_as_well_as_the_model_itself_does(name, digits_run, digits_images):
    model = load(digits_run[1] / "models" / name)
    images, labels = digits_images
    pixels = images[1500:1580] / np.float32(16)
    own = model.classifier.predict(pixels if model.entry.takes_images else pixels.reshape(80, -1))
    answers = model.predict(list(images[1500:1580]))
    names = [None if answer.label is None else int(answer.label) for answer in answers]
    right = [a == b for a, b in zip(names, labels[1500:1580], strict=True)]
    assert np.mean(right) > (own == labels[1500:1580]).mean() - 0.05


def test_the_headline_of_a_longer_run_is_the_default_number_of_epochs(digits_run):
    _, out, _ = digits_run
    about = load(out / "models" / "mlp").description
    assert (about.cell.params["epochs"], about.cell.seed) == (50, 0)


def test_a_loaded_network_has_the_same_weights_to_the_last_bit(digits_run):
    from hexbench.study import load as load_study

    _, out, _ = digits_run
    model = load(out / "models" / "mlp")
    data = load_study("digit_recognizer").sources.resolve("digits").load()
    fitted, _ = fit_model(model.description.cell, data, model.entry)
    pixels = data.pixels(np.arange(100))
    assert np.array_equal(fitted.predict_proba(pixels), model.classifier.predict_proba(pixels))


def test_what_is_saved_stays_and_what_is_broken_is_saved_again(digits_run, tmp_path):
    command, out, _ = digits_run
    copy = tmp_path / "run"
    shutil.copytree(out, copy)
    (copy / "models" / "svm" / "model.skops").write_bytes(b"cut")
    shutil.rmtree(copy / "models" / "logistic")
    (copy / "models" / ".logistic.part").mkdir()
    before = (copy / "models" / "mlp" / "model.json").stat().st_mtime_ns
    cells = {path.name: path.read_bytes() for path in (copy / "cells").iterdir()}
    code, said = run(*(copy if part == out else part for part in command))
    assert code == 0
    assert said.count("is there already") == 3
    assert said.count(": saved: ") == 2
    assert (copy / "models" / "mlp" / "model.json").stat().st_mtime_ns == before
    assert {path.name: path.read_bytes() for path in (copy / "cells").iterdir()} == cells
    assert not list((copy / "models").glob(".*"))
    load(copy / "models" / "svm")
    load(copy / "models" / "logistic")


def test_a_fit_that_differs_from_its_record_is_noticed():
    of = cell("mlp", 1_000, epochs=3)
    record, other = done(of, correct(0.9, 0)), done(of, correct(0.9, 1))
    group = Group([record])
    assert save._is_same(record, record, group)
    assert not save._is_same(other, record, group)


def test_a_model_that_cannot_be_saved_is_said_and_the_rest_goes_on(tmp_path):
    (tmp_path / "odd.py").write_text(
        "from collections import Counter\nfrom sklearn.linear_model import RidgeClassifier\n\n\n"
        "class Odd(RidgeClassifier):\n    def fit(self, X, y):\n"
        "        self.seen_ = Counter(y.tolist())\n        return super().fit(X, y)\n"
    )
    code, said = run(
        *("--sweep", "Odd: train_size=200", "--sweep", "svm: train_size=200", "--data", "digits"),
        *("--model", f"{tmp_path}/odd.py:Odd", "--out", tmp_path / "run", "--save-models"),
    )
    assert code == 3
    assert "not saved: ValueError: it holds collections.Counter" in " ".join(said.split())
    assert [path.name for path in (tmp_path / "run" / "models").iterdir()] == ["svm"]


@pytest.mark.parametrize("executor", ("slurm", "dask"))
def test_other_executors_are_refused_in_a_sentence(executor, tmp_path):
    code, said = run("--suite", "smoke", "--executor", executor, "--save-models", "--out", tmp_path / "run")
    assert code == "BadInput"
    assert "--executor local" in said
    assert not (tmp_path / "run").exists()


def test_only_the_models_that_were_asked_for_are_saved(digits_run, tmp_path):
    command, out, _ = digits_run
    copy = shutil.copytree(out, tmp_path / "run")
    shutil.rmtree(copy / "models")
    code, said = run(*(copy if part == out else part for part in command), "--only", "model=svm")
    assert (code, said.count(": saved: ")) == (0, 1)
    assert [path.name for path in (copy / "models").iterdir()] == ["svm"]


# --- A model of one's own. ---


@pytest.mark.parametrize("name", OWN)
def test_a_file_of_ones_own_is_executed_only_if_it_is_named(name, digits_run, own_file):
    folder = digits_run[1] / "models" / name
    marker = own_file.with_suffix(".executed")
    models._imported.cache_clear()  # a file is executed once in a process
    marker.unlink(missing_ok=True)
    with pytest.raises(BadInput, match=f"--source {own_file}:{name}"):
        load(folder)
    assert not marker.exists()
    load(folder, [f"{own_file}:{name}"])
    assert marker.exists()


def test_a_model_is_loaded_beside_a_module_of_its_files_name(digits_run, own_file, tmp_path, monkeypatch):
    """As in a notebook that has imported something else of that name, or the file itself."""
    monkeypatch.setitem(sys.modules, own_file.stem, json)
    for name in (own_file.name, "renamed-file.py"):
        copy = shutil.copy(own_file, tmp_path / name)
        models._imported.cache_clear()
        model = load(digits_run[1] / "models" / "Neighbours", f"{copy}:Neighbours")
        assert type(model.classifier).__name__ == "Neighbours"
        assert sys.modules[own_file.stem] is json


class Unloadable(KNeighborsClassifier):
    """It holds what has a name that leads to nothing."""

    def fit(self, X, y):
        self.f_ = lambda x: x
        return super().fit(X, y)


def test_what_could_not_be_loaded_again_is_not_saved(tmp_path):
    model = Unloadable().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="it could not be loaded again"):
        estimators.save(model, tmp_path)


def test_one_file_or_array_is_a_list_of_one(digits_run, digits_images, tmp_path):
    model = load(digits_run[1] / "models" / "mlp")
    images = digits_images[0]
    np.save(tmp_path / "a.npy", images[0])
    expected = model.predict([images[0]])
    assert model.predict(images[0]) == model.predict(str(tmp_path / "a.npy")) == expected
    assert model.predict(images[:3])[0] == expected[0]
    with pytest.raises(BadInput, match="a NoneType is no image"):
        model.predict([None])


def test_the_card_of_a_task_of_fewer_classes_names_those_alone(tmp_path):
    out = tmp_path / "run"
    code, said = run(
        "--sweep", "svm: classes=2 train_size=60", "--data", "digits", "--out", out, "--save-models"
    )
    assert code == 0, said
    card = (out / "models" / "svm" / "README.md").read_text()
    assert "into 2 classes" in card and "pixels divided by 16, float32 (n, 8, 8)" in card
    (known,) = re.findall("It knows these classes alone: (.*?)\\. What", card)
    assert len(known.split(", ")) == 2


def test_a_file_of_ones_own_that_has_changed_is_refused_unexecuted(digits_run, own_file, tmp_path):
    changed = tmp_path / "mine.py"
    changed.write_text(own_file.read_text() + "\n")
    with pytest.raises(BadInput, match=r"mine\.py is not the file that"):
        load(digits_run[1] / "models" / "Tiny", [f"{changed}:Tiny"])
    assert not changed.with_suffix(".executed").exists()


# --- Folders that somebody has edited. ---


@pytest.fixture
def folder(digits_run, tmp_path):
    """A saved network that may be edited."""
    return shutil.copytree(digits_run[1] / "models" / "mlp", tmp_path / "mlp")


def edited(folder, **changes):
    """Change the description of a saved model and seal it again, as somebody who knows how could."""
    content = json.loads((folder / "model.json").read_text())["model"]
    about = msgspec.convert(content | changes, description.Description)
    description.write(folder, msgspec.structs.replace(about, files=description.digests(folder)))


def refused(folder, words, own=()):
    with pytest.raises(BadInput, match=words) as fault:
        load(folder, own)
    said = str(fault.value)
    assert said.endswith(".")
    assert said.count(". ") == 0


def test_any_changed_file_is_refused(folder):
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "README.md"):
        content = file.read_bytes()
        file.write_bytes(content + b" " if file.name != "model.json" else content.replace(b"0", b"1", 1))
        refused(folder, file.name)
        file.write_bytes(content)
    (folder / "README.md").write_text("mine")
    load(folder)


def test_a_missing_file_is_named(folder):
    next((folder / "weights").glob("manifest.ocdbt")).unlink()
    refused(folder, "manifest.ocdbt is missing")


def test_another_format_names_its_version(folder):
    text = (folder / "model.json").read_text().replace('"format": 1', '"format": 99', 1)
    (folder / "model.json").write_text(text.replace('"hexbench": "', '"hexbench": "9.', 1))
    refused(folder, "saved by hexbench 9.* in format 99, and this hexbench reads format 1")


@pytest.mark.parametrize(
    "content", ("", "{", "[]", "null", '{"sha256": "x", "model": 1}', "\x00", "[" * 5000)
)
def test_what_is_no_description_is_refused(folder, content):
    (folder / "model.json").write_text(content)
    refused(folder, "model.json")


def test_weights_of_another_network_are_refused(folder):
    cell = json.loads((folder / "model.json").read_text())["model"]["cell"]
    edited(folder, cell=cell | {"params": cell["params"] | {"hidden_layer_sizes": [11]}})
    refused(folder, "the weights .*hidden1")


def test_hyperparameters_that_there_are_not_are_refused(folder):
    cell = json.loads((folder / "model.json").read_text())["model"]["cell"]
    edited(folder, cell=cell | {"params": {"depth": 3}})
    refused(folder, "depth")


def test_an_unknown_model_is_refused(folder):
    edited(folder, model="mlpp")
    refused(folder, "did you mean 'mlp'")


def test_types_that_execute_code_are_refused(digits_run, tmp_path):
    from skops import io

    folder = shutil.copytree(digits_run[1] / "models" / "svm", tmp_path / "svm")
    marker = tmp_path / "executed"

    model = load(folder).classifier
    model.payload_ = Payload(marker)
    io.dump(model, folder / "model.skops")
    edited(folder)
    refused(folder, "Payload")
    assert not marker.exists()


class Payload:
    """Leaves a file when it is loaded."""

    def __init__(self, marker):
        self.marker = marker

    def __setstate__(self, state):
        state["marker"].touch()


def test_a_model_of_another_class_is_refused(digits_run, tmp_path):
    folder = shutil.copytree(digits_run[1] / "models" / "svm", tmp_path / "svm")
    shutil.copy(digits_run[1] / "models" / "logistic" / "model.skops", folder)
    edited(folder)
    refused(folder, "svm holds no SVM")


@pytest.mark.parametrize("place", ("", "models"))
def test_a_results_folder_names_its_models(digits_run, place):
    out = digits_run[1]
    refused(out / place, f"{out / 'models' / 'mlp'}, {out / 'models' / 'svm'}")


def test_other_folders_are_told_apart(tmp_path, digits_run):
    refused(tmp_path / "none", "is not there")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", "is no folder")
    refused(tmp_path, "it has no model.json")
    (tmp_path / "run").mkdir()
    shutil.copy(digits_run[1] / "manifest.json", tmp_path / "run")
    refused(tmp_path / "run", "without saved models")


@pytest.mark.parametrize("name", entries())
def test_every_model_of_hexbench_is_kept(name, tmp_path):
    entry = entries()[name]
    data = load_digits()
    images = (data.images[:60] * 15).astype(np.uint8)
    X = images if entry.takes_images else images.reshape(60, -1).astype(np.float32) / 255
    params = small(entry)
    model = entry.load()(**params).fit(X, data.target[:60])
    if entry.learning_curve:
        networks.save(model, tmp_path)
        unfitted = entry.load()(**params)
        copy = networks.load(unfitted, tmp_path, images.shape[1:], range(10), model.scale_)
        assert (copy.n_parameters_, copy.n_bytes_, copy.layers_) == (
            model.n_parameters_,
            model.n_bytes_,
            model.layers_,
        )
    else:
        estimators.save(model, tmp_path)
        copy = estimators.load(tmp_path, entry.load())
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))


def test_an_own_model_may_call_anything_its_scale(tmp_path):
    (tmp_path / "scaled.py").write_text(
        "from sklearn.linear_model import RidgeClassifier\n\n\n"
        "class Scaled(RidgeClassifier):\n    def fit(self, X, y):\n"
        "        self.scale_ = X.std(axis=0)\n        return super().fit(X, y)\n"
    )
    code, said = run(
        *("--sweep", "Scaled: train_size=200", "--data", "digits", "--out", tmp_path / "run"),
        *("--model", f"{tmp_path}/scaled.py:Scaled", "--save-models"),
    )
    assert (code, said.count(": saved: ")) == (0, 1)


def test_a_card_counts_the_images_that_were_fitted(tmp_path):
    out = tmp_path / "a folder"
    code, said = run("--sweep", "svm: train_size=300", "--data", "digits", "--out", out, "--save-models")
    assert code == 0, said
    text = (out / "models" / "svm" / "README.md").read_text().replace("\\", "")
    assert "Fewer than 50 training images: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in text
    rows = re.findall(r"^\| *\d +\| +(\d+) \|", text, re.MULTILINE)
    assert sum(map(int, rows)) == 300
    assert "train_test_split(test_size=0.30, random_state=42)" in text
    assert f"--model '{out / 'models' / 'svm'}'" in text
