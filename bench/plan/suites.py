"""Expands the sweeps of a suite into cells for a data set, in the order in which they run."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from hexbench.data.dataset import Split, Subset
from hexbench.errors import BadInput
from hexbench.files import nearest
from hexbench.models import Entry
from hexbench.plan.cell import SOURCES, Cell, Value, shown
from hexbench.plan.sweeps import Models, Suite, Sweep

SPLIT = "split"
"""A source of variance, as `vary` has it."""
OWN_PART = "these data have a test part of their own"
VALIDATION_SHARE = 5
"""Early stopping holds out one image of so many."""
VALIDATIONS = 24
"""Evaluations of the held-out images, ever wider apart."""
STEPS = (1, 2, 5)
"""Epochs that are evaluated unless a sweep says otherwise: these times powers of ten."""
MOST_SNAPSHOTS = 4
"""Predictions are kept at so many evaluated epochs besides the last, unless a sweep says otherwise."""
ONLY = (
    "model",
    "split",
    "seed",
    "epochs",
    "batch_size",
    "train_size",
    "images",
    "classes",
    "protocol",
)


@dataclass(frozen=True)
class Images:
    """What planning needs to know of a data set."""

    count: int
    split: Split
    """The study's own, or that of data with a test part of their own."""
    tested: int
    """Test images of that split."""
    own: bool = False
    """Whether the data have a test part of their own: no split is drawn then."""

    @classmethod
    def of(cls, count: int, split: Split, own: int | None) -> "Images":
        """`count` images of a study with this split, of which `own` are the data's own test part."""
        split = split.or_own(count, own)
        return cls(count, split, split.tested(count), own is not None)

    @property
    def available(self) -> int:
        """Training images."""
        return self.count - self.tested


@dataclass(frozen=True)
class Plan:
    """The cells of a suite on so many images, in the order in which they run."""

    cells: tuple[Cell, ...]
    left_out: tuple[str, ...] = ()
    """One sentence for each size that is above the data, or kind of cell that they cannot measure."""
    own_split: int | str | None = None
    """The name of the study's own split."""

    def of(self, cells: Iterable[Cell], left_out: Iterable[str] = ()) -> "Plan":
        """The same plan with only these cells, and more sentences on what is left out."""
        return replace(self, cells=tuple(cells), left_out=(*self.left_out, *left_out))


def plan(suite: Suite, images: Images, models: Models, seeds: int | None = None) -> Plan:
    """Every cell of `suite` on a data set, each once, searches before the cells that wait for them.

    `seeds` gives every sweep at least so many. A cell that a longer one contains is dropped: its
    results stand in the longer one's history.
    """
    cells: list[Cell] = []
    left_out: list[str] = []
    for sweep in suite.sweeps:
        if sweep.images_above < images.count <= (sweep.images_at_most or images.count):
            wanted = replace(sweep, seeds=max(seeds or 0, sweep.seeds))
            expanded, messages = _expand(wanted, images, models[sweep.model])
            cells += expanded
            left_out += messages
    cells = _drop_contained(dict.fromkeys(_linked(cells, suite, models)), models)
    order = _order_of_models(suite)
    settings: dict[Cell, int] = {}
    for cell in cells:
        settings.setdefault(setting_of(cell), len(settings))
    cells.sort(key=lambda cell: _place(cell, order, settings[setting_of(cell)]))
    return Plan(tuple(cells), tuple(dict.fromkeys(left_out)), images.split.name)


def with_own_models(suite: Suite, names: Sequence[str]) -> Suite:
    """The suite with one's own models added, with their defaults, at the suite's training sizes."""
    named = {sweep.model for sweep in suite.sweeps}
    seeds: dict[int | str, int] = {}
    for sweep in suite.sweeps:
        if sweep.images is None and sweep.classes == [None] and sweep.splits is None:
            for size in sweep.train_size:
                seeds[size] = max(sweep.seeds, seeds.get(size, 1))
    added = [
        Sweep(model=name, train_size=[size], seeds=count)
        for name in names
        if name not in named
        for size, count in (seeds or {"all": 1}).items()
    ]
    return replace(suite, sweeps=(*suite.sweeps, *added))


def narrow(cells: Iterable[Cell], only: Mapping[str, str]) -> list[Cell]:
    """The cells whose fields have the values of `only`, and the searches that they depend on."""
    cells = list(cells)
    params = {f"params.{name}" for cell in cells for name in cell.params}
    unknown = sorted(set(only) - set(ONLY) - params)
    if unknown:
        near = nearest(unknown[0], (*ONLY, *params))
        raise BadInput(f"--only does not know {unknown[0]!r}{near}: use {', '.join(ONLY)} or params.NAME.")
    chosen = [c for c in cells if all(value in _texts(c, name) for name, value in only.items())]
    if not chosen:
        wanted = ",".join(f"{k}={v}" for k, v in only.items())
        there = ((v, {text for c in cells for text in _texts(c, k)}) for k, v in only.items())
        near = next((found for v, texts in there if v not in texts and (found := nearest(v, texts))), "")
        raise BadInput(f"--only {wanted} matches no cell of this suite{near}; --plan lists them.")
    needed = {cell.params_from for cell in chosen}
    return [cell for cell in cells if cell.identity in needed or cell in set(chosen)]


def _texts(cell: Cell, name: str) -> tuple[str, str]:
    """How a user may write the value of a cell's field."""
    values = {
        "epochs": cell.planned_epochs,
        "images": cell.subset.size if cell.subset.resplit else None,
        "classes": cell.subset.classes,
    }
    if name.startswith("params."):
        value = cell.params.get(name.removeprefix("params."), "not a hyperparameter")
    else:
        value = values[name] if name in values else getattr(cell, name)
    return str(value), shown(value)


def _expand(sweep: Sweep, images: Images, entry: Entry) -> tuple[list[Cell], list[str]]:
    if images.own and (sweep.splits, sweep.first_split) != (None, None) and not sweep.vary:
        return [], [f"{entry.label}: random splits left out: {OWN_PART}"]
    limit = images.available if sweep.images is None else images.count
    sizes, above = _sizes(sweep.images or sweep.train_size, limit)
    kind = "training images" if sweep.images is None else "images"
    left_out = [f"{entry.label}: {size:,} {kind} left out, there are {limit:,}" for size in above]
    if sweep.validated:
        few = [size for size in sizes if size < VALIDATION_SHARE]
        sizes = [size for size in sizes if size not in few]
        left_out += [
            f"{entry.label}: {size:,} {kind} left out: early stopping holds out one of {VALIDATION_SHARE}"
            for size in few
        ]
    own = sweep.splits is None and (sweep.first_split is None or sweep.vary != [])
    first = sweep.first_split or 0
    splits = [images.split.name] if own else list(range(first, first + (sweep.splits or 1)))
    vary = [source for source in sweep.vary if not (images.own and source == SPLIT)]
    if vary != sweep.vary:
        left_out.append(f"{entry.label}: {SPLIT} alone varied left out: {OWN_PART}")
    names, lists = list(sweep.params), list(sweep.params.values())
    cells = []
    for size, classes, values, (place, split) in itertools.product(
        sizes, sweep.classes, list(itertools.product(*lists)), list(enumerate(splits))
    ):
        params = dict(entry.defaults) | dict(zip(names, values, strict=True))
        held_out = size // VALIDATION_SHARE if sweep.validated else 0
        base = Cell(
            model=sweep.model,
            params=params,
            subset=Subset(size, held_out, sweep.images is not None, classes),
            split=split,
            test_size=images.split.test_size,
            seed=0,
            params_from=sweep.params_from,
            losses=sweep.losses,
            source=entry.source,
        )
        if entry.learning_curve:
            base = _with_epochs(base, sweep, images.available)
        # A deterministic model on all training images has nothing random in it.
        everything = sweep.images is None and classes is None and size == images.available
        seeds = 1 if entry.deterministic and everything else sweep.seeds
        if sweep.vary:
            cells += [cell for source in vary for cell in _varying(base, source, sweep, entry)]
            continue
        first_seed = sweep.first_seed + (place * seeds if sweep.seed_per_split else 0)
        cells += [base.but(seed=first_seed + seed) for seed in range(seeds)]
    return cells, left_out


def _varying(base: Cell, source: str, sweep: Sweep, entry: Entry) -> list[Cell]:
    """Cells that differ in one source of variance alone."""
    first = sweep.first_seed
    if source == SPLIT:
        first_split = sweep.first_split or 0
        return [base.but(split=first_split + i, seed=first) for i in range(sweep.seeds)]
    held = tuple(other for other in SOURCES if other != source) if entry.learning_curve else ()
    return [base.but(seed=first + i, held=held, held_seed=first if held else 0) for i in range(sweep.seeds)]


def _with_epochs(cell: Cell, sweep: Sweep, available: int) -> Cell:
    """The cell with its epochs, and those after which it is evaluated."""
    train_size, batch_size = cell.train_size, cell.batch_size or 1
    steps, planned, evaluate_at = sweep.steps, cell.planned_epochs or 1, sweep.evaluate_at
    if sweep.steps_of_epochs is not None:
        steps = sweep.steps_of_epochs * ceil(available / batch_size)
        evaluate_at = evaluate_at or [sweep.steps_of_epochs]
    epochs = planned if steps is None else ceil(steps / ceil(train_size / batch_size))
    if evaluate_at is None or (sweep.validated and sweep.evaluate_at is None):
        evaluate_at = evaluated(epochs, validated=cell.subset.held_out > 0)
    before = tuple(epoch for epoch in sorted(set(evaluate_at)) if epoch < epochs)
    kept = before if sweep.snapshot_at is None else tuple(e for e in before if e in sweep.snapshot_at)
    if (sweep.snapshot_at is None and len(before) > MOST_SNAPSHOTS) or cell.subset.held_out:
        kept = ()
    params: dict[str, Value] = cell.params | {"epochs": epochs}
    return cell.but(params=params, evaluate_at=before, snapshot_at=kept)


def evaluated(epochs: int, *, validated: bool = False) -> list[int]:
    """After which epochs a model is evaluated unless its sweep says so: few, ever wider apart."""
    if validated:
        return [ceil(epochs ** (i / VALIDATIONS)) for i in range(VALIDATIONS)]
    powers = range(len(str(epochs)))
    return [step * 10**power for power in powers for step in STEPS]


def _sizes(wanted: Sequence[int | str], limit: int) -> tuple[list[int], list[int]]:
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


def _linked(cells: list[Cell], suite: Suite, models: Models) -> list[Cell]:
    """The cells whose `params_from` is a model, with the identity of its largest search instead.

    A search of another split has seen this split's test images: it never chooses.
    """
    linked = []
    for cell in cells:
        if cell.params_from is None:
            linked.append(cell)
            continue
        search = models[cell.params_from]
        among = [
            c for c in cells if c.model == search.name and c.split == cell.split and c.subset.classes is None
        ]
        among = [c for c in among if c.params == dict(search.defaults)] or among
        if not among:
            raise BadInput(
                f"suite {suite.name} has a {cell.model} that takes the hyperparameters of the largest "
                f"{search.name}, but no {search.name} on split {cell.split}."
            )
        largest = max(among, key=lambda c: (c.subset.resplit, c.train_size, -c.seed))
        params = {name: v for name, v in cell.params.items() if name not in search.searches}
        linked.append(cell.but(params=params, params_from=largest.identity))
    return linked


def _drop_contained(cells: Iterable[Cell], models: Models) -> list[Cell]:
    """Of cells that differ in their epochs alone the longest, evaluated wherever any of them is."""
    longest: dict[Any, Cell] = {}
    for cell in cells:
        apart: Any = cell
        if models[cell.model].longer_contains_shorter and not cell.subset.held_out:
            apart = cell.but(
                params=cell.params | {"epochs": None}, evaluate_at=(), snapshot_at=(), losses=False
            )
        rival = longest.get(apart)
        longest[apart] = cell if rival is None else _merged(rival, cell)
    return list(longest.values())


def _merged(one: Cell, other: Cell) -> Cell:
    short, long = sorted((one, other), key=lambda cell: cell.planned_epochs or 0)
    end = {short.planned_epochs} - {long.planned_epochs, None}
    return long.but(
        evaluate_at=tuple(sorted({*long.evaluate_at, *short.evaluate_at, *end})),
        snapshot_at=tuple(sorted({*long.snapshot_at, *short.snapshot_at, *end})),
        losses=long.losses or short.losses,
    )


def _order_of_models(suite: Suite) -> dict[str, float]:
    """Models in the order of the suite; a search just before the first that waits for it."""
    order: dict[str, float] = {}
    for place, sweep in enumerate(suite.sweeps):
        order.setdefault(sweep.model, place)
    for sweep in suite.sweeps:
        if sweep.params_from is not None and sweep.params_from in order:
            order[sweep.params_from] = min(order[sweep.params_from], order[sweep.model] - 0.5)
    return order


def setting_of(cell: Cell) -> Cell:
    """What cells share that differ in seed, split and evaluations alone."""
    return cell.but(seed=0, split="given", evaluate_at=(), snapshot_at=(), losses=False)


def _place(cell: Cell, order: Mapping[str, float], setting: int) -> tuple[Any, ...]:
    """Small cells first, so that a broken set-up shows at once; seeds of one `setting` side by side."""
    return (
        order[cell.model],
        cell.train_size,
        cell.batch_size or 0,
        cell.planned_epochs or 0,
        cell.subset.classes or 0,
        setting,
        str(cell.split).zfill(12),
        cell.seed,
    )
