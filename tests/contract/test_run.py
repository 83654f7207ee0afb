"""The command: a line a check, and models that end or stop their process."""

from pathlib import Path

import pytest
from hexbench.contract.checks import CHECKS
from hexbench.contract.run import Outcome, findings
from hexbench.errors import BadInput

FILE = Path(__file__).with_name("misbehaving.py")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Dying", "its process ended with exit status 7"),
        ("Sleeping", "it takes longer than 2 s; --time-limit SECONDS gives more"),
        ("Raising", "it raises RuntimeError: no"),
    ],
)
def test_what_ends_or_stops_its_process_is_a_failed_check(name, words):
    *passed, last = findings(f"{FILE}:{name}", 2)
    assert {found.outcome for found in passed} <= {Outcome.PASSED}
    assert (last.outcome, last.said) == (Outcome.FAILED, words)


def test_what_asks_for_too_much_memory_has_failed():
    *_, last = findings(f"{FILE}:Hungry", 60)
    assert last.outcome is Outcome.FAILED
    assert "MemoryError" in last.said


def test_where_no_model_is_there_is_no_check():
    with pytest.raises(BadInput, match=r"has no 'Plane' .did you mean 'Plain'"):
        next(findings(f"{FILE}:Plane", 60))


def test_the_command_says_a_line_a_check(hexbench):
    done = hexbench("check-model", f"{FILE}:Loud")
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, last = done.stdout.splitlines()
    assert [line.split(": ")[0].split(maxsplit=1)[0] for line in lines[:3]] == ["passed"] * 3
    assert len(lines) == len(CHECKS), "and nothing that the model prints"
    assert all(line.endswith(".") for line in lines)
    assert last.endswith("Loud: 12 passed, 4 not applicable")
    failing = hexbench("check-model", f"{FILE}:NotANumber")
    assert failing.returncode == 3
    assert (
        "failed          fits and predicts: predict_proba gives numbers that are not finite" in failing.stdout
    )
    assert f"The other {len(CHECKS) - 2} checks need that." in failing.stdout
    wrong = hexbench("check-model", f"{FILE}:Nothing")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("Error: --model ")
