import numpy as np
import pytest
from hexbench.peers import searches
from peers.made_up import task

IGNORED = [
    "ignore:The least populated class:UserWarning",
    "ignore:The `probability` parameter:FutureWarning",
]


@pytest.mark.slow
@pytest.mark.filterwarnings(*IGNORED)
@pytest.mark.parametrize("name", ["hexbench", "sklearn", "sklearn_on_all_cores", "intelex", "as_reported"])
def test_every_search_finds_the_same(name):
    if name == "intelex":
        pytest.importorskip("sklearnex", reason="make peers installs it")
    made = getattr(searches, name)(task("svm_grid", count=340, trained=255))
    made.train()
    facts = made.facts()
    assert facts["chosen"].startswith("C=")
    assert "kernel=" in facts["chosen"]
    assert facts["cross_validation"] > 0.9
    assert made.accuracy() > 0.9


@pytest.mark.filterwarnings(*IGNORED)
@pytest.mark.slow
def test_hexbench_chooses_as_scikit_learn_does():
    given = task("svm_grid")
    both = [searches.hexbench(given), searches.sklearn(given)]
    for made in both:
        made.prepare()
    assert both[0].facts() == both[1].facts()
    np.testing.assert_array_equal(both[0].predict(), both[1].predict())


@pytest.mark.filterwarnings(*IGNORED)
def test_the_grid_and_the_folds_are_the_task_s():
    scores = []
    for folds in (2, 3):
        # A kernel so narrow that the accuracy depends on the number of folds.
        given = task("svm_grid", C=(7,), gamma=(1,), kernel=("rbf",), folds=folds)
        both = [searches.hexbench(given), searches.sklearn(given)]
        for made in both:
            made.train()
            assert made.facts()["chosen"] == "C=7 gamma=1 kernel=rbf"
        assert both[0].facts() == both[1].facts()
        scores.append(both[0].facts()["cross_validation"])
    assert scores[0] != scores[1]
