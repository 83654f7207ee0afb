import json

import pytest
from report.made_up import manifest

from bench.errors import BadInput
from bench.store import Store, write_whole


def test_a_record_comes_back_as_it_went_in(tmp_path):
    store = Store(tmp_path)
    record = {
        "key": "k",
        "status": "done",
        "metrics": {"test_accuracy": 0.1 + 0.2, "test_loss": None},
    }
    store.put(record)
    assert store.get("k") == record
    assert store.get("other") is None
    assert [path.name for path in store.cells.iterdir()] == ["k.json"], "no part is left behind"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": "other"}', "\x00\xff"])
def test_damage_reads_as_missing(tmp_path, text):
    store = Store(tmp_path)
    store.put({"key": "k"})
    (store.cells / "k.json").write_text(text)
    assert store.get("k") is None


def test_not_a_number_is_never_written(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        store.put({"key": "k", "value": float("nan")})
    assert store.get("k") is None


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    file = tmp_path / "file"
    write_whole(file, "old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_whole(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_planned_are_the_manifests_cells_that_there_are(tmp_path):
    store = Store(tmp_path)
    for key in "abc":
        store.put({"key": key})
    store.put_manifest(manifest(["c", "missing", "a"]))
    assert [record["key"] for record in store.planned()] == ["c", "a"]


def test_setting_aside_deletes_nothing(tmp_path):
    store = Store(tmp_path / "run")
    assert store.set_aside() is None
    store.folder.mkdir()
    (store.folder / "thesis.tex").touch()
    assert store.set_aside() is None, "a folder that holds no results is none of our business"
    for number in (1, 2):
        store.put({"key": f"k{number}"})
        store.put_manifest({"cells": []})
        aside = store.set_aside()
        assert aside == tmp_path / f"run.old-{number}"
        assert Store(aside).get(f"k{number}")
    assert not store.folder.exists()


def test_a_folder_that_holds_no_results(tmp_path):
    with pytest.raises(BadInput, match=r"manifest\.json"):
        Store.open(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"cells": []}))
    with pytest.raises(BadInput, match="cannot be read: it has no command, data"):
        Store.open(tmp_path).manifest()
