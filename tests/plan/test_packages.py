"""Models that installed packages offer by the entry point group `hexbench.models`."""

import subprocess
import sys

import pytest
from hexbench.data.dataset import Split
from hexbench.errors import BadInput
from hexbench.models import entries
from hexbench.plan import models as own
from hexbench.plan.models import known_models
from hexbench.plan.suites import Images, plan
from hexbench.plan.sweeps import suite_of

TREES = """
from sklearn.tree import DecisionTreeClassifier
from trees_of_mine import sizes

class Tree(DecisionTreeClassifier):
    label = "My tree"
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package with entry points as pip leaves one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def install(points, package="trees_of_mine", **files):
        about = tmp_path / f"{package}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (about / "entry_points.txt").write_text(f"[hexbench.models]\n{lines}")
        folder = tmp_path / package
        folder.mkdir()
        for name, text in {"__init__": "", "sizes": "", "tree": TREES, **files}.items():
            (folder / f"{name}.py").write_text(text)
        own._offered.cache_clear()
        return folder

    own._installed.cache_clear()
    yield install
    own._offered.cache_clear()
    own._installed.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("trees_of_mine"):
            del sys.modules[name]


def test_a_model_of_a_package_is_known_by_name_and_imported_when_it_is_asked_for(install):
    install({"Tree": "trees_of_mine.tree:Tree"})
    models = known_models()
    assert list(models) == [*entries(), "Tree"]
    assert "Tree" in models and len(models) == len(entries()) + 1
    assert "trees_of_mine.tree" not in sys.modules, "nothing has asked for it"
    tree = models["Tree"]
    assert (tree.name, tree.label, tree.defaults["max_depth"]) == ("Tree", "My tree", None)
    cells = plan(suite_of(["Tree: max_depth=2,3"], models), Images(100, Split(), 30), models).cells
    assert [cell.params["max_depth"] for cell in cells] == [2, 3]
    assert {cell.source for cell in cells} == {tree.source} != {""}
    assert known_models(["Tree"])["Tree"] == tree


def test_the_source_of_a_package_is_the_module_and_what_it_imports_of_the_package(install):
    folder = install({"Tree": "trees_of_mine.tree:Tree"})
    before = known_models()["Tree"].source
    for name, same in (("other", True), ("sizes", False)):
        (folder / f"{name}.py").write_text("1")
        own._installed.cache_clear()
        assert (known_models()["Tree"].source == before) == same


@pytest.mark.parametrize(
    ("points", "asked", "words"),
    [
        ({"Tree": "trees_of_mine.gone:Tree"}, "Tree", "cannot be imported: ModuleNotFoundError"),
        ({"Tree": "trees_of_mine.tree:Oak"}, "Tree", "cannot be imported: AttributeError"),
        ({"Tree": "trees_of_mine.leaving:Tree"}, "Tree", "cannot be imported: SystemExit: 3"),
        ({"Tree": "trees_of_mine.tree:TREES"}, "Tree", "cannot be imported: AttributeError"),
        (
            {"Tree": "trees_of_mine.sizes"},
            "Tree",
            "neither a scikit-learn classifier class nor a Flax module",
        ),
        ({"a.b": "trees_of_mine.tree:Tree"}, "a.b", "write FILE.py:NAME"),
        (
            {"mlp": "trees_of_mine.tree:Tree"},
            "mlp",
            "a model of hexbench, and one of the package trees_of_mine",
        ),
        (
            {"Tree": "trees_of_mine.tree:Tree"},
            "Treee",
            "there is no model of this name (did you mean 'Tree'?)",
        ),
    ],
)
def test_what_cannot_be_used_is_said_where_it_is_asked_for(install, points, asked, words):
    install(points, leaving="raise SystemExit(3)")
    models = known_models()
    assert models["mlp"].load().__module__ == "hexbench.models.mlp"
    with pytest.raises(BadInput) as caught:
        known_models([asked])
    assert words in str(caught.value) and str(caught.value).endswith(".")


def test_a_name_that_two_packages_have_is_refused(install, tmp_path):
    install({"Tree": "trees_of_mine.tree:Tree"})
    install({"Tree": "trees_of_mine_too.tree:Tree"}, "trees_of_mine_too")
    assert "Tree" in known_models()
    with pytest.raises(BadInput, match="trees_of_mine and trees_of_mine_too is ambiguous: uninstall one"):
        known_models()["Tree"]
    (tmp_path / "mine.py").write_text(TREES)
    with pytest.raises(BadInput, match=r"the package trees_of_mine .* has a model 'Tree' already"):
        known_models([f"{tmp_path / 'mine.py'}:Tree"])


@pytest.mark.slow
def test_a_run_and_its_processes_know_the_models_of_packages(install, hexbench, tmp_path):
    folder = install({"Tree": "trees_of_mine.tree:Tree"})
    known = {"PYTHONPATH": str(folder.parent)}
    swept = ("--sweep", "Tree: max_depth=3 train_size=100", "--data", "digits", "--out", "swept")
    done = hexbench(*swept, "--time-limit", "100", **known)
    assert done.returncode == 0, done.stderr
    assert "My tree" in (tmp_path / "swept" / "report.md").read_text()
    joined = hexbench("--suite", "smoke", "--model", "Tree", "--data", "digits", "--plan", **known)
    assert "My tree, 1,000 images" in joined.stdout
    checked = hexbench("check-model", "Tree", **known)
    assert checked.returncode == 0, checked.stdout
    assert "Tree: 13 passed" in checked.stdout


@pytest.mark.slow
def test_plans_of_other_models_import_none_of_it(install):
    folder = install({"Tree": "trees_of_mine.tree:Tree"})
    code = (
        "import sys\nfrom hexbench.plan.models import known_models\n"
        "assert 'Tree' in known_models()\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder.parent, capture_output=True, text=True, check=True
    )
    assert {"trees_of_mine", "sklearn", "flax", "numpy"}.isdisjoint(done.stdout.split())
