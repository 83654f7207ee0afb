import pytest
from click.testing import CliRunner
from hexbench.run import harness


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--small", "--writers", "3")])
def test_every_count_of_cells_is_planned_stored_resumed_and_reported(tmp_path, more):
    options = ["--counts", "8,16", "--out", str(tmp_path / "out"), *more]
    done = CliRunner().invoke(harness.main, options)
    assert done.exit_code == 0, done.output
    rows = (tmp_path / "out" / "report.md").read_text().splitlines()[-2:]
    assert [row.split("|")[1].strip() for row in rows] == ["8", "16"]
