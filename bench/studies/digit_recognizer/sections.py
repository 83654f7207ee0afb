"""The report's ten figures, each beside what was measured here, and what else belongs to this report.

`reported.toml` says what the report shows; everything is drawn with the engine's own parts.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hexbench.analyse.groups import Group, Selection
from hexbench.files import read_toml
from hexbench.report import figures, predictions, tables
from hexbench.report.context import Context
from hexbench.report.page import Item, Part, Picture
from hexbench.report.slices import TRAIN_SIZE
from hexbench.report.style import Palette
from hexbench.report.table import FAILED, Table

REPORTED = Path(__file__).with_name("reported.toml")


def sections(context: Context) -> list[Part]:
    """The parts of this study, in the order of the report."""
    reported = read_toml(REPORTED)
    tested = _tested(context, reported["tested"])
    made = []
    for number, figure in enumerate(reported["figure"], start=1):
        title = f"Figure {number}: {figure['caption']}"
        made.append(Part(title, _items(_counterpart(context, figure, tested)), figure["said"]))
    context.replace("by_class")
    return [
        Part("Reported and measured test accuracy", _items(_overview(context, reported, tested))),
        *made,
        Part("Accuracy by class", _items(_by_class(context, reported["by_class"], tested))),
        Part("Train size", _items(*_train_size(context)), reported["train_size"]["said"]),
        Part("Draws of 100 images", _items(_draws(context, reported["draws"])), reported["draws"]["said"]),
        Part("Calibration", _items(_calibration(context, reported["calibration"]))),
    ]


def _items(*found: Item | None) -> list[Item]:
    return [item for item in found if isinstance(item, Picture) or (item is not None and item.rows)]


def _tested(context: Context, selections: Mapping[str, dict[str, Any]]) -> dict[str, Group]:
    """By model, the cells at the point where the report tested it; models without any are left out."""
    found = {}
    for model, wanted in selections.items():
        selection = Selection(model, {k: v for k, v in wanted.items() if k != "images_at_most"})
        if "images_at_most" in wanted:
            sizes = context.runs.varied(selection, "images")
            size = max((size for size in sizes if size <= wanted["images_at_most"]), default=0)
            selection = selection.but(images=size)
        group = context.runs.select(selection)
        if group.records:
            found[model] = group
    return found


def _overview(context: Context, reported: Mapping[str, Any], tested: Mapping[str, Group]) -> Picture | None:
    """The accuracies that the report states, from its confusion matrices and its text."""
    rows = {}
    for model, group in tested.items():
        counts = reported["by_class"][model]
        rows[_name(context, model, group)] = (sum(counts["correct"]) / sum(counts["tested"]), group)
    draws = _drawn(context, reported["draws"])
    if draws.records:
        rows[_name(context, reported["draws"]["model"], draws)] = (reported["draws"]["accuracy"], draws)
    drawn = predictions.beside_reported(rows, context.palette)
    return context.figure("reported_and_measured", "Reported and measured test accuracy", drawn)


def _drawn(context: Context, reported: Mapping[str, Any]) -> Group:
    return context.runs.select(Selection(reported["model"], {"images": reported["images"]}))


def _counterpart(context: Context, figure: dict[str, Any], tested: Mapping[str, Group]) -> Item | None:
    """What was measured of what a figure of the report shows."""
    runs = context.runs
    if "layers" in figure:
        return tables.layers(runs, figure["layers"])
    if "first_epochs" in figure:
        wanted = figure["first_epochs"]
        group = runs.select(Selection(wanted["model"], {"epochs": wanted["epochs"]}))
        return tables.running_means(runs, wanted["model"], group, wanted["epochs"]).explained()
    if "confusion" in figure:
        model = figure["confusion"]
        name = f"confusion_{model}"
        drawn = None
        if model in tested:
            group, names = tested[model], runs.manifest.data.class_names
            drawn = predictions.confusion_matrix(group, names, _name(context, model, group))
        return context.figure(name, f"Confusion matrix of the {runs.label(model)}", drawn)
    return _curves(context, **figure["curves"])


def _curves(context: Context, model: str, epochs: int) -> Picture | None:
    label = context.runs.label(model)
    context.replace(f"learning_curves_{model}")
    group = context.runs.select(Selection(model, {"epochs": epochs}))
    drawn = figures.learning_curves({label: group}, context.palette, model)
    return context.figure(f"{model}_{epochs}_epochs", f"{label}, {epochs} epochs", drawn)


def _name(context: Context, model: str, group: Group) -> str:
    record = group.records[0]
    epochs = "" if group.epoch is None else f", {group.epoch} epochs"
    return f"{context.runs.label(model)}{epochs}, {record.subset.size:,} images"


def _by_class(context: Context, reported: Mapping[str, Any], tested: Mapping[str, Group]) -> Table:
    columns: dict[str, np.ndarray] = {}
    for model, group in tested.items():
        if not group.confusions:  # of an epoch after which no predictions were kept
            continue
        label = context.runs.label(model)
        shares = tables.class_accuracy(group)
        if len(shares) == len(reported[model]["tested"]):
            columns[f"{label}, reported"] = np.divide(reported[model]["correct"], reported[model]["tested"])
        columns[f"{label}, measured{FAILED if group.failed else ''}"] = shares
    note = (
        "Where the report tested: the networks after the epochs for which it trained them, the SVM after its "
        "grid search. Reported are the diagonals of its figures 4, 9 and 10."
    )
    return tables.by_class(context.runs, columns, note).explained()


def _train_size(context: Context) -> Iterable[Item | None]:
    """At the report's epochs, and with early stopping."""
    drawn = figures.by_axis(context.slices, TRAIN_SIZE, context.palette)
    yield context.figure(f"by_{TRAIN_SIZE}", "Test accuracy by train size", drawn)
    context.replace("compared")
    listing = tables.compared(context.slices)
    yield listing.table if listing else None


def _draws(context: Context, reported: Mapping[str, Any]) -> Picture | None:
    model, images = reported["model"], reported["images"]
    group = _drawn(context, reported)
    marks = {f"reported: {reported['accuracy']:.0%}": reported["accuracy"]}
    words = f"{context.runs.label(model)} on {images} images"
    drawn = predictions.draws(group, context.palette, f"{words}, drawn {len(group)} times", marks)
    context.replace("draws")
    return context.figure("draws", words, drawn)


def _calibration(context: Context, reported: Mapping[str, list[int]]) -> Picture | None:
    groups = {
        f"{context.runs.label(model)}, {epoch} epochs": context.runs.select(
            Selection(model, {"epochs": epoch})
        )
        for model, epochs in reported.items()
        for epoch in epochs
    }
    return context.figure("calibration", "Calibration", predictions.calibration(groups, Palette(groups)))
