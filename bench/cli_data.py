"""The `data` commands that every study has: describe and verify a data set."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from hexbench.paths import PathType

if TYPE_CHECKING:
    from hexbench.data.sources import Source
    from hexbench.study import Study

RESIZE = click.option("--resize", metavar="N|HxW", help="Bring every image to this size first.")


@click.group(name="data")
def data_commands() -> None:
    """Describe and verify sets of images, and what the study adds."""


def _study(context: click.Context) -> "Study":
    """The study that `--study` before the command names."""
    from hexbench.study import load

    return load(context.find_root().params["study"])


def _source(study: "Study", source: str, resize: str | None) -> "Source":
    from hexbench.data.resize import Size

    size = None if resize is None else Size.of(resize)
    return study.sources.resolve(source, default=study.data_default, size=size)


@data_commands.command()
@click.argument("source", default="auto")
@click.option("--out", type=PathType(), help="Where the card goes [results/data/<name>].")
@RESIZE
@click.pass_context
def describe(context: click.Context, source: str, out: Path | None, resize: str | None) -> None:
    """Write and print the data card of SOURCE, which is what --data takes.

    Into --out go card.md, card.json and examples.png.
    """
    from hexbench.data import card as cards
    from hexbench.data.hints import hints
    from hexbench.files import write_whole
    from hexbench.report import card as pages
    from hexbench.report.examples import draw_examples
    from hexbench.report.terminal import print_table, standard_output

    study = _study(context)
    found = _source(study, source, resize)
    data = found.load()
    card = cards.card_of(data, found.card, study.sources.known)
    description = cards.describe(data, data.split_by(study.split))
    hinted = hints(data, study.reference, study.sources.known)
    folder = out or Path("results") / "data" / data.name
    click.echo(data.name)
    for line in pages.facts(card, description, hinted):
        click.echo(line)
    print_table(pages.classes(description), standard_output())
    draw_examples([data], folder / "examples.png")
    write_whole(folder / "card.md", pages.page(card, description, "examples.png", hinted))
    card.write(folder)
    click.echo(f"Card: {folder / 'card.md'}")


@data_commands.command()
@click.argument("source", default="auto")
@click.option(
    "--card",
    "folder",
    type=PathType(),
    help="A folder with card.json to compare with.",
)
@RESIZE
@click.pass_context
def verify(context: click.Context, source: str, folder: Path | None, resize: str | None) -> None:
    """Check that SOURCE is what was recorded, to the last byte; exit code 2 if not."""
    from hexbench.data.card import verify as verify_data

    study = _study(context)
    found = _source(study, source, resize)
    data = found.load()
    where = verify_data(data, found.card, study.sources.known, folder)
    click.echo(f"{data.name}: {len(data.images):,} images, as in {where}. Fingerprint:")
    click.echo(data.fingerprint)
