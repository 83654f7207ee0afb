"""Columns of tables about settings: what tells settings apart, and what was measured.

A row is a group of cells that differ in their seed alone; ± is the standard deviation over seeds.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from hexbench.analyse.groups import RANDOM, Group, Setting
from hexbench.analyse.runs import Runs
from hexbench.plan.cell import Value, shown
from hexbench.report.slices import CLASSES, EPOCHS, IMAGES, PARAM, PLANNED, TRAIN_SIZE, Series, Slices
from hexbench.report.table import FAILED, NONE, Table, count, number, percent, seconds

NAMES = {TRAIN_SIZE: "train size", PLANNED: "epochs", "test_size": "test share"}
EARLY = "early stopping"
UNCLEAN = " *"
UNCLEAN_NOTE = "*: measured while other work was running, or seeds were trained side by side."
WORDS = {"epoch_s": "epoch (s)", "train_s": "train (s)", "predict_s": "predict (s)", "search_s": "search (s)"}
"""Headers of times."""
Params = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Listing:
    """A table, and the settings that stand in it."""

    table: Table
    settings: Sequence[Setting]


class Column(NamedTuple):
    """A column of a table about settings."""

    name: str
    align: str
    text: Callable[[Setting, Group], str]


def axis_name(axis: str) -> str:
    """How tables and figures call an axis."""
    return NAMES.get(axis, axis.removeprefix(PARAM))


def axis_title(axis: str) -> str:
    """How headings call an axis."""
    return f"number of {axis}" if axis in (IMAGES, CLASSES) else axis_name(axis)


def axis_text(axis: str, value: Value) -> str:
    """A value of an axis; hyperparameters are written as users write them."""
    is_count = isinstance(value, int) and not axis.startswith(PARAM) and axis != "split"
    return count(value) if is_count or axis == PLANNED else shown(value)


def align_of(values: Iterable[Value]) -> str:
    """`r` where all values are numbers."""
    numbers = (isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return "r" if all(numbers) else "l"


def series_names(slices: Slices, found: Sequence[Series]) -> list[str]:
    """What tells series apart, in a few words: `Tree, 100 images`, `Net, 5 epochs, width=32`."""
    settings = [one.points[0].setting for one in found]
    told = varied(slices.runs, [s[:2] for s in settings])
    return [setting_name(slices, s, one.axis, told) for s, one in zip(settings, found, strict=True)]


def setting_name(slices: Slices, setting: Setting, but: str = "", told: Collection[str] = ()) -> str:
    """A setting in a few words: the model, the hyperparameters `told`, and what is not its default."""
    runs, subset = slices.runs, setting.subset
    defaults = runs.facts(setting.model).defaults
    parts = [runs.label(setting.model)]
    if subset.held_out:
        parts.append(EARLY)
    elif setting.epochs is not None and but not in (EPOCHS, PLANNED):
        parts.append(f"{setting.epochs:,} epochs")
    parts += [
        f"{name}={shown(value)}"
        for name, value in setting.params
        if PARAM + name != but and (name in told or defaults.get(name, value) != value)
    ]
    if setting.params_from is not None:
        parts.append(f"tuned by {slices.tuner(setting.params_from)}")
    size = slices.train_size(setting)
    if subset.resplit and but != IMAGES:
        parts.append(f"{subset.size:,} images split again")
    elif but not in (TRAIN_SIZE, IMAGES) and size != runs.manifest.data.train:
        parts.append(f"{size:,} images")
    if subset.classes is not None and but != CLASSES:
        parts.append(f"{subset.classes} classes")
    if (setting.split, setting.test_size) != (runs.manifest.split.split, runs.manifest.split.test_size):
        parts.append("random splits" if setting.split == RANDOM else f"split {setting.split}")
    if setting.varied:
        parts.append(f"{setting.varied} alone varied")
    return ", ".join(parts)


def _keys(slices: Slices, settings: Sequence[Setting], axis: str) -> list[Column]:
    """The columns that tell settings apart, other than by `axis`."""
    runs = slices.runs
    data, study = runs.manifest.data, runs.manifest.split
    columns = [Column("model", "l", lambda setting, _: runs.label(setting.model))]
    if axis not in (TRAIN_SIZE, IMAGES):
        columns.append(Column("train size", "r", lambda s, _: count(slices.train_size(s))))
    if axis != IMAGES and any(s.subset.resplit for s in settings):
        columns.append(Column("images", "r", lambda s, _: count(s.subset.size) if s.subset.resplit else NONE))
    if axis != CLASSES and any(s.subset.classes is not None for s in settings):
        columns.append(Column("classes", "r", lambda s, _: count(s.subset.classes or len(data.class_names))))
    if axis not in (EPOCHS, PLANNED) and any(s.epochs or s.subset.held_out for s in settings):
        columns.append(Column("epochs", "r", _epochs))
    if axis != "split" and any(s.split != study.split for s in settings):
        columns.append(Column("split", "r", lambda s, _: str(s.split)))
    if any(s.varied for s in settings):
        columns.append(Column("varied", "l", lambda s, _: s.varied or "all"))
    if axis != "test_size" and any(s.test_size != study.test_size for s in settings):
        columns.append(Column("test share", "r", lambda s, _: shown(s.test_size)))
    columns += [
        _of_param(name, settings) for name in varied(runs, [s[:2] for s in settings]) if PARAM + name != axis
    ]
    if any(s.params_from for s in settings):
        columns.append(Column("tuned by", "l", lambda s, _: slices.origin(s.params_from) or NONE))
    return columns


def _epochs(setting: Setting, group: Group) -> str:
    if setting.subset.held_out:
        stops = [record.stopped_at for record in group.records if record.stopped_at is not None]
        return f"{EARLY} ({median(stops):,.0f})" if stops else EARLY
    return count(setting.epochs)


def varied(runs: Runs, found: Iterable[tuple[str, Params]]) -> list[str]:
    """The hyperparameters that have another value than a model's default, or several, of (model, params)."""
    seen: dict[tuple[str, str], Value] = {}
    varied: dict[str, None] = {}
    for model, params in found:
        defaults = runs.facts(model).defaults
        for name, value in params:
            if value != seen.setdefault((model, name), defaults.get(name, value)):
                varied[name] = None
    return list(varied)


def _of_param(name: str, settings: Sequence[Setting]) -> Column:
    values = [dict(s.params)[name] for s in settings if name in dict(s.params)]
    return Column(
        name, align_of(values), lambda s, _: shown(dict(s.params)[name]) if name in dict(s.params) else NONE
    )


def timed(*names: str) -> list[Column]:
    """Columns of median seconds, with a star where no cell was clean."""

    def column(name: str) -> Column:
        return Column(WORDS[name], "r", lambda _, group: _seconds(group, name))

    return [column(name) for name in names]


def _seconds(group: Group, name: str) -> str:
    value = median_time(group, name)
    if value is None:
        return NONE
    return seconds(value) + (UNCLEAN if not group.clean.records else "")


def median_time(group: Group, name: str) -> float | None:
    """Median seconds over the clean cells, or over all where none was clean."""
    known = group.clean.seconds(name) or group.seconds(name)
    return median(known) if known else None


def training_time(group: Group) -> float | None:
    """Median seconds of training, with the model's own search."""
    found = median_time(group, "train_s")
    return None if found is None else found + (median_time(group, "search_s") or 0.0)


def mark(group: Group) -> str:
    """FAILED if any of the cells did."""
    return FAILED if group.failed else ""


def seeds(group: Group) -> str:
    """How many there are, and of how many where some failed."""
    every = len(group) + len(group.failed)
    return f"{len(group):,} of {every:,}" if group.failed else f"{every:,}"


ACCURACY = Column("test accuracy %", "r", lambda _, g: percent(g.metric("test_accuracy")) + mark(g))
TRAIN_ACCURACY = Column("train accuracy %", "r", lambda _, g: percent(g.metric("train_accuracy")) + mark(g))
LOSS = Column("test loss", "r", lambda _, g: number(g.metric("test_loss")) + mark(g))
SEEDS = Column("seeds", "r", lambda _, g: seeds(g))


def listing(
    slices: Slices,
    title: str,
    note: str,
    settings: Iterable[Setting],
    columns: Iterable[Column],
    axis: str = "",
) -> Listing:
    """A table with a row a setting; columns that say nothing are left out."""
    found = list(settings)
    every = [*_keys(slices, found, axis), *columns]
    texts = [[column.text(s, slices.groups[s]) for s in found] for column in every]
    told = [i for i, column in enumerate(texts) if any(text != NONE for text in column)]
    rows = list(zip(*(texts[i] for i in told), strict=True)) if found else []
    if any(UNCLEAN in text for row in rows for text in row):
        note = f"{note} {UNCLEAN_NOTE}".strip()
    header, align = tuple(every[i].name for i in told), "".join(every[i].align for i in told)
    return Listing(Table(title, note, header, rows, align).explained(), found)
