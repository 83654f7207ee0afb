import re

import pytest

from bench.errors import BadInput
from bench.report.readme import PAGES, fill


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_quote_the_reference_runs_as_they_are(page):
    text = page.read_text()
    assert text.count("<!-- table:") >= 3
    assert fill(text) == text, "run `make readme`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_and_files_that_a_page_names_are_there(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_a_changed_table_is_copied(tmp_path):
    (tmp_path / "r.md").write_text("## T\n\nnote\n\n| a |\n|---|\n| 2 |\n\n## U\n\n| b |\n")
    text = "x\n<!-- table: r.md: T -->\n| a |\n|---|\n| 1 |\n<!-- end -->\ny"
    assert fill(text, tmp_path) == text.replace("| 1 |", "| 2 |")
    with pytest.raises(BadInput, match="no table called 'V'"):
        fill(text.replace(": T", ": V"), tmp_path)
