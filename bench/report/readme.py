"""Copies tables of committed reports into README.md and docs/: `python -m hexbench.report.readme`.

A block of a page stands between `<!-- table: FILE: TITLE -->` and `<!-- end -->`; what is between
them is the table of that title in that report, so that no number there is typed.
"""

import re
from itertools import takewhile
from pathlib import Path

from hexbench.errors import BadInput
from hexbench.files import reason, write_whole

ROOT = Path(__file__).parents[2]
START = "<!-- table: "
BLOCK = re.compile(rf"({START}(?P<file>[^:]+): (?P<title>.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages(root: Path = ROOT) -> list[Path]:
    """README.md and the pages of docs/ that have a block."""
    found = (root / "README.md", *sorted((root / "docs").glob("*.md")))
    return [page for page in found if START in page.read_text(encoding="utf-8")]


def fill(text: str, root: Path = ROOT) -> str:
    """The text with every block's table copied anew; BadInput if a report or its table is gone."""
    return BLOCK.sub(lambda m: m[1] + table_in(root / m["file"], m["title"]) + "\n" + m[4], text)


def table_in(report: Path, title: str) -> str:
    """The rows of the table that a report has under a title."""
    try:
        lines = report.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{report} cannot be read: {reason(error)}.") from None
    headings = [f"{marks} {title}" for marks in ("##", "###", "####")]
    place = next((i for i, line in enumerate(lines) if line in headings), len(lines))
    start = next((i for i, line in enumerate(lines) if i > place and line.startswith("|")), None)
    if start is None:
        raise BadInput(f"{report} has no table called {title!r}.")
    return "\n".join(takewhile(lambda line: line.startswith("|"), lines[start:]))


if __name__ == "__main__":
    for page in pages():
        write_whole(page, fill(page.read_text(encoding="utf-8")))
