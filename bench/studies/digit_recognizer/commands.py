"""The study's `data` commands: fetch and build real images, compare two data sets."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from hexbench.errors import BadInput
from hexbench.paths import PathType

if TYPE_CHECKING:
    from hexbench.data.card import Card
    from hexbench.data.dataset import Dataset
    from hexbench.data.download import Archive, Published
    from hexbench.report.progress import Bar

Command = Callable[..., Any]


def _build_options(command: Command) -> Command:
    """The options that say what to build, and from which archive."""
    options = (
        click.argument("name", metavar="emnist", type=click.Choice(["emnist"])),
        click.option(
            "--archive",
            type=PathType(),
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
        click.option("--all", "everything", is_flag=True, help="Every image of 0-9 and A-F instead."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_build_options
@click.option("--url", help="A mirror of the archive.")
def fetch(
    name: str,
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
    published, make = _set(name, count, everything)
    from hexbench.data.download import read_address, read_checksum
    from hexbench.report.progress import bytes_bar
    from hexbench.report.terminal import standard_output

    wanted, address = read_checksum(checksum), read_address(url or published.url)
    if archive:
        found = _given(published, archive, wanted)
    elif kept := published.kept(wanted):
        found = kept
        click.echo(f"{kept.path} is here already, and its checksum is right.")
    else:
        console = standard_output()

        def say(sentence: str) -> None:
            console.print(sentence, markup=False, highlight=False, soft_wrap=True)

        with bytes_bar("Fetching", console) as bar:
            found = published.download(address, wanted, bar, say)
        click.echo(f"Fetched {found.origin}, and its checksum is right: {found.path}")
    _make(name, found, make)


@click.command()
@_build_options
def build(name: str, archive: Path | None, checksum: str | None, count: int | None, everything: bool) -> None:
    """Build hex digits from an archive that is here.

    Without --archive that is the one in the cache folder. The network is never used.
    """
    published, make = _set(name, count, everything)
    from hexbench.data.download import read_checksum

    wanted = read_checksum(checksum)
    found = _given(published, archive, wanted) if archive else published.need_kept(wanted)
    _make(name, found, make)


def _set(
    name: str, count: int | None, everything: bool
) -> "tuple[Published, Callable[[Archive, Bar], Card]]":
    """What is published of the set `name`, and how its images are made of that."""
    if count and everything:
        raise click.UsageError("--count and --all do not go together.")
    from hexbench.studies.digit_recognizer.data import emnist
    from hexbench.studies.digit_recognizer.data.sources import IMAGES_IN_FULL

    emnist.check_not_foreign()
    wanted = None if everything else count or IMAGES_IN_FULL
    return {"emnist": (emnist.EMNIST, lambda found, bar: emnist.make_set(found, wanted, bar))}[name]


def _given(published: "Published", file: Path, checksum: str | None) -> "Archive":
    archive = published.on_disk(file, checksum)
    if checksum is None and not archive.has(published.checksum):
        click.echo(
            f"Warning: {file} is not the archive that NIST published (its md5 is {archive.md5}, "
            f"not {published.checksum.removeprefix('md5:')}); the set is built from it anyway, and "
            "its card says so.",
            err=True,
        )
    return archive


def _make(name: str, archive: "Archive", make: "Callable[[Archive, Bar], Card]") -> None:
    from hexbench.report.progress import count_bar
    from hexbench.report.terminal import standard_output
    from hexbench.studies.digit_recognizer.data.sources import emnist_folder

    with count_bar("Reading images", standard_output()) as bar:
        card = make(archive, bar)
    click.echo(f"{card.name}: {card.images:,} images in {emnist_folder()}")
    click.echo("Fingerprint:")
    click.echo(card.fingerprint)
    click.echo(f"use it with --data {name}")


@click.command()
@click.argument("first")
@click.argument("second", default="synthetic")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option("--beside-report", is_flag=True, help="Compare 107,802 synthetic images with the report.")
@click.option("--out", default="results/likeness", show_default=True, type=PathType())
def compare(first: str, second: str, seeds: int, beside_report: bool, out: Path) -> None:
    """Train the report's models on FIRST and on SECOND, and say how alike the two sets are.

    Both get as many images of each class; `synthetic` is drawn in FIRST's numbers.
    """
    from hexbench.data.sources import Sources
    from hexbench.report.terminal import print_table, standard_output
    from hexbench.studies.digit_recognizer.data import sources
    from hexbench.studies.digit_recognizer.likeness.trials import matched
    from hexbench.studies.digit_recognizer.likeness.write import write_comparison

    count = sources.IMAGES_IN_FULL
    known = Sources(sources.SOURCES, sources.READERS, sources.FALLBACK)
    one = known.resolve(first, count).load()
    _check_comparable(one)
    two = sources.drawn_like(one) if second == "synthetic" else known.resolve(second, count).load()
    _check_comparable(two)
    one, two = matched(one, two)
    large = sources.synthetic(None, count).load() if beside_report else None
    console = standard_output()
    for table in write_comparison(one, two, large, seeds, out, console):
        print_table(table, console)
    click.echo(f"Page: {out / 'report.md'}")


@click.command()
@click.argument("source", default="auto")
@click.option(
    "--model", "folder", type=PathType(), required=True, metavar="DIR", help="A saved model of SOURCE."
)
@click.option("--out", default="results/photographs", show_default=True, type=PathType())
def photograph(source: str, folder: Path, out: Path) -> None:
    """Draw photographs of test images of SOURCE, and say how many a saved model recognises."""
    from hexbench.data.sources import Sources
    from hexbench.files import write_whole
    from hexbench.report.markdown import table_text
    from hexbench.report.terminal import print_table, standard_output
    from hexbench.saved.load import load
    from hexbench.studies.digit_recognizer.data import sources
    from hexbench.studies.digit_recognizer.photographs import recognised

    data = Sources(sources.SOURCES, sources.READERS, sources.FALLBACK).resolve(source).load()
    _check_comparable(data)
    table = recognised(load(folder), data)
    print_table(table, standard_output())
    write_whole(out / "report.md", f"# Photographs\n\n{table_text(table)}\n")
    click.echo(f"Page: {out / 'report.md'}")


def _check_comparable(data: "Dataset") -> None:
    from hexbench.studies.digit_recognizer.data.sources import CLASSES, SHAPE

    if (data.shape, data.classes) != (SHAPE, CLASSES):
        sides = " x ".join(map(str, data.shape))
        raise BadInput(f"{data.name} has {data.classes} classes of {sides} images: 17 of 20 x 20 are needed.")
