"""Markdown: tables, and report.md, for GitHub and for terminals."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hexbench.files import one_line
from hexbench.report.page import SPREAD_NOTE, VERDICTS_NOTE, Fact, Page, Part
from hexbench.report.table import Table

if TYPE_CHECKING:
    from hexbench.analyse.claims import Verdict

TEXT = "l"
SPECIAL = re.compile(
    r"[\\`*_{}\[\]<>#|!~&$@]"
    r"|:(?=//)|(?<=www)\."  # GitHub would make links
    r"|^[-+=](?=[-= ]|$)"  # lists and lines; those with numbers are NUMBERED
)
NUMBERED = re.compile(r"^(\d{1,9})([.)])(?= |$)")


def report(page: Page) -> str:
    """The whole page."""
    counted = ", ".join(f"{count} {kind}" for kind, count in page.counted.items())
    parts = [
        f"# {escape(page.study)}: suite {escape(page.suite)} on {escape(page.data)}",
        f"> **{escape(page.warning)}**" if page.warning else "",
        escape(page.about) + (f". Verdicts: {counted}." if counted else "."),
        escape(page.summary),
        f"![{escape(page.overview.caption)}](figures/{page.overview.file})" if page.overview else "",
        _verdicts(page),
        _lines("## Missing\n\nTables and figures are without these cells:", page.missing),
        _lines("## Not used\n\nNothing here rests on these records:", page.unsound),
        "## The report's figures, measured again" if page.of_study else "",
        *(_part(part) for part in page.of_study),
        f"## Everything measured\n\n{SPREAD_NOTE}",
        *(_part(part) for part in page.parts),
        f"## Data\n\n{_list(page.facts)}",
        f"## Environment\n\n{_list(page.environment)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table_text(table: Table, heading: str = "##") -> str:
    """A table as Markdown, under its title and note."""
    note = f"\n\n{table.note}" if table.note else ""
    return f"{heading} {escape(table.title)}{note}\n\n{_grid(table)}"


def _grid(table: Table) -> str:
    from tabulate import tabulate

    rows = [[escape(cell) for cell in row] for row in table.rows]
    header = [escape(name) for name in table.header]
    return tabulate(rows, header, tablefmt="github", disable_numparse=True, colalign=table.alignment)


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


def _part(part: Part) -> str:
    lines = [f"### {escape(part.title)}"]
    if part.said:
        lines.append(f"Reported: {escape(part.said)}" + ("" if part.items else " Measured: not run."))
    for item in part.items:
        if not isinstance(item, Table):
            lines.append(f"![{escape(item.caption)}](figures/{item.file})")
        elif item.title == part.title:
            lines += [item.note, _grid(item)]
        else:
            lines.append(table_text(item, "####"))
    return "\n\n".join(line for line in lines if line)


def _verdicts(page: Page) -> str:
    """All of them in one table, then the reasons."""
    if not page.verdicts:
        return ""
    rows = [(v.statement, v.reported, v.plain, v.agreement, v.verdict) for v in page.verdicts]
    header = ("statement", "reported", "measured (95% CI)", "readings that agree", "verdict")
    table = Table("Verdicts", f"{VERDICTS_NOTE} {escape(page.rules)}", header, rows, "lllll")
    if not page.has_readings:
        table = table.only([0, 1, 2, 4])
    return "\n\n".join([table_text(table), "### Reasons", *map(_reason, page.verdicts)])


def _reason(verdict: "Verdict") -> str:
    lines = [f"#### {escape(verdict.id)}: {verdict.verdict}"]
    if verdict.quote:
        lines.append(f"> {escape(verdict.quote)}")
    lines.append(escape(verdict.reason))
    for detail in verdict.details:
        rows = [tuple(row) for row in detail.rows]
        table = Table(detail.title, detail.note, tuple(detail.header), rows, TEXT * len(detail.header))
        lines += [f"**{escape(table.title)}.** {escape(table.note)}".strip(), _grid(table)]
    return "\n\n".join(lines)


def _lines(title: str, lines: Iterable[str]) -> str:
    listed = "\n".join(f"- {escape(line)}" for line in lines)
    return f"{title}\n\n{listed}" if listed else ""


def _list(facts: Iterable[Fact]) -> str:
    return "\n".join(
        f"- {fact.name}: " + (code(fact.text) if fact.code else escape(fact.text)) for fact in facts
    )
