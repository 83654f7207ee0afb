"""A results folder whose manifest says anything: commands read it, or refuse it in one sentence."""

import json

import msgspec
import pytest
from cells import manifest, save_run
from fuzz.edits import WILD, as_json, changed, damaged
from fuzz.made_up import records
from fuzz.tried import TRIED
from hypothesis import given, settings
from hypothesis import strategies as st

RECORDS = [record for record in records() if record.model.startswith("svm")]
MANIFEST = json.loads(msgspec.json.encode(manifest([record.key for record in RECORDS])))
CODES = {"check": {0, 1, 2, 3, 4}, "compare": {0, 1, 2, 4}}


def commands(folder, intact):
    """By name: what reads a manifest and answers soon."""
    return {
        "check": ("check", folder),
        "compare": ("compare", folder, intact),
        "compare as Markdown": ("compare", intact, folder, "--format", "markdown"),
        "compare as JSON": ("compare", intact, folder, "--format", "json"),
    }


CONTENTS = st.one_of(
    changed(MANIFEST).map(as_json),
    changed(MANIFEST).map(as_json),
    damaged(as_json(MANIFEST)),
    WILD.map(as_json),
    st.binary(max_size=50),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return [save_run(tmp_path_factory.mktemp(name), RECORDS) for name in ("intact", "damaged")]


@given(content=CONTENTS)
def test_a_manifest_is_one_or_a_sentence(command, folders, content):
    TRIED["manifests"] += 1
    intact, store = folders
    store.manifest_file.write_bytes(content)
    for name, arguments in commands(store.folder, intact.folder).items():
        code, _ = command(f"{name}, manifests", *arguments, names=["damaged"])
        assert code in CODES[arguments[0]]


@settings(max_examples=max(5, settings.default.max_examples // 10))
@given(content=CONTENTS)
def test_a_report_of_any_manifest(command, folders, content):
    TRIED["manifests"] += 1
    store = folders[1]
    store.manifest_file.write_bytes(content)
    code, _ = command("report, manifests", "report", store.folder)
    assert code in (0, 2, 4)
