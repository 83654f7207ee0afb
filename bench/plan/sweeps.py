"""A suite as its TOML file writes it, and what may stand there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.errors import BadInput
from bench.outside import short
from bench.plan.spec import CHOSEN, GRID, GRID_WITH_PROBABILITY

MODELS = ("mlp", "cnn", "svm")
DIGITS = 16
"""Classes that are digits: all but the last, the empty one."""
REPORT_BATCH_SIZE = 16
LISTS = ("train_size", "images", "batch_size", "classes", "evaluate_at")
SIZE = re.compile(r"all|up to [0-9][0-9,]{0,12}")
FEWEST_IMAGES = 2
MOST = 10**9
"""No count of a sweep is larger ..."""
MOST_CELLS = 100_000
"""... and no suite has more cells, so that a few bytes cannot ask for all memory."""


@dataclass(frozen=True)
class Sweep:
    """A grid of cells as a suite's TOML writes it. Lists are crossed; a single value is a list of one."""

    model: str
    seeds: int = 1
    """How many, 0 to seeds - 1."""
    train_size: list[int | str] = field(default_factory=lambda: ["all"])
    """Numbers, `all`, or `up to N`: N, or all where there are fewer. Left out above the data."""
    images: list[int | str] | None = None
    """Like train_size, but for the report's protocol: these are split 70/30 themselves."""
    batch_size: list[int] = field(default_factory=lambda: [REPORT_BATCH_SIZE])
    epochs: int | None = None
    steps_of_epochs: int | None = None
    """As many optimiser steps as this many epochs of all training images take."""
    steps: int | None = None
    """As many optimiser steps; the last epoch is a whole one."""
    validated: bool = False
    """A fifth of the images is held out, and the epoch is tested at which its loss is lowest."""
    classes: list[int | None] = field(default_factory=lambda: [None])
    """Tasks of so many digits, drawn by seed, instead of all seventeen classes."""
    evaluate_at: list[int] | None = None
    """Epochs after which the test images are evaluated, besides the last; if not given, 3, 5, 15 and
    50 of `epochs`, `steps_of_epochs` itself, and for `validated` ones VALIDATIONS, ever wider apart."""
    fit: str | None = None
    images_above: int = 0
    """The sweep holds only for data sets of more images than this ..."""
    images_at_most: int | None = None
    """... and of at most this many."""


@dataclass(frozen=True)
class Suite:
    """A named set of sweeps, and how many images it draws where the user has none."""

    name: str
    description: str
    synthetic_images: int
    sweeps: tuple[Sweep, ...]


def read_suite(name: str, content: dict[str, Any]) -> Suite:
    """The suite that a TOML file's content describes; BadInput says what is wrong, without a full stop."""
    entries = content.get("sweep")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput("sweeps are written as [[sweep]] tables")
    others = {key: value for key, value in content.items() if key != "sweep"}
    try:
        suite = Suite(name, sweeps=tuple(map(_sweep, entries)), **others)
    except TypeError as error:
        raise BadInput(_said(error)) from None
    if not isinstance(suite.description, str):
        raise BadInput("the description is no text")
    if not _is_count(suite.synthetic_images):
        raise BadInput("synthetic_images is not a whole number above 0")
    if sum(map(_most_cells, suite.sweeps)) > MOST_CELLS:
        raise BadInput(f"the sweeps have more than {MOST_CELLS:,} cells")
    return suite


def _sweep(entry: dict[str, Any]) -> Sweep:
    listed: dict[str, Any] = {
        name: value if name not in LISTS or isinstance(value, list) else [value]
        for name, value in entry.items()
    }
    try:
        sweep = Sweep(**listed)
    except TypeError as error:
        raise BadInput(f"a sweep {_said(error)}") from None
    if not isinstance(sweep.model, str) or sweep.model not in MODELS:
        raise BadInput(
            f"there is no model {_shown(sweep.model)}: choose one of {', '.join(MODELS)}"
        )
    fault = next(_faults(sweep), None)
    if fault is not None:
        raise BadInput(f"a sweep of {sweep.model} {fault}")
    return sweep


def _faults(sweep: Sweep) -> Iterator[str]:
    """What is wrong with a sweep of a known model, as the rest of a sentence that begins with it."""
    is_svm = sweep.model == "svm"
    lengths = [sweep.epochs, sweep.steps_of_epochs, sweep.steps]
    optional = [*lengths, sweep.images_at_most, *sweep.classes]
    given = [count for count in optional if count is not None]
    numbers = [sweep.seeds, *given, *sweep.batch_size, *(sweep.evaluate_at or [])]
    if not all(map(_is_count, numbers)) or not _is_count(sweep.images_above, least=0):
        yield f"has a count that is not a whole number above 0, or is over {MOST:,}"
    sizes = [*sweep.train_size, *(sweep.images or [])]
    wrong = [size for size in sizes if not _is_size(size)]
    if wrong:
        yield (
            f"has the size {_shown(wrong[0])}: write a number from {FEWEST_IMAGES}, 'all' or 'up to N'"
        )
    if [] in (sweep.train_size, sweep.images, sweep.batch_size, sweep.classes, sweep.evaluate_at):
        yield "has an empty list"
    if sum(length is not None for length in lengths) != (not is_svm):
        yield "needs " + ("no epochs" if is_svm else "one of epochs, steps_of_epochs and steps")
    if not all(count is None or 2 <= count <= DIGITS for count in sweep.classes):
        yield f"has classes that are not 2 to {DIGITS}"
    if not _is_bool(sweep.validated):
        yield "has a validated that is neither true nor false"
    if sweep.validated and (is_svm or sweep.images is not None):
        yield "is validated: such a sweep is one of networks, and has train_size instead of images"
    if sweep.fit not in ((GRID, GRID_WITH_PROBABILITY, CHOSEN) if is_svm else (None,)):
        yield f"has fit = {_shown(sweep.fit)}"


def _is_count(value: Any, least: int = 1) -> bool:
    return type(value) is int and least <= value <= MOST


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_size(value: Any) -> bool:
    if isinstance(value, str):
        number = value.removeprefix("up to ").replace(",", "")
        return SIZE.fullmatch(value) is not None and (
            value == "all" or int(number) >= FEWEST_IMAGES
        )
    return _is_count(value, FEWEST_IMAGES)


def _most_cells(sweep: Sweep) -> int:
    sizes = sweep.images or sweep.train_size
    return sweep.seeds * len(sizes) * len(sweep.classes) * len(sweep.batch_size)


def _shown(value: Any) -> str:
    """Text and numbers as they stand there; of others only the kind, for they may be long or deep."""
    if isinstance(value, str):
        return repr(short(value))
    return str(value) if _is_count(value, -MOST) else f"of type {type(value).__name__}"


def _said(error: TypeError) -> str:
    """What a dataclass says of unknown and missing fields."""
    text = str(error).replace("keyword argument", "key")
    return short(re.sub(r"(Sweep|Suite)\.__init__\(\) ", "", text))
