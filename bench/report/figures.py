"""The figures that every run gets: each a matplotlib Figure, or None where there is nothing to draw.

Draw them inside `hexbench.report.style.styled`. A model has its palette's colour everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.groups import Group
from hexbench.analyse.intervals import Unit
from hexbench.analyse.scaling import MEMORY, Growth
from hexbench.report.budgets import Trained, best_at_each_budget, frontier
from hexbench.report.columns import axis_name, axis_text, series_names
from hexbench.report.slices import EPOCHS, IMAGES, TRAIN_SIZE, Series, Slices
from hexbench.report.style import Palette, log_scale, new_figure, shortened
from hexbench.report.tables import time_ratios

if TYPE_CHECKING:
    from hexbench.analyse.claims import Verdict
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GEOMETRIC = 4.0
"""Numbers whose largest is so many times the smallest are drawn on a logarithmic axis."""
PANELS = {
    intervals.PERCENT: "share (%): ◇ reported, or bound of the claim, ● measured with its interval",
    intervals.POINTS: "difference (percentage points): ◇ bound of the claim, ● measured",
    intervals.TIMES: "ratio: ◇ bound of the claim, ● measured",
}
ARROW = 30
"""Length of an interval without an end, in points."""
VERDICT_COLOURS = {"supported": "#00735A", "consistent": "#0072B2", "refuted": "#B84A00"}
LONGEST_OF_TWO = 40
"""Characters of a label beside which another has room."""
LEGEND_INSIDE = 5
"""So many entries of a legend have room among the curves."""
TIMED = {"epoch_s": "epoch", "search_s": "search", "train_s": "fit", "predict_s": "prediction"}
"""What a time is of, by its name."""


def claims(verdicts: "Sequence[Verdict]") -> "Figure | None":
    """A forest plot: each measured value with its interval beside what was reported, or its bound.

    A panel a unit: shares, differences, ratios.
    """
    panels = []
    for unit, words in PANELS.items():
        rows = [v for v in verdicts if v.unit == unit and v.measured is not None and v.target is not None]
        if rows:
            panels.append((unit, words, rows))
    if not panels:
        return None
    count = sum(len(rows) for _, _, rows in panels)
    figure = new_figure(7.4, 0.42 * count + 1.0 * len(panels) + 0.4)
    axes_of = figure.subplots(len(panels), 1, squeeze=False, height_ratios=[len(r) + 1 for _, _, r in panels])
    for axes, (unit, words, rows) in zip(axes_of[:, 0], panels, strict=True):
        for place, verdict in enumerate(rows):
            _forest_row(axes, place, verdict, unit)
        axes.set_yticks(range(len(rows)), [verdict.id for verdict in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.set_xlabel(words)
        if unit == intervals.TIMES:
            log_scale(axes)
    return figure


def _forest_row(axes: "Axes", place: int, verdict: "Verdict", unit: Unit) -> None:
    colour = VERDICT_COLOURS.get(verdict.verdict, "#555555")
    assert verdict.measured is not None and verdict.target is not None
    value, target = unit.scale * verdict.measured, unit.scale * verdict.target
    for sign, end in ((-1, verdict.low), (1, verdict.high)):
        if end is not None:
            axes.plot(
                [value, unit.scale * end], [place] * 2, color=colour, linewidth=2, solid_capstyle="butt"
            )
        elif verdict.low is not None or verdict.high is not None:  # the interval has no end on this side
            axes.annotate(
                "",
                (value, place),
                xytext=(sign * ARROW, 0),
                textcoords="offset points",
                arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 2},
            )
    axes.plot(value, place, "o", color=colour, markersize=6)
    axes.plot(target, place, "D", color="black", markerfacecolor="white", markersize=6)
    at = ("axes fraction", "data")
    axes.annotate(verdict.verdict, (1.02, place), xycoords=at, va="center", fontsize=9, color=colour)


def by_axis(slices: Slices, axis: str, palette: Palette) -> "Figure | None":
    """Test accuracy along an axis, a line a series with bars from the lowest to the highest seed.

    Beside it, unless the axis is that of the images or epochs, the time.
    """
    found = slices.series(axis)
    if not found:
        return None
    timed = axis not in (EPOCHS, TRAIN_SIZE, IMAGES)
    drawn = [(one, time_ratios(one)) for one in found]
    timed = timed and all(None not in ratios for _, ratios in drawn)
    figure = new_figure(*((9.4, 4.4) if timed else (6.8, 4.8)))
    panels = figure.subplots(1, 2 if timed else 1, squeeze=False)[0]
    place = _axis(panels, axis, found)
    names = series_names(slices, found)
    variants: dict[str, int] = {}
    for (one, ratios), name in zip(drawn, names, strict=True):
        variant = variants[one.model] = variants.get(one.model, -1) + 1
        look: dict[str, Any] = {
            "color": palette.colour(one.model),
            "marker": palette.marker(one.model),
            "linestyle": palette.line(one.model, variant),
            "markersize": 5,
            "label": shortened(name, 2 * LONGEST_OF_TWO),
        }
        places = [place(point.value) for point in one.points]
        _with_range(panels[0], places, [point.group for point in one.points], look)
        if timed:
            panels[1].plot(places, ratios, **look)
    panels[0].set_ylabel("test accuracy (%)")
    if timed:
        panels[1].set_ylabel("relative time (first point = 1)")
        panels[1].set_ylim(bottom=0)
    fits = max(map(len, names)) <= LONGEST_OF_TWO
    columns = 2 if fits and (timed or len(found) > 3) else 1
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns, fontsize=9
    )
    return figure


def _with_range(axes: "Axes", places: list[float], groups: Sequence[Group], look: Mapping[str, Any]) -> None:
    known = [(p, [100 * v for v in g.metric("test_accuracy")]) for p, g in zip(places, groups, strict=True)]
    known = [(p, values) for p, values in known if values]
    centre = [fmean(values) for _, values in known]
    below = [max(c - min(values), 0.0) for c, (_, values) in zip(centre, known, strict=True)]
    above = [max(max(values) - c, 0.0) for c, (_, values) in zip(centre, known, strict=True)]
    axes.errorbar([p for p, _ in known], centre, yerr=[below, above], capsize=3, **look)


def _axis(panels: "Sequence[Axes]", axis: str, found: Sequence[Series]) -> Callable[[Any], float]:
    """Set up the horizontal axes; returns where a value stands on them."""
    from matplotlib.ticker import FixedLocator, NullLocator

    values = list(dict.fromkeys(value for one in found for value in one.values))
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    numbers = numbers and axis != "split"
    texts = [shortened(axis_text(axis, value), 16) for value in values]
    places: Sequence[float] = values if numbers else range(len(values))
    geometric = numbers and min(values) > 0 and max(values) >= GEOMETRIC * min(values)
    kept = _apart(places, geometric)
    for axes in panels:
        axes.set_xlabel(axis_name(axis))
        if geometric:
            axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([places[i] for i in kept]))
        axes.xaxis.set_minor_locator(NullLocator())
        slanted = sum(len(texts[i]) for i in kept) > 60 / len(panels)
        axes.set_xticklabels(
            [texts[i] for i in kept],
            rotation=30 if slanted else 0,
            ha="right" if slanted else "center",
            parse_math=False,
        )
    return float if numbers else lambda value: float(values.index(value))


def _apart(places: Sequence[float], geometric: bool) -> list[int]:
    """Which places are far enough from each other for a label, the last and first among them."""
    scaled = np.log(places) if geometric else np.asarray(places, float)
    least = (scaled.max() - scaled.min()) / 14
    kept: list[int] = []
    for i in sorted(range(len(scaled)), key=lambda i: -scaled[i]):
        if not kept or abs(scaled[kept[-1]] - scaled[i]) >= least:
            kept.append(i)
    return kept


def learning_curves(groups: Mapping[str, Group], palette: Palette, model: str) -> "Figure | None":
    """Accuracy and loss over the epochs of each named group, up to its epoch, or its end.

    Lines are means over seeds, bands reach from the lowest to the highest.
    """
    from matplotlib.ticker import MaxNLocator

    drawn = {name: group for name, group in groups.items() if any(r.history for r in group.records)}
    if not drawn:
        return None
    figure = new_figure(9.0, 3.9)
    panels = figure.subplots(1, 2)
    single = len(drawn) == 1
    for axes, quantity, label in zip(panels, ("accuracy", "loss"), ("accuracy (%)", "loss"), strict=True):
        for place, (name, group) in enumerate(drawn.items()):
            last = group.epoch or min(r.epochs or 0 for r in group.records)
            trained = list(range(1, last + 1))
            colour = palette.colour(model) if single else Palette(drawn).colour(name)
            words = "" if single else f"{shortened(name, 40)}: "
            look = (colour, "-" if single else "--", "")
            _curve(axes, group, f"train_{quantity}", trained, look, f"{words}training, running mean")
            tested = [e for e in trained if not np.isnan(group.metric(f"test_{quantity}", e)).any()]
            look = ("black" if single else colour, "--" if single else "-", "Dsov^"[place % 5])
            _curve(axes, group, f"test_{quantity}", tested, look, f"{words}test")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.set_ylabel(label)
    panels[1].set_ylim(bottom=0)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    return figure


def _curve(
    axes: "Axes", group: Group, name: str, epochs: Sequence[int], look: tuple[str, str, str], label: str
) -> None:
    if not epochs:
        return
    colour, line, marker = look
    factor = 100 if name.endswith("accuracy") else 1
    values = factor * np.array([group.metric(name, epoch) for epoch in epochs])
    # A single epoch is a point, which a line alone would not show.
    shown = marker or ("o" if len(epochs) == 1 else "")
    axes.plot(
        epochs, values.mean(axis=1), color=colour, linestyle=line, marker=shown, markersize=4, label=label
    )
    axes.fill_between(epochs, values.min(axis=1), values.max(axis=1), color=colour, alpha=0.2, linewidth=0)


def budgets(found: Sequence[Trained], names: Mapping[str, str], palette: Palette) -> "Figure | None":
    """Accuracy against seconds of training; a strip says which model is best at each budget."""
    from matplotlib.ticker import NullLocator

    models = list(dict.fromkeys(one.model for one in found))
    if len(models) < 2:
        return None
    inside = len(models) <= LEGEND_INSIDE
    figure = new_figure(6.8 if inside else 8.8, 5.2)
    axes, strip = figure.subplots(2, 1, sharex=True, height_ratios=[14, 1])
    end = 1.5 * found[-1].seconds
    for model in models:
        own = [one for one in found if one.model == model]
        look: dict[str, Any] = {"color": palette.colour(model), "marker": palette.marker(model)}
        best = frontier(own)
        axes.scatter(
            [t.seconds for t in own], [100 * t.accuracy for t in own], s=22, alpha=0.45, linewidths=0, **look
        )
        axes.step(
            [*(t.seconds for t in best), end],
            [100 * t.accuracy for t in (*best, best[-1])],
            where="post",
            color=palette.colour(model),
            linestyle=palette.line(model),
            label=shortened(names[model], 40 if inside else 24),
        )
    for (start, model), (stop, _) in pairwise([*best_at_each_budget(found), (end, "")]):
        strip.axvspan(start, stop, color=palette.colour(model), linewidth=0)
        texts = names[model], shortened(names[model])
        if text := next((text for text in texts if stop > start * 10 ** (0.06 * len(text))), None):
            strip.text(
                (start * stop) ** 0.5,
                0.5,
                text,
                color="white",
                fontsize=8,
                ha="center",
                va="center",
                transform=strip.get_xaxis_transform(),
                parse_math=False,
            )
    log_scale(axes)
    axes.set_ylabel("test accuracy (%)")
    if inside:
        axes.legend(loc="lower right")
    else:
        figure.legend(loc="outside right upper")
    strip.grid(False)
    strip.yaxis.set_major_locator(NullLocator())
    strip.set_ylabel("best", rotation=0, ha="right", va="center", fontsize=9)
    strip.set_xlabel("seconds of training, with the model's own search")
    return figure


def growth(found: Sequence[Growth], slices: Slices, palette: Palette) -> "Figure | None":
    """Seconds by train size with the fitted power laws, on logarithmic axes."""
    main = {setting.params for setting in slices.headlines.values()}
    shown = [one for one in found if one.what != MEMORY and one.params in main] or [
        one for one in found if one.what != MEMORY
    ]
    if not shown:
        return None
    figure = new_figure(6.8, 4.6 + 0.09 * len(shown))
    axes = figure.subplots()
    variants: dict[str, int] = {}
    for one in shown:
        variant = variants[one.model] = variants.get(one.model, -1) + 1
        colour = palette.colour(one.model)
        marker = palette.marker(one.model) if not variant else "v<>Pd"[(variant - 1) % 5]
        name = shortened(slices.runs.label(one.model), 24)
        sizes, values = zip(*one.law.points, strict=True)
        axes.scatter(sizes, values, color=colour, marker=marker, s=24)
        ends = (min(sizes), max(sizes))
        axes.plot(
            ends,
            [one.law(x) for x in ends],
            color=colour,
            linestyle=palette.line(one.model, variant),
            marker=marker,
            markersize=5,
            markevery=[],  # in the legend alone: what was measured is scattered above
            label=f"{name}, {TIMED[one.what]}: n^{one.law.exponent:.2f}",
        )
    log_scale(axes)
    axes.set_yscale("log")
    axes.set_xlabel("train size n")
    axes.set_ylabel("seconds")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return figure
