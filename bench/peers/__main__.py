"""`python -m bench.peers`: the CNN's epoch beside PyTorch's, as ratios, into results/peers."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from statistics import median

import click
from rich.console import Console

from bench.data.sources import resolve
from bench.errors import BadInput, ExitCode
from bench.measure.environment import describe
from bench.peers.contest import Maker, contest, table, time_beside
from bench.report.markdown import table_text
from bench.report.terminal import print_table
from bench.store import write_whole

LIMIT = 3.0
"""hexbench's epoch may take so many times the fastest peer's."""


@click.command()
@click.option("--data", default="auto", show_default=True, help="Which images, as for a suite.")
@click.option("--batch-size", default=16, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--out", default="results/peers", show_default=True, type=click.Path(path_type=Path))
def main(data: str, batch_size: int, rounds: int, out: Path) -> None:
    """Time one epoch of the report's CNN by hexbench and by PyTorch, in turn, in one run."""
    if importlib.util.find_spec("torch") is None:
        click.echo("Error: PyTorch is not installed: `make peers` installs it.", err=True)
        sys.exit(ExitCode.BAD_INPUT)
    os.environ["JAX_PLATFORMS"] = "cpu"  # where PyTorch of the extra `peers` computes, too
    from bench.peers.contestants import Hexbench, PyTorch, PyTorchChannelsLast

    try:
        images = resolve(data, 9_834).load()
    except BadInput as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(ExitCode.BAD_INPUT)
    train, test = images.split
    split = (images.images[train], images.labels[train], images.images[test], images.labels[test])
    makers: list[Maker] = [Hexbench, PyTorch, PyTorchChannelsLast]
    results, clean = contest(makers, split, batch_size, rounds, click.echo)
    made = table(results, len(train), batch_size, clean)
    print_table(made, Console())
    environment = json.dumps(describe(), indent=1)
    page = f"# hexbench and PyTorch on {images.name}\n\n{table_text(made)}\n\n```json\n{environment}\n```\n"
    write_whole(out / "report.md", page)
    click.echo(f"Table: {out / 'report.md'}")
    slower = time_beside(results[0], min(results[1:], key=lambda r: median(r.seconds)))
    kept = slower < LIMIT
    click.echo(
        f"{slower:.2f} of the fastest peer's time: the limit of {LIMIT} is {'kept' if kept else 'BROKEN'}."
    )
    sys.exit(ExitCode.OK if kept else ExitCode.REGRESSION)


if __name__ == "__main__":
    main()
