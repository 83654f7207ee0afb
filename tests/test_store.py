import json
import lzma
import shutil

import msgspec
import pytest
from cells import ENVIRONMENT, FINGERPRINT, cell, correct, done, failed, manifest
from hexbench.errors import BadInput
from hexbench.files import write_whole
from hexbench.plan.cell import MEASUREMENT_VERSION, key_of
from hexbench.store.encoding import decode, encode
from hexbench.store.manifest import SplitFacts
from hexbench.store.record import Mistake, Search
from hexbench.store.store import PACK, Store

CELL = cell("cnn", 700, epochs=3, evaluate_at=(2,))
CONTRACT = {
    *("key", "status", "model", "params", "train_size", "batch_size", "epochs", "seed", "split", "data"),
    *("parameters", "metrics", "history", "confusion", "times", "device", "timing_clean", "error"),
    *("snapshots", "environment"),
}

MEASURED = {"parameters", "metrics", "history", "confusion", "times", "snapshots"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


@pytest.fixture
def record():
    return done(CELL, correct(0.9, 1), {2: correct(0.8, 2)})


def but(record, **changes):
    return msgspec.structs.replace(record, **changes)


def test_a_record_comes_back_as_it_went_in(store, record):
    record = but(record, metrics=but(record.metrics, train_loss=0.1 + 0.2))
    store.put(record)
    assert store.get(record.key) == record
    assert store.get("other") is None
    assert [path.stem for path in store.cells.iterdir()] == [record.key], "no part is left behind"
    assert store.faults() == {}
    assert store.survey().sound == {record.key: record}


def test_every_kind_of_record_comes_back(store):
    search = cell("svm_grid", images=100)
    chosen = cell("svm", 100, params_from=search)
    best = {"C": 10, "gamma": 0.1, "kernel": "rbf"}
    points = [{"C": 1, "gamma": 0.1, "kernel": "rbf"}, best]
    mistake = Mistake(3, 4, 0.9, bytes(range(256)))
    wide = cell("mlp", 80, hidden_layer_sizes=(64, 32), split="given", test_size=0.5, epochs=2)
    of_wide = done(wide, correct(0.5, tested=30))
    last = but(of_wide.snapshots["2"], mistakes=[mistake])
    records = [
        but(of_wide, snapshots={"2": last}, programs={"compiled": 1, "disk": 0, "process": 0}),
        done(search, correct(0.5, tested=30), search=Search(0.5, "shared", 5, points, [0.4, 0.5])),
        but(
            done(chosen, correct(0.9)),
            params={**chosen.params, **best},
            chosen=("C", "gamma", "kernel"),
        ),
        failed(CELL),
        failed(chosen, "RuntimeError: no\nbest"),
    ]
    for record in records:
        store.put(record)
        assert store.get(record.key) == record
    assert store.faults() == {}
    assert store.get(records[0].key).snapshots["2"].mistakes[0].pixels == bytes(range(256))
    assert records[1].search.best == best


def test_a_record_has_the_fields_of_the_contract_and_what_follows_from_them(store, record):
    for found in (record, done(cell("svm", 90, held_out=20), correct(0.9)), failed(CELL)):
        store.put(found)
        written = json.loads((store.cells / f"{found.key}.json").read_text())
        assert CONTRACT - written.keys() <= (MEASURED if written["status"] == "failed" else set())
        assert written["train_size"] == found.train_size
        assert written["batch_size"] == found.batch_size
        assert written["split"] == 42
        assert written["data"] == {"name": "made-up", "fingerprint": FINGERPRINT}
        assert written["params"] == json.loads(json.dumps(found.params))
        assert (written["error"] is None) == (written["status"] == "done")
        assert written["environment"]["processor"] == "p"


def test_an_environment_names_the_machine():
    assert ENVIRONMENT.machine == "p, 2 cores"
    assert but(ENVIRONMENT, usable_cores=1).machine == "p, 1 of 2 cores"


def as_another(content):
    return encode(done(cell("mlp", 700, epochs=3), correct(0.9, 1)))


def of_version(version):
    return without_seal(measurement_version=version)


def without_seal(**changes):
    """A file as a hand writes it: its seal is gone, fields are others or (...) gone."""

    def change(content):
        record = json.loads(content)
        del record["sha256"]
        record |= changes
        return json.dumps({name: v for name, v in record.items() if v is not ...}).encode()

    return change


def within(name, **changes):
    def change(content):
        return without_seal(**{name: json.loads(content)[name] | changes})(content)

    return change


OTHER = {"test_accuracy": 0.99, "test_loss": 0.5, "train_accuracy": 0.9}
UNEVEN = {"epoch": [3], "train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
FLAT = {name: [1, 2, 3] if name == "epoch" else [0.5] * 3 for name in UNEVEN}
BACKWARDS = FLAT | {"epoch": [2, 1, 3]}
PARAMS = CELL.params
KEY = "its key is not that of its specification"
DAMAGE = {
    "empty": (lambda content: b"", "it is empty"),
    "truncated": (lambda content: content[: len(content) // 2], "changed"),
    "cut at its end": (lambda content: content[:-3], "changed"),
    "cut, without a seal": (lambda content: without_seal()(content)[:-3], "no JSON"),
    "no text": (lambda content: b"\x00\xff", "no JSON"),
    "a list": (lambda content: b"[]", "expected `object`"),
    "not a number": (lambda content: without_seal()(content).replace(b"0.5,", b"NaN,"), "no JSON"),
    "another's": (as_another, "not the record of the cell"),
    "one digit": (lambda content: content.replace(b'"test_loss":0.5', b'"test_loss":0.4'), "changed"),
    "of the future": (of_version(MEASUREMENT_VERSION + 1), "update hexbench to use it"),
    "of the past": (of_version(5), "it is of measurement version 5, and this hexbench reads version 6"),
    "no version": (without_seal(measurement_version=None), "measurement_version is wrong"),
    "another accuracy": (without_seal(metrics=OTHER), "confusion matrix"),
    "another curve": (without_seal(history=FLAT), "confusion matrix"),
    "another seed": (without_seal(seed=7), KEY),
    "another learning rate": (without_seal(params=PARAMS | {"learning_rate": 0.01}), KEY),
    "another hyperparameter": (without_seal(params=PARAMS | {"momentum": 0.9}), KEY),
    "a hyperparameter less": (without_seal(params={}), KEY),
    "other images": (without_seal(data={"name": "made-up", "fingerprint": "e" * 64}), KEY),
    "another split": (without_seal(split="given"), KEY),
    "a chosen learning rate": (without_seal(chosen=["learning_rate"]), KEY),
    "chosen what is not there": (without_seal(chosen=["C"]), "not among its params"),
    "times in words": (within("times", train_s="long"), "its times.train_s is wrong: expected `float"),
    "a negative time": (within("times", train_s=-1.0), "its times.train_s is wrong"),
    "no times": (without_seal(times=None), "its times is wrong: expected"),
    "no metrics": (without_seal(metrics=...), "missing required field `metrics`"),
    "an accuracy above 1": (within("metrics", test_accuracy=1.5), "its metrics.test_accuracy is wrong"),
    "a seed in words": (without_seal(seed="one"), "its seed is wrong: expected `int`"),
    "a subset without a size": (without_seal(subset={}), "its subset is wrong"),
    "epochs that are not its own": (without_seal(epochs=2), "epochs are not those of its specification"),
    "no epochs": (without_seal(epochs=None), "a history or epochs, but not both"),
    "no history": (without_seal(history=None), "a history or epochs, but not both"),
    "a short curve": (without_seal(history=UNEVEN), "different lengths"),
    "a curve out of order": (without_seal(history=BACKWARDS), "not that of its epochs"),
    "no snapshots": (without_seal(snapshots={}), "no snapshot 3"),
    "no test image": (without_seal(confusion=[[0, 0], [0, 0]]), "no test image"),
    "a seal of nothing": (lambda content: b'{"sha256": null, ' + content[79:], "changed"),
    "letters where the seal ends": (
        lambda content: ('{"a": "' + "é" * 40 + '", ' + content.decode()[1:]).encode(),
        "changed",
    ),
    "too deep": (without_seal(params={"a": json.loads("[" * 900 + "]" * 900)}), KEY),
    "much too deep": (lambda content: b'{"status":' + b"[" * 100_000, "no JSON"),
    "another status": (without_seal(status="perfect"), "status"),
    "no status": (without_seal(status=...), "status"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_counts_as_missing_is_named_and_set_aside(store, record, kind):
    damage, words = DAMAGE[kind]
    store.put(record)
    path = store.cells / f"{record.key}.json"
    content = damage(path.read_bytes())
    assert content != path.read_bytes()
    path.write_bytes(content)
    assert store.get(record.key) is None
    assert words in store.faults()[path.name]
    assert store.survey().faults == store.faults()
    assert path.read_bytes() == content, "looking changes nothing"
    assert words in store.tidy()[path.name]
    assert not path.exists()
    (aside,) = store.damaged.iterdir()
    assert aside.read_bytes() == content, "set aside, never deleted"
    store.put(record)
    assert store.faults() == store.tidy() == {}


def test_snapshots_agree_with_the_history_and_the_confusion_matrix(store, record):
    early = record.snapshots["2"]
    for wrong, words in (
        ({"2": but(early, correct=record.snapshots["3"].correct)}, "correct test images are not those"),
        ({"2": but(early, confusion=record.confusion)}, "its accuracy is not that of its confusion"),
        ({"2": but(early, correct="no base64")}, "correct test images are not those"),
        ({"2": but(early, correct=early.correct[:-4])}, "correct test images are not those"),
        ({"1": early}, "its snapshot 1 is not one of its evaluations"),
        ({"early": early}, "its snapshot early is not one of its evaluations"),
    ):
        store.put(but(record, snapshots=record.snapshots | wrong))
        assert store.get(record.key) is None
        assert words in store.faults()[f"{record.key}.json"]


def test_early_stopping_may_end_before_the_planned_epochs(store):
    of = cell("mlp", 100, held_out=20, epochs=40)
    stopped = done(of.but(params=of.params | {"epochs": 9}), correct(0.8), {4: correct(0.7)})
    history = but(stopped.history, validation_loss=[1.0] * 9)
    chosen = {"4": but(stopped.snapshots["4"], confusion=None)}
    matrix = stopped.matrix("4")
    fields = {
        "params": of.params,
        "key": of.key_on(FINGERPRINT),
        "stopped_at": 4,
        "history": history,
        "snapshots": chosen,
        "confusion": matrix,
        "metrics": but(stopped.metrics, test_accuracy=history.test_accuracy[3]),
    }
    record = but(stopped, **fields)
    store.put(record)
    assert store.get(record.key) == record
    assert (record.last, record.epochs, record.planned_epochs) == ("4", 9, 40)
    store.put(but(record, stopped_at=None))
    assert "epochs are not those" in store.faults()[f"{record.key}.json"]
    longer = but(history, **{n: [*getattr(history, n)] * 1 for n in ("epoch",)})
    store.put(but(record, epochs=41, history=longer))
    assert store.get(record.key) is None, "never longer than planned"


def test_a_record_of_a_future_version_is_not_taken_for_ours(store, record, monkeypatch):
    """Its key is right: that of its specification in its own version."""
    version = MEASUREMENT_VERSION + 1
    with monkeypatch.context() as future:
        future.setattr("hexbench.plan.cell.MEASUREMENT_VERSION", version)
        key = key_of(CELL.identity, FINGERPRINT)
    assert key != record.key
    store.put(but(record, key=key, measurement_version=version))
    assert store.get(key) is None
    assert "update hexbench" in store.faults()[f"{key}.json"]


def test_a_record_of_another_layout_is_named_by_its_version(store):
    """What measurement version 5 wrote has fields of other names and types."""
    store.cells.mkdir(parents=True)
    old = {"key": "0" * 64, "measurement_version": 5, "model": "svm", "fit": "grid", "status": "done"}
    (store.cells / f"{'0' * 64}.json").write_text(json.dumps(old))
    (fault,) = store.faults().values()
    assert fault == (
        f"it is of measurement version 5, and this hexbench reads version {MEASUREMENT_VERSION}: "
        "measure it again"
    )


def test_a_record_without_a_seal_is_read(store, record):
    store.cells.mkdir(parents=True)
    (store.cells / f"{record.key}.json").write_bytes(encode(record))
    assert store.get(record.key) == record
    assert decode(encode(record), record.key) == record


def test_what_is_no_record_is_set_aside_too_and_nothing_is_overwritten(store, record):
    store.put(record)
    (store.cells / "notes.txt").write_text("mine")
    (store.cells / "folder.json").mkdir()
    (store.cells / "gone.json").symlink_to("nowhere")
    (store.cells / f"{record.key} (1).json").write_bytes(encode(record))
    assert len(store.faults()) == 4
    assert len(store.tidy()) == 4
    (store.cells / "notes.txt").write_text("mine again")
    store.tidy()
    kept = {path.read_text() for path in store.damaged.glob("notes.txt*")}
    assert kept == {"mine", "mine again"}
    assert store.get(record.key) is not None


def test_half_written_files_and_checkpoints_that_are_done_with_go(store, record):
    store.put(record)
    part = store.cells / f".{record.key}.json.abc.part"
    part.write_text("{")
    old, young = (store.checkpoint_of(key) for key in (record.key, "0" * 64))
    for checkpoint in (old, young):
        checkpoint.mkdir(parents=True)
    assert store.faults() == {}, "nobody takes a part for a record"
    with store.locks.hold(record.key):
        other = Store(store.folder)
        other.tidy()
        assert part.exists(), "another process is writing it"
    store.tidy()
    assert not part.exists()
    assert not old.exists()
    assert young.exists(), "its cell has no record yet"


def test_damage_of_a_cell_that_another_process_measures_is_left_to_it(store, record):
    store.put(record)
    path = store.cells / f"{record.key}.json"
    path.write_text("{")
    with store.locks.hold(record.key):
        assert Store(store.folder).tidy() == {}
    assert path.exists()


def test_a_record_takes_the_place_of_its_cells_checkpoint(store, record):
    store.checkpoint_of(record.key).mkdir(parents=True)
    store.put(record)
    assert not store.checkpoint_of(record.key).exists()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_not_a_number_is_never_written(store, record, number):
    wrong = but(record, metrics=but(record.metrics, test_loss=number))
    with pytest.raises(ValueError, match="JSON"):
        store.put(wrong)
    assert store.get(record.key) is None
    assert not store.cells.exists() or not list(store.cells.iterdir())


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
    records = [done(cell("svm", 700, seed=seed), correct(0.9, seed)) for seed in range(3)]
    for record in records:
        store.put(record)
    keys = [record.key for record in records]
    store.put_manifest(manifest([keys[2], "missing", keys[0]]))
    assert [record.key for record in store.planned()] == [keys[2], keys[0]]
    assert [record.seed for record in store.planned()] == [2, 0]


def packed(store, *seeds):
    """A folder whose records are packed and nowhere else."""
    records = [done(cell("cnn", 700, epochs=3, seed=seed), correct(0.9, seed)) for seed in seeds]
    for record in records:
        store.put(record)
    store.put_manifest(manifest([record.key for record in records]))
    store.pack()
    shutil.rmtree(store.cells)
    return Store(store.folder)  # as another process finds it


def test_packed_records_are_those_of_the_manifest_in_its_order(store):
    found = packed(store, 2, 0, 1)
    assert [record.seed for record in found.planned()] == [2, 0, 1]
    assert found.has_results
    assert not found.faults()
    again = found.planned()[0]
    assert found.get(again.key) == again


def test_a_file_in_cells_counts_more_than_the_pack(store):
    found = packed(store, 0, 1)
    newer = done(cell("cnn", 700, epochs=3, seed=1), correct(0.5, 7))
    found.put(newer)
    assert found.get(newer.key) == newer
    assert found.survey().sound[newer.key] == newer
    assert len(found.planned()) == 2


def test_a_line_of_the_pack_that_was_changed_is_named_and_missing(store):
    found = packed(store, 0, 1)
    lines = lzma.decompress((found.folder / PACK).read_bytes()).splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"seed":1', b'"seed":3')
    (found.folder / PACK).write_bytes(lzma.compress(b"".join(lines)))
    found = Store(found.folder)
    assert [record.seed for record in found.planned()] == [0]
    assert found.tidy() == {}
    ((name, fault),) = found.faults().items()
    assert (name, fault) == ("cells.jsonl.xz, line 2", "it was changed after it was written")


@pytest.mark.parametrize("content", [b"", b"no archive", lzma.compress(b"{}" * 99)[:40]])
def test_a_pack_that_cannot_be_unpacked_is_bad_input(store, content):
    found = packed(store, 0)
    (found.folder / PACK).write_bytes(content)
    with pytest.raises(BadInput, match=r"cells\.jsonl\.xz cannot be read"):
        Store(found.folder).planned()


def test_what_has_no_record_is_not_packed(store):
    store.put_manifest(manifest(["missing"]))
    with pytest.raises(BadInput, match="nothing to pack"):
        store.pack()


def test_setting_aside_deletes_nothing(store, record):
    assert store.set_aside() is None
    store.folder.mkdir()
    (store.folder / "thesis.tex").touch()
    assert store.set_aside() is None, "a folder that holds no results is none of our business"
    assert store.is_foreign
    for number in (1, 2):
        store.put(but(record, device=f"device {number}"))
        store.put_manifest(manifest([]))
        aside = store.set_aside()
        assert aside == store.folder.with_name(f"run.old-{number}")
        assert Store(aside).get(record.key).device == f"device {number}"
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


def test_a_manifest_comes_back_as_it_went_in(store):
    wanted = manifest(["a" * 64, "b"], left_out=["10,000"], split=SplitFacts("given", 0.5))
    wanted = but(wanted, data=but(wanted.data, class_counts=[*wanted.data.class_counts[:-1], 0]))
    store.put_manifest(wanted)
    assert store.manifest() == wanted
    assert store.manifest().models["cnn"].defaults["channels"] == (64, 32)
    assert store.manifest().data.missing_classes == ["empty"]
    assert store.manifest().split.parts.random_state is None


WRONG = [
    ({"cells": ["../x"]}, "no name of a record"),
    ({"cells": ["a", "a"]}, "stands there twice"),
    ({"cells": ["other"]}, "has no label"),
    ({"suite": 3}, "its suite is wrong: expected `str`"),
    ({"suite": ...}, "missing required field `suite`"),
    ({"split": {"split": 42, "test_size": None}}, "its split.test_size is wrong"),
    ({"split": {"split": 42, "test_size": 1.5}}, "its split is wrong"),
    ({"split": {"split": "mine", "test_size": 0.3}}, "its split.split is wrong"),
    ({"models": {"cnn": {}}}, "missing required field `label`"),
    ({"environment": {}}, "its environment is wrong"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_a_manifest_that_is_wrong_is_named(store, changes, words):
    store.put_manifest(manifest(["a"]))
    content = json.loads(store.manifest_file.read_text()) | changes
    content = {name: value for name, value in content.items() if value is not ...}
    store.manifest_file.write_text(json.dumps(content))
    with pytest.raises(BadInput, match=r"manifest\.json cannot be read: ") as caught:
        store.manifest()
    assert words in str(caught.value)


def test_class_names_and_counts_of_a_manifest_agree(store):
    store.put_manifest(manifest([]))
    content = json.loads(store.manifest_file.read_text())
    content["data"]["class_counts"].append(7)
    store.manifest_file.write_text(json.dumps(content))
    with pytest.raises(BadInput, match="not as many class names as class counts"):
        store.manifest()


def test_a_folder_that_holds_no_results(tmp_path):
    with pytest.raises(BadInput, match=r"manifest\.json"):
        Store.open(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"cells": []}))
    with pytest.raises(BadInput, match="cannot be read: object missing required field"):
        Store.open(tmp_path).manifest()
