"""The files of a run: report.md, its picture, and every number as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.peers.contest import Outcome
from bench.peers.page import Run, page
from bench.peers.picture import draw
from bench.store import write_whole

PICTURE = "ratios.png"
ROUNDS = ("contestant", "model", "batch_size", "images", "round", "seconds")
CONTESTANTS = (
    "contestant", "model", "batch_size", "images", "start_s", "memory_mb", "test_accuracy",
    "parameters", "chosen", "cross_validation", "error",
)  # fmt: skip


def write(run: Run, folder: Path) -> None:
    """Write `report.md`, `ratios.png`, `rounds.csv` and `contestants.csv`, replacing older ones."""
    drawn = draw(run.outcomes, run.data, folder / PICTURE)
    if not drawn:
        (folder / PICTURE).unlink(missing_ok=True)
    pictures = [(PICTURE, "Time as a multiple of hexbench's")] if drawn else []
    write_whole(folder / "rounds.csv", _csv(ROUNDS, _rounds(run.outcomes)))
    write_whole(folder / "contestants.csv", _csv(CONTESTANTS, _contestants(run.outcomes)))
    write_whole(folder / "report.md", page(run, pictures))


def _rounds(outcomes: list[Outcome]) -> Iterable[dict[str, Any]]:
    for outcome in outcomes:
        for result in outcome.results:
            for number, seconds in enumerate(result.seconds, 1):
                yield _which(outcome, result.entry.name) | {"round": number, "seconds": seconds}


def _contestants(outcomes: list[Outcome]) -> Iterable[dict[str, Any]]:
    for outcome in outcomes:
        for result in outcome.results:
            row = _which(outcome, result.entry.name)
            if result.error is not None:
                yield row | {"error": result.error}
                continue
            row |= {"start_s": result.start_s, "memory_mb": result.memory_mb}
            yield row | {"test_accuracy": result.accuracy} | result.facts


def _which(outcome: Outcome, name: str) -> dict[str, Any]:
    setting = outcome.setting
    batch_size = setting.batch_size or ""
    return {
        "contestant": name, "model": setting.model, "batch_size": batch_size,
        "images": setting.images,
    }  # fmt: skip


def _csv(header: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
