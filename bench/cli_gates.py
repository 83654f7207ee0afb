"""The gates: `check` holds a run against thresholds, `compare` against another run."""

import sys
from pathlib import Path

import click

from bench.errors import ExitCode


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--thresholds", type=click.Path(path_type=Path), help="Another file of thresholds.")
def check(folder: Path, thresholds: Path | None) -> None:
    """Hold results FOLDER against the accuracy thresholds kept for its data set."""
    from rich.console import Console

    from bench.analyse.check import THRESHOLDS
    from bench.analyse.check import check as judge
    from bench.analyse.check import load as load_thresholds
    from bench.report.terminal import print_findings
    from bench.store import Store

    file = thresholds or THRESHOLDS
    store = Store.open(folder)
    manifest, records = store.manifest(), store.planned()
    planned = len(manifest["cells"])
    missing = planned - sum(record["status"] == "done" for record in records)
    findings = judge(records, load_thresholds(file), manifest["data"]["train"])
    verdicts = [finding.verdict for finding in findings]
    print_findings(findings, Console())
    if "BROKEN" in verdicts or "FAILED" in verdicts:
        click.echo(f"{verdicts.count('BROKEN') + verdicts.count('FAILED')} broken.")
        sys.exit(ExitCode.REGRESSION)
    if "ok" not in verdicts:
        click.echo(f"Nothing to check: {file} has no threshold that {folder} measures.")
        sys.exit(ExitCode.NOTHING_MEASURED)
    click.echo(f"{verdicts.count('ok')} kept.")
    if missing:
        click.echo(
            f"{missing} of {planned} planned cells are missing or failed: run the suite to its end."
        )
        sys.exit(ExitCode.CELLS_FAILED)


@click.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
)
def compare(first: Path, second: Path, form: str) -> None:
    """Set results folder SECOND beside FIRST; exit code 1 if its accuracy has fallen.

    Accuracy is compared on the same test images and seeds, time where the hardware is the same.
    """
    from bench.analyse.compare import Run
    from bench.analyse.compare import compare as set_beside
    from bench.analyse.compare_accuracy import REGRESSION
    from bench.report.comparison import FORMATS
    from bench.store import Store

    stores = Store.open(first), Store.open(second)
    found = set_beside(
        *(Run.of(str(store.folder), store.manifest(), store.planned()) for store in stores)
    )
    FORMATS[form](found)
    if not found.accuracy.differences:
        sys.exit(ExitCode.NOTHING_MEASURED)
    sys.exit(ExitCode.REGRESSION if found.accuracy.count(REGRESSION) else ExitCode.OK)
