import json

import numpy as np
import pytest
from conftest import blobs
from hexbench.data.card import Card
from hexbench.data.sources import Sources
from hexbench.errors import BadInput
from hexbench.studies.digit_recognizer import study
from hexbench.studies.digit_recognizer.data import course
from hexbench.studies.digit_recognizer.data.sources import IMAGES_FILE, LABELS_FILE

resolve = Sources.of(study).resolve


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


def test_auto_means_what_the_study_says(save_course):
    save_course(*blobs(34), folder="data")
    assert resolve("auto", 500, "digits").name == "digits"
    assert resolve("auto", 500, "synthetic:40").name == "synthetic-40"
    assert Sources().resolve("auto").name == "digits", "a study without formats does not see data/"
    assert Sources.of(None).fallback == "digits"


def test_auto_is_no_reason_to_take_other_images(tmp_path):
    (tmp_path / "data").mkdir()
    assert resolve("auto", 500).name == "synthetic-500", "an empty folder is none"
    (tmp_path / "data" / LABELS_FILE).symlink_to("gone.npy")
    with pytest.raises(BadInput, match="a data folder needs"):
        resolve("auto", 500)
    (tmp_path / "data" / LABELS_FILE).unlink()
    (tmp_path / "data").rmdir()
    (tmp_path / "data").symlink_to("unmounted")
    with pytest.raises(BadInput, match="data is a link that leads nowhere"):
        resolve("auto", 500)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("", "--data is empty"),
        ("emnits", r"emnits is not there \(did you mean 'emnist'"),
        ("digit", r"digit is not there \(did you mean 'digits'"),
        ("/nowhere/at/all", "/nowhere/at/all is not there: --data takes auto, digits, synthetic"),
        (
            ".",
            f"holds no images that can be read: {IMAGES_FILE} and {LABELS_FILE}, an .npz of .* PNG or JPEG",
        ),
        ("table.txt", "table.txt is no file of images that can be read: .*IDX.*csv.*mat.*FILE.py:FUNCTION"),
        ("table.csv", r"table.csv holds too few images \(1\)"),
        ("digits:3", "takes no argument"),
        ("emnist:3", "takes no argument"),
        ("x" * 5_000, "File name too long"),
    ],
)
def test_what_is_no_source(tmp_path, option, words):
    for name in ("table.csv", "table.txt"):
        (tmp_path / name).write_text("1,2,3,4,5")
    with pytest.raises(BadInput, match=words) as caught:
        resolve(option, 500)
    assert str(caught.value).endswith(".")
    with pytest.raises(BadInput):
        Sources().resolve(option)


def test_a_variable_that_names_nothing_is_a_fault_not_a_silent_default(monkeypatch):
    monkeypatch.setenv("HEXBENCH_DATA", "nowhere")
    with pytest.raises(BadInput, match="nowhere"):
        resolve("auto", 500)


def test_synthetic_images_are_counted_before_they_are_drawn():
    source = resolve("synthetic:200", 500)
    data = source.load()
    assert (source.count, len(data.images), data.provenance.synthetic) == (200, 200, True)
    assert data.name == source.name == "synthetic-200"
    assert (source.shape, source.classes) == (data.shape, data.classes) == ((20, 20), 17)


@pytest.mark.parametrize("option", ["synthetic:", "synthetic:0", "synthetic:x", "synthetic:1e5"])
def test_numbers_that_are_none(option):
    with pytest.raises(BadInput, match="whole number"):
        resolve(option, 500)


@pytest.fixture
def built(save_course):
    """A set with its card, where the built set of EMNIST lies."""
    data = course.dataset("emnist-51", *blobs(51))
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
        assert (data.provenance.origin, data.provenance.licence) == ("made up", "none")
    assert resolve("auto", 500).name == "synthetic-500", "auto never takes it"


def test_emnist_is_counted_before_it_is_read(built):
    (built / LABELS_FILE).write_bytes(b"")
    assert resolve("emnist", 500).count == 51


@pytest.mark.parametrize("missing", [IMAGES_FILE, LABELS_FILE])
def test_half_a_set_is_none(built, missing):
    (built / missing).unlink()
    with pytest.raises(BadInput, match=f"cache/emnist.*has no {missing}.* data fetch emnist"):
        resolve("emnist", 500)


def test_a_set_that_was_changed_is_noticed(built):
    images, labels = course.read(built)
    images[3, 0, 4] ^= 1
    np.save(built / IMAGES_FILE, images)
    recorded = json.loads((built / "card.json").read_text())["fingerprint"]
    changed = course.dataset("", images, labels).fingerprint
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
