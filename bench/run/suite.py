"""Runs a suite from a plan to a written report: the one place where all the parts meet."""

import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.data.dataset import Dataset
from bench.data.known import card_of
from bench.data.paper import CLASS_NAMES
from bench.data.sources import Source
from bench.errors import BadInput, ExitCode, NothingMeasured, Stopped
from bench.measure.environment import describe
from bench.plan.spec import CellSpec
from bench.plan.suites import Plan
from bench.report.terminal import headline
from bench.report.write import write_report
from bench.run.local import Outcome, run
from bench.run.stopping import Stopping
from bench.run.worker import Terms
from bench.store import Store

MOST_NAMED = 10


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    suite: str
    source: Source
    plan: Plan
    """The cells to carry out."""
    whole: Plan
    """The cells of the suite, of which `plan` may be a part."""
    out: Path
    fresh: bool = False
    terms: Terms = field(default_factory=Terms)


def run_suite(request: Request, console: Console) -> ExitCode:
    """Carry out a plan and write its report; the exit code says how it went.

    Raises BadInput where the folder cannot be used, or can no longer be written.
    """
    stopping = Stopping()
    try:
        with stopping.heard():
            return _run(request, console, stopping)
    except Stopped as stopped:
        console.print("Stopped; what was finished is kept. The same command goes on from there.")
        return stopped.code


def _run(request: Request, console: Console, stopping: Stopping) -> ExitCode:
    data = request.source.load()
    store = Store(request.out)
    cells = list(request.plan.cells)
    try:
        if store.is_foreign:
            raise BadInput(
                f"{store.folder} is not empty and holds no results: choose another --out."
            )
        if request.fresh:
            aside = store.set_aside()
            if aside is not None:
                console.print(f"The earlier results are set aside in {aside}.", markup=False)
        with store.in_use():
            _prepare(request, data, store, console)
            outcome = run(cells, data, store, console, request.terms, stopping)
            with store.alone(), suppress(NothingMeasured):
                write_report(store)
    except OSError as error:
        raise BadInput(
            f"{error.filename or store.folder} cannot be written: {error.strerror or error}. What was "
            "finished is kept; once this is mended the same command goes on from there."
        ) from None
    return _close(outcome, cells, data, store, console)


def _prepare(request: Request, data: Dataset, store: Store, console: Console) -> None:
    """Say what will run, write the manifest and set aside what is damaged."""
    console.print(
        f"{request.suite}: {len(request.plan.cells):,} cells on {data.name} "
        f"({len(data.images):,} images), results go to {store.folder}",
        highlight=False,
        markup=False,
    )
    for message in request.plan.left_out:
        console.print(f"  {message}", highlight=False, markup=False)
    _say_missing_classes(data, console)
    with store.alone():
        store.put_manifest(manifest_of(request, data, store))
        moved = store.tidy()
    for name, fault in list(moved.items())[:MOST_NAMED]:
        console.print(f"  damaged: cells/{name}: {fault}", highlight=False, markup=False)
    if moved:
        console.print(
            f"  {len(moved):,} damaged files count as missing and are set aside in {store.damaged}",
            highlight=False,
            markup=False,
        )


def manifest_of(request: Request, data: Dataset, store: Store) -> dict[str, Any]:
    """What the folder's manifest says after this request: the planned cells, the data, the machine."""
    labels = {cell.key(data.fingerprint): cell.label for cell in request.whole.cells}
    covered = {cell.key(data.fingerprint) for cell in request.plan.cells}
    if store.manifest_file.exists():
        earlier = store.manifest()
        same = (earlier["suite"], earlier["data"]["fingerprint"])
        if same != (request.suite, data.fingerprint):
            raise BadInput(
                f"{store.folder} holds suite {earlier['suite']} on {earlier['data']['name']}: "
                "choose another --out, or set it aside with --fresh."
            )
        # A run narrowed by --only must not make the report forget the other cells of the suite.
        covered |= set(earlier["cells"])
    train, test = data.split
    card = card_of(data, request.source)
    return {
        "suite": request.suite,
        "cells": [key for key in labels if key in covered],
        "labels": {key: label for key, label in labels.items() if key in covered},
        "left_out": list(request.plan.left_out),
        "data": {
            "name": data.name,
            "origin": card.origin,
            "licence": card.licence,
            "synthetic": data.synthetic,
            "images": len(data.images),
            "train": len(train),
            "test": len(test),
            "fingerprint": data.fingerprint,
            "class_counts": data.class_counts,
            "missing_classes": _missing_classes(data),
        },
        "environment": describe(),
        "command": shlex.join(["python", Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _missing_classes(data: Dataset) -> list[str]:
    return [CLASS_NAMES[c] for c, images in enumerate(data.class_counts) if images == 0]


def _say_missing_classes(data: Dataset, console: Console) -> None:
    missing = _missing_classes(data)
    if missing:
        console.print(
            f"  no image of {', '.join(missing)} in these data: accuracy is over the other classes",
            highlight=False,
        )


def _close(
    outcome: Outcome, cells: list[CellSpec], data: Dataset, store: Store, console: Console
) -> ExitCode:
    """Say how it went, on the terminal and in the exit code."""
    headline(store.planned(), data.name, console)
    for record in outcome.failed[:MOST_NAMED]:
        console.print(f"failed: {record['model']}, {record['train_size']:,} images, seed "
                      f"{record['seed']}: {record['error']}", markup=False)  # fmt: skip
    if len(outcome.failed) > MOST_NAMED:
        console.print(f"and {len(outcome.failed) - MOST_NAMED:,} more failed")
    if outcome.failed:
        console.print("--rerun-failed tries them again.")
    if outcome.disturbed:
        console.print(
            f"The times of {outcome.disturbed:,} cells count for nothing: they did not have the machine to "
            "themselves. --rerun-disturbed measures them again, each alone."
        )
    console.print(f"Report: {store.folder / 'report.html'}", markup=False, soft_wrap=True)
    if outcome.stopped is not None:
        stored = sum(store.get(cell.key(data.fingerprint)) is not None for cell in cells)
        console.print(
            f"Stopped: {stored:,} of {len(cells):,} cells are stored. "
            "The same command goes on from there."
        )
        return outcome.stopped.code
    if not outcome.kept + outcome.measured:
        return ExitCode.NOTHING_MEASURED
    return ExitCode.CELLS_FAILED if outcome.failed else ExitCode.OK
