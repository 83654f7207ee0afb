"""What the report did and shows: its epochs, its ten figures, what its confusion matrices say."""

from dataclasses import dataclass

from bench.data.paper import REPORT_COUNTS


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report: its number, its caption, and what it shows."""

    number: int
    caption: str
    shows: str


FIGURES = (
    ReportFigure(1, "Model summary", "The neural network's layers: 4,010 and 187 parameters, 4,197 in all."),
    ReportFigure(2, "Training", "Keras's lines of 5 epochs, the last with 84% on the training images."),
    ReportFigure(3, "Accuracy and Loss curves for 50 epochs", "The neural network's 50 epochs."),
    ReportFigure(4, "Confusion matrix", "The neural network: 28,327 of 32,347 test images, 87.6%."),
    ReportFigure(5, "Model summary", "The CNN's layers: 640, 18,464 and 139,281 parameters, 158,385 in all."),
    ReportFigure(6, "Accuracy and loss curves for 3 epochs", "The CNN reaches about 98%."),
    ReportFigure(7, "Accuracy and loss curves for 15 epochs", "The CNN's loss on test images rises."),
    ReportFigure(8, "Accuracy and loss curves for 50 epochs", "The CNN's loss on test images rises on."),
    ReportFigure(9, "Confusion matrix", "The CNN: 31,611 on the diagonal of a badly scanned matrix, 97.7%."),
    ReportFigure(10, "Confusion matrix", "The SVM on 10,000 images: 2,753 of 3,000 test images, 91.8%."),
)  # fmt: skip

EPOCHS = {"mlp": 50, "cnn": 3}
"""For how long the report trained the networks that it tested."""
BATCH_SIZE = 16

RIGHT = {
    "mlp": (1982, 2159, 2007, 1939, 1996, 1850, 2095, 2030, 1711, 1958, 1574, 787, 1705, 999, 237, 1600,
            1698),
    "cnn": (2107, 2258, 2170, 2190, 2191, 2157, 2158, 2146, 2065, 2160, 1746, 1125, 1872, 1288, 391, 1888,
            1699),
    "svm": (188, 205, 194, 181, 192, 173, 200, 224, 171, 206, 162, 74, 166, 96, 28, 145, 148),
}  # fmt: skip
"""Diagonals of the report's figures 4, 9 and 10: test images of each class that were read rightly."""

TESTED = {
    "mlp": REPORT_COUNTS,
    "cnn": REPORT_COUNTS,
    "svm": (203, 207, 209, 194, 211, 189, 208, 234, 205, 216, 172, 103, 176, 118, 44, 163, 148),
}
"""Test images of each class. The CNN's matrix is badly scanned: its classes have those of the MLP's."""
