"""The gates: `check` holds a run against thresholds, `compare` against another run."""

import os
import sys
from pathlib import Path

import click
from hexbench.errors import BadInput, ExitCode
from hexbench.files import one_line


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--thresholds", type=click.Path(path_type=Path), help="Another file of thresholds.")
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the findings there as JUnit XML, too.",
)
@click.option(
    "--github/--no-github",
    default=lambda: os.environ.get("GITHUB_ACTIONS") == "true",
    show_default="where GITHUB_ACTIONS is true",
    help="Print annotations for GitHub Actions.",
)
def check(folder: Path, thresholds: Path | None, junit_file: Path | None, github: bool) -> None:
    """Hold results FOLDER against the accuracy thresholds of its study for its data."""
    from hexbench import study
    from hexbench.analyse.runs import Runs
    from hexbench.analyse.thresholds import BROKEN, FAILED, OK, load
    from hexbench.analyse.thresholds import check as judge
    from hexbench.files import write_whole
    from hexbench.report.junit import annotations, junit
    from hexbench.report.terminal import print_findings
    from hexbench.store.record import Done
    from hexbench.store.store import Store
    from rich.console import Console

    store = Store.open(folder)
    manifest, records = store.manifest(), store.planned()
    file = thresholds or study.load(manifest.study).thresholds
    if file is None:
        raise BadInput(f"the study {manifest.study} has no thresholds: name a file by --thresholds.")
    done = {record.key for record in records if isinstance(record, Done)}
    missing = [manifest.labels.get(key, key) for key in manifest.cells if key not in done]
    findings = judge(Runs.of(manifest, records), load(file))
    print_findings(findings, Console())
    if junit_file:
        write_whole(junit_file, junit(findings, missing, manifest.data.name))
    for line in annotations(findings, missing) if github else ():
        click.echo(one_line(line))
    verdicts = [finding.verdict for finding in findings]
    if BROKEN in verdicts or FAILED in verdicts:
        click.echo(f"{verdicts.count(BROKEN) + verdicts.count(FAILED)} broken.")
        sys.exit(ExitCode.REGRESSION)
    if OK not in verdicts:
        click.echo(f"Nothing to check: {file} has no threshold that {folder} measures.")
        sys.exit(ExitCode.NOTHING_MEASURED)
    click.echo(f"{verdicts.count(OK)} kept.")
    if missing:
        click.echo(
            f"{len(missing)} of {len(manifest.cells)} planned cells are missing or failed: "
            "run the suite to its end."
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
    from hexbench.analyse.compare import REGRESSION, Run
    from hexbench.analyse.compare import compare as set_beside
    from hexbench.report.comparison import FORMATS
    from hexbench.store.store import Store

    stores = Store.open(first), Store.open(second)
    found = set_beside(*(Run.of(str(store.folder), store.manifest(), store.planned()) for store in stores))
    FORMATS[form](found)
    if not found.accuracy.differences:
        sys.exit(ExitCode.NOTHING_MEASURED)
    sys.exit(ExitCode.REGRESSION if found.accuracy.count(REGRESSION) else ExitCode.OK)
