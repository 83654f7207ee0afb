"""Markdown: tables, and report.md, for GitHub and for terminals."""

import re
from collections.abc import Iterable

from tabulate import tabulate

from bench.analyse.claims import Verdict
from bench.analyse.tables import Table
from bench.outside import one_line
from bench.report.page import SPREAD_NOTE, VERDICTS_NOTE, Fact, Page, Part

TEXT = ("model", "chosen", "device", "probability", "what", "contest", "contestant", "verdict", "class",
        "layer", "weights")  # fmt: skip
"""Columns of words, which stand on the left."""
SPECIAL = re.compile(
    r"[\\`*_{}\[\]<>#|!~&$@]"
    r"|:(?=//)|(?<=www)\."  # GitHub would make links
    r"|^[-+=](?=[-= ]|$)"  # lists and lines; those with numbers are NUMBERED
)
NUMBERED = re.compile(r"^(\d{1,9})([.)])(?= |$)")


def report(page: Page) -> str:
    """The whole page."""
    parts = [
        f"# hexbench: suite {escape(page.suite)} on {escape(page.data)}",
        f"> **{page.warning}**" if page.warning else "",
        _list(page.facts),
        _lines("## Missing\n\nTables and figures are without these cells:", page.missing),
        _verdicts(page.verdicts),
        _lines("Nothing here rests on these records:", page.unsound),
        SPREAD_NOTE,
        "## The report's figures, measured again",
        *(_part(part) for part in page.counterparts),
        "## Beyond the report's figures",
        *(_part(part) for part in page.more),
        f"## Environment\n\n{_list(page.environment)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table_text(table: Table, heading: str = "##") -> str:
    """A table as Markdown, under its title and note."""
    rows = [[escape(cell) for cell in row] for row in table.rows]
    align = ["left" if is_text(table, i) else "right" for i in range(len(table.header))]
    header = [escape(name) for name in table.header]
    body = tabulate(rows, header, tablefmt="github", disable_numparse=True, colalign=align)
    return f"{heading} {table.title}\n\n{table.note}\n\n{body}"


def escape(text: str) -> str:
    """Text from outside, such as a file's name, so that Markdown shows it as it is, on one line."""
    flat = one_line(" ".join(text.split()))
    return NUMBERED.sub(r"\1\\\2", SPECIAL.sub(r"\\\g<0>", flat))


def code(text: str) -> str:
    """Text for machines, as a code span that no backtick in it ends."""
    flat = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", flat)), default=0))
    space = " " if flat != flat.strip(" `") else ""  # Markdown takes one away at either end
    return f"{fence}{space}{flat}{space}{fence}"


def is_text(table: Table, column: int) -> bool:
    """Whether a column holds words."""
    return table.header[column] in TEXT


def _part(part: Part) -> str:
    lines = [f"### {part.title}"]
    if part.said:
        lines.append(f"The report: {part.said}" + ("" if part.items else " Here: not run."))
    for item in part.items:
        if isinstance(item, Table):
            lines.append(table_text(item, "####"))
        else:
            lines.append(f"![{item.caption}](figures/{item.file})")
    return "\n\n".join(lines)


def _verdicts(verdicts: list[Verdict]) -> str:
    """What the report said beside what was measured, then the reasons."""
    rows = tuple(
        (escape(v.id), v.statement, v.reported, escape(v.plain), f"**{v.verdict}**")
        for v in verdicts
    )
    header = ("claim", "the report said", "number", "here", "verdict")
    body = tabulate(rows, header, tablefmt="github", disable_numparse=True)
    reasons = "\n".join(f"- **{escape(v.id)}**, {v.verdict}: {escape(v.reason)}" for v in verdicts)
    return f"## Verdicts\n\n{VERDICTS_NOTE}\n\n{body}\n\n{reasons}"


def _lines(title: str, lines: Iterable[str]) -> str:
    listed = "\n".join(f"- {escape(line)}" for line in lines)
    return f"{title}\n\n{listed}" if listed else ""


def _list(facts: list[Fact]) -> str:
    return "\n".join(
        f"- {fact.name}: " + (code(fact.text) if fact.code else escape(fact.text)) for fact in facts
    )
