"""Reads suites from TOML and expands their sweeps into cells for a number of images."""

import itertools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from math import ceil
from pathlib import Path
from typing import Any

from bench.data.split import test_count
from bench.errors import BadInput
from bench.plan.spec import (
    CHOSEN,
    GRID,
    GRID_WITH_PROBABILITY,
    NESTED,
    REPORT,
    SIMPLER,
    VALIDATED,
    CellSpec,
)

FOLDER = Path(__file__).parent / "suites"
MODELS = ("mlp", "cnn", "svm")
DIGITS = 16
"""Classes that are digits: all but the last, the empty one."""
REPORT_BATCH_SIZE = 16
REPORT_EPOCHS = (3, 5, 15, 50)
VALIDATION_SHARE = 5
"""One image of so many is held out by a validated cell."""
VALIDATIONS = 24


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


@dataclass(frozen=True)
class Plan:
    """The cells of a suite on so many images, in the order in which they run."""

    cells: tuple[CellSpec, ...]
    left_out: tuple[str, ...]
    """One sentence for each size that is above the data."""

    def of(self, cells: Iterable[CellSpec]) -> "Plan":
        """The same plan with only these cells."""
        return replace(self, cells=tuple(cells))


def names() -> list[str]:
    """The suites there are."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Suite:
    """The suite called `name`; BadInput names the file, the sweep and the fault."""
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        raise BadInput(f"there is no suite {name!r}: choose one of {', '.join(names())}.")
    return parse(path)


def parse(path: Path) -> Suite:
    """Read a suite file strictly: unknown keys and wrong types are faults."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}.") from None
    try:
        entries = content.pop("sweep", None)
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise BadInput("sweeps are written as [[sweep]] tables")
        sweeps = tuple(_sweep(entry) for entry in entries)
        return Suite(path.stem, sweeps=sweeps, **content)
    except (BadInput, TypeError) as error:
        raise BadInput(f"{path}: {error}".rstrip(".") + ".") from None


def plan(suite: Suite, images: int, *, seeds: int | None = None) -> Plan:
    """Every cell of `suite` on a data set of `images` images, each once, grid searches first.

    `seeds` gives every sweep at least so many. A cell that a longer one covers is dropped: its
    results stand in the longer one's history.
    """
    tested = test_count(images)
    available = images - tested
    cells: list[CellSpec] = []
    left_out: list[str] = []
    for sweep in suite.sweeps:
        if sweep.images_above < images <= (sweep.images_at_most or images):
            wanted = max(seeds or 0, sweep.seeds)
            expanded, messages = _expand(sweep, images, available, wanted)
            cells += expanded
            left_out += messages
    cells = _link_to_largest_grid(cells)
    cells = _drop_covered(dict.fromkeys(cells))
    return Plan(tuple(sorted(cells, key=_order)), tuple(dict.fromkeys(left_out)))


def narrow(cells: Iterable[CellSpec], only: dict[str, str]) -> list[CellSpec]:
    """The cells whose fields have the values of `only`, and the grid searches they depend on."""
    allowed = {item.name for item in fields(CellSpec)} - {"evaluate_at", "grid"}
    unknown = set(only) - allowed
    if unknown:
        raise BadInput(
            f"--only does not know {', '.join(sorted(unknown))}: use {', '.join(sorted(allowed))}."
        )
    chosen = [c for c in cells if all(str(getattr(c, k)) == v for k, v in only.items())]
    if not chosen:
        wanted = ",".join(f"{k}={v}" for k, v in only.items())
        raise BadInput(f"--only {wanted} matches no cell of this suite; --plan lists them.")
    return sorted(dict.fromkeys([*(c.grid for c in chosen if c.grid), *chosen]), key=_order)


def _sweep(entry: dict[str, Any]) -> Sweep:
    entry = dict(entry)
    for name in ("train_size", "images", "batch_size", "classes", "evaluate_at"):
        if name in entry and not isinstance(entry[name], list):
            entry[name] = [entry[name]]
    try:
        sweep = Sweep(**entry)
    except TypeError as error:
        fault = str(error).removeprefix("Sweep.__init__() ").replace("keyword argument", "key")
        raise BadInput(f"a sweep {fault}") from None
    if sweep.model not in MODELS:
        raise BadInput(f"there is no model {sweep.model!r}: choose one of {', '.join(MODELS)}")
    lengths = [sweep.epochs, sweep.steps_of_epochs, sweep.steps]
    counts = [sweep.seeds, *lengths, *sweep.batch_size, *sweep.classes]
    numbers = [*filter(lambda count: count is not None, counts), *(sweep.evaluate_at or [])]
    if not all(type(number) is int and number >= 1 for number in numbers):
        raise BadInput(f"a sweep of {sweep.model} has a count that is not a whole number above 0")
    if sum(length is not None for length in lengths) != (sweep.model != "svm"):
        raise BadInput(
            f"a sweep of {sweep.model} needs "
            + ("no epochs" if sweep.model == "svm" else "one of epochs, steps_of_epochs and steps")
        )
    if not all(count is None or 2 <= count <= DIGITS for count in sweep.classes):
        raise BadInput(f"a sweep of {sweep.model} has classes that are not 2 to {DIGITS}")
    if sweep.validated and (sweep.model == "svm" or sweep.images is not None):
        raise BadInput("a validated sweep is one of networks, and has train_size instead of images")
    if (sweep.fit in (GRID, GRID_WITH_PROBABILITY, CHOSEN)) != (sweep.model == "svm"):
        raise BadInput(f"a sweep of {sweep.model} has fit = {sweep.fit!r}")
    return sweep


def _expand(
    sweep: Sweep, images: int, available: int, seeds: int
) -> tuple[list[CellSpec], list[str]]:
    by_report = sweep.images is not None
    limit = images if by_report else available
    sizes, left_out = _sizes(sweep.images or sweep.train_size, limit)
    messages = [
        f"{sweep.model}: {size:,} {'' if by_report else 'training '}images left out, "
        f"there are {limit:,}"
        for size in left_out
    ]
    cells = []
    for size, classes, batch_size in itertools.product(sizes, sweep.classes, sweep.batch_size):
        if by_report:
            protocol, train_size = REPORT, size - test_count(size)
        else:
            protocol = NESTED if classes is None else SIMPLER
            train_size = size - (size // VALIDATION_SHARE if sweep.validated else 0)
            if sweep.validated and classes is None:
                protocol = VALIDATED
        base = CellSpec(
            model=sweep.model,
            protocol=protocol,
            images=None if size == train_size else size,
            classes=classes,
            train_size=train_size,
            seed=0,
            fit=sweep.fit,
        )
        if sweep.model != "svm":
            base = replace(
                base,
                batch_size=batch_size,
                **_epochs(sweep, train_size, available, batch_size),
            )
        # An SVM on all training images has nothing random in it.
        certain = sweep.model == "svm" and protocol == NESTED and size == available
        cells += [replace(base, seed=seed) for seed in range(1 if certain else seeds)]
    return cells, messages


def _epochs(sweep: Sweep, train_size: int, available: int, batch_size: int) -> dict[str, Any]:
    evaluated = list(REPORT_EPOCHS)
    if sweep.epochs is not None:
        epochs = sweep.epochs
    else:
        steps = sweep.steps
        if sweep.steps_of_epochs is not None:
            steps = sweep.steps_of_epochs * ceil(available / batch_size)
            evaluated = [sweep.steps_of_epochs]
        assert steps is not None
        epochs = ceil(steps / ceil(train_size / batch_size))
    if sweep.validated:
        evaluated = [ceil(epochs ** (i / VALIDATIONS)) for i in range(VALIDATIONS)]
    wanted = sorted(set(sweep.evaluate_at or evaluated))
    return {"epochs": epochs, "evaluate_at": tuple(e for e in wanted if e < epochs)}


def _sizes(wanted: list[int | str], limit: int) -> tuple[list[int], list[int]]:
    """The sizes there are images for, in order and each once, and those there are not."""
    sizes: list[int] = []
    for size in wanted:
        if size == "all":
            sizes.append(limit)
        elif isinstance(size, str):
            number = size.removeprefix("up to ").replace(",", "")
            if not number.isdecimal():
                raise BadInput(f"{size!r} is no size: write a number, 'all' or 'up to N'.")
            sizes.append(min(int(number), limit))
        else:
            sizes.append(size)
    fitting = [size for size in sizes if size <= limit]
    return list(dict.fromkeys(fitting)), [size for size in sizes if size > limit]


def _link_to_largest_grid(cells: list[CellSpec]) -> list[CellSpec]:
    grids = [cell for cell in cells if cell.fit == GRID and cell.protocol == REPORT]
    waiting = any(cell.fit == CHOSEN for cell in cells)
    if not waiting:
        return cells
    if not grids:
        raise BadInput(
            "a suite whose SVM takes the largest grid's parameters needs a grid by the report's protocol."
        )
    largest = max(grids, key=lambda cell: (cell.train_size, -cell.seed))
    return [replace(c, grid=largest) if c.fit == CHOSEN else c for c in cells]


def _drop_covered(cells: Iterable[CellSpec]) -> list[CellSpec]:
    longest: dict[Any, CellSpec] = {}
    others = []
    for cell in cells:
        if cell.epochs is None:
            others.append(cell)
            continue
        rival = longest.get(cell.curve)
        if rival is None:
            longest[cell.curve] = cell
            continue
        long, short = (cell, rival) if (cell.epochs > (rival.epochs or 0)) else (rival, cell)
        points = {*long.evaluate_at, *short.evaluate_at, short.epochs or 0} - {long.epochs}
        longest[cell.curve] = replace(long, evaluate_at=tuple(sorted(points)))
    return others + list(longest.values())


def _order(cell: CellSpec) -> tuple[Any, ...]:
    """Cheap models first, so that a broken set-up shows at once; searches before what waits for them."""
    return (
        MODELS.index(cell.model),
        cell.fit != GRID,
        cell.fit or "",
        cell.train_size,
        cell.batch_size or 0,
        cell.epochs or 0,
        cell.classes or 0,
        cell.protocol,
        cell.seed,
    )
