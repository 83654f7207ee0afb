"""The sections that every report has, whatever its study: everything that the run measured."""

from collections.abc import Callable, Iterable
from statistics import fmean
from typing import TYPE_CHECKING, Any

from hexbench.analyse.groups import Group, Setting
from hexbench.analyse.ranking import ranking as ranked
from hexbench.analyse.scaling import growths
from hexbench.report import budgets, figures, predictions, ranking, split_tables, tables
from hexbench.report.columns import Listing, axis_title, series_names, setting_name
from hexbench.report.context import Context
from hexbench.report.page import Item, Part, Picture
from hexbench.report.slices import EPOCHS, PARAM, TRAIN_SIZE
from hexbench.report.style import Palette
from hexbench.report.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST_DRAWS = 20
"""So many seeds of one setting are drawn as a histogram."""
MOST_CURVES = 5
"""Learning curves in one figure."""
MOST_OPEN = 40
"""A part with longer tables is folded."""


def parts(context: Context) -> list[Part]:
    """Overview, results by every axis, searches, time, predictions, and all that is left."""
    slices = context.slices
    listed: list[Listing] = []

    def rows(listing: Listing | None) -> Table | None:
        if listing is None:
            return None
        listed.append(listing)
        return listing.table

    found = [
        _part("Models", [rows(tables.overview(slices)), *_curves(context)]),
        _part("Ranking", _ranking(context)),
    ]
    for axis in slices.axes:
        title = axis_title(axis)
        name, caption = f"by_{axis.removeprefix(PARAM)}", f"Test accuracy by {title}"
        picture = _drawn(context, name, caption, figures.by_axis, slices, axis, context.palette)
        wanted = axis == TRAIN_SIZE and not context.is_made("compared")
        both = rows(tables.compared(slices)) if wanted else None
        found.append(_part(f"Results by {title}", [picture, both, rows(tables.by(slices, axis))]))
    found += [
        _part("Random splits", [split_tables.ahead(slices)]),
        _part("Where variance comes from", [rows(split_tables.variance(slices))]),
        _part("Searches for hyperparameters", [rows(tables.searches(slices)), *_draws(context)]),
        _part("Early stopping", [rows(tables.early_stopping(slices))]),
        _time(context),
        _growth(context),
        _part("Predictions", [*_predictions(context)]),
        _part("All other settings", [rows(tables.rest(slices, listed))]),
    ]
    return [part for part in found if part.items]


def _part(title: str, items: Iterable[Item | None]) -> Part:
    kept = [item for item in items if isinstance(item, Picture) or (item is not None and item.rows)]
    folded = any(isinstance(item, Table) and len(item.rows) > MOST_OPEN for item in kept)
    return Part(title, kept, folded=folded)


def _drawn(
    context: Context, name: str, caption: str, draw: "Callable[..., Figure | None]", *arguments: Any
) -> Picture | None:
    """A figure, unless the study has made it."""
    return None if context.is_made(name) else context.figure(name, caption, draw(*arguments))


def _ranking(context: Context) -> list[Item | None]:
    found = ranked(context.runs, context.slices.headlines, context.slices.groups)
    if found is None:
        return []
    caption = "Accuracy against time"
    picture = _drawn(context, "pareto", caption, ranking.pareto, found, context.slices, context.palette)
    return [ranking.table(found, context.slices), picture]


def _curves(context: Context) -> Iterable[Picture | None]:
    """Learning curves of each model that has any."""
    slices = context.slices
    for model, setting in slices.headlines.items():
        every = [one for one in slices.series(EPOCHS) if one.model == model]
        names = series_names(slices, every) or [setting_name(slices, setting)]
        groups = [one.points[-1].group for one in every] or [context.slices.groups[setting]]
        shown = dict(list(zip(names, groups, strict=True))[:MOST_CURVES])
        caption = f"Learning curves of the {slices.runs.label(model)}"
        name = f"learning_curves_{model}"
        yield _drawn(context, name, caption, figures.learning_curves, shown, context.palette, model)


def _draws(context: Context) -> Iterable[Picture | None]:
    """Histograms of settings with many seeds, as they were at their end."""
    if context.is_made("draws"):
        return
    many = [(s, g) for s, g in context.slices.groups.items() if len(g) >= FEWEST_DRAWS]
    at_end = [(s, g) for s, g in many if s.epochs in (None, max(r.epochs or 0 for r in g.records))]
    for number, (setting, group) in enumerate(at_end[:MOST_CURVES], start=1):
        name, caption = setting_name(context.slices, setting), f"Test accuracy of {len(group):,} seeds"
        yield _drawn(context, f"draws_{number}", caption, predictions.draws, group, context.palette, name)


def _time(context: Context) -> Part:
    runs = context.runs
    found = budgets.trained(context.slices)
    names = {model: runs.label(model) for model in runs.models}
    caption = "Test accuracy against training time"
    picture = _drawn(context, "budgets", caption, figures.budgets, found, names, context.palette)
    return _part("Time", [picture, tables.times(context.slices).table])


def _growth(context: Context) -> Part:
    found, slices = growths(context.runs), context.slices
    caption = "Time by train size, with fitted exponents"
    picture = _drawn(context, "growth", caption, figures.growth, found, slices, context.palette)
    return _part("Growth with the train size", [picture, tables.growth(slices, found)])


def _predictions(context: Context) -> Iterable[Item | None]:
    """By class, confusion matrices, calibration and mistakes of each model's main setting."""
    runs, slices = context.runs, context.slices
    data = runs.manifest.data
    names = {model: setting_name(slices, setting) for model, setting in slices.headlines.items()}
    groups = {model: slices.groups[setting] for model, setting in slices.headlines.items()}
    groups = {model: group for model, group in groups.items() if group.snapshots}
    if not context.is_made("by_class"):
        columns = {names[model]: tables.class_accuracy(group) for model, group in groups.items()}
        yield tables.by_class(runs, columns, "The share of each class's test images that is correct.")
    for model, group in groups.items():
        caption, draw = f"Confusion matrix of the {runs.label(model)}", predictions.confusion_matrix
        yield _drawn(context, f"confusion_{model}", caption, draw, group, data.class_names, names[model])
    palette = Palette(names.values())  # the models' own colours
    named = {names[model]: group for model, group in groups.items()}
    yield _drawn(context, "calibration", "Calibration", predictions.calibration, named, palette)
    if wrong := _with_mistakes(context):
        setting, group = wrong
        name, caption = setting_name(slices, setting), "Misclassified test images"
        yield _drawn(context, "gallery", caption, predictions.gallery, group, data, name)


def _with_mistakes(context: Context) -> tuple[Setting, Group] | None:
    """The most accurate setting on all classes whose cells kept some."""
    kept = [
        (setting, group)
        for setting, group in context.slices.groups.items()
        if setting.subset.classes is None and any(snapshot.mistakes for _, _, snapshot in group.snapshots)
    ]
    return max(kept, key=lambda one: fmean(one[1].metric("test_accuracy")), default=None)
