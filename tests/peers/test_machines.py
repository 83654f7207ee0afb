import pytest
from peers.made_up import task

from bench.peers import machines

IGNORED = [
    "ignore:The least populated class:UserWarning",
    "ignore:The `probability` parameter:FutureWarning",
]


@pytest.mark.slow
@pytest.mark.filterwarnings(*IGNORED)
@pytest.mark.parametrize(
    "name", ["Hexbench", "ScikitLearn", "ScikitLearnOnAllCores", "Intelex", "ReportsWay"]
)
def test_every_machine_finds_the_same(name):
    if name == "Intelex":
        pytest.importorskip("sklearnex", reason="make peers installs it")
    made = getattr(machines, name)(task("svm", 0, count=340, trained=255))
    made.train()
    facts = made.facts()
    assert facts["chosen"].startswith("C=")
    assert "kernel=" in facts["chosen"]
    assert facts["cross_validation"] > 0.9
    assert made.accuracy() > 0.9


@pytest.mark.filterwarnings(*IGNORED)
def test_hexbench_chooses_as_scikit_learn_does():
    given = task("svm", 0)
    both = [machines.Hexbench(given), machines.ScikitLearn(given)]
    for made in both:
        made.prepare()
    assert both[0].facts() == both[1].facts()
