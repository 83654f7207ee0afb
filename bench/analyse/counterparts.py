"""Tables that stand beside the report's: layers, the first epochs of training, and each class."""

from collections.abc import Iterable

import numpy as np

from bench.analyse.answers import at_report_points, right_by_class
from bench.analyse.evidence import Evidence, Group
from bench.analyse.reported import RIGHT, TESTED
from bench.analyse.tables import FAILED, NAMES, NONE, Table, number, percent
from bench.data.paper import CLASS_NAMES

FIRST_EPOCHS = 5


def layers(evidence: Evidence, model: str) -> Table:
    """A network's layers with their weights."""
    cells = [r for r in evidence.records if r["model"] == model and "layers" in r]
    described = cells[0]["layers"] if cells else []
    lines = [
        (layer["name"], _shapes(layer["shapes"]), f"{layer['parameters']:,}") for layer in described
    ]
    if lines:
        lines.append(("all", "", f"{cells[0]['parameters']:,}"))
    header = ("layer", "weights", "parameters")
    return Table(f"Layers of the {NAMES[model]}", "Every number is trained.", header, lines)


def _shapes(shapes: dict[str, list[int]]) -> str:
    return ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in shapes.items())


def first_epochs(evidence: Evidence) -> Table:
    """The MLP's running means of training loss and accuracy, epoch by epoch, as Keras prints them."""
    group = evidence.group("mlp", epoch=FIRST_EPOCHS, train_size="all", batch_size=16)
    seeds = f"{len(group)} of {len(group) + group.failed}" if group.failed else str(len(group))
    lines = [
        (
            f"{epoch} of {FIRST_EPOCHS}",
            number(group.history("train_loss", epoch), 3),
            percent(group.history("train_accuracy", epoch)),
            seeds,
        )
        for epoch in range(1, FIRST_EPOCHS + 1)
        if group
    ]
    return Table(
        "The MLP's first epochs",
        "Running means over an epoch, while the weights change. ± is the standard deviation over seeds.",
        ("epoch", "train loss", "train accuracy %", "seeds"),
        lines,
    )


def by_class(evidence: Evidence) -> Table:
    """Test images of each class that are read rightly, the report's beside ours."""
    groups = at_report_points(evidence)
    columns = [column for model, group in groups.items() for column in _columns(model, group)]
    lines = [
        (name, *(_percent(values[label]) for _, values in columns))
        for label, name in enumerate((*CLASS_NAMES[:-1], "empty"))
        if columns
    ]
    return Table(
        "Right by class %",
        "Of the test images of each class, at the report's points: the MLP after 50 epochs, the CNN after "
        "3, the SVM of the grid search. The report's are from the diagonals of its figures 4, 9 and 10.",
        ("class", *(name for name, _ in columns)),
        lines,
    )


def _columns(model: str, group: Group) -> Iterable[tuple[str, np.ndarray]]:
    yield f"{NAMES[model]}, report", np.divide(RIGHT[model], TESTED[model])
    yield f"{NAMES[model]}, here{FAILED if group.failed else ''}", right_by_class(group)


def _percent(value: float) -> str:
    return NONE if np.isnan(value) else f"{100 * value:.1f}"
