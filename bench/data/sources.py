"""Turns the `--data` option into a source of images, without loading them yet."""

import os
from pathlib import Path

from bench.data import course
from bench.data.dataset import Dataset, Source
from bench.errors import BadInput

VARIABLE = "HEXBENCH_DATA"
FOLDER = Path("data")
SYNTHETIC_NOTE = "synthetic hex digits drawn from pen strokes by hexbench itself"


def resolve(option: str, synthetic_count: int) -> Source:
    """The source that `auto`, `synthetic[:N]` or a path means.

    `auto` is $HEXBENCH_DATA if that is set, else the files in `data/`, else `synthetic_count`
    synthetic images; it never touches the network.
    """
    if option == "auto":
        if os.environ.get(VARIABLE):
            return _files(Path(os.environ[VARIABLE]).expanduser())
        if any((FOLDER / name).is_file() for name in (course.IMAGES_FILE, course.LABELS_FILE)):
            return _files(FOLDER)
        return _synthetic(synthetic_count)
    if option == "synthetic":
        return _synthetic(synthetic_count)
    if option.startswith("synthetic:"):
        number = option.removeprefix("synthetic:").replace("_", "")
        if not number.isdecimal() or not 34 <= int(number) <= 10_000_000:
            raise BadInput(f"--data {option}: N must be a whole number from 34 to 10,000,000.")
        return _synthetic(int(number))
    return _files(Path(option).expanduser())


def _files(path: Path) -> Source:
    name = path.resolve().name.removesuffix(".npz")

    def load() -> Dataset:
        return Dataset(name, *course.read(path))

    return Source(name, course.count(path), load, f"images read from files named {name}")


def _synthetic(count: int) -> Source:
    def load() -> Dataset:
        from bench.data.synthetic import draw

        return Dataset(f"synthetic-{count}", *draw(count), synthetic=True)

    return Source(f"synthetic-{count}", count, load, SYNTHETIC_NOTE)
