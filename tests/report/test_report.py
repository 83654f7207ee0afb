"""The whole report of the first study, from a made-up run of everything that it asks for."""

import csv
import json
import re

import numpy as np
import pytest
from analyse.sound import broken, but
from analyse.whole_run import run
from hexbench.errors import NothingMeasured
from hexbench.plan.cell import identity_of, key_of
from hexbench.report.markdown import escape
from hexbench.report.table import FAILED_NOTE
from hexbench.report.write import write_report
from PIL import Image
from report.made_up import NAME, STUDY, reported, save_run, whole_run

FIGURES = {
    *("mlp_50_epochs", "cnn_3_epochs", "cnn_15_epochs", "cnn_50_epochs"),
    *(f"confusion_{model}" for model in ("mlp", "cnn", "svm", "svm_grid")),
    *("by_train_size", "by_epochs", "by_batch_size", "by_images", "by_classes"),
    *("calibration", "gallery", "budgets", "growth", "draws", "reported_and_measured", "claims"),
    "pareto",
}
NEVER = re.compile(r"\b(reads?|read rightly|house|door|luck|strangers?|hits|rightly)\b", re.IGNORECASE)
"""Words that are not the field's."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reported(tmp_path_factory.mktemp("run"), study=STUDY)


def test_every_figure_is_drawn_and_no_picture_is_empty(folder):
    files = {file.stem: file for file in (folder / "figures").glob("*.png")}
    assert set(files) == FIGURES
    for file in files.values():
        with Image.open(file) as picture:
            assert picture.width <= 1200
            assert np.asarray(picture.convert("L")).std() > 5
        assert file.stat().st_size < 100_000


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_both_reports_say_every_verdict_and_show_every_figure(folder, name):
    text = (folder / name).read_text()
    for claim in STUDY.claims:
        assert claim.statement.replace("'", "&#39;" if name.endswith("html") else "'") in text
    for number in range(1, 11):
        assert f"Figure {number}: " in text
    assert len(re.findall(r"figures/\w+\.png|data:image/png;base64", text)) == len(FIGURES)
    assert "python run_benchmarks.py" in text


def test_the_first_screen_has_the_title_the_data_the_counts_and_the_verdicts(folder):
    title, _, about, _, summary, _, figure, _, heading, *_ = (folder / "report.md").read_text().splitlines()
    assert title.startswith("# Digit recognizer: suite made-up on ")
    assert "7,000 training and 3,000 test images of 20 x 20, 17 classes" in about
    counted = [
        int(count) for count in re.findall(r"(\d+) (?:[a-z ]+)(?:,|\.$)", about.split("Verdicts: ")[1])
    ]
    assert sum(counted) == len(STUDY.claims)
    assert summary.startswith("On 10,000 real images, 9% of the report's 107,802, of 16 statements ")
    assert "3 are not comparable" in summary
    assert figure == "![Reported and measured](figures/claims.png)"
    assert heading == "## Verdicts"
    header = (folder / "report.md").read_text().split("\n| ")[1]
    assert [c.strip() for c in header.split("|")][:5] == [
        "statement",
        "reported",
        "measured (95% CI)",
        "readings that agree",
        "verdict",
    ]


def test_details_of_a_verdict_are_tables(folder):
    entries = {entry["id"]: entry for entry in json.loads((folder / "verdicts.json").read_text())}
    text = (folder / "report.md").read_text()
    reason = text.split("#### cnn-overfits: ")[1].split("####")[0]
    assert reason.startswith(entries["cnn-overfits"]["verdict"])
    assert sum(line.startswith("|") for line in reason.splitlines()) > 5
    html = (folder / "report.html").read_text()
    details = html.split('id="cnn-overfits">')[1].split("</details>")[0]
    assert details.count("<table") >= 2


def test_numbers_of_the_report_stand_beside_ours(folder):
    text = (folder / "report.md").read_text()
    table = text.split("#### Test accuracy % by class")[1].split("###")[0]
    header, _, first, *_ = [line for line in table.splitlines() if line.startswith("|")]
    names = [name.strip() for name in header.strip("|").split("|")]
    assert names[:3] == ["class", "MLP, reported", "MLP, measured"]
    assert [cell.strip() for cell in first.strip("|").split("|")][1] == "89.4"
    assert "reported: 45%" not in text, "that stands in the figure"
    assert "Reported: The SVM reaches 45% test accuracy on 100 images." in text


def test_the_words_are_those_of_the_field(folder):
    text = (folder / "report.md").read_text()
    assert NEVER.findall(re.sub(r"^\[.*$", "", text)) in (
        [],
        ["read"] * text.count("hard to read in the scan"),
    )


def test_cells_csv_has_a_row_a_cell_and_a_column_a_hyperparameter(folder):
    with (folder / "cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    records = {record.key: record for record in run()}
    assert [row["key"] for row in rows] == list(records)
    for row in rows[:: len(rows) // 20]:
        record = records[row["key"]]
        assert float(row["test_accuracy"]) == record.metrics.test_accuracy
        assert int(row["train_size"]) == record.train_size
        assert row["status"] == "done"
        for name, value in record.params.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert float(row[f"params.{name}"]) == value
    assert {row["params.hidden_layer_sizes"] for row in rows if row["model"] == "mlp"} == {"10"}


def test_names_from_data_do_no_harm(folder):
    markdown = (folder / "report.md").read_text()
    assert NAME not in markdown
    assert escape(NAME) in markdown
    html = (folder / "report.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_the_html_report_asks_nothing_of_a_network(folder):
    html = (folder / "report.html").read_text()
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert not re.search(r"@import|url\(|https?://", html)


@pytest.mark.slow
def test_the_same_records_give_the_same_bytes(folder, tmp_path):
    again = reported(tmp_path, study=STUDY)
    for name in ("report.md", "report.html", "verdicts.json", "cells.csv"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.slow
def test_what_is_not_there_is_said(tmp_path):
    records = [record for record in whole_run() if record.model.startswith("svm")]
    store = save_run(tmp_path, records, synthetic=True)
    (store.cells / f"{records[0].key}.json").write_text("{}")
    foreign = but(records[1].data, fingerprint="e" * 64)
    foreign = but(records[1], data=foreign, key=key_of(identity_of(records[1], records[1].chosen), "e" * 64))
    store.put(foreign)
    manifest = store.manifest()
    store.put_manifest(
        but(manifest, cells=[*manifest.cells, foreign.key], labels=manifest.labels | {foreign.key: "x"})
    )
    stale = store.folder / "figures" / "cnn_3_epochs.png"
    stale.parent.mkdir()
    stale.write_bytes(b"of an earlier run")
    write_report(store, STUDY)
    assert not stale.exists()
    text = (store.folder / "report.md").read_text()
    assert "Measured: not run." in text
    assert "no evidence about real images" in text
    not_used = text.split("Nothing here rests on these records:")[1].split("\n## ")[0]
    assert records[0].key in not_used
    assert f"x ({foreign.key}): it is about other images" in not_used
    missing = text.split("## Missing")[1].split("\n## ")[0]
    assert f"cell {records[0].key[:8]}: not measured" in missing


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["mlp", "cnn", "svm", "svm_grid"])
def test_a_report_without_one_of_the_models_is_written(tmp_path, missing):
    folder = reported(tmp_path, [r for r in run() if r.model != missing], study=STUDY)
    assert (folder / "report.html").exists()
    assert not (folder / "figures" / f"confusion_{missing}.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mlp", "cnn", "svm", "svm_grid"])
def test_a_model_of_which_every_cell_failed_is_a_hole_and_not_the_end(model, tmp_path):
    records = [broken(r) if r.model == model else r for r in run()]
    text = (reported(tmp_path, records, study=STUDY) / "report.md").read_text()
    assert "ValueError: no" in text.split("## Missing")[1].split("\n## ")[0]
    assert "– †" in text, "the tables show the hole"
    assert FAILED_NOTE in text
    assert "that failed" in text, "so do the verdicts"


@pytest.mark.slow
def test_a_mean_without_a_failed_cell_says_so(tmp_path):
    records = [broken(r) if r.seed == 1 and r.epochs == 50 else r for r in run()]
    text = (reported(tmp_path, records, study=STUDY) / "report.md").read_text()
    table = text.split("\n### Results by epochs\n")[1].split("\n### ")[0]
    assert "2 of 3 |" in table
    assert " †" in table
    assert FAILED_NOTE in table


def test_without_a_record_nothing_is_touched(tmp_path):
    store = save_run(tmp_path, [])
    with pytest.raises(NothingMeasured, match="holds no readable record"):
        write_report(store, STUDY)
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json"}
