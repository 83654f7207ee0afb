"""A results folder in which anything lies: commands read what is sound and name the rest."""

import json

import pytest
from cells import FINGERPRINT, manifest, save_run
from fuzz.edits import CHANGES, EDITS, WILD, as_json, with_changes, with_edits
from fuzz.made_up import records
from fuzz.tried import TRIED
from hexbench.store.encoding import encode
from hexbench.store.store import Store
from hypothesis import given, settings
from hypothesis import strategies as st

CODES = {"report": {0, 4}, "check": {0, 1, 3, 4}, "compare": {0, 1, 4}}
FEWER = settings(max_examples=max(5, settings.default.max_examples // 10))
"""For reports, which take a second each."""
RECORDS = records()
KEYS = [record.key for record in RECORDS]
PLAIN = [json.loads(encode(record)) for record in RECORDS]
WRONG = st.one_of(
    st.tuples(st.just("changes"), CHANGES),
    st.tuples(st.just("changes"), CHANGES),
    st.tuples(st.just("edits"), st.lists(EDITS, min_size=1, max_size=3)),
    st.tuples(st.just("json"), WILD),
    st.tuples(st.just("bytes"), st.binary(max_size=50)),
)


def wrong_records(most):
    """What is wrong with some of the records, by their number."""
    return st.dictionaries(st.integers(0, len(RECORDS) - 1), WRONG, min_size=1, max_size=most)


def content(record, wrong):
    """The bytes of a record with something wrong, and no seal that would tell."""
    kind, how = wrong
    if kind == "changes":
        return as_json(with_changes(record, how))
    if kind == "edits":
        return with_edits(as_json(record), how)
    return as_json(how) if kind == "json" else how


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """A folder with every record as it was stored, and their bytes."""
    store = save_run(tmp_path_factory.mktemp("intact"), RECORDS)
    assert not store.faults()
    return store, {key: (store.cells / f"{key}.json").read_bytes() for key in KEYS}


@pytest.fixture
def damage(tmp_path, intact):
    """Makes a results folder with some wrong records; returns it and the keys of those not believed."""
    store = Store(tmp_path / "run")
    store.put_manifest(manifest(KEYS))
    store.cells.mkdir()

    def make(wrong):
        TRIED["records"] += len(wrong)
        for i, record in enumerate(PLAIN):
            key = KEYS[i]
            whole = content(record, wrong[i]) if i in wrong else intact[1][key]
            (store.cells / f"{key}.json").write_bytes(whole)
        return store, [KEYS[i] for i in wrong if store.get(KEYS[i]) is None]

    return make


@given(wrong=wrong_records(3))
@pytest.mark.slow
def test_what_is_no_record_is_missing(command, intact, damage, wrong):
    store, _ = damage(wrong)
    good = intact[0].folder
    for arguments in (
        ("check", store.folder),
        ("check", store.folder, "--github", "--junit", "findings.xml"),
        ("compare", store.folder, good),
        ("compare", good, store.folder, "--format", "markdown"),
        ("compare", good, store.folder, "--format", "json"),
    ):
        code, _ = command(f"{arguments[0]}, records", *arguments)
        assert code in CODES[arguments[0]]


LOOSE = {"mlp": "epochs = 3\n", "cnn": "epochs = 3\n", "svm": "C = 3\n", "logistic": ""}
"""Thresholds that every sound record passes, by model."""


@given(wrong=wrong_records(3))
def test_a_gate_never_leaves_a_damaged_record_out_silently(command, damage, tmp_path, wrong):
    """Every accuracy is allowed: only what is missing or failed makes `check` answer anything but 0."""
    store, unsound = damage(wrong)
    store.put_manifest(manifest(KEYS[:-1]))  # without that of a failure
    thresholds = tmp_path / "loose.toml"
    entry = f"[[threshold]]\ndata = '{FINGERPRINT}'\nmetric = 'test_accuracy'\nmin = 0\n"
    thresholds.write_text("".join(f"{entry}model = '{model}'\n{of}" for model, of in LOOSE.items()))
    code, said = command("check, records", "check", store.folder, "--thresholds", thresholds)
    if set(unsound) & set(KEYS[:-1]):
        assert code in (1, 3, 4)
        assert code != 3 or "missing or failed" in said


@pytest.mark.slow
@FEWER
@given(wrong=wrong_records(8))
def test_a_report_names_what_is_missing(command, damage, wrong):
    store, unsound = damage(wrong)
    code, _ = command("report, records", "report", store.folder)
    assert code in CODES["report"]
    if code == 0:
        text = (store.folder / "report.md").read_text()
        for key in unsound:
            assert f"cell {key[:6]}" in text


@pytest.mark.slow
def test_intact_records_are_all_believed_and_reported(command, intact, damage):
    store, unsound = damage({})
    assert unsound == []
    assert len(store.survey().sound) == len(RECORDS)
    code, _ = command("report, records", "report", store.folder)
    assert code == 0
