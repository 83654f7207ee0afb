import pytest
from hexbench.peers.contest import Setting, contest
from hexbench.peers.roster import Entry, contestants
from peers.made_up import entry, task

SETTING = Setting("mlp", 16, 170, 3)


@pytest.mark.slow
def test_contestants_run_in_turn_and_back(tmp_path):
    log, said = tmp_path / "log", []
    entries = [entry(name, "Polite", log) for name in "AB"]
    outcome = contest(entries, SETTING, task(), said.append)
    turns = [line.split() for line in log.read_text().splitlines()]
    assert turns[:2] == [["A", "first"], ["B", "first"]], "each prepares before any is timed"
    assert [name for name, what in turns[2:]] == list("ABBAAB")
    assert [len(r.seconds) for r in outcome.results] == [3, 3]
    assert [r.facts for r in outcome.results] == [{"turns": 3}] * 2
    assert all(r.error is None and r.accuracy == 0.9 and r.memory_mb > 5 for r in outcome.results)
    assert outcome.tested == 70
    assert outcome.operations == 3 * 340 + 2 * 8000
    assert said[-1].startswith("MLP, batches of 16: round 3 of 3: A ")
    assert "left here" in said[-2]


@pytest.mark.slow
def test_one_that_fails_drops_out_and_the_rest_goes_on(tmp_path):
    log, said = tmp_path / "log", []
    makers = {"A": "Polite", "B": "RaisesInTurnTwo", "C": "DiesWhenBuilt", "D": "Missing"}
    entries = [entry(name, maker, log) for name, maker in makers.items()]
    outcome = contest(entries, SETTING, task(), said.append)
    fine, raised, died, absent = outcome.results
    assert len(fine.seconds) == 3
    assert raised.error == "ArithmeticError: the numbers ran out"
    assert died.error == "its process ended with exit status 7: out of paper"
    assert absent.error.startswith("AttributeError: ")
    assert outcome.finished == [fine]
    assert sum("FAILED" in line for line in said) == 3
    assert log.read_text().count("B turn") == 2, "it is not asked again"


@pytest.mark.slow
def test_a_library_that_cannot_be_imported_is_a_failure_of_one(tmp_path):
    broken = Entry("broken", "Broken", "no_such_library:Thing", ("mlp",))
    outcome = contest([broken, entry("A", "Polite", tmp_path / "log")], SETTING, task(), print)
    assert outcome.results[0].error == "ModuleNotFoundError: No module named 'no_such_library'"
    assert len(outcome.results[1].seconds) == 3
    assert outcome.ours is None


@pytest.mark.slow
def test_hexbench_in_its_process_learns_the_blobs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # where nothing can be imported from
    ours = contestants("mlp")[:1]
    given = task(learning_rate=0.01)  # at 0.001 it depends on the seed whether 30 epochs are enough
    (result,) = contest(ours, Setting("mlp", 16, 170, 30), given, print).results
    assert result.error is None
    assert result.facts == {"parameters": 4197}
    assert len(result.seconds) == 30
    assert 0 < min(result.seconds) <= max(result.seconds) < result.start_s, "compiling comes first"
    assert result.accuracy > 0.9
    assert 100 < result.memory_mb < 5000
