"""`export`: a run's results for MLflow, TensorBoard and whatever reads Parquet."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click
from hexbench.cli_gates import damaged
from hexbench.errors import BadInput, NothingMeasured
from hexbench.export import targets
from hexbench.paths import PathType

if TYPE_CHECKING:
    from hexbench.store.record import Record
    from rich.console import Console

SERVERS = ("mlflow",)
"""Targets that may be a server, and that call a set of results by a name."""


@click.command()
@click.argument("folder", type=PathType())
@click.option("--to", "name", required=True, type=click.Choice(targets.names()), help="What to export to.")
@click.option(
    "--out",
    type=PathType(),
    help="Folder for the export [beside FOLDER: FOLDER-mlflow, FOLDER-parquet, ...].",
)
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="MLflow's server or database [$MLFLOW_TRACKING_URI, else mlflow.db in --out].",
)
@click.option("--experiment", metavar="NAME", help="What MLflow shall call the results [<study>/<FOLDER>].")
def export(
    folder: Path, name: str, out: Path | None, tracking_uri: str | None, experiment: str | None
) -> None:
    """Export results FOLDER to another tool; FOLDER itself is only read.

    An earlier export of the same results to the same place is replaced, and nothing else.
    """
    from hexbench.export.source import Source
    from hexbench.report.terminal import standard_output
    from hexbench.store.store import Store, Survey

    if name not in SERVERS and (tracking_uri, experiment) != (None, None):
        raise click.UsageError(f"--tracking-uri and --experiment do not go with --to {name}.")
    if tracking_uri is not None and out is not None:
        raise click.UsageError("--tracking-uri and --out do not go together.")
    target = targets.load(name)
    source = Source(Store.open(folder))
    place = targets.Place(
        _beside(folder, name) if out is None else out, out is None, tracking_uri, experiment
    )
    if place.folder.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"--out {place.folder} lies in {folder}, which is only read: name another folder.")
    records = source.records()
    first = next(records, None)
    if first is None:
        raise NothingMeasured(f"{folder} holds no readable record: there is nothing to export.")
    planned = len(source.manifest.cells)
    counted = _Counted(chain([first], records), planned)
    lines = target.export(source, counted.on(standard_output()), place)
    for line in damaged(source.store, Survey({}, source.faults)):
        click.echo(line, err=True)
    click.echo(counted.summary)
    for line in lines:
        click.echo(line)


def _beside(folder: Path, target: str) -> Path:
    """Where an export goes if nobody says."""
    place = folder if folder.name not in ("", "..") else folder.resolve()
    return place.with_name(f"{place.name}-{target}")


class _Counted:
    """Records that are counted, and for which a bar is drawn, while they go by."""

    def __init__(self, records: "Iterable[Record]", planned: int):
        self._records, self._planned = records, planned
        self._count = self._failed = 0

    def on(self, console: "Console") -> "Iterator[Record]":
        """The records, with a bar on the console."""
        from hexbench.report.progress import count_bar
        from hexbench.store.record import Failed

        with count_bar("Exporting", console) as bar:
            bar.total = self._planned
            for record in self._records:
                self._count += 1
                self._failed += isinstance(record, Failed)
                yield record
                bar.update(1)

    @property
    def summary(self) -> str:
        """What went by, in a sentence."""
        failed = f", {self._failed:,} of them failed" if self._failed else ""
        missing = self._planned - self._count
        rest = f"; {missing:,} of {self._planned:,} planned cells have no record" if missing else ""
        return f"Exported: {self._count:,} cells{failed}{rest}."
