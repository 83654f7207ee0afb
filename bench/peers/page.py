"""The page about a run: what is wrong with it, its tables, its picture and its environment."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bench.peers.contest import Outcome
from bench.peers.tables import details, headline
from bench.peers.verdicts import compare_accuracies, faster_than_ours
from bench.report.markdown import escape, table_text

PACKAGES = ("torch", "keras", "tensorflow-cpu", "tensorflow", "scikit-learn-intelex")


@dataclass
class Run:
    """All that a page is about."""

    data: str
    """The images' name."""
    outcomes: list[Outcome]
    peak: float | None
    """Operations a second of a large matrix product; None if that failed."""
    remarks: list[str]
    """Who was left out, and why."""
    environment: dict[str, Any]
    command: str


def page(run: Run, pictures: Sequence[tuple[str, str]]) -> str:
    """The whole of report.md. `pictures` are (file, caption)."""
    parts = [
        f"# hexbench and other libraries on {escape(run.data)}",
        _about(run),
        *(table_text(table) for table in headline(run.outcomes)),
        *(f"![{caption}]({file})" for file, caption in pictures),
        *(table_text(table) for table in details(run.outcomes, run.peak)),
        "## Environment\n\n```json\n" + json.dumps(_environment(run), indent=1) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def conclusions(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    """What is wrong, in sentences: who `failed`, who makes hexbench `slower`, who learned `unlike`.

    Of the contests of SVMs, `slower` says nothing: they have targets only.
    """
    found: dict[str, list[str]] = {"failed": [], "slower": [], "unlike": []}
    for outcome in outcomes:
        where = outcome.setting.title
        for result in outcome.results:
            if result.error is not None:
                found["failed"].append(f"{where}: {result.entry.title} failed: {result.error}")
        if outcome.setting.model != "svm":
            found["slower"] += [
                f"{where}: hexbench is slower than {result.entry.title}."
                for result in faster_than_ours(outcome)
            ]
        found["unlike"] += [
            f"{where}: {c.result.entry.title} did not learn alike: its accuracy is "
            f"{100 * c.difference:+.1f} points from the median of the others, where "
            f"{100 * c.allowed:.1f} are noise."
            for c in compare_accuracies(outcome)
            if not c.alike
        ]
    return found


def _about(run: Run) -> str:
    peak = "not measured" if run.peak is None else f"{run.peak / 1e9:,.0f} GFLOP/s"
    lines = [
        f"Peak: {peak}, the fastest large float32 matrix product by XLA in this run.",
        *map(escape, run.remarks),
        *(f"**{escape(s)}**" for found in conclusions(run.outcomes).values() for s in found),
    ]
    busy = [outcome.setting.title for outcome in run.outcomes if outcome.clean is False]
    if busy:
        lines.append(
            f"**The machine was not otherwise idle, so that these times count for nothing: "
            f"{'; '.join(busy)}.** A library whose threads wait for each other suffers most."
        )
    return (
        "Each contestant ran in a process of its own, on every core of the CPU, one at a time and in "
        "turn on the same images: after a first run that is not counted, rounds of A B C, C B A, "
        "...\n\n" + "\n".join(f"- {line}" for line in lines)
    )


def _environment(run: Run) -> dict[str, Any]:
    packages = dict(run.environment["packages"])
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return run.environment | {"packages": packages, "command": run.command}
