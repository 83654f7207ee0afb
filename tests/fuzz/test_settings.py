"""Suites, thresholds and cards: either what they say, or one sentence."""

import io
import json
import math
import tracemalloc

import pytest
from analyse.records import network, svm
from fuzz.edits import NUMBERS, WORDS, as_json, changed, damaged, no_limits
from fuzz.tried import attempt
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench.analyse.check import THRESHOLDS, check
from bench.analyse.check import load as load_thresholds
from bench.data.card import CARD_FILE, Card
from bench.plan.cost import expected_seconds
from bench.plan.suites import FOLDER, parse, plan
from bench.report.terminal import print_findings

SUITES = [path.read_bytes() for path in FOLDER.glob("*.toml")]
GRID = {"model": "svm", "fit": "grid", "images": ["up to 100", 300]}
SWEEPS = [
    {"model": "mlp", "epochs": 5, "train_size": [100, "all"], "seeds": 2, "batch_size": [16, 32]},
    {"model": "cnn", "steps_of_epochs": 3, "train_size": ["up to 1,000"], "validated": True},
    {"model": "mlp", "steps": 600, "images": 100, "evaluate_at": [1, 2], "images_above": 10},
    {"model": "cnn", "steps": 600, "classes": [2, 4], "train_size": 20, "validated": True},
    {"model": "svm", "fit": "chosen by the largest grid", "images_at_most": 20_000},
]
FIELDS = [
    "model", "seeds", "train_size", "images", "batch_size", "epochs", "steps_of_epochs", "steps",
    "validated", "classes", "evaluate_at", "fit", "images_above", "images_at_most",
]  # fmt: skip
IMAGE_COUNTS = (2, 3, 99, 9_834, 10_000_000)
THRESHOLD = {"data": "made-up", "model": "cnn", "train_size": "all", "epochs": 3, "metric": "test_accuracy",
             "min": 0.9, "max": 1.0}  # fmt: skip
RECORDS = [network("cnn", 0.9), network("mlp", 0.8, epochs=5), svm(0.7)]
CARD = {"name": "set", "origin": "made up", "licence": "none", "images": 3, "class_counts": [1, 2],
        "fingerprint": "f" * 64, "made": {"seed": 0, "by": "hand", "of": [1]}}  # fmt: skip


def toml(value):
    """A value as TOML writes it, or about so."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value)


def lines(table):
    with no_limits():
        return "".join(f"{json.dumps(k)} = {toml(v)}\n" for k, v in table.items())


def tables(kind, entries):
    return "".join(
        f"[[{kind}]]\n" + lines(entry) if isinstance(entry, dict) else lines({kind: entry})
        for entry in entries
    )


@st.composite
def suite_texts(draw):
    sweeps = draw(st.lists(st.sampled_from(SWEEPS), min_size=1, max_size=3))
    sweeps = [draw(changed(s)) if draw(st.booleans()) else s for s in sweeps]
    if draw(st.booleans()):
        field, value = draw(st.sampled_from(FIELDS)), draw(st.one_of(NUMBERS, WORDS))
        sweeps = [s | {field: value} if isinstance(s, dict) else s for s in sweeps]
    top = {"description": "made up", "synthetic_images": 100}
    top = draw(changed(top)) if draw(st.integers(0, 4)) == 4 else top
    head = lines(top) if isinstance(top, dict) else ""
    return head + tables("sweep", [*sweeps, *([GRID] if draw(st.booleans()) else [])])


CONTENTS = st.one_of(
    suite_texts().map(str.encode),
    suite_texts().map(str.encode),
    st.sampled_from(SUITES).flatmap(damaged),
    st.binary(max_size=100),
    st.sampled_from([b"a" + b".b" * 120_000 + b" = 1", b"a=" + b"[" * 9_999, b"a=" + b"9" * 5_000,
                     b"#" * 2**19]),
)  # fmt: skip


def plans_of(path):
    """Every plan of a suite: each cell can be told apart, timed and measured."""
    suite = parse(path)
    for images in IMAGE_COUNTS:
        cells = attempt("plans of suites", suite.name, lambda n=images: plan(suite, n).cells)
        for cell in (cells or ())[:200]:
            assert cell.train_size > 0
            assert cell.seed >= 0
            assert expected_seconds(cell, images) >= 0
            assert cell.key("f")
            assert cell.label
        if len(cells or ()) > 1_000:
            return


@given(CONTENTS)
def test_a_suite_is_one_or_a_sentence(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    attempt("suites", str(path), plans_of, path)


@given(
    st.one_of(
        st.lists(changed(THRESHOLD), min_size=1, max_size=2).map(
            lambda entries: tables("threshold", entries).encode()
        ),
        damaged(THRESHOLDS.read_bytes()),
        st.binary(max_size=100),
    )
)
def test_thresholds_are_some_or_a_sentence(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    found = attempt("thresholds", str(path), load_thresholds, path)
    if found is not None:
        findings = check(RECORDS, found, 700)
        print_findings(findings, Console(file=io.StringIO()))
        assert {f.verdict for f in findings} <= {"ok", "BROKEN", "not measured"}


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"x{i}" + ".b" * 95 + " = 1\n" for i in range(150)),
        "".join(f"x{i}.a.b.c = 1\n" for i in range(2_500)),
        "".join(f"[x{i}]\n" for i in range(4_000)),
        "a = [" + "{}," * 10_000 + "]",
        "a = [" + "[1]," * 8_000 + "]",
        "a" + ".b" * 15_000 + " = 1",
        "a" + '."\x85"' * 8_000 + " = 1",
    ],
)
def test_a_suite_is_read_in_the_memory_that_is_stated(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    tracemalloc.start()
    try:
        attempt("suites", str(path), parse, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500 * len(text)


def card_again(folder):
    """The card of a folder, which can be written and is then the same."""
    card = Card.read(folder)
    assert card is not None
    (folder / "copy").mkdir(exist_ok=True)
    card.write(folder / "copy")
    assert Card.read(folder / "copy") == card
    for text in (card.name, card.origin, card.licence):
        assert text.isprintable()
    assert (folder / card.name).parent == folder
    return card


@given(
    st.one_of(
        changed(CARD).map(as_json),
        damaged(as_json(CARD)),
        st.binary(max_size=100),
    )
)
def test_a_card_is_one_or_a_sentence(tmp_path, content):
    (tmp_path / CARD_FILE).write_bytes(content)
    attempt("cards", str(tmp_path / CARD_FILE), card_again, tmp_path)
