import io
import json
import math
import tracemalloc

import pytest
from cells import FINGERPRINT, cell, correct, done, manifest
from fuzz.edits import NUMBERS, WILD, WORDS, as_json, changed, damaged, no_limits
from fuzz.tried import attempt
from hexbench import study
from hexbench.analyse.runs import Runs
from hexbench.analyse.thresholds import check
from hexbench.analyse.thresholds import load as load_thresholds
from hexbench.data.card import CARD_FILE, Card
from hexbench.data.dataset import Split
from hexbench.models import entries
from hexbench.plan.cell import label_of
from hexbench.plan.cost import Expectation
from hexbench.plan.suites import Images, plan
from hexbench.plan.sweeps import read_suite, suite_of
from hexbench.report.terminal import print_findings
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

MODELS = entries()
OURS = list(study.our_studies())
SUITES = [path.read_bytes() for ours in OURS for path in ours.suites.values()]
GRID = {"model": "svm_grid", "images": ["up to 100", 300]}
SWEEPS = [
    {"model": "mlp", "epochs": 5, "train_size": [100, "all"], "seeds": 2, "batch_size": [16, 32]},
    {"model": "mlp", "params": {"learning_rate": [0.001, 0.01], "hidden_layer_sizes": [[10], [64, 64]]}},
    {"model": "cnn", "params": {"channels": [[4], [4, 8]], "activation": "relu", "epochs": 2}, "splits": 3},
    {"model": "cnn", "steps_of_epochs": 3, "train_size": ["up to 1,000"], "validated": True},
    {"model": "mlp", "steps": 600, "images": 100, "evaluate_at": [1, 2], "images_above": 10},
    {"model": "cnn", "steps": 600, "classes": [2, 4], "train_size": 20, "validated": True},
    {"model": "svm", "params_from": "svm_grid", "images_at_most": 20_000},
    {"model": "svm", "params": {"C": [1, 10], "gamma": ["scale", 0.1]}, "first_split": 5},
    {"model": "svm_grid", "params": {"C": [[1, 2]], "probability": True}, "images": 100, "first_seed": 3},
]
FIELDS = [
    *("model", "params", "seeds", "first_seed", "splits", "first_split", "train_size", "images"),
    *("batch_size", "epochs", "steps_of_epochs", "steps", "validated", "classes", "evaluate_at"),
    *("snapshot_at", "params_from", "images_above", "images_at_most"),
]
IMAGE_COUNTS = (4, 5, 99, 9_834, 10_000_000)
THRESHOLD = {
    "data": FINGERPRINT,
    "name": "made-up",
    "model": "cnn",
    "train_size": "all",
    "epochs": 3,
    "learning_rate": 0.001,
    "metric": "test_accuracy",
    "min": 0.9,
    "max": 1.0,
}
RECORDS = [
    done(cell("cnn", 7_000, epochs=3), correct(0.9)),
    done(cell("mlp", 7_000, epochs=5), correct(0.8)),
    done(cell("svm", 7_000), correct(0.7)),
]
RUNS = Runs.of(manifest([record.key for record in RECORDS]), RECORDS)
CARD = {
    "name": "set",
    "origin": "made up",
    "licence": "none",
    "images": 3,
    "class_counts": [1, 2],
    "fingerprint": FINGERPRINT,
    "made": {"seed": 0, "by": "hand", "of": [1]},
}


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


HUGE = [
    b"a" + b".b" * 120_000 + b" = 1",
    b"a=" + b"[" * 9_999,
    b"a=" + b"9" * 5_000,
    b"#" * 2**19,
]
CONTENTS = st.one_of(
    suite_texts().map(str.encode),
    suite_texts().map(str.encode),
    st.sampled_from(SUITES).flatmap(damaged),
    st.binary(max_size=100),
    st.sampled_from(HUGE),
)


def plans_of(suite):
    """Every plan of a suite: each cell can be told apart, timed, measured and written down."""
    for count in IMAGE_COUNTS:
        images = Images(count, Split(), Split().tested(count))
        expectation = Expectation(images, MODELS)
        cells = attempt("plans of suites", suite.name, lambda i=images: plan(suite, i, MODELS).cells)
        for one in (cells or ())[:200]:
            assert one.train_size > 0
            assert one.seed >= 0
            assert expectation.seconds(one) >= 0
            assert one.key_on("f")
            assert label_of(one, MODELS).isprintable()
            assert set(one.params) <= set(MODELS[one.model].defaults)
        if len(cells or ()) > 1_000:
            return


@given(CONTENTS)
def test_a_suite_is_one_or_a_sentence(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    attempt("suites", str(path), lambda: plans_of(read_suite(path, MODELS)))


PARTS = st.one_of(
    st.sampled_from(["learning_rate", "hidden_layer_sizes", "C", "gamma", "kernel", "probability", *FIELDS]),
    st.text(max_size=5),
)


def value_text(value):
    with no_limits():
        return toml(value)


VALUES = st.one_of(WILD.map(value_text), WORDS, st.text(max_size=6))


GOOD_PARTS = st.sampled_from(
    [
        *("learning_rate=0.1,0.2", "hidden_layer_sizes=[64],[8,8]", "epochs=3,9", "seeds=2", "splits=3"),
        *("train_size=100,all", "activation=relu", "batch_size=8", "evaluate_at=1,2", "validated=true"),
    ]
)


@st.composite
def options(draw):
    model = draw(st.sampled_from([*MODELS, "mlp", "mlp", "cnn", "cnn", "tree", ""]))
    count = draw(st.integers(0, 3))
    parts = []
    for _ in range(count):
        if draw(st.integers(0, 3)):
            parts.append(draw(GOOD_PARTS))
            continue
        values = ",".join(draw(st.lists(VALUES, min_size=1, max_size=3)))
        parts.append(f"{draw(PARTS)}{draw(st.sampled_from(['=', '=', '=', '', '==']))}{values}")
    return model + draw(st.sampled_from([":", ": ", ": ", ": ", ""])) + " ".join(parts)


@given(st.one_of(options(), st.text(max_size=40)))
def test_a_sweep_option_is_one_or_a_sentence(text):
    attempt("sweep options", "", lambda: plans_of(suite_of([text], MODELS)))


@given(
    st.one_of(
        st.lists(changed(THRESHOLD), min_size=1, max_size=2).map(
            lambda entries: tables("threshold", entries).encode()
        ),
        st.sampled_from([ours.thresholds.read_bytes() for ours in OURS if ours.thresholds]).flatmap(damaged),
        st.binary(max_size=100),
    )
)
def test_thresholds_are_some_or_a_sentence(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    attempt("thresholds", str(path), findings_of, path)


def findings_of(path):
    """What the records say of the thresholds of a file, printed."""
    findings = check(RUNS, load_thresholds(path))
    print_findings(findings, Console(file=io.StringIO()))
    assert {f.verdict for f in findings} <= {"ok", "BROKEN", "FAILED", "not measured"}


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
        attempt("suites", str(path), read_suite, path, MODELS)
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
