import copy
import re

import numpy as np
import pytest
from analyse.whole_run import run
from PIL import Image
from report.made_up import NAME, save_run

from bench.analyse.claims import CLAIMS
from bench.analyse.tables import FAILED_NOTE
from bench.report.figures import FIGURES
from bench.report.markdown import escape
from bench.report.write import write_report


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    store = save_run(tmp_path_factory.mktemp("run"))
    write_report(store)
    return store.folder


def test_every_figure_is_drawn_and_no_picture_is_empty(folder):
    files = {file.stem: file for file in (folder / "figures").glob("*.png")}
    assert set(files) == set(FIGURES)
    for file in files.values():
        with Image.open(file) as picture:
            assert picture.width <= 1200
            assert np.asarray(picture.convert("L")).std() > 5
        assert file.stat().st_size < 100_000


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_both_reports_say_every_verdict_and_show_every_figure(folder, name):
    text = (folder / name).read_text()
    for claim in CLAIMS:
        assert claim.statement.replace("'", "&#39;" if name.endswith("html") else "'") in text
    for number in range(1, 11):
        assert f"Figure {number}: " in text
    assert len(re.findall(r"figures/\w+\.png|data:image/png;base64", text)) == len(FIGURES)
    assert "python run_benchmarks.py --suite full" in text


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


def test_the_same_records_give_the_same_bytes(folder, tmp_path):
    again = save_run(tmp_path)
    write_report(again)
    for name in ("report.md", "report.html", "verdicts.json", "cells.csv"):
        assert (again.folder / name).read_bytes() == (folder / name).read_bytes()


def test_what_is_not_there_is_said(tmp_path):
    records = copy.deepcopy([r for r in run() if r["model"] == "svm"])
    records[0]["metrics"]["test_accuracy"] = 0.5
    store = save_run(tmp_path, records, synthetic=True)
    stale = store.folder / "figures" / "cnn_3_epochs.png"
    stale.parent.mkdir()
    stale.write_bytes(b"of an earlier run")
    write_report(store)
    assert not stale.exists()
    text = (store.folder / "report.md").read_text()
    assert "Here: not run." in text
    assert "no evidence about handwriting" in text
    assert "Nothing here rests on these records" in text
    assert records[0]["key"] in text.split("Nothing here rests")[1]


def test_a_report_without_one_of_the_models_is_written(tmp_path):
    for model in ("mlp", "cnn", "svm"):
        store = save_run(tmp_path / model, [r for r in run() if r["model"] != model])
        write_report(store)
        assert (store.folder / "report.html").exists()
        assert ("seconds" in (store.folder / "report.md").read_text()) is True


@pytest.mark.parametrize("model", ["mlp", "cnn", "svm"])
def test_a_model_of_which_every_cell_failed_is_a_hole_and_not_the_end(model, tmp_path):
    failed = {"status": "failed", "error": "MemoryError: no room", "metrics": {}, "times": {}}
    records = [r | failed if r["model"] == model else r for r in run()]
    store = save_run(tmp_path, records)
    write_report(store)
    text = (store.folder / "report.md").read_text()
    assert "MemoryError: no room" in text
    assert "– †" in text, "the tables show the hole"
    assert "Left out: " in text, "so do the verdicts"


def test_a_mean_without_a_failed_run_says_so(tmp_path):
    failed = {"status": "failed", "error": "ValueError: no", "metrics": {}, "times": {}}
    records = [r | failed if r["seed"] == 1 and r["epochs"] == 50 else r for r in run()]
    store = save_run(tmp_path, records)
    write_report(store)
    text = (store.folder / "report.md").read_text()
    table = text.split("Accuracy by model and epochs")[1].split("##")[0]
    assert "2 of 3 |" in table
    assert " †" in table
    assert FAILED_NOTE in table
