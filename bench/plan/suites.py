"""Reads suites from TOML and expands their sweeps into cells for a number of images."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from math import ceil
from pathlib import Path
from typing import Any

from bench.data.split import test_count
from bench.errors import BadInput
from bench.outside import read_toml, reason
from bench.plan.spec import CHOSEN, GRID, NESTED, REPORT, SIMPLER, VALIDATED, CellSpec
from bench.plan.sweeps import MODELS, Suite, Sweep, read_suite

FOLDER = Path(__file__).parent / "suites"
REPORT_EPOCHS = (3, 5, 15, 50)
VALIDATION_SHARE = 5
"""One image of so many is held out by a validated cell."""
VALIDATIONS = 24


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
    """Read a suite file strictly: unknown keys, wrong types and what makes no sense are faults."""
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None
    try:
        return read_suite(path.stem, content)
    except BadInput as error:
        raise BadInput(f"{path}: {error}.") from None


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
    cells = _link_to_largest_grid(cells, suite)
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
            held_out = size // VALIDATION_SHARE if sweep.validated else 0
            train_size = size - held_out
            if held_out and classes is None:  # of four images none can be held out
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
            sizes.append(min(int(size.removeprefix("up to ").replace(",", "")), limit))
        else:
            sizes.append(size)
    fitting = [size for size in sizes if size <= limit]
    return list(dict.fromkeys(fitting)), [size for size in sizes if size > limit]


def _link_to_largest_grid(cells: list[CellSpec], suite: Suite) -> list[CellSpec]:
    grids = [cell for cell in cells if cell.fit == GRID and cell.protocol == REPORT]
    waiting = any(cell.fit == CHOSEN for cell in cells)
    if not waiting:
        return cells
    if not grids:
        raise BadInput(
            f"suite {suite.name} has an SVM that takes the largest grid's parameters, but no grid by the "
            "report's protocol."
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
