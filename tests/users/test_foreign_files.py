"""What systems, editors and synchronisation leave in folders is neither foreign results nor damage."""

import pytest
from cells import cell, correct, done, save_run
from hexbench.files import is_of_system
from hexbench.store.store import Store
from hexbench.study import load

FILES = (
    *(
        ".gitkeep",
        ".gitignore",
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "Icon\r",
        ".nfs0000000001",
        "._manifest",
    ),
    *("notes.md~", "#notes#", ".notes.swp", "manifest.json.bak", "x.tmp", ".~lock.cells.csv#", ".directory"),
    *(".fuse_hidden0001", ".stfolder", ".dropbox", ".localized"),
)
FOLDERS = (
    *("lost+found", "@eaDir", "__MACOSX", ".Trash-1000", ".snapshot", "$RECYCLE.BIN"),
    *("System Volume Information", ".ipynb_checkpoints", ".git"),
)


def leave_in(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text("x")
    for name in FOLDERS:
        (folder / name).mkdir()


def test_a_folder_with_what_systems_leave_is_empty(tmp_path):
    leave_in(tmp_path / "run")
    assert not Store(tmp_path / "run").is_foreign
    (tmp_path / "run" / "thesis.tex").touch()
    assert Store(tmp_path / "run").is_foreign


def test_among_records_it_is_left_alone(tmp_path):
    record = done(cell(seed=1), correct(0.9))
    store = save_run(tmp_path / "run", [record])
    leave_in(store.cells)
    for copy in ("sync-conflict-20261126-120000-ABC", "conflicted copy 2026-11-26"):
        (store.cells / f"{record.key} ({copy}).json").write_text("x")
    (store.cells / f"._{record.key}.json").write_bytes(b"\0\5\26\7 AppleDouble")
    before = {path.name for path in store.cells.iterdir()}
    assert store.faults() == store.tidy() == {}
    assert {path.name for path in store.cells.iterdir()} == before
    assert not store.damaged.exists()
    assert [found.key for found in store.planned()] == [record.key]


def test_setting_aside_leaves_it_where_it_is(tmp_path, monkeypatch):
    store = save_run(tmp_path / "run", [done(cell(), correct(0.9))])
    leave_in(store.folder)
    monkeypatch.chdir(store.folder)
    aside = store.set_aside()
    assert {path.name for path in aside.iterdir()} == {"cells", "manifest.json"}
    assert {path.name for path in store.folder.iterdir()} == {*FILES, *FOLDERS, "old-1"}


def test_suites_of_a_study_are_not_what_a_system_leaves(tmp_path):
    (tmp_path / "study.toml").write_text('title = "Mine"\n')
    suites = tmp_path / "suites"
    suites.mkdir()
    for name in ("small.toml", "._small.toml", ".#small.toml", "small.toml~"):
        (suites / name).write_text("")
    assert set(load(str(tmp_path)).suites) == {"small"}


@pytest.mark.parametrize(
    "name", ["cells", "manifest.json", "report.html", "thesis.tex", "data", "results.csv"]
)
def test_other_names_are_people_s(name):
    assert not is_of_system(name)
