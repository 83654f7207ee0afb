import pytest
from click.testing import CliRunner
from hexbench.run import harness


@pytest.mark.slow
def test_every_count_of_cells_is_planned_resumed_and_reported(tmp_path):
    done = CliRunner().invoke(harness.main, ["--counts", "8,16", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    rows = (tmp_path / "out" / "report.md").read_text().splitlines()[-2:]
    assert [row.split("|")[1].strip() for row in rows] == ["8", "16"]
