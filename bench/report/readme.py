"""Copies tables of committed reports into README.md and docs/: `python -m bench.report.readme`.

A block of a page stands between `<!-- table: FILE: TITLE -->` and `<!-- end -->`; what is between
them is the table of that title in that report, so that no number there is typed.
"""

import re
from pathlib import Path

from bench.errors import BadInput
from bench.store import write_whole

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "synthetic.md")
BLOCK = re.compile(
    r"(<!-- table: (?P<file>[^:]+): (?P<title>.+?) -->\n).*?(<!-- end -->)", re.DOTALL
)


def fill(text: str, root: Path = ROOT) -> str:
    """The text with every block's table copied anew; BadInput if a report or its table is gone."""
    return BLOCK.sub(lambda m: m[1] + table_in(root / m["file"], m["title"]) + "\n" + m[4], text)


def table_in(report: Path, title: str) -> str:
    """The rows of the table that a report has under a title."""
    try:
        lines = report.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{report} cannot be read: {error}.") from None
    headings = [f"{marks} {title}" for marks in ("##", "###", "####")]
    place = next((i for i, line in enumerate(lines) if line in headings), None)
    if place is None:
        raise BadInput(f"{report} has no table called {title!r}.")
    after = lines[place + 1 :]
    start = next(i for i, line in enumerate(after) if line.startswith("|"))
    rows = []
    for line in after[start:]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return "\n".join(rows)


if __name__ == "__main__":
    for page in PAGES:
        write_whole(page, fill(page.read_text(encoding="utf-8")))
