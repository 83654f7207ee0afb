import re

import pytest
from hexbench.errors import BadInput
from hexbench.report.readme import fill, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_pages_quote_the_reference_runs_as_they_are(page):
    text = page.read_text()
    assert fill(text) == text, "run `make readme`"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_pictures_and_files_that_a_page_names_are_there(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_readme_quotes_tables():
    assert "README.md" in [page.name for page in pages()]
    assert sum(page.read_text().count("<!-- table:") for page in pages()) >= 9


def test_a_changed_table_is_copied(tmp_path):
    (tmp_path / "r.md").write_text("## T\n\nnote\n\n| a |\n|---|\n| 2 |\n\n## U\n\n| b |\n\n## W\n")
    text = "x\n<!-- table: r.md: T -->\n| a |\n|---|\n| 1 |\n<!-- end -->\ny"
    assert fill(text, tmp_path) == text.replace("| 1 |", "| 2 |")
    for title in ("V", "W"):
        with pytest.raises(BadInput, match=f"no table called '{title}'"):
            fill(text.replace(": T", f": {title}"), tmp_path)
    with pytest.raises(BadInput, match=r"other\.md cannot be read"):
        fill(text.replace("r.md", "other.md"), tmp_path)
