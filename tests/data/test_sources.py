import json

import numpy as np
import pytest
from conftest import blobs

from bench.data import course
from bench.data.card import Card
from bench.data.dataset import Dataset
from bench.data.sources import resolve
from bench.errors import BadInput


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEXBENCH_DATA", raising=False)
    monkeypatch.setenv("HEXBENCH_CACHE", str(tmp_path / "cache"))


def test_auto_prefers_the_variable_then_the_folder_then_synthetic(save_course, monkeypatch):
    assert resolve("auto", 500).name == "synthetic-500"
    save_course(*blobs(34), folder="data")
    assert (resolve("auto", 500).name, resolve("auto", 500).count) == ("data", 34)
    monkeypatch.setenv("HEXBENCH_DATA", str(save_course(*blobs(51), folder="mine")))
    assert (resolve("auto", 500).name, resolve("auto", 500).count) == ("mine", 51)


def test_a_variable_that_names_nothing_is_a_fault_not_a_silent_default(monkeypatch):
    monkeypatch.setenv("HEXBENCH_DATA", "nowhere")
    with pytest.raises(BadInput, match="nowhere"):
        resolve("auto", 500)


def test_synthetic_images_are_counted_before_they_are_drawn():
    source = resolve("synthetic:200", 500)
    data = source.load()
    assert (source.count, len(data.images), data.synthetic) == (200, 200, True)
    assert data.name == source.name == "synthetic-200"


@pytest.mark.parametrize("option", ["synthetic:", "synthetic:0", "synthetic:x", "synthetic:1e5"])
def test_numbers_that_are_none(option):
    with pytest.raises(BadInput, match="whole number"):
        resolve(option, 500)


@pytest.fixture
def built(save_course):
    """A set with its card, where the built set of EMNIST lies."""
    data = Dataset("emnist-51", *blobs(51))
    folder = save_course(data.images, data.labels, folder="cache/emnist")
    card = Card(data.name, "made up", "none", 51, data.class_counts, data.fingerprint, {"seed": 0})
    card.write(folder)
    return folder


def test_emnist_is_the_built_set(built):
    for option in ("emnist", str(built)):
        source = resolve(option, 500)
        assert (source.name, source.count, source.described) == ("emnist-51", 51, "made up")
        data = source.load()
        assert (data.name, len(data.images)) == ("emnist-51", 51)
    assert resolve("auto", 500).name == "synthetic-500", "auto never takes it"


def test_emnist_is_counted_before_it_is_read(built):
    (built / course.LABELS_FILE).write_bytes(b"")
    assert resolve("emnist", 500).count == 51


@pytest.mark.parametrize("missing", [course.IMAGES_FILE, course.LABELS_FILE])
def test_half_a_set_is_none(built, missing):
    (built / missing).unlink()
    with pytest.raises(BadInput, match=f"cache/emnist.*has no {missing}.* data fetch emnist"):
        resolve("emnist", 500)


def test_a_set_that_was_changed_is_noticed(built):
    images, labels = course.read(built)
    images[3, 4] ^= 1
    np.save(built / course.IMAGES_FILE, images)
    recorded = json.loads((built / "card.json").read_text())["fingerprint"]
    changed = Dataset("", images, labels).fingerprint
    source = resolve("emnist", 500)
    with pytest.raises(BadInput, match=f"{changed}.*{recorded}.*build it again.*card.json"):
        source.load()
    (built / "card.json").unlink()
    assert resolve("emnist", 500).load().fingerprint == changed, "meant, and said so"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged"),
        ("[]", "damaged"),
        ("{}", "field `name`"),
        ("[" * 100_000, "damaged"),
        ('{"name": 1}', "Expected `str`, got `int` - at `..name`"),
        ("\xff", "damaged"),
    ],
)
def test_a_damaged_card(built, text, words):
    (built / "card.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=rf"card\.json is damaged.*{words}|{words}.*build the set"):
        resolve("emnist", 500)


@pytest.mark.parametrize("field", ["name", "images", "fingerprint", "made"])
def test_a_card_with_a_field_of_another_kind(built, field):
    card = json.loads((built / "card.json").read_text())
    (built / "card.json").write_text(json.dumps(card | {field: None}))
    with pytest.raises(BadInput, match=rf"damaged \(Expected `\w+`, got `null` - at `\$\.{field}`"):
        resolve("emnist", 500)
    (built / "card.json").write_text(json.dumps(card | {"more": None}))
    assert resolve("emnist", 500).name == "emnist-51", "later versions may add to it"
