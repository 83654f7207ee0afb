"""What every export does, whatever the format: what it reads, where it writes, and what it leaves alone."""

import json
import sys

import pytest
from cells import cell, correct, done, manifest, save_run
from export.conftest import records, tree
from hexbench.errors import BadInput, NothingMeasured
from hexbench.export import targets
from hexbench.export.source import Source, numbers, settings
from hexbench.export.staged import MARK, STAGING, staged
from hexbench.store.flat import KINDS, PARAM, flat
from hexbench.store.store import PACK, Store

XZ_WINDOW = 2**26
"""Bytes that reading a packed file takes, however long it is."""
FORMATS = ("parquet", "tensorboard")
"""The targets whose export is a folder of files."""


def test_the_flat_row_has_the_columns_that_are_promised():
    for record in records():
        row = flat(record)
        plain = {name: value for name, value in row.items() if not name.startswith(PARAM)}
        assert list(plain) == list(KINDS)
        for name, value in plain.items():
            fits = isinstance(value, KINDS[name]) or (KINDS[name] is float and isinstance(value, int))
            assert value is None or fits or name == "split", name


def test_settings_keep_a_hyperparameter_that_is_called_like_one():
    found = settings(records()[2])
    assert (found["seed"], found["params.seed"]) == (1, 7)
    assert numbers(records()[1]) == {}


@pytest.mark.parametrize("target", FORMATS)
def test_an_export_only_reads_its_source_and_is_the_same_each_time(target, folder, export, tmp_path):
    before = tree(folder)
    export(folder, target)
    export(folder, target, "--out", tmp_path / "again")
    assert tree(folder) == before
    contents = [
        {name: content for name, (content, _) in tree(place).items()}
        for place in (tmp_path / f"results-{target}", tmp_path / "again")
    ]
    assert len(contents[0]) > 2
    assert contents[0] == contents[1]
    assert not (tmp_path / "again" / STAGING).exists()


@pytest.mark.parametrize("target", FORMATS)
def test_packed_records_give_the_same_export(target, folder, export, tmp_path):
    export(folder, target)
    Store(folder).pack()
    for file in (folder / "cells").iterdir():
        file.unlink()
    export(folder, target, "--out", tmp_path / "packed")
    contents = [
        {name: content for name, (content, _) in tree(place).items()}
        for place in (tmp_path / f"results-{target}", tmp_path / "packed")
    ]
    assert contents[0] == contents[1]


def test_damaged_records_are_named_and_the_rest_is_exported(folder, export):
    good = records()
    (folder / "cells" / f"{good[0].key}.json").write_text("{")
    result = export(folder, "parquet")
    assert (
        f"damaged, counts as missing: {folder / 'cells' / good[0].key}.json: it is no JSON" in result.stderr
    )
    assert "Exported: 4 cells, 1 of them failed; 1 of 5 planned cells have no record." in result.stdout


def test_a_damaged_file_is_replaced_by_its_packed_line(folder, export, tmp_path):
    from pyarrow.parquet import read_table

    Store(folder).pack()
    key = records()[0].key
    (folder / "cells" / f"{key}.json").write_text("{")
    result = export(folder, "parquet")
    assert f"{key}.json" in result.stderr
    assert "Exported: 5 cells, 1 of them failed." in result.stdout
    table = read_table(tmp_path / "results-parquet" / "cells.parquet")
    assert table["key"].to_pylist() == [
        record.key for record in records()
    ]  # also of the line, which comes last


def test_a_damaged_pack_and_damaged_verdicts_are_refused(folder, export, tmp_path):
    (folder / "verdicts.json").write_text('[{"id": 3}]')
    with pytest.raises(BadInput, match=r"verdicts\.json cannot be read: .*Write it again: report"):
        export(folder, "parquet")
    (folder / "verdicts.json").unlink()
    Store(folder).pack()
    content = (folder / PACK).read_bytes()
    (folder / PACK).write_bytes(content[: len(content) // 2])
    for file in (folder / "cells").iterdir():
        file.unlink()
    with pytest.raises(BadInput, match=r"cells\.jsonl\.xz cannot be read"):
        export(folder, "parquet")
    assert not (tmp_path / "results-parquet").exists()


def test_a_run_without_a_record_is_not_exported(tmp_path, export):
    Store(tmp_path / "none").put_manifest(manifest(["a" * 64]))
    with pytest.raises(NothingMeasured, match="nothing to export"):
        export(tmp_path / "none", "parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["none"]


def test_other_things_are_not_overwritten(folder, export, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    (place / ".DS_Store").write_text("of the system")
    export(folder, "parquet", "--out", place)
    (place / "notes.txt").write_text("mine")
    export(folder, "parquet", "--out", place)
    assert (place / "notes.txt").read_text() == "mine"
    with pytest.raises(BadInput, match=r"holds the export of results .* to parquet"):
        export(folder, "tensorboard", "--out", place)
    save_run(tmp_path / "other", records())
    with pytest.raises(BadInput, match=r"holds the export of results \(made-up on made-up\) to parquet"):
        export(tmp_path / "other", "parquet", "--out", place)
    (place / MARK).unlink()
    before = tree(place)
    with pytest.raises(BadInput, match=r"holds other things, such as cells\.parquet"):
        export(folder, "parquet", "--out", place)
    assert tree(place) == before
    (place / MARK).write_text("{")
    with pytest.raises(BadInput, match=r"export\.json cannot be read"):
        export(folder, "parquet", "--out", place)


def test_a_mark_that_was_edited_removes_nothing_elsewhere(folder, export, tmp_path):
    export(folder, "parquet")
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    mark = tmp_path / "results-parquet" / MARK
    content = json.loads(mark.read_text())
    mark.write_text(json.dumps(content | {"files": [*content["files"], "../outside.txt", str(outside)]}))
    export(folder, "parquet")
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("place", [".", "cells", "export/parquet"])
def test_nothing_is_written_into_the_results(place, folder, export):
    before = tree(folder)
    with pytest.raises(BadInput, match="is only read"):
        export(folder, "parquet", "--out", folder / place)
    assert tree(folder) == before


def test_a_place_that_is_no_folder_is_refused(folder, export, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is no folder"):
        export(folder, "parquet", "--out", tmp_path / "file" / "below")


@pytest.mark.parametrize("target", FORMATS)
def test_what_stops_an_export_leaves_the_earlier_one_whole(target, folder, export, tmp_path):
    export(folder, target)
    place = tmp_path / f"results-{target}"
    before = tree(place)

    def stopping(source):
        yield next(source.records())
        raise KeyboardInterrupt

    source = Source(Store(folder))
    with pytest.raises(KeyboardInterrupt):
        targets.load(target).export(source, stopping(source), targets.Place(place))
    assert tree(place) == before


def test_what_a_killed_export_left_is_replaced(folder, export, tmp_path):
    place = tmp_path / "results-parquet"
    (place / STAGING).mkdir(parents=True)
    (place / STAGING / "cells.parquet").write_text("half")
    export(folder, "parquet")
    assert not (place / STAGING).exists()
    assert (place / "cells.parquet").read_bytes().startswith(b"PAR1")


def test_files_of_the_earlier_export_alone_are_removed(folder, tmp_path):
    source, place = Source(Store(folder)), tmp_path / "place"
    with staged(place, "made-up", source) as staging:
        (staging / "a" / "b").mkdir(parents=True)
        (staging / "a" / "b" / "old").write_text("1")
        (staging / "kept").write_text("1")
    (place / "mine").write_text("1")
    with staged(place, "made-up", source) as staging:
        (staging / "kept").write_text("2")
    assert sorted(path.name for path in place.iterdir()) == [MARK, "kept", "mine"]
    assert (place / "kept").read_text() == "2"


def test_what_was_moved_before_a_fault_is_known_as_ours(folder, tmp_path):
    place = tmp_path / "place"
    (place / "b.bak").mkdir(parents=True)  # a folder where a file will go, and nobody's results

    def export():
        with staged(place, "made-up", Source(Store(folder))) as staging:
            (staging / "a").write_text("1")
            (staging / "b.bak").write_text("1")

    with pytest.raises(OSError, match=r"b\.bak"):
        export()
    assert (place / "a").exists()
    (place / "b.bak").rmdir()
    export()
    assert (place / "b.bak").read_text() == "1"


def test_two_exports_do_not_write_to_one_place_at_once(folder, export, tmp_path):
    with (
        staged(tmp_path / "results-parquet", "parquet", Source(Store(folder))),
        pytest.raises(BadInput, match="another process exports there"),
    ):
        export(folder, "parquet")


@pytest.mark.parametrize("target", targets.names())
def test_a_library_that_is_not_installed_is_named(target, folder, export, monkeypatch):
    needs = targets.load(target).NEEDS
    monkeypatch.setitem(sys.modules, needs[-1], None)  # as if it were not there
    with pytest.raises(BadInput, match=rf'needs {needs[-1]}: pip install "hexbench\[{target}\]", or in'):
        export(folder, target)


def test_options_of_one_target_do_not_go_with_another(folder, hexbench):
    wrong = hexbench("export", folder, "--to", "parquet", "--tracking-uri", "http://127.0.0.1:1")
    assert (wrong.returncode, "do not go with --to parquet" in wrong.stderr) == (2, True)
    both = hexbench("export", folder, "--to", "mlflow", "--tracking-uri", "sqlite:///x.db", "--out", "x")
    assert (both.returncode, "do not go together" in both.stderr) == (2, True)


def test_the_command_in_the_folder_itself(folder, hexbench, tmp_path):
    found = hexbench("export", ".", "--to", "parquet", cwd=folder)
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    assert (tmp_path / "results-parquet" / "cells.parquet").is_file()


def test_streaming_holds_one_record_at_a_time(tmp_path):
    import tracemalloc

    many = [done(cell("svm", seed=seed), correct(0.9, seed)) for seed in range(60)]
    store = save_run(tmp_path / "many", many)
    keys = [record.key for record in many]

    def peak(read):
        tracemalloc.start()
        count = read()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 60
        return found

    def streamed():
        return sum(1 for _ in store.stream(keys, {}))

    whole = peak(lambda: len(store.survey().sound))
    assert peak(streamed) < whole / 5
    store.pack()
    for file in store.cells.iterdir():
        file.unlink()
    assert peak(streamed) - XZ_WINDOW < whole / 3
