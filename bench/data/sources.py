"""Turns the `--data` option into a source of images, without loading them yet."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.cache import emnist_folder, expanded
from bench.data.card import CARD_FILE, Card
from bench.data.files import IMAGES_FILE, LABELS_FILE
from bench.errors import BadInput
from bench.outside import one_line

if TYPE_CHECKING:  # NumPy takes longer to load than all else that `--plan` needs
    from bench.data.dataset import Dataset

VARIABLE = "HEXBENCH_DATA"
FOLDER = Path("data")
SYNTHETIC_ORIGIN = (
    "synthetic hex digits that hexbench itself draws from pen strokes, tuned to be about as hard as the "
    "real ones"
)


@dataclass(frozen=True)
class Source:
    """Images not loaded yet: a name and a count are known from a file's header."""

    name: str
    count: int
    load: Callable[[], "Dataset"]
    described: str
    """In words: where these images come from."""
    card: Card | None = None
    """What stands beside the files, if they were built."""


def resolve(option: str, synthetic_count: int) -> Source:
    """The source that `auto`, `synthetic[:N]`, `emnist` or a path means.

    `auto` is $HEXBENCH_DATA if that is set, else the files in `data/`, else `synthetic_count`
    synthetic images; it never touches the network.
    """
    if option == "auto":
        return _auto(synthetic_count)
    if option == "synthetic":
        return _synthetic(synthetic_count)
    if option.startswith("synthetic:"):
        number = option.removeprefix("synthetic:").replace("_", "")
        if not number.isdecimal() or len(number) > 8 or not 34 <= int(number) <= 10_000_000:
            raise BadInput(f"--data {option}: N must be a whole number from 34 to 10,000,000.")
        return _synthetic(int(number))
    if option == "emnist":
        return _emnist(emnist_folder())
    return _files(expanded(option))


def _auto(synthetic_count: int) -> Source:
    if os.environ.get(VARIABLE):
        return _files(expanded(os.environ[VARIABLE]))
    there = {entry.name for entry in FOLDER.iterdir()} if FOLDER.is_dir() else set()
    # A link to a disk that is not mounted was meant to be more than synthetic images.
    if there & {IMAGES_FILE, LABELS_FILE} or (FOLDER.is_symlink() and not FOLDER.exists()):
        return _files(FOLDER)
    return _synthetic(synthetic_count)


def _emnist(folder: Path) -> Source:
    for file in (IMAGES_FILE, LABELS_FILE):
        if not (folder / file).is_file():
            fault = f"it has no {file}" if folder.is_dir() else "the folder is not there"
            raise BadInput(
                f"--data emnist: no set is built in {folder} ({fault}); "
                "get it with `run_benchmarks.py data fetch emnist`."
            )
    return _files(folder)


def _files(path: Path) -> Source:
    from bench.data import course

    count = course.count(path)
    card = Card.read(path)
    name = card.name if card else one_line(path.resolve().name.removesuffix(".npz"))

    def load() -> "Dataset":
        from bench.data.dataset import Dataset

        data = Dataset(name, *course.read(path))
        if card and card.fingerprint != data.fingerprint:
            raise BadInput(
                f"{path} has changed since the set was built: its fingerprint is {data.fingerprint} "
                f"but {CARD_FILE} says {card.fingerprint}; build it again, or delete {CARD_FILE} if "
                "the change was meant."
            )
        return data

    described = card.origin if card else f"images read from files named {name}"
    return Source(name, count, load, described, card)


def drawn_like(data: "Dataset") -> "Dataset":
    """A synthetic set with as many images of each class as `data`."""
    from bench.data.dataset import Dataset
    from bench.data.synthetic import draw

    return Dataset("synthetic", *draw(data.class_counts), synthetic=True)


def _synthetic(count: int) -> Source:
    def load() -> "Dataset":
        from bench.data.dataset import Dataset
        from bench.data.synthetic import draw

        return Dataset(f"synthetic-{count}", *draw(count), synthetic=True)

    return Source(f"synthetic-{count}", count, load, SYNTHETIC_ORIGIN)
