"""`python -m hexbench.run.together`: what seeds side by side and divided batches gain.

The seeds of a network in one program, as an accelerator trains them, and a batch that is divided among
devices (`--shard-batch`). What is compared takes turns.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import click
from hexbench import process
from hexbench.data.dataset import Dataset, Split, Subset
from hexbench.files import write_whole
from hexbench.measure.start import start_jax
from hexbench.models import entries
from hexbench.models.machine import usable_cores
from hexbench.paths import PathType
from hexbench.report.markdown import table_text
from hexbench.report.table import Table
from hexbench.report.terminal import print_table, standard_output
from hexbench.study import DEFAULT, load

SEEDS = (1, 2, 5, 10, 20)
BATCH_FACTORS = (1, 8, 64)
"""Batches as multiples of the network's own."""
MEASURED_S = 1.0
"""A measurement takes whole epochs until so much time has passed."""

Work = Callable[[], float]
"""Works, and returns the seconds that are compared."""


@click.command()
@click.option("--data", default="auto", show_default=True, help="Which images, as for a suite.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--out", default="results/together", type=PathType(), show_default=True)
def main(data: str, rounds: int, out: Path) -> None:
    """Time seeds that train in one program, and batches that devices share out."""
    study = load(DEFAULT)
    images = study.sources.resolve(data, None, study.data_default).load()
    jax = start_jax()
    networks = {name: entry.label for name, entry in entries().items() if entry.learning_curve}
    there, kind = jax.device_count(), jax.devices()[0].device_kind
    where = f"{there} devices of a CPU with {usable_cores()} cores" if kind == "cpu" else f"{there} × {kind}"
    measured = f"The median of {rounds} rounds, and (range), on {where}."
    tables = []
    if kind != "cpu":  # there no run does that
        tables.append(
            Table(
                "Seeds in one program",
                f"Seconds for each network, relative to one alone. {measured}",
                ("network", *(f"{count} seeds" for count in SEEDS[1:])),
                [(label, *_seeds(images, study.split, m, rounds)) for m, label in networks.items()],
            )
        )
    if there > 1:
        counts = [count for count in (2, 4, 8, 16, 32) if count < there] + [there]
        tables.append(
            Table(
                "A batch divided among devices",
                f"Seconds of an epoch, relative to a run without `--shard-batch`. {measured}",
                ("network", "batch size", *(f"{count} devices" for count in counts)),
                [
                    (label, f"{b:,}", *_divided(images, study.split, m, b, counts, rounds))
                    for m, label in networks.items()
                    for b in (factor * entries()[m].defaults["batch_size"] for factor in BATCH_FACTORS)
                ],
                "l" + "r" * (1 + len(counts)),
            )
        )
    console = standard_output()
    for table in tables:
        print_table(table, console)
    text = "\n\n".join(map(table_text, tables))
    write_whole(out / "report.md", f"# Networks side by side\n\n{text}\n")
    click.echo(f"Tables: {out / 'report.md'}")


def _seeds(data: Dataset, split: Split, model: str, rounds: int) -> list[str]:
    """Of so many in one program, seconds for each."""
    return _relative([_training(data, split, model, seeds=count) for count in SEEDS], rounds)


def _divided(
    data: Dataset, split: Split, model: str, batch_size: int, counts: Sequence[int], rounds: int
) -> list[str]:
    divided = [_training(data, split, model, batch_size=batch_size, devices=n) for n in (None, *counts)]
    return _relative(divided, rounds)


def _training(
    data: Dataset,
    split: Split,
    model: str,
    *,
    seeds: int = 1,
    batch_size: int | None = None,
    devices: int | None = None,
) -> Work:
    """Whole epochs of a network on all training images, compiled and warm; seconds of one, of one network."""
    from hexbench.models.training.devices import first_devices
    from hexbench.models.training.trainer import Trainer

    params = dict(entries()[model].defaults)
    rows = data.draw(Subset(len(data.parts(split)[0])), split, seed=0).train
    classifier = entries()[model].load()(**params)
    network = classifier.describe(data.images.shape[1:], data.classes)
    own = data.pixels(rows).reshape(len(rows), -1), data.labels[rows]
    trainer = Trainer(
        network,
        [own] * seeds,
        range(seeds),
        range(seeds),
        batch_size or params["batch_size"],
        classifier.recipe(len(rows)),
        first_devices(devices),
    )
    seconds = min(trainer.advance(1)[1] for _ in range(2))
    epochs = max(1, min(100, round(MEASURED_S / seconds)))
    return lambda: trainer.advance(epochs)[1] / epochs / seeds


def _relative(works: Sequence[Work], rounds: int) -> list[str]:
    """Each but the first relative to the first, round by round: median and range."""
    measured = [[work() for work in works] for _ in range(rounds)]
    texts = []
    for of_one in list(zip(*measured, strict=True))[1:]:
        ratios = [seconds / first for seconds, (first, *_) in zip(of_one, measured, strict=True)]
        texts.append(f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return texts


if __name__ == "__main__":
    process.run(main)
