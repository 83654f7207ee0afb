"""report.md: the tables and figures of a results folder, for GitHub and for terminals."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

from tabulate import tabulate

from bench.analyse.claims import Verdict
from bench.analyse.readings import Record
from bench.analyse.tables import Table, all_tables

VERDICTS_NOTE = (
    "The statements of the report *Digit recognizer*, judged by rules that were fixed before anything was "
    "measured; `verdicts.json` has the numbers and the cells. In brackets 95% intervals."
)
TEXT = ("model", "chosen", "device", "probability", "what", "contest", "contestant", "verdict")
"""Columns of words, which stand on the left."""


def report(
    manifest: dict[str, Any],
    records: list[Record],
    verdicts: list[Verdict],
    left_out: dict[str, str],
    figures: list[tuple[str, str]],
) -> str:
    """The whole page.

    `left_out` says by key which records no verdict rests on, and why. `figures` are (file name,
    caption), lying in `figures/`.
    """
    parts = [
        f"# hexbench: suite {escape(manifest['suite'])} on {escape(manifest['data']['name'])}",
        _about(manifest, records),
        _holes(manifest, records),
        _verdicts(verdicts),
        _unsound(manifest, records, left_out),
        "± is the standard deviation over seeds; an accuracy without one was measured once.",
        *(table_text(_about_data(table, manifest)) for table in all_tables(records)),
        *(f"![{caption}](figures/{name})" for name, caption in figures),
        _environment(manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _about_data(table: Table, manifest: dict[str, Any]) -> Table:
    return replace(table, note=f"{table.note} Data: {escape(manifest['data']['name'])}.")


def table_text(table: Table) -> str:
    """A table as Markdown, under its title and note."""
    rows = [[escape(cell) for cell in row] for row in table.rows]
    align = ["left" if _is_text(table, i) else "right" for i in range(len(table.header))]
    body = tabulate(rows, table.header, tablefmt="github", disable_numparse=True, colalign=align)
    return f"## {table.title}\n\n{table.note}\n\n{body}"


def escape(text: str) -> str:
    """Text from outside, such as a file's name, so that Markdown shows it as it is."""
    flat = re.sub(r"\s+", " ", text)
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", flat)


def _is_text(table: Table, column: int) -> bool:
    return table.header[column] in TEXT


def _about(manifest: dict[str, Any], records: list[Record]) -> str:
    data = manifest["data"]
    counts = ", ".join(f"{count:,}" for count in data["class_counts"])
    done = sum(record["status"] == "done" for record in records)
    lines = [
        f"- Data: **{escape(data['name'])}**, {data['images']:,} images. Of classes 0-9, A-F and empty: "
        f"{counts}.",
        f"- Origin: {escape(data['origin'])}. Licence: {escape(data['licence'])}.",
        f"- Split: {data['train']:,} for training, {data['test']:,} for testing "
        "(`train_test_split(test_size=0.30, random_state=42)`).",
        f"- Fingerprint: `{data['fingerprint']}`",
        f"- Cells: {done:,} measured of {len(manifest['cells']):,} planned.",
        f"- Programs of the networks: {_programs(records)}.",
    ]
    if data["missing_classes"]:
        lines.append(
            f"- **Classes without an image: {', '.join(data['missing_classes'])}.** Accuracy is over "
            "the classes there are."
        )
    lines += [f"- {escape(message)}." for message in manifest["left_out"]]
    if data["synthetic"]:
        lines.insert(
            0,
            "> **A test of the software, no evidence about handwriting:** hexbench draws these images "
            "itself, and they were tuned to be about as hard for the three models as real ones.\n",
        )
    return "\n".join(lines)


def _verdicts(verdicts: list[Verdict]) -> str:
    """What the report said beside what was measured, then the reasons."""
    rows = tuple((escape(v.id), v.statement, v.reported, f"**{v.verdict}**") for v in verdicts)
    body = tabulate(rows, ("claim", "the report said", "number", "verdict"), tablefmt="github")
    reasons = "\n".join(f"- **{escape(v.id)}**, {v.verdict}: {escape(v.reason)}" for v in verdicts)
    return f"## Verdicts\n\n{VERDICTS_NOTE}\n\n{body}\n\n{reasons}"


def _unsound(manifest: dict[str, Any], records: list[Record], left_out: dict[str, str]) -> str:
    """Records that are there, and that no verdict rests on because something in them is wrong."""
    failed = {record["key"] for record in records if record["status"] == "failed"}
    labels = manifest["labels"]
    lines = [
        f"- {escape(labels.get(key, key))} (`{key}`): {escape(why)}"
        for key, why in left_out.items()
        if key not in failed
    ]
    return "No verdict rests on these records:\n\n" + "\n".join(lines) if lines else ""


def _programs(records: list[Record]) -> str:
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.get("programs") or {})
    return (
        f"{counts['compiled']:,} compiled, {counts['disk']:,} from the cache on disk, "
        f"{counts['process']:,} there already from an earlier cell"
    )


def _holes(manifest: dict[str, Any], records: list[Record]) -> str:
    failed = [r for r in records if r["status"] == "failed"]
    present = {record["key"] for record in records}
    labels = manifest["labels"]
    missing = [labels[key] for key in manifest["cells"] if key not in present]
    lines = [f"- {escape(labels[r['key']])}: {escape(r['error'])}" for r in failed]
    lines += [f"- {escape(label)}: not measured" for label in missing[:20]]
    if len(missing) > 20:
        lines.append(f"- and {len(missing) - 20:,} more not measured")
    return (
        "## Missing\n\nThe tables are without these cells:\n\n" + "\n".join(lines) if lines else ""
    )


def _environment(manifest: dict[str, Any]) -> str:
    environment = manifest["environment"]
    packages = ", ".join(f"{name} {number}" for name, number in environment["packages"].items())
    variables = ", ".join(f"{name}={value}" for name, value in environment["variables"].items())
    lines = [
        f"- {environment['processor']}, {environment['cores']} cores, "
        f"{environment['memory_gb']} GB, {environment['system']}",
        f"- Python {environment['python']}, {packages}",
        f"- Commit `{environment['commit']}`" + (f", {variables}" if variables else ""),
        f"- Command: `{manifest['command']}`",
    ]
    return "## Environment\n\n" + "\n".join(lines)
