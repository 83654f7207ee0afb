"""How figures look: colours, markers, sizes, and small files that are the same for the same numbers."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

COLOURS = {"mlp": "#0072B2", "cnn": "#D55E00", "svm": "#009E73"}
"""From Okabe and Ito's palette, told apart by colour-blind readers."""
MARKERS = {"mlp": "o", "cnn": "s", "svm": "^"}
STYLE: Any = {
    "figure.dpi": 110,
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


@contextmanager
def styled(**more: Any) -> Iterator[None]:
    """Figures drawn inside look alike; letters of a name that the font lacks become boxes."""
    with plt.rc_context(STYLE | more), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def save(figure: Figure, file: Path) -> None:
    """Write a figure as PNG on white paper with at most 256 colours, and close it.

    No version of any software is in the file: the same numbers give the same bytes.
    """
    drawn = BytesIO()
    figure.savefig(drawn, bbox_inches="tight")
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB")
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        file, optimize=True
    )
