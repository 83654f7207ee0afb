"""The models that README.md and docs/extending.md show in full do what these pages say."""

import json
import re

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow

SMOKE = ("--suite", "smoke", "--data", "digits", "--out", "out")
ALONE = {"README.md": ("--only", "model=Tiny")}
"""So that the other models are measured once."""
BOOSTED = "Boosted"
"""Of a library that need not be installed."""


def models(page):
    """Source by FILE.py:NAME of the page's models: those that name their file, and Flax modules."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    found = {}
    for block in blocks:
        named, kind = (
            re.match(r"# (\w+\.py)$", block, re.MULTILINE),
            re.search(r"^class (\w+)\(", block, re.M),
        )
        if kind and (named or "nnx.Module" in block):
            found[f"{named[1] if named else 'mine.py'}:{kind[1]}"] = block
    return found


def write(page, folder):
    own = {name: text for name, text in models(page).items() if not name.endswith(f":{BOOSTED}")}
    for reference, text in own.items():
        (folder / reference.split(":")[0]).write_text(text)
    return list(own)


def test_the_pages_show_models_of_both_kinds():
    assert list(models("README.md")) == ["mine.py:Tiny"]
    assert list(models("docs/extending.md")) == ["forest.py:Forest", "boosted.py:Boosted", "mine.py:Tiny"]


@pytest.mark.parametrize("page", ["README.md", "docs/extending.md"])
def test_the_models_go_through_a_suite(page, hexbench, tmp_path):
    own = write(page, tmp_path)
    done = hexbench(
        *SMOKE, *ALONE.get(page, ()), *(part for reference in own for part in ("--model", reference))
    )
    assert done.returncode == 0, done.stdout + done.stderr
    records = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").iterdir()]
    accuracy = {r["model"]: r["metrics"]["test_accuracy"] for r in records}
    names = {reference.split(":")[1] for reference in own}
    assert accuracy.keys() == names | (set() if page in ALONE else {"mlp", "cnn", "svm", "svm_grid"})
    assert all(accuracy[name] > 0.85 for name in names)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "registered when measuring began" in report
    if len(names) > 1:
        compared = hexbench("compare", "out", "out", "--models", "Tiny=Forest")
        assert compared.returncode == 0
        assert "Tiny, 10 epochs, 1,000 images / Forest" in compared.stdout


@pytest.mark.parametrize("name", ["forest.py:Forest", "mine.py:Tiny"])
def test_the_models_behave(name, hexbench, tmp_path):
    write("docs/extending.md", tmp_path)
    done = hexbench("check-model", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout and "remark" not in done.stdout


def test_a_model_of_another_library_is_measured(hexbench, tmp_path):
    """Runs where LightGBM is installed: pip install lightgbm."""
    pytest.importorskip("lightgbm")
    (tmp_path / "boosted.py").write_text(models("docs/extending.md")["boosted.py:Boosted"])
    swept = ("--sweep", f"{BOOSTED}: n_estimators=5 num_leaves=7 train_size=300", "--data", "digits")
    done = hexbench(*swept, "--model", "boosted.py:Boosted", "--out", "out", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").iterdir()]
    assert record["metrics"]["test_accuracy"] > 0.5
    assert "[LightGBM]" not in done.stdout + done.stderr
