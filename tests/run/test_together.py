"""What divided batches cost, measured in small."""

import pytest
from click.testing import CliRunner
from hexbench.models import entries
from hexbench.models.machine import usable_cores
from hexbench.report.readme import table_in
from hexbench.run import together


@pytest.mark.skipif(usable_cores() < 2, reason="one core is one device")
@pytest.mark.slow
def test_a_row_for_each_network_and_batch(monkeypatch, tmp_path):
    monkeypatch.setattr(together, "MEASURED_S", 0.01)
    monkeypatch.setattr(together, "BATCH_FACTORS", (2,))
    options = ["--data", "synthetic:400", "--rounds", "2", "--out", str(tmp_path)]
    done = CliRunner().invoke(together.main, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    _, _, *rows = table_in(tmp_path / "report.md", "A batch divided among devices").splitlines()
    networks = [entry.label for entry in entries().values() if entry.learning_curve]
    assert [row.split("|")[1].strip() for row in rows] == networks
    for row in rows:
        middle, low, high = (
            float(n) for n in row.split("|")[3].replace("(", "").replace("to", "").strip(" )").split()
        )
        assert 0 < low <= middle <= high


def test_ratios_are_taken_round_by_round():
    first, other = iter([1.0, 2.0, 4.0]), iter([2.0, 2.0, 2.0])
    assert together._relative([lambda: next(first), lambda: next(other)], 3) == ["1.00 (0.50 to 2.00)"]
