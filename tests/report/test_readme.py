import re

import pytest

from bench.errors import BadInput
from bench.report.readme import ROOT, fill


def test_the_readme_quotes_the_reference_run_as_it_is():
    text = (ROOT / "README.md").read_text()
    assert text.count("<!-- table:") >= 3
    assert fill(text) == text, "run `make readme`"


def test_pictures_and_files_that_the_readme_names_are_there():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_a_changed_table_is_copied(tmp_path):
    (tmp_path / "r.md").write_text("## T\n\nnote\n\n| a |\n|---|\n| 2 |\n\n## U\n\n| b |\n")
    text = "x\n<!-- table: r.md: T -->\n| a |\n|---|\n| 1 |\n<!-- end -->\ny"
    assert fill(text, tmp_path) == text.replace("| 1 |", "| 2 |")
    with pytest.raises(BadInput, match="no table called 'V'"):
        fill(text.replace(": T", ": V"), tmp_path)
