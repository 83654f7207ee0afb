"""The gates: `check` holds a run against thresholds, `compare` against another run."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from hexbench.errors import BadInput, ExitCode
from hexbench.files import one_line
from hexbench.paths import PathType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hexbench.store.manifest import Manifest
    from hexbench.store.record import Record
    from hexbench.store.store import Store, Survey


@click.command()
@click.argument("folder", type=PathType())
@click.option("--thresholds", type=PathType(), help="Another file of thresholds.")
@click.option(
    "--junit",
    "junit_file",
    type=PathType(dir_okay=False),
    help="Write the findings there as JUnit XML, too.",
)
@click.option(
    "--github/--no-github",
    default=lambda: os.environ.get("GITHUB_ACTIONS") == "true",
    show_default="where GITHUB_ACTIONS is true",
    help="Print annotations for GitHub Actions.",
)
@click.option(
    "--write",
    "written",
    type=PathType(dir_okay=False),
    metavar="FILE",
    help="Write thresholds that this run derives for its own data there, and check nothing.",
)
def check(
    folder: Path, thresholds: Path | None, junit_file: Path | None, github: bool, written: Path | None
) -> None:
    """Hold results FOLDER against the accuracy thresholds of its study for its data.

    A threshold is broken where the 95% interval of the mean over seeds lies beyond it.
    """
    from hexbench import study
    from hexbench.analyse.runs import Runs
    from hexbench.analyse.thresholds import BROKEN, FAILED, NOT_MEASURED, derived, load
    from hexbench.analyse.thresholds import check as judge
    from hexbench.files import write_whole
    from hexbench.report.junit import annotations, junit
    from hexbench.report.terminal import print_findings, standard_output
    from hexbench.store.record import Done
    from hexbench.store.store import Store

    manifest, records = _read(Store.open(folder))
    if written is not None:
        write_whole(written, derived(Runs.of(manifest, records)))
        click.echo(f"Thresholds: {written}. They apply by: check DIR --thresholds {written}")
        return
    file = thresholds or study.of_run(manifest.study, folder).thresholds
    if file is None:
        raise BadInput(f"the study {manifest.study} has no thresholds: name a file by --thresholds.")
    done = {record.key for record in records if isinstance(record, Done)}
    missing = [manifest.labels.get(key, key) for key in manifest.cells if key not in done]
    findings = judge(Runs.of(manifest, records), load(file))
    print_findings(findings, standard_output())
    if junit_file:
        write_whole(junit_file, junit(findings, missing, manifest.data.name))
    for line in annotations(findings, missing) if github else ():
        click.echo(one_line(line))
    verdicts = [finding.verdict for finding in findings]
    if BROKEN in verdicts or FAILED in verdicts:
        click.echo(f"{verdicts.count(BROKEN) + verdicts.count(FAILED)} broken.")
        sys.exit(ExitCode.REGRESSION)
    for finding in findings:
        if finding.is_blind:
            click.echo(f"{finding.where}: this threshold could not have been broken, not even by guessing.")
    kept = len(verdicts) - verdicts.count(NOT_MEASURED)
    if not kept:
        click.echo(
            f"Nothing to check: {file} has no threshold that {folder} measures. For data of one's own, "
            f"`check {folder} --write FILE` derives thresholds from a run."
        )
        sys.exit(ExitCode.NOTHING_MEASURED)
    click.echo(f"{kept} kept.")
    if missing:
        click.echo(
            f"{len(missing)} of {len(manifest.cells)} planned cells are missing or failed: "
            "run the suite to its end."
        )
        sys.exit(ExitCode.CELLS_FAILED)


@click.command()
@click.argument("first", type=PathType())
@click.argument("second", type=PathType())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
)
@click.option(
    "--margin",
    metavar="POINTS",
    type=click.FloatRange(0, 100),
    help="Say whether SECOND is shown not to be worse by more than so many percentage points.",
)
@click.option(
    "--models",
    metavar="NAME=OTHER,...",
    multiple=True,
    help="Compare model NAME of FIRST with model OTHER of SECOND; both may be one folder. May be repeated.",
)
def compare(first: Path, second: Path, form: str, margin: float | None, models: tuple[str, ...]) -> None:
    """Set results folder SECOND beside FIRST; exit code 1 if its accuracy has fallen.

    With --margin, also if it is shown to be worse by more than that; of two models (--models) only then.
    Accuracy is compared on the same test images, time where the hardware is the same.
    """
    from hexbench.analyse.compare import REGRESSION, WORSE, Run
    from hexbench.analyse.compare import compare as set_beside
    from hexbench.report.comparison import FORMATS
    from hexbench.store.store import Store

    stores = Store.open(first), Store.open(second)
    pairs = _pairs(",".join(models)) if models else None
    runs = [Run.of(str(store.folder), *_read(store)) for store in stores]
    found = set_beside(runs[0], runs[1], pairs)
    share = None if margin is None else margin / 100
    FORMATS[form](found, share)
    differences = found.accuracy.differences
    if not differences:
        sys.exit(ExitCode.NOTHING_MEASURED)
    worse = share is not None and any(d.against(share) == WORSE for d in differences)
    sys.exit(ExitCode.REGRESSION if found.accuracy.count(REGRESSION) or worse else ExitCode.OK)


def _read(store: "Store") -> "tuple[Manifest, list[Record]]":
    """What a run planned and the records that there are; says which are damaged."""
    manifest, found = store.manifest(), store.survey()
    for line in damaged(store, found):
        click.echo(line, err=True)
    return manifest, found.of(manifest.cells)


def damaged(store: "Store", found: "Survey") -> "Iterator[str]":
    """A line for each file that holds no sound record."""
    for name, fault in found.faults.items():
        yield f"damaged, counts as missing: {store.cells / name}: {one_line(fault)}"


def _pairs(models: str) -> dict[str, str]:
    """The names of `--models`."""
    pairs = [part.partition("=") for part in models.split(",")]
    if not all(name.strip() and sign and other.strip() for name, sign, other in pairs):
        raise BadInput(f"--models {models}: write NAME=OTHER, several separated by commas.")
    return {name.strip(): other.strip() for name, _, other in pairs}
