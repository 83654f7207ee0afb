"""The tables that every run gets, whatever its models and whatever it varies.

A row is a group of cells that differ in their seed alone; ± is the standard deviation over seeds.
Columns show what tells the rows of a table apart, and what differs from a model's defaults.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from statistics import median
from typing import Any

import numpy as np
from hexbench.analyse.groups import Group, Setting
from hexbench.analyse.runs import Runs
from hexbench.analyse.scaling import FROM, MEMORY, Growth
from hexbench.plan.cell import shown
from hexbench.report.columns import (
    ACCURACY,
    LOSS,
    SEEDS,
    TRAIN_ACCURACY,
    UNCLEAN,
    Column,
    Listing,
    align_of,
    axis_name,
    axis_text,
    axis_title,
    listing,
    mark,
    median_time,
    seeds,
    series_names,
    timed,
    varied,
)
from hexbench.report.slices import EPOCHS, TRAIN_SIZE, Series, Slices
from hexbench.report.table import FAILED, NONE, Table, count, number, percent, seconds

TIMES_NOTE = "Times are medians, of the cells that had the machine to themselves where there are any."
MOST_CLASSES = 100
GROWING = {
    "epoch_s": "time of an epoch",
    "search_s": "time of the search",
    "train_s": "time of a fit",
    "predict_s": "time to predict the test images",
    MEMORY: "memory above the start",
}
"""By the name of a time."""


def overview(slices: Slices) -> Listing:
    """Every model with its main setting."""
    note = "Each model with its default hyperparameters on all training images, or what comes closest."
    columns = [ACCURACY, TRAIN_ACCURACY, LOSS, *timed("epoch_s", "train_s", "predict_s"), SEEDS]
    return listing(slices, "Models", note, slices.headlines.values(), columns)


def brief(slices: Slices) -> Table:
    """The overview as a terminal has it."""
    columns = [ACCURACY, *timed("epoch_s", "train_s"), SEEDS]
    return listing(slices, "Models", "", slices.headlines.values(), columns).table


def by(slices: Slices, axis: str) -> Listing:
    """Every series along an axis, a row a value."""
    every = slices.series(axis)
    settings = [setting for one in every for setting in one.settings]
    value = Column(axis_name(axis), align_of(v for one in every for v in one.values), lambda *_: "")
    texts = {point.setting: axis_text(axis, point.value) for one in every for point in one.points}
    value = value._replace(text=lambda setting, _: texts[setting])
    note = f"All else in a series is equal. {TIMES_NOTE}"
    if axis == EPOCHS:
        columns = timed("train_s")
        note += " Training accuracy of a learning curve is the running mean over the epoch."
    else:
        columns = timed("epoch_s", "search_s", "train_s")
        ratios = {s: text for one in every for s, text in _relative_times(one).items()}
        columns.append(Column("relative time", "r", lambda setting, _: ratios[setting]))
        note += " Relative time: the first row of the series is 1."
    measured = [value, ACCURACY, TRAIN_ACCURACY, LOSS, *columns, SEEDS]
    return listing(slices, f"Results by {axis_title(axis)}", note, settings, measured, axis)


def _relative_times(one: Series) -> dict[Setting, str]:
    """Of an epoch, or of a fit, beside the first of the series."""
    return {
        point.setting: NONE if ratio is None else relative(ratio)
        for point, ratio in zip(one.points, time_ratios(one), strict=True)
    }


def time_ratios(one: Series) -> list[float | None]:
    """The time of an epoch, a search or a fit at each point, beside the first."""
    known = [name for name in ("epoch_s", "search_s", "train_s") if median_time(one.points[0].group, name)]
    base = median_time(one.points[0].group, known[0]) if known else None
    found = [median_time(point.group, known[0]) if known else None for point in one.points]
    return [None if seconds is None or base is None else seconds / base for seconds in found]


def relative(ratio: float) -> str:
    """A ratio of times: `0.64`, `34.5`, `1,568`."""
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.1f}" if ratio < 100 else f"{ratio:,.0f}"


def compared(slices: Slices) -> Listing | None:
    """Test accuracy by train size, a column a series; None unless there are several."""
    columns = [one for one in slices.series(TRAIN_SIZE) if one.points[0].setting.subset.classes is None]
    names = series_names(slices, columns)
    if len(columns) < 2:
        return None
    sizes = sorted({size for one in columns for size in one.values})
    rows = []
    for size in sizes:
        groups = [[p.group for p in one.points if p.value == size] for one in columns]
        rows.append((count(size), *(_with_stop(g[0]) if g else NONE for g in groups)))
    note = (
        "Counted are the images that a model was fitted on; early stopping holds out a quarter as many more. "
        "The smaller sets are subsets of the larger ones, the same for every model. In brackets: the median "
        "epoch that early stopping chose."
    )
    table = Table("Test accuracy % by train size", note, ("train size", *names), rows, "r")
    return Listing(table.explained(), [s for one in columns for s in one.settings])


def _with_stop(group: Group) -> str:
    stops = [record.stopped_at for record in group.records if record.stopped_at is not None]
    middle = f" ({median(stops):,.0f})" if stops else ""
    return percent(group.metric("test_accuracy")) + middle + mark(group)


def searches(slices: Slices) -> Listing:
    """What searches for hyperparameters chose, and how long they took."""
    settings = _sorted(slices, (s for s in slices.groups if slices.runs.facts(s.model).searches))
    columns = [
        ACCURACY,
        Column("range", "r", lambda _, group: _range(group)),
        Column("cross-validation %", "r", lambda _, g: percent(g.metric("cv_score")) + mark(g)),
        Column("chosen", "l", lambda _, group: _most_chosen(group)),
        *timed("search_s"),
        SEEDS,
    ]
    note = (
        "Hyperparameters are chosen by cross-validation on the training images alone. Where `images` says "
        f"so, that many were drawn and split again by seed. {TIMES_NOTE}"
    )
    return listing(slices, "Searches for hyperparameters", note, settings, columns)


def _range(group: Group) -> str:
    values = [100 * value for value in group.metric("test_accuracy")]
    return f"{min(values):.1f} to {max(values):.1f}" if len(values) > 1 else NONE


def _most_chosen(group: Group) -> str:
    found = Counter(
        " ".join(f"{name}={shown(value)}" for name, value in record.search.best.items())
        for record in group.records
        if record.search is not None and record.search.points
    )
    if not found:
        return NONE
    text, times = found.most_common(1)[0]
    return f"{text} ({times} of {len(group)})" if len(group) > 1 else text


def early_stopping(slices: Slices) -> Listing:
    """At which epoch training was stopped."""
    settings = _sorted(slices, (s for s in slices.groups if s.subset.held_out))
    columns = [
        Column("most epochs", "r", lambda setting, _: count(setting.planned)),
        Column("median stop", "r", lambda _, group: _stop(group, np.median)),
        Column("earliest", "r", lambda _, group: _stop(group, np.min)),
        Column("latest", "r", lambda _, group: _stop(group, np.max)),
        ACCURACY,
        *timed("train_s"),
        SEEDS,
    ]
    note = (
        "Part of the training images is held out; tested is the epoch at which their loss was lowest. "
        f"{TIMES_NOTE}"
    )
    return listing(slices, "Early stopping", note, settings, columns, EPOCHS)


def _stop(group: Group, of: Callable[[list[int]], np.floating]) -> str:
    stops = [record.stopped_at for record in group.records if record.stopped_at is not None]
    return (f"{of(stops):,.0f}" if stops else NONE) + mark(group)


def times(slices: Slices) -> Listing:
    """Where the time goes, for each model's main setting."""
    longest: dict[str, Setting] = dict(slices.headlines)
    compiles = _compile_seconds(slices.runs)
    columns = [
        Column("compile (s)", "r", lambda setting, _: seconds(compiles.get(setting.model))),
        *timed("epoch_s", "search_s", "train_s", "predict_s"),
        Column("peak memory (MB)", "r", lambda _, group: _peak(group)),
        Column("parameters", "r", lambda _, g: count(g.records[0].parameters) if g.records else NONE),
        Column("device", "l", lambda _, g: ", ".join(dict.fromkeys(r.device for r in g.records)) or NONE),
        Column("clean cells", "r", lambda _, g: f"{len(g.clean)} of {len(g)}" + mark(g)),
    ]
    note = (
        "In seconds, each after the device had finished. `train` is optimizer steps alone, or one fit; "
        f"`predict` is all test images once. {TIMES_NOTE}"
    )
    return listing(slices, "Time", note, longest.values(), columns)


def _peak(group: Group) -> str:
    known = [record.memory.peak_mb for record in group.records if record.memory.peak_mb is not None]
    return f"{median(known):,.0f}" if known else NONE


def _compile_seconds(runs: Runs) -> dict[str, float]:
    """By model, the median over the cells that compiled all of their programs."""
    found: dict[str, list[float]] = {}
    for record in runs.done:
        if record.times.compile_s and not (record.programs or {}).get("disk"):
            found.setdefault(record.model, []).append(record.times.compile_s)
    return {model: median(values) for model, values in found.items()}


def growth(slices: Slices, found: Sequence[Growth]) -> Table:
    """The exponents with which times and memory grow with the number of training images."""
    runs, clean = slices.runs, all(one.clean for one in found)
    names = varied(runs, [(one.model, one.params) for one in found])
    rows = []
    for one in found:
        law, values = one.law, dict(one.params)
        failed = any(runs.setting(f)[:2] == (one.model, one.params) for f in runs.failed)
        rows.append(
            (
                runs.label(one.model),
                *(shown(values[name]) if name in values else NONE for name in names),
                GROWING[one.what],
                f"{law.exponent:.2f}",
                f"{law.low:.2f} to {law.high:.2f}",
                f"{law.points[0][0]:,} to {law.points[-1][0]:,}",
                f"{len(law.points)}{'' if one.clean else UNCLEAN}{FAILED if failed else ''}",
            )
        )
    note = (
        "Exponent b of a power law a·n^b, fitted by least squares to the logarithms of all runs at train "
        f"sizes n from {FROM} images on; 1 is in proportion to n, 2 to its square."
    ) + ("" if clean else " *: not all cells had the machine to themselves.")
    header = ("model", *names, "quantity", "exponent", "95% CI", "train size", "runs")
    return Table("Growth with the train size", note, header, rows, "l" * (len(names) + 2)).explained()


def rest(slices: Slices, listed: Iterable[Listing]) -> Listing:
    """Every setting that stands in no other table."""
    there = set(chain.from_iterable(listing.settings for listing in listed))
    settings = _sorted(slices, (setting for setting in slices.groups if setting not in there))
    columns = [ACCURACY, TRAIN_ACCURACY, LOSS, *timed("epoch_s", "train_s"), SEEDS]
    note = f"What was measured besides the tables above. {TIMES_NOTE}"
    return listing(slices, "All other settings", note, settings, columns)


def layers(runs: Runs, model: str) -> Table:
    """The layers of a model with their weights, from its first cell."""
    cell = next((r for r in runs.done if r.model == model and r.layers), None)
    rows = []
    if cell is not None:
        for layer in cell.layers:
            shapes = (f"{name} {' x '.join(map(str, sides))}" for name, sides in layer.shapes.items())
            rows.append((layer.name, ", ".join(shapes), count(layer.parameters)))
        rows.append(("all", "", count(cell.parameters)))
    return Table(f"Layers of the {runs.label(model)}", "", ("layer", "weights", "parameters"), rows, "llr")


def running_means(runs: Runs, model: str, group: Group, epochs: int) -> Table:
    """Training loss and accuracy of the first epochs, as Keras prints them."""
    rows = [
        (
            f"{epoch} of {epochs}",
            number(group.metric("train_loss", epoch)),
            percent(group.metric("train_accuracy", epoch)),
            seeds(group),
        )
        for epoch in range(1, epochs + 1)
        if group.records
    ]
    note = "Running means over an epoch, while the weights change. ± is the standard deviation over seeds."
    title = f"First epochs of the {runs.label(model)}"
    return Table(title, note, ("epoch", "train loss", "train accuracy %", "seeds"), rows)


def by_class(runs: Runs, columns: Mapping[str, np.ndarray], note: str = "") -> Table:
    """Accuracy by class: `columns` are shares of correct test images, (classes,), NaN without any."""
    names = runs.manifest.data.class_names[:MOST_CLASSES]
    rows = [
        (name, *(percent([float(values[label])]) for values in columns.values()))
        for label, name in enumerate(names)
        if columns
    ]
    if len(runs.manifest.data.class_names) > MOST_CLASSES:
        note += f" The first {MOST_CLASSES} classes."
    return Table("Test accuracy % by class", note.strip(), ("class", *columns), rows)


def class_accuracy(group: Group) -> np.ndarray:
    """(classes,) share of each class's test images that are correct, over all seeds; NaN without any."""
    counts = np.sum(group.confusions, axis=0)
    of_class = counts.sum(axis=1)
    found: np.ndarray = np.where(of_class > 0, np.diagonal(counts) / np.maximum(of_class, 1), np.nan)
    return found


def size_and_epochs(setting: Setting) -> tuple[int, int]:
    """By which settings are ordered."""
    return setting.subset.size, setting.epochs or 0


def _sorted(slices: Slices, settings: Iterable[Setting]) -> list[Setting]:
    """By model, hyperparameters, classes and size."""

    def place(setting: Setting) -> tuple[Any, ...]:
        subset = setting.subset
        params = [shown(value) for _, value in setting.params]
        drawn = (subset.classes or MOST_CLASSES, subset.resplit, subset.size, subset.held_out)
        return (slices.runs.models.index(setting.model), params, *drawn, setting.epochs or 0)

    return sorted(settings, key=place)
