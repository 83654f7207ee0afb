"""The pen strokes of `glyphs.toml` as arrays."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("glyphs.toml")
SUBDIVISIONS = 3  # straight pieces that a curved span is drawn with


@dataclass(frozen=True)
class Pens:
    """Every way of writing as arrays: V ways of K control points, P path points, S pieces."""

    first: NDArray[np.int64]  # (17,) where each class's ways begin, and the end of the last
    chance: NDArray[np.float64]  # (V,) running share of the way within its class, up to 1
    control: NDArray[np.float32]  # (V, K, 2) x and y, about -1 to 1
    stroke: NDArray[np.int64]  # (V, K) the stroke that a control point belongs to
    index: NDArray[np.int64]  # (V, P, 4) the control points that a path point is made of
    share: NDArray[np.float32]  # (V, P, 4) and how much of each
    piece: NDArray[np.int64]  # (V, S, 2) the path points that a straight piece joins
    pieces: NDArray[np.int64]  # (V,) how many pieces are in use
    width: NDArray[np.float32]  # (16,) how wide a class is usually written
    slant: NDArray[np.float32]  # (16,) and how far it leans to the right


@cache
def pens() -> Pens:
    """The file's content; unused places repeat the last used one."""
    glyphs = tomllib.loads(FILE.read_text(encoding="utf-8"))["glyph"]
    ways = [_Way(text) for glyph in glyphs for _, text in glyph["ways"]]
    sums = [np.cumsum([weight for weight, _ in glyph["ways"]]) for glyph in glyphs]
    return Pens(
        first=np.cumsum([0, *(len(glyph["ways"]) for glyph in glyphs)]),
        chance=np.concatenate([total / total[-1] for total in sums]),
        control=_stack([way.control for way in ways]).astype(np.float32) / np.float32(50) - 1,
        stroke=_stack([way.stroke for way in ways]),
        index=_stack([way.index for way in ways]),
        share=_stack([way.share for way in ways]).astype(np.float32),
        piece=_stack([way.piece for way in ways]),
        pieces=np.array([len(way.piece) for way in ways]),
        width=np.array([glyph["width"] for glyph in glyphs], np.float32),
        slant=np.array([glyph["slant"] for glyph in glyphs], np.float32),
    )


class _Way:
    """One way of writing, taken from its string; the lists are rows of the arrays in `Pens`."""

    def __init__(self, text: str) -> None:
        self.control: list[list[float]] = []
        self.stroke: list[int] = []
        self.index: list[list[int]] = []
        self.share: list[list[float]] = []
        self.piece: list[list[int]] = []
        for number, points in enumerate(text.split("/")):
            self._add_stroke(number, points.split())

    def _add_stroke(self, number: int, words: list[str]) -> None:
        start, last = len(self.control), len(self.control) + len(words) - 1
        self.control += [[float(v) for v in word.rstrip("!").split(",")] for word in words]
        self.stroke += [number] * len(words)
        marked = [start + i for i, word in enumerate(words) if word.endswith("!")]
        corners = {start, *marked, last}
        self._add_point([start] * 4, 0.0)
        for i in range(start, last):
            before = i if i in corners else i - 1
            after = i + 1 if i + 1 in corners else i + 2
            straight = before == i and after == i + 1
            steps = 1 if straight else SUBDIVISIONS
            for step in range(1, steps + 1):
                self._add_point([before, i, i + 1, after], step / steps)
                self.piece.append([len(self.index) - 2, len(self.index) - 1])

    def _add_point(self, index: list[int], t: float) -> None:
        """A Catmull-Rom point, the share t of the way from the second to the third of four."""
        self.index.append(index)
        self.share.append(
            [
                0.5 * t * (t * (2 - t) - 1),
                0.5 * (t * t * (3 * t - 5) + 2),
                0.5 * t * (t * (4 - 3 * t) + 1),
                0.5 * t * t * (t - 1),
            ]
        )


def _stack(rows: Sequence[Sequence[object]]) -> NDArray[Any]:
    longest = max(len(row) for row in rows)
    return np.array([[*row, *[row[-1]] * (longest - len(row))] for row in rows])
