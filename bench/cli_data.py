"""The `data` commands: real images fetched and built, sets described, verified and compared."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bench.data.archive import Archive

Command = Callable[..., Any]


@click.group(name="data")
def data_commands() -> None:
    """Fetch, build, describe, verify and compare sets of images."""


def _building(command: Command) -> Command:
    """The options that say what to build, and from which archive."""
    for option in reversed(
        [
            click.argument("name", metavar="emnist", type=click.Choice(["emnist"])),
            click.option(
                "--archive",
                type=click.Path(path_type=Path),
                help="EMNIST's gzip.zip, if you have it already.",
            ),
            click.option(
                "--checksum",
                metavar="KIND:HEX",
                help="md5:... or sha256:... that the archive must have [NIST's].",
            ),
            click.option(
                "--count",
                metavar="N",
                type=click.IntRange(34),
                help="How many images, in the report's class proportions [107802].",
            ),
            click.option(
                "--all", "everything", is_flag=True, help="Every image of 0-9 and A-F instead."
            ),
        ]
    ):
        command = option(command)
    return command


@data_commands.command()
@_building
@click.option("--url", help="A mirror of the archive.")
def fetch(
    name: str,  # noqa: ARG001 - one choice so far
    archive: Path | None,
    checksum: str | None,
    count: int | None,
    everything: bool,
    url: str | None,
) -> None:
    """Download EMNIST from NIST, about 560 MB, and build.

    The archive and the set are kept in the cache folder: HEXBENCH_CACHE, or the system's own.
    """
    if archive and url:
        raise click.UsageError("--url and --archive do not go together.")
    _check(count, everything)
    from rich.console import Console

    from bench.data import archive as archives
    from bench.report.bar import bytes_bar

    wanted, address = (
        archives.read_checksum(checksum),
        archives.read_address(url or archives.NIST_URL),
    )
    if archive:
        found = _given(archive, wanted)
    elif kept := archives.kept(wanted):
        found = kept
        click.echo(f"{kept.path} is here already, and its checksum is right.")
    else:
        console = Console()

        def say(sentence: str) -> None:
            console.print(sentence, markup=False, highlight=False, soft_wrap=True)

        with bytes_bar("Fetching", console) as bar:
            found = archives.download(address, wanted, bar, say)
        click.echo(f"Fetched {found.origin}, and its checksum is right: {found.path}")
    _make(found, count, everything)


@data_commands.command()
@_building
def build(
    name: str,  # noqa: ARG001 - one choice so far
    archive: Path | None,
    checksum: str | None,
    count: int | None,
    everything: bool,
) -> None:
    """Build hex digits from an archive that is here.

    Without --archive that is the one in the cache folder. The network is never used.
    """
    _check(count, everything)
    from bench.data import archive as archives

    wanted = archives.read_checksum(checksum)
    _make(_given(archive, wanted) if archive else archives.need_kept(wanted), count, everything)


def _check(count: int | None, everything: bool) -> None:
    if count and everything:
        raise click.UsageError("--count and --all do not go together.")
    from bench.data.emnist import refuse_strangers

    refuse_strangers()


def _given(file: Path, checksum: str | None) -> "Archive":
    from bench.data.archive import NIST_MD5, on_disk

    archive = on_disk(file, checksum)
    if checksum is None and not archive.published:
        click.echo(
            f"Warning: {file} is not the archive that NIST published (its md5 is {archive.md5}, "
            f"not {NIST_MD5}); the set is built from it all the same, and its card says so.",
            err=True,
        )
    return archive


def _make(archive: "Archive", count: int | None, everything: bool) -> None:
    from rich.console import Console

    from bench.data.cache import emnist_folder
    from bench.data.emnist import make_set
    from bench.data.paper import IMAGES_IN_FULL
    from bench.report.bar import count_bar

    with count_bar("Reading images", Console()) as bar:
        card = make_set(archive, None if everything else count or IMAGES_IN_FULL, bar)
    click.echo(f"{card.name}: {card.images:,} images in {emnist_folder()}")
    click.echo("Fingerprint:")
    click.echo(card.fingerprint)
    click.echo("use it with --data emnist")


@data_commands.command()
@click.argument("source", default="auto")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where the card goes [results/data/<name>]."
)
def describe(source: str, out: Path | None) -> None:
    """Write and print the data card of SOURCE: auto, synthetic[:N], emnist or a path.

    Into --out go card.md, card.json and examples.png.
    """
    from rich.console import Console

    from bench.data.describe import describe as count_and_measure
    from bench.data.known import card_of
    from bench.data.paper import IMAGES_IN_SMALL
    from bench.data.sources import resolve
    from bench.report import card as cards
    from bench.report.examples import draw_examples
    from bench.report.terminal import print_table
    from bench.store import write_whole

    found = resolve(source, IMAGES_IN_SMALL)
    data = found.load()
    card, description = card_of(data, found), count_and_measure(data)
    folder = out or Path("results") / "data" / data.name
    click.echo(data.name)
    for line in cards.facts(card, description):
        click.echo(line)
    print_table(cards.classes(description), Console())
    draw_examples([(data.name, data.images, data.labels)], folder / "examples.png")
    write_whole(folder / "card.md", cards.page(card, description, "examples.png"))
    card.write(folder)
    click.echo(f"Card: {folder / 'card.md'}")


@data_commands.command()
@click.argument("source", default="auto")
@click.option(
    "--card",
    "folder",
    type=click.Path(path_type=Path),
    help="A folder with card.json to compare with.",
)
def verify(source: str, folder: Path | None) -> None:
    """Check that SOURCE is what was recorded, to the last byte; exit code 2 if not."""
    from bench.data.known import verify as hold
    from bench.data.paper import IMAGES_IN_SMALL
    from bench.data.sources import resolve

    found = resolve(source, IMAGES_IN_SMALL)
    data = found.load()
    where = hold(data, found, folder)
    click.echo(f"{data.name}: {len(data.images):,} images, as in {where}. Fingerprint:")
    click.echo(data.fingerprint)


@data_commands.command()
@click.argument("first")
@click.argument("second", default="synthetic")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--beside-report", is_flag=True, help="Hold 107,802 synthetic images against the report."
)
@click.option(
    "--out", default="results/likeness", show_default=True, type=click.Path(path_type=Path)
)
def compare(first: str, second: str, seeds: int, beside_report: bool, out: Path) -> None:
    """Train the three models on FIRST and on SECOND, and say how alike the two sets are.

    Both get as many images of each class; `synthetic` is drawn in FIRST's numbers.
    """
    from rich.console import Console

    from bench.data.paper import IMAGES_IN_FULL
    from bench.data.sources import drawn_like, resolve
    from bench.likeness.trials import matched
    from bench.likeness.write import write_comparison
    from bench.report.terminal import print_table

    one = resolve(first, IMAGES_IN_FULL).load()
    two = drawn_like(one) if second == "synthetic" else resolve(second, IMAGES_IN_FULL).load()
    one, two = matched(one, two)
    large = resolve(f"synthetic:{IMAGES_IN_FULL}", 0).load() if beside_report else None
    console = Console()
    for table in write_comparison(one, two, large, seeds, out, console):
        print_table(table, console)
    click.echo(f"Page: {out / 'report.md'}")
