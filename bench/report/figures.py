"""Which figures a report has; each is left out where there is nothing to draw."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from bench.analyse.evidence import Evidence
from bench.report import answers, curves, trends
from bench.report.style import save, styled


@dataclass(frozen=True)
class Picture:
    """A figure that was drawn: its file in `figures/`, and what it shows."""

    file: str
    caption: str


FIGURES: dict[str, tuple[str, Callable[[Evidence], Figure | None]]] = {
    "mlp_50_epochs": (
        "Accuracy and loss of the MLP, 50 epochs",
        partial(curves.training_curves, model="mlp", epochs=50),
    ),
    "mlp_confusion": (
        "Confusion matrix of the MLP",
        partial(answers.confusion_matrix, model="mlp"),
    ),
    "cnn_3_epochs": (
        "Accuracy and loss of the CNN, 3 epochs",
        partial(curves.training_curves, model="cnn", epochs=3),
    ),
    "cnn_15_epochs": (
        "Accuracy and loss of the CNN, 15 epochs",
        partial(curves.training_curves, model="cnn", epochs=15),
    ),
    "cnn_50_epochs": (
        "Accuracy and loss of the CNN, 50 epochs",
        partial(curves.training_curves, model="cnn", epochs=50),
    ),
    "cnn_confusion": (
        "Confusion matrix of the CNN",
        partial(answers.confusion_matrix, model="cnn"),
    ),
    "svm_confusion": (
        "Confusion matrix of the SVM",
        partial(answers.confusion_matrix, model="svm"),
    ),
    "training_size": (
        "Test accuracy by training size",
        lambda evidence: trends.training_size(evidence.rows),
    ),
    "seconds": (
        "Test accuracy against seconds of training",
        lambda evidence: trends.seconds(evidence.rows),
    ),
    "growth": (
        "Time by training size, with fitted exponents",
        lambda evidence: trends.growth(evidence.growths),
    ),
    "batch_size": (
        "Accuracy and time by batch size",
        lambda evidence: trends.batch_size(evidence.rows),
    ),
    "draws": ("The SVM on 100 images, drawn again and again", answers.draws),
    "calibration": ("Calibration: can the networks' probabilities be believed?", answers.calibration),
    "gallery": ("Images that the best model reads wrongly", answers.gallery),
}  # fmt: skip
"""By file name: caption, and what draws it."""


def draw_all(evidence: Evidence, data_name: str, folder: Path) -> dict[str, Picture]:
    """Draw every figure there are numbers for into `folder`; an older file of one without is removed."""
    drawn = {}
    with styled():
        for name, (caption, make) in FIGURES.items():
            figure = make(evidence)
            file = folder / f"{name}.png"
            if figure is None:
                file.unlink(missing_ok=True)
                continue
            figure.suptitle(f"{caption} · {data_name}", fontsize=11, parse_math=False)
            save(figure, file)
            drawn[name] = Picture(file.name, caption)
    return drawn
