"""Writes how often intervals and rules err: `python -m hexbench.studies.digit_recognizer.simulation`."""

from collections.abc import Iterator
from pathlib import Path

import click
from hexbench import process
from hexbench.analyse.simulation import (
    Components,
    Missed,
    Row,
    any_difference,
    equal_models,
    mean_accuracy,
    near,
    over_splits,
)
from hexbench.files import write_whole
from hexbench.paths import PathType
from hexbench.report.markdown import table_text
from hexbench.report.table import Table

MLP = Components("MLP, 50 epochs", 0.817, 0.0929, 0.006)
CNN = Components("CNN, 3 epochs", 0.937, 0.0338, 0.003)
"""As in runs on hex2024 of seeds from 0 on, before the reference run."""
MODELS = (MLP, CNN)
IMAGES = (2_951, 32_341)
"""Test images of hex2024 and of the report."""
SEEDS = (1, 2, 3, 5, 10)
LEVELS = (0.95, 0.995)
ERROR = "Nominal are 2.5% on either side; of {runs:,} runs the standard error of 5% is {error:.1%}."


@click.command(context_settings={"show_default": True})
@click.option("--runs", type=click.IntRange(min=10), default=4_000, help="Simulated runs for each row.")
@click.option("--out", type=PathType(), default=Path("results/simulation"))
def main(runs: int, out: Path) -> None:
    """Simulate how often intervals hold the truth and rules err, and write report.md."""
    tables = []
    for table in _tables(runs):
        click.echo(f"{table.title}: done")
        tables.append(table_text(table))
    text = "\n\n".join(["# Intervals and rules by simulation", *tables]) + "\n"
    write_whole(out / "report.md", text)
    click.echo(f"Report: {out / 'report.md'}")


def _tables(runs: int) -> Iterator[Table]:
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note = ERROR.format(runs=runs, error=(0.05 * 0.95 / runs) ** 0.5)
    header = (
        "model",
        "seeds",
        "test images",
        "level",
        "covers",
        "too low",
        "too high",
        "mean half width (pp)",
    )
    rows = [
        _row(model, str(seeds), images, level, mean_accuracy(model, seeds, images, runs, level))
        for model in MODELS
        for images in IMAGES
        for seeds in SEEDS
        for level in (LEVELS if seeds == 3 else LEVELS[:1])
    ]
    yield Table("Mean accuracy", f"On one split. {note}", header, rows)
    rows = [
        _row(model, f"{a} and {b}", images, 0.95, equal_models(model, (a, b), images, runs))
        for model in MODELS
        for images in IMAGES
        for a, b in ((1, 1), (3, 3), (5, 5))
    ]
    yield Table("Difference of two equal models", f"On one split. {note}", header, rows)
    rows = [
        (str(seeds), str(len(compared)), f"{any_difference(compared, IMAGES[0], runs // 2):.1%}")
        for seeds in (1, 2, 3, 5)
        for compared in [_compared(seeds)]
    ]
    yield Table(
        "Two runs of equal code",
        f"Of {runs // 2:,} pairs of runs on {IMAGES[0]:,} test images, in how many `compare` shows a "
        "difference in any row, of whatever size. Headline rows share an error rate of 5%, the others "
        "another.",
        ("seeds", "rows", "pairs with a difference"),
        rows,
        "r",
    )
    rows = [
        (model.name, str(splits), f"{100 * sd:g}", *_shares(over_splits(model, splits, 9_834, sd, runs // 2)))
        for model in MODELS
        for splits in (5, 20)
        for sd in (0.0, 0.003)
    ]
    header = (
        "model",
        "splits",
        "sd by training images (pp)",
        "covers",
        "too low",
        "too high",
        "mean half width (pp)",
    )
    yield Table("Mean over random splits", f"Of 9,834 images, 30% tested. {note}", header, rows)
    rows = [
        (model.name, str(seeds), f"{images:,}", f"{100 * off:g}", *(f"{100 * share:.1f}" for share in shares))
        for model in MODELS
        for images in IMAGES
        for seeds in (3, 5, 10)
        for off in (0.0, 0.015, 0.03)
        for shares in [near(model, seeds, images, off, runs)]
    ]
    header = ("model", "seeds", "test images", "true difference (pp)", "supported %", "refuted %")
    note = "Whether the accuracy is within 1.5 points of the reported: at 1.5 points either answer is wrong."
    yield Table("The rule near", note, header, rows)


def _compared(seeds: int) -> list[Row]:
    """About as many rows as two runs of the suite `full` on hex2024 have."""
    headline = [Row(model, seeds, headline=True) for model in MODELS]
    headline += [Row(model, 20, splits=True, headline=True) for model in MODELS]
    return headline + [Row(model, seeds) for model in MODELS for _ in range(28)]


def _row(model: Components, seeds: str, images: int, level: float, found: Missed) -> tuple[str, ...]:
    return (model.name, seeds, f"{images:,}", f"{100 * level:g}%", *_shares(found))


def _shares(found: Missed) -> tuple[str, str, str, str]:
    low, high = f"{100 * found.low:.1f}%", f"{100 * found.high:.1f}%"
    return f"{100 * found.covered:.1f}%", low, high, f"{100 * found.reach:.2f}"


if __name__ == "__main__":
    process.run(main)
