import json

import pytest
from analyse.sound import hits, network, svm
from report.made_up import manifest

from bench.errors import BadInput
from bench.plan.spec import MEASUREMENT_VERSION, key_of
from bench.store import Store, write_whole


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


@pytest.fixture
def record():
    return network("cnn", hits(0.9, 1), evaluated={2: hits(0.8, 2)})


def test_a_record_comes_back_as_it_went_in(store, record):
    record["metrics"]["train_loss"] = 0.1 + 0.2
    store.put(record)
    assert store.get(record["key"]) == json.loads(json.dumps(record))
    assert store.get("other") is None
    assert [path.stem for path in store.cells.iterdir()] == [record["key"]], (
        "no part is left behind"
    )
    assert store.faults() == {}


def test_a_record_of_a_failure_is_sound_too(store):
    record = svm(hits(0.9, 1)) | {"status": "failed", "error": "ValueError: no", "metrics": {}}
    store.put(record)
    assert store.get(record["key"])["error"] == "ValueError: no"


def as_another(content):
    other = network("mlp", hits(0.9, 1))
    return json.dumps(other).encode()


def of_the_future(content):
    record = json.loads(content)
    del record["sha256"]
    return json.dumps(record | {"measurement_version": MEASUREMENT_VERSION + 1}).encode()


def without_seal(**changes):
    def change(content):
        record = json.loads(content)
        del record["sha256"]
        return json.dumps(record | changes).encode()

    return change


OTHER = {"test_accuracy": 0.99, "test_loss": 0.5, "train_accuracy": 0.9}
UNEVEN = {
    "epoch": [1], "train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": [],
}  # fmt: skip
FLAT = {name: [1, 2, 3] if name == "epoch" else [0.5] * 3 for name in UNEVEN}
DAMAGE = {
    "empty": (lambda content: b"", "it is empty"),
    "truncated": (lambda content: content[: len(content) // 2], "no JSON"),
    "cut at its end": (lambda content: content[:-3], "no JSON"),
    "no text": (lambda content: b"\x00\xff", "no JSON"),
    "a list": (lambda content: b"[]", "no record"),
    "not a number": (lambda content: content.replace(b"0.5,", b"NaN,"), "no JSON"),
    "another's": (as_another, "not the record of the cell"),
    "one digit": (lambda content: content.replace(b'"test_loss": 0.5', b'"test_loss": 0.4'), "changed"),
    "a longer end": (lambda content: content + b" ", "changed"),
    "laid out anew": (lambda content: json.dumps(json.loads(content), indent=1).encode(), "changed"),
    "of the future": (of_the_future, f"measurement version {MEASUREMENT_VERSION + 1}"),
    "no version": (without_seal(measurement_version=None), "damaged"),
    "another accuracy": (without_seal(metrics=OTHER), "confusion matrix"),
    "another curve": (without_seal(history=FLAT), "confusion matrix"),
    "another seed": (without_seal(seed=7), "seed is not that of its specification"),
    "times in words": (without_seal(times={"train_s": "long"}), "times.train_s is wrong: expected `float`"),
    "no times": (without_seal(times=None), "its times is wrong: expected"),
    "a short curve": (without_seal(history=UNEVEN), "different lengths"),
    "a seal of nothing": (lambda content: b'{"sha256": null, ' + content[79:], "changed"),
    "letters where the seal ends": (
        lambda content: ('{"a": "' + "é" * 40 + '", ' + content.decode()[1:]).encode(), "changed",
    ),
    "too deep": (without_seal(spec=json.loads("[" * 900 + "]" * 900)), "key is not that"),
    "another status": (without_seal(status="perfect"), "neither done nor failed"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_counts_as_missing_is_named_and_set_aside(store, record, kind):
    damage, words = DAMAGE[kind]
    store.put(record)
    path = store.cells / f"{record['key']}.json"
    content = damage(path.read_bytes())
    assert content != path.read_bytes()
    path.write_bytes(content)
    assert store.get(record["key"]) is None
    assert words in store.faults()[path.name]
    assert path.read_bytes() == content, "looking changes nothing"
    assert words in store.tidy()[path.name]
    assert not path.exists()
    (aside,) = store.damaged.iterdir()
    assert aside.read_bytes() == content, "set aside, never deleted"
    store.put(record)
    assert store.faults() == store.tidy() == {}


def test_a_record_of_a_future_version_is_not_taken_for_ours(store, record):
    """Its key is right: that of its specification in its own version."""
    version = MEASUREMENT_VERSION + 1
    key = key_of(record["spec"], record["data"]["fingerprint"], version)
    store.put(record | {"key": key, "measurement_version": version})
    assert store.get(key) is None
    assert "update hexbench" in store.faults()[f"{key}.json"]


def test_records_of_before_had_no_seal(store, record):
    store.cells.mkdir(parents=True)
    (store.cells / f"{record['key']}.json").write_text(json.dumps(record))
    assert store.get(record["key"]) is not None


def test_what_is_no_record_is_set_aside_too_and_nothing_is_overwritten(store, record):
    store.put(record)
    (store.cells / "notes.txt").write_text("mine")
    (store.cells / "folder.json").mkdir()
    (store.cells / "gone.json").symlink_to("nowhere")
    (store.cells / f"{record['key']}.json.bak").write_text(json.dumps(record))
    assert len(store.faults()) == 4
    assert len(store.tidy()) == 4
    (store.cells / "notes.txt").write_text("mine again")
    store.tidy()
    kept = {path.read_text() for path in store.damaged.glob("notes.txt*")}
    assert kept == {"mine", "mine again"}
    assert store.get(record["key"]) is not None


def test_half_written_files_and_checkpoints_that_are_done_with_go(store, record):
    store.put(record)
    part = store.cells / f".{record['key']}.json.abc.part"
    part.write_text("{")
    old, young = (store.checkpoint_of(key) for key in (record["key"], "0" * 64))
    for checkpoint in (old, young):
        checkpoint.mkdir(parents=True)
    assert store.faults() == {}, "nobody takes a part for a record"
    with store.locks.hold(record["key"]):
        other = Store(store.folder)
        other.tidy()
        assert part.exists(), "another process is writing it"
    store.tidy()
    assert not part.exists()
    assert not old.exists()
    assert young.exists(), "its cell has no record yet"


def test_damage_of_a_cell_that_another_process_measures_is_left_to_it(store, record):
    store.put(record)
    path = store.cells / f"{record['key']}.json"
    path.write_text("{")
    with store.locks.hold(record["key"]):
        assert Store(store.folder).tidy() == {}
    assert path.exists()


def test_a_record_takes_the_place_of_its_cells_checkpoint(store, record):
    store.checkpoint_of(record["key"]).mkdir(parents=True)
    store.put(record)
    assert not store.checkpoint_of(record["key"]).exists()


def test_not_a_number_is_never_written(store, record):
    with pytest.raises(ValueError, match="JSON"):
        store.put(record | {"value": float("nan")})
    assert store.get(record["key"]) is None


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    file = tmp_path / "file"
    write_whole(file, "old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full") as raised:
        write_whole(file, "new")
    assert raised.value.filename == str(file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_planned_are_the_manifests_cells_that_there_are(store):
    records = [svm(hits(0.9, seed), seed=seed) for seed in range(3)]
    for record in records:
        store.put(record)
    keys = [record["key"] for record in records]
    store.put_manifest(manifest([keys[2], "missing", keys[0]]))
    assert [record["key"] for record in store.planned()] == [keys[2], keys[0]]


def test_setting_aside_deletes_nothing(store, record):
    assert store.set_aside() is None
    store.folder.mkdir()
    (store.folder / "thesis.tex").touch()
    assert store.set_aside() is None, "a folder that holds no results is none of our business"
    assert store.is_foreign
    for number in (1, 2):
        store.put(record | {"commit": str(number)})
        store.put_manifest({"cells": []})
        aside = store.set_aside()
        assert aside == store.folder.with_name(f"run.old-{number}")
        assert Store(aside).get(record["key"])["commit"] == str(number)
    assert not store.folder.exists()


def test_a_folder_in_use_is_not_set_aside(store, record):
    store.put(record)
    with Store(store.folder).in_use(), pytest.raises(BadInput, match="in use by another process"):
        store.set_aside()
    assert store.set_aside() is not None


def test_what_a_run_leaves_that_was_killed_at_once_is_not_foreign(store):
    with store.in_use(), store.alone():
        (store.folder / ".manifest.json.abc.part").touch()
        assert not store.is_foreign
        assert not store.has_results
    with store.alone():
        assert not list(store.folder.glob(".*.part"))


def test_a_folder_that_holds_no_results(tmp_path):
    with pytest.raises(BadInput, match=r"manifest\.json"):
        Store.open(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"cells": []}))
    with pytest.raises(BadInput, match="cannot be read: object missing required field `suite`"):
        Store.open(tmp_path).manifest()
