"""Records that were copied, packed, kept in Git or edited: the same data are accepted, changes are named."""

import json
import shutil
import sys
import tarfile
import zipfile

import pytest
from cells import cell, correct, done, save_run
from hexbench.cli import main
from hexbench.errors import BadInput
from hexbench.store.store import PACK, Store

RECORDS = [done(cell(seed=seed), correct(0.9, seed)) for seed in range(3)]

SAME = {
    "CRLF at the end": lambda content: content + b"\r\n",
    "a line feed at the end": lambda content: content + b"\n",
    "blanks at the end": lambda content: content + b" \n ",
    "a mark of byte order": lambda content: b"\xef\xbb\xbf" + content,
    "UTF-16, as PowerShell writes": lambda content: content.decode().encode("utf-16"),
    "UTF-16 of the other order": lambda content: b"\xfe\xff" + content.decode().encode("utf-16-be"),
    "laid out by a formatter": lambda content: json.dumps(json.loads(content), indent=2).encode(),
    "laid out with CRLF": lambda content: (
        json.dumps(json.loads(content), indent=2).replace("\n", "\r\n").encode()
    ),
    "laid out with tabs": lambda content: json.dumps(json.loads(content), indent="\t").encode(),
}
CHANGED = {
    "another accuracy": lambda content: content.replace(b'"test_accuracy":0.9', b'"test_accuracy":0.8'),
    "laid out, and another accuracy": lambda content: (
        json.dumps(json.loads(content), indent=1)
        .replace('"test_accuracy": 0.9', '"test_accuracy": 0.8')
        .encode()
    ),
    "other keys first": lambda content: json.dumps(json.loads(content), sort_keys=True).encode(),
    "a field more": lambda content: json.dumps(json.loads(content) | {"more": 1}).encode(),
    "cut short": lambda content: content[: len(content) // 2],
    "a conflict of Git": lambda content: (
        b"<<<<<<< HEAD\n" + content + b"\n=======\n" + content + b"\n>>>>>>> x\n"
    ),
    "UTF-16 cut short": lambda content: content.decode().encode("utf-16")[:-101],
}


@pytest.fixture
def store(tmp_path):
    return save_run(tmp_path / "run", RECORDS)


@pytest.mark.parametrize("kind", SAME)
def test_the_same_data_are_accepted(store, kind):
    for path in store.cells.iterdir():
        path.write_bytes(SAME[kind](path.read_bytes()))
    store.manifest_file.write_bytes(SAME[kind](store.manifest_file.read_bytes()))
    assert Store(store.folder).planned() == RECORDS
    assert Store(store.folder).faults() == {}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_was_changed_is_named(store, kind):
    path = store.cells / f"{RECORDS[0].key}.json"
    content = CHANGED[kind](path.read_bytes())
    assert content != path.read_bytes()
    path.write_bytes(content)
    assert set(store.faults()) == {path.name}
    assert [record.key for record in store.planned()] == [record.key for record in RECORDS[1:]]


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 7000\n"


def test_pointers_of_git_lfs_are_named(store):
    store.pack()
    path = store.cells / f"{RECORDS[0].key}.json"
    path.write_bytes(POINTER)
    assert "git lfs pull" in store.faults()[path.name]
    (store.folder / PACK).write_bytes(POINTER)
    with pytest.raises(BadInput, match=r"cells.jsonl.xz is a Git LFS pointer.*: run git lfs pull"):
        Store(store.folder).survey()
    store.manifest_file.write_bytes(POINTER)
    with pytest.raises(BadInput, match=r"manifest.json is a Git LFS pointer.*: run git lfs pull"):
        store.manifest()


@pytest.mark.parametrize("way", ["copied", "zip", "tar.gz", "packed", "packed with CRLF"])
def test_results_that_were_brought_elsewhere(store, tmp_path, way):
    there = tmp_path / "elsewhere" / "under another name"
    if way == "copied":
        shutil.copytree(store.folder, there)
    elif way == "zip":
        with zipfile.ZipFile(tmp_path / "run.zip", "w") as archive:
            for path in store.folder.rglob("*.json"):
                archive.write(path, path.relative_to(store.folder))
        zipfile.ZipFile(tmp_path / "run.zip").extractall(there)
    elif way == "tar.gz":
        with tarfile.open(tmp_path / "run.tar.gz", "w:gz") as archive:
            archive.add(store.folder, "run")
        with tarfile.open(tmp_path / "run.tar.gz") as archive:
            archive.extractall(tmp_path / "elsewhere", filter="data")
        (tmp_path / "elsewhere/run").rename(there)
    else:
        store.pack()
        there.mkdir(parents=True)
        for name in (PACK, "manifest.json"):
            shutil.copy(store.folder / name, there)
        if way == "packed with CRLF":
            import lzma

            lines = lzma.decompress((there / PACK).read_bytes())
            (there / PACK).write_bytes(lzma.compress(lines.replace(b"\n", b"\r\n")))
    assert Store(there).planned() == RECORDS
    assert Store(there).survey().faults == {}


@pytest.mark.parametrize("command", ["check", "compare"])
def test_gates_name_the_records_that_do_not_count(store, tmp_path, monkeypatch, capsys, command):
    path = store.cells / f"{RECORDS[0].key}.json"
    path.write_bytes(CHANGED["another accuracy"](path.read_bytes()))
    (tmp_path / "thresholds.toml").write_text(
        f'[[threshold]]\ndata = "{store.manifest().data.fingerprint}"\nmodel = "mlp"\ntrain_size = 100\n'
        'metric = "test_accuracy"\nmin = 0.1\n'
    )
    rest = [store.folder] if command == "compare" else ["--thresholds", tmp_path / "thresholds.toml"]
    monkeypatch.setattr(sys, "argv", ["hexbench", command, str(store.folder), *map(str, rest)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == (3 if command == "check" else 0)
    assert f"damaged, counts as missing: {path}: it was changed" in capsys.readouterr().err
