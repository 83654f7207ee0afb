"""What the sections of a report are made with: the engine's own, and those of a study.

A study's `sections(context) -> list[Part]` gets a `Context`. It asks `context.runs` for cells, makes
tables with `hexbench.report.tables` and figures with `hexbench.report.figures`, and hands each figure
to `context.figure`:

    def sections(context):
        group = context.runs.select(Selection("tree", {"max_depth": 3}))
        names = context.runs.manifest.data.class_names
        drawn = context.figure("tree", "Confusion matrix", confusion_matrix(group, names, "Tree"))
        return [Part("Figure 9", [drawn] if drawn else [], said="97.7% correct")]

What a study has made under a name that the engine uses, the engine does not make again: figures
`learning_curves_MODEL`, `confusion_MODEL`, `by_AXIS`, `calibration`, `gallery`, `budgets`, `growth`,
`draws`; tables that replace the engine's `by_class` and `compared` are named by `context.replace(NAME)`.
"""

import re
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from hexbench.analyse.runs import Runs
from hexbench.report.page import Picture
from hexbench.report.slices import Slices
from hexbench.report.style import Palette, save, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_OF_NAME = 40
"""Letters of the data's name in a figure's title."""
CHARACTERS_AN_INCH = 11


class Context:
    """The runs of a report and its figures."""

    def __init__(self, runs: Runs, folder: Path):
        """`folder`: where figures go."""
        self.runs = runs
        self.slices = Slices(runs)
        self.palette = Palette(runs.models)
        self.folder = folder
        self._made: set[str] = set()
        self._files: set[str] = set()

    def is_made(self, name: str) -> bool:
        """Whether there is a figure or table of this name already."""
        return name in self._made

    def replace(self, name: str) -> None:
        """Say that the engine's figure or table of this name is not wanted."""
        self._made.add(name)

    def figure(self, name: str, caption: str, figure: "Figure | None") -> Picture | None:
        """Draw a figure into `figures/NAME.png`, its caption above it; None stays None."""
        self._made.add(name)
        if figure is None:
            return None
        data = shortened(self.runs.manifest.data.name, MOST_OF_NAME)
        fits = len(caption) + len(data) < CHARACTERS_AN_INCH * figure.get_figwidth()
        title = f"{caption} · {data}" if fits else f"{caption}\n{data}"
        figure.suptitle(title, fontsize=11, parse_math=False)
        picture = Picture(self._file(name), caption)
        save(figure, self.folder / picture.file)
        self._files.add(picture.file.lower())
        return picture

    def _file(self, name: str) -> str:
        """A name of a file that no other figure has, also where capitals do not count."""
        stem = re.sub(r"\W+", "_", name, flags=re.ASCII)
        names = chain([f"{stem}.png"], (f"{stem}_{number}.png" for number in count(2)))
        return next(file for file in names if file.lower() not in self._files)

    def remove_stale(self) -> None:
        """Remove pictures of earlier reports that were not drawn again."""
        for file in self.folder.glob("*.png"):
            if file.name.lower() not in self._files:
                file.unlink()
