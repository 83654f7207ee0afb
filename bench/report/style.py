"""How figures look: colours, markers, sizes, and small files that are the same for the same numbers."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hexbench.errors import BadInput
from hexbench.files import reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
"""Told apart by colour-blind readers; the palette's yellow is darkened to be seen on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
LONGEST_NAME = 12
STYLE: Any = {
    "figure.dpi": 110,
    "font.size": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
}


class Palette:
    """A colour, a marker and a line for each name, in the order in which they were first seen."""

    def __init__(self, names: Iterable[str] = ()):
        self._places = {name: place for place, name in enumerate(dict.fromkeys(names))}

    def _place(self, name: str) -> tuple[int, int]:
        """(round, place in the cycle of colours)."""
        return divmod(self._places.setdefault(name, len(self._places)), len(OKABE_ITO))

    def colour(self, name: str) -> str:
        """One of OKABE_ITO."""
        return OKABE_ITO[self._place(name)[1]]

    def marker(self, name: str) -> str:
        """Beyond eight names the same colour comes with another marker."""
        turn, place = self._place(name)
        return MARKERS[(place + turn) % len(MARKERS)]

    def line(self, name: str, variant: int = 0) -> Any:
        """A line style; `variant` counts the lines of one name."""
        return LINES[(variant + self._place(name)[0]) % len(LINES)]


@contextmanager
def styled(**more: Any) -> Iterator[None]:
    """Figures made and drawn inside look alike; letters of a name that the font lacks become boxes."""
    try:
        from matplotlib import rc_context, rcdefaults, rcParams
    except (ValueError, OSError) as error:  # of a matplotlibrc that cannot be read
        raise BadInput(
            f"matplotlib does not start: {reason(error)}. Mend or remove your matplotlibrc."
        ) from None

    with rc_context(), warnings.catch_warnings():
        rcdefaults()  # a matplotlibrc of the user's may ask for LaTeX
        rcParams.update(STYLE | more)
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of this size in inches, which nothing global knows."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def log_scale(axes: "Axes") -> None:
    """Make the horizontal axis logarithmic, with numbers written out; for when everything is drawn."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    decades = np.log10(high / low)
    among = range(1, 10) if decades < 0.8 else (1, 2, 5) if decades < 3 else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=among))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 100 else f"{x:.4g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def shortened(text: str, most: int = LONGEST_NAME) -> str:
    """A name that fits into a figure: its beginning and its end."""
    half = most // 2
    return text if len(text) <= most else f"{text[: most - half]}…{text[1 - half :]}"


def save(figure: "Figure", file: Path) -> None:
    """Write a figure as PNG on white paper with at most 256 colours.

    No version of any software is in the file: the same numbers give the same bytes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    file.parent.mkdir(parents=True, exist_ok=True)
    reduced = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(file, optimize=True)
