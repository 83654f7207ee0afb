"""A results folder in which anything lies: commands read what is sound and name the rest."""

import pytest
from analyse.whole_run import run
from fuzz.edits import WILD, as_json, changed, damaged
from fuzz.tried import TRIED
from hypothesis import given, settings
from hypothesis import strategies as st
from report.made_up import manifest, save_run

from bench.store import Store

CODES = {"report": {0, 4}, "check": {0, 1, 3, 4}, "compare": {0, 1, 4}}
FEWER = settings(max_examples=max(5, settings.default.max_examples // 10))
"""For reports, which take a second each."""


def few_of_each_kind():
    """Records of every model and protocol, small ones."""
    found = {}
    for record in run(seeds=1, draws=2):
        kind = (record["model"], record["protocol"], record["fit"], record["batch_size"])
        found.setdefault((*kind, record["epochs"] == 50), record)
    return list(found.values())


RECORDS = few_of_each_kind()
SVM = [record for record in RECORDS if record["model"] == "svm"][:1]


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """A folder with every record as it was stored, and their bytes."""
    store = save_run(tmp_path_factory.mktemp("intact"), RECORDS)
    return store.folder, {path.name: path.read_bytes() for path in store.cells.iterdir()}


@st.composite
def wrong_records(draw, most):
    """By file name: other bytes for some of the records."""
    chosen = draw(st.lists(st.sampled_from(RECORDS), min_size=1, max_size=most, unique_by=id))
    return {
        f"{record['key']}.json": draw(
            st.one_of(
                changed(record).map(as_json),
                changed(record).map(as_json),
                changed(record, most=1).map(as_json),
                damaged(as_json(record)),
                WILD.map(as_json),
                st.binary(max_size=50),
            )
        )
        for record in chosen
    }


def results(folder, contents):
    """A results folder with these bytes as its records."""
    store = Store(folder)
    store.cells.mkdir(parents=True, exist_ok=True)
    for path in store.cells.iterdir():
        path.unlink()
    for name, content in contents.items():
        (store.cells / name).write_bytes(content)
    store.put_manifest(manifest([r["key"] for r in RECORDS]))
    return store


@given(wrong=wrong_records(4))
def test_what_is_no_record_is_missing(command, tmp_path, intact, wrong):
    TRIED["records"] += len(wrong)
    folder, contents = intact
    store = results(tmp_path / "run", contents | wrong)
    for arguments in (
        ("check", store.folder),
        ("compare", store.folder, folder),
        ("compare", folder, store.folder),
    ):
        code, _ = command("commands on damaged records", *arguments)
        assert code in CODES[arguments[0]]
    code, _ = command("commands on damaged records", "check", store.folder)
    if any(store.get(name.removesuffix(".json")) is None for name in wrong):
        assert code != 0, "nothing is silently left out"


@FEWER
@given(wrong=wrong_records(8))
def test_a_report_names_what_is_missing(command, tmp_path, intact, wrong):
    TRIED["records"] += len(wrong)
    _, contents = intact
    store = results(tmp_path / "run", contents | wrong)
    code, _ = command("reports on damaged records", "report", store.folder)
    assert code in CODES["report"]
    if code == 0:
        text = (store.folder / "report.md").read_text()
        keys = [name.removesuffix(".json") for name in wrong]
        for key in keys:
            if store.get(key) is None:
                assert f"cell {key[:6]}" in text


@st.composite
def wrong_manifests(draw, records):
    right = manifest([r["key"] for r in records])
    return draw(
        st.one_of(changed(right).map(as_json), changed(right).map(as_json), damaged(as_json(right)),
                  WILD.map(as_json), st.binary(max_size=50))
    )  # fmt: skip


@given(content=wrong_manifests(RECORDS))
def test_a_manifest_is_one_or_a_sentence(command, tmp_path, intact, content):
    TRIED["manifests"] += 1
    folder, contents = intact
    store = results(tmp_path / "run", contents)
    store.manifest_file.write_bytes(content)
    for arguments in (
        ("check", store.folder),
        ("compare", store.folder, folder),
        ("compare", folder, store.folder),
    ):
        code, _ = command("commands on damaged manifests", *arguments, names=["run"])
        assert code in {2, *CODES[arguments[0]]}


@FEWER
@given(content=wrong_manifests(SVM))
def test_a_report_of_a_damaged_manifest(command, tmp_path, intact, content):
    TRIED["manifests"] += 1
    _, contents = intact
    store = results(
        tmp_path / "run", {f"{r['key']}.json": contents[f"{r['key']}.json"] for r in SVM}
    )
    store.manifest_file.write_bytes(content)
    code, _ = command(
        "reports of damaged manifests", "report", store.folder, names=["manifest.json"]
    )
    assert code in {0, 2, 4}
