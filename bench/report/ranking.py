"""Models beside each other: a table that ranks them, and accuracy against what it costs."""

from collections.abc import Callable, Sequence
from math import inf
from statistics import median
from typing import TYPE_CHECKING

from hexbench.analyse.intervals import Estimate
from hexbench.analyse.ranking import Rank, Ranking
from hexbench.report.budgets import Priced, frontier
from hexbench.report.columns import UNCLEAN, UNCLEAN_NOTE, mark, median_time, seeds, training_time
from hexbench.report.slices import Slices
from hexbench.report.style import Palette, log_scale, new_figure, shortened
from hexbench.report.table import NONE, Table, count, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PER_IMAGES = 1_000
"""Prediction times are of so many images."""


def table(found: Ranking, slices: Slices) -> Table:
    """A row a model, the most accurate first."""
    level = f"{100 * found.reach:.0f}%"
    rows = [
        (
            str(place),
            _name(rank, slices),
            _accuracy(rank),
            NONE if rank.behind is None else _points(rank.behind),
            _time(training_time(rank.group), rank),
            _time(predict_ms(rank), rank),
            seconds(_size_mb(rank)),
            _images(rank),
            seeds(rank.group),
        )
        for place, rank in enumerate(found.ranks, 1)
    ]
    tied = [_name(rank, slices) for rank in found.ranks[1:] if not rank.is_behind]
    note = (
        "The models of the table above that share training and test images. Intervals are 95% confidence "
        "intervals over seeds and test images (of a single seed, with the variance between seeds estimated "
        "from the model's other settings); those of the difference to the best hold for all pairs of models "
        "at once (Bonferroni). "
    )
    note += f"Not shown to be worse than the best: {', '.join(tied)}. " if tied else ""
    size, images = "size (MB)", f"images for {level}"
    header = (
        *("rank", "model", "test accuracy % (95% CI)", "behind the best, points", "train (s)"),
        *(f"predict {PER_IMAGES:,} images (ms)", size, images, "seeds"),
    )
    known = [place for place, column in enumerate(zip(*rows, strict=True)) if set(column) != {NONE}]
    if header.index(size) in known:
        note += "Size: a network's weights, another model as pickled. "
    if header.index(images) in known:
        note += (
            f"Images for {level}: training images needed to reach the accuracy that all models reach, "
            "along straight lines in log size. "
        )
    note += "In the figure a line joins the models that no quicker one equals (Pareto front). "
    if any(UNCLEAN in text for row in rows for text in row):
        note += UNCLEAN_NOTE
    return Table("Ranking", note.strip(), header, rows, "rl").only(known).explained()


def predict_ms(rank: Rank) -> float | None:
    """Median milliseconds to predict PER_IMAGES images."""
    found = median_time(rank.group, "predict_s")
    return None if found is None else 1000 * found * PER_IMAGES / rank.group.records[0].tested


def pareto(found: Ranking, slices: Slices, palette: Palette) -> "Figure | None":
    """Test accuracy against training and prediction time; a line joins those that no cheaper one equals."""
    figure = new_figure(9.2, 4.6)
    panels = figure.subplots(1, 2, sharey=True)
    axes: list[tuple[Callable[[Rank], float | None], str]] = [
        (lambda rank: training_time(rank.group), "seconds of training"),
        (predict_ms, f"milliseconds to predict {PER_IMAGES:,} images"),
    ]
    for panel, (cost, label) in zip(panels, axes, strict=True):
        known = [(value, rank) for rank in found.ranks if (value := cost(rank))]
        if not known:
            return None
        _panel(panel, sorted(known, key=lambda one: one[0]), slices, palette)
        panel.set_xlabel(label)
    panels[0].set_ylabel("test accuracy (%), 95% CI")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper")
    return figure


def _panel(panel: "Axes", known: Sequence[tuple[float, Rank]], slices: Slices, palette: Palette) -> None:
    best = frontier([Priced(value, rank.accuracy.value) for value, rank in known])
    end = 2 * known[-1][0]
    panel.step(
        [*(one.cost for one in best), end],
        [100 * one.accuracy for one in (*best, best[-1])],
        where="post",
        color="0.75",
        linewidth=1.2,
        zorder=1,
    )
    names = {rank.setting.model: _name(rank, slices) for _, rank in known}
    for value, rank in sorted(known, key=lambda one: -one[1].accuracy.value):
        model, accuracy = rank.setting.model, rank.accuracy
        panel.errorbar(
            value,
            100 * accuracy.value,
            # By rounding an end at 0 or 100% may lie on the other side of the value.
            [[max(0.0, 100 * d)] for d in (accuracy.value - accuracy.low, accuracy.high - accuracy.value)],
            fmt=palette.marker(model),
            color=palette.colour(model),
            capsize=2,
            label=shortened(names[model], 24),
        )
    log_scale(panel)


def _name(rank: Rank, slices: Slices) -> str:
    setting = rank.setting
    tuned = "" if setting.params_from is None else f", tuned by {slices.tuner(setting.params_from)}"
    return slices.runs.label(setting.model) + tuned


def _accuracy(rank: Rank) -> str:
    low, value, high = (100 * x for x in (rank.accuracy.low, rank.accuracy.value, rank.accuracy.high))
    return f"{value:.1f} ({low:.1f} to {high:.1f}){mark(rank.group)}"


def _points(found: Estimate) -> str:
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def _time(value: float | None, rank: Rank) -> str:
    if value is None:
        return NONE
    return seconds(value) + (UNCLEAN if not rank.group.clean.records else "")


def _size_mb(rank: Rank) -> float | None:
    known = [r.memory.model_mb for r in rank.group.records if r.memory.model_mb is not None]
    return median(known) if known else None


def _images(rank: Rank) -> str:
    if rank.images is None:
        return NONE
    if rank.images.value == 0:
        return f"< {count(rank.smallest)}"
    if rank.images.value == inf:
        return f"> {count(rank.group.records[0].train_size)}"
    return f"{rank.images.value:,.0f}"
