"""The pen strokes of the sixteen hexadecimal digits, and nothing about how they are drawn.

Each class has a few ways in which people write it. A way is a weight and a string: strokes
divided by ``/``, each a list of points ``x,y`` that the pen passes through, x to the right and
y down, with the sign about 100 high. The pen runs smoothly (Catmull-Rom) through a point,
unless a ``!`` marks it as a corner; between two corners or ends it runs straight.
All points were set by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUBDIVISIONS = 3  # straight pieces that a curved span is drawn with

# How wide a class is usually written, and how far it leans to the right: 0 to 9, A to F.
WIDTH = (
    *(0.83, 0.83, 0.97, 0.78, 0.85, 0.88, 0.78, 0.84, 0.80, 0.75),
    *(0.88, 0.92, 1.00, 0.87, 0.86, 0.77),
)
SLANT = (
    *(0.24, 0.28, 0.16, 0.15, 0.23, 0.19, 0.12, 0.10, 0.12, 0.15),
    *(0.33, 0.14, 0.02, 0.13, 0.32, 0.12),
)

GLYPHS: tuple[tuple[tuple[float, str], ...], ...] = (
    (  # 0: closed, overlapping, with a curl, pointed, angular, slashed
        (44, "52,0 14,18 2,58 26,95 68,96 97,62 90,18 50,1"),
        (20, "64,8 20,12 2,55 22,95 66,97 97,60 88,14 42,2 34,18"),
        (8, "34,8 4,40 12,86 52,100 92,78 96,34 66,2 34,14 46,34"),
        (14, "62,0! 22,34 2,78 26,100 66,90 95,50 92,12 60,1"),
        (10, "30,4 6,50 14,94! 62,98 96,72 92,24 70,2! 28,6"),
        (4, "52,4 14,22 4,58 26,94 68,95 96,62 90,20 50,4 / 98,-6 4,106"),
    ),
    (  # 1: bare stroke, curved, with a flag, with flag and base
        (86, "50,0 50,34 50,67 50,100"),
        (8, "58,0 46,30 44,70 56,100"),
        (4, "36,12 54,0! 52,50 50,100"),
        (2, "28,20 52,0! 52,98 / 24,100 80,98"),
    ),
    (  # 2: flat base, looped base, like a Z, wavy base, with a starting curl
        (30, "8,22 44,0 82,22 56,62 4,98! 50,97 98,96"),
        (26, "8,22 46,0 80,24 56,66 18,98 2,84 26,76 62,92 102,92"),
        (16, "6,10 46,4 88,6! 46,50 6,97! 50,97 96,96"),
        (16, "12,14 58,0 84,26 50,66 4,94! 44,88 98,102"),
        (12, "20,34 10,14 46,0 80,22 52,66 8,97! 50,95 96,94"),
    ),
    (  # 3: round, flat top, with a loop, deep and shallow waist, like a hook
        (34, "6,14 46,0 82,20 34,46! 74,50 90,74 54,100 2,90"),
        (18, "8,6 48,3 86,4! 40,42! 82,54 86,84 42,100 2,92"),
        (18, "8,14 50,0 78,20 44,50 30,48 50,42 88,64 62,98 4,94"),
        (20, "4,8 52,0 80,18 58,44 34,48 76,54 84,84 38,102 0,88"),
        (10, "14,6 62,2 76,22 30,40! 66,46 74,78 44,98 -8,98"),
    ),
    (  # 4: open, open like a cup, closed, in one stroke, crossed far out
        (30, "22,4 14,30 8,56! 50,58 98,54 / 74,0 68,50 62,100"),
        (22, "14,2 10,36 30,54 60,52 84,36 / 92,0 82,50 72,100"),
        (14, "60,0! 30,34 2,66! 50,66 98,64 / 60,0 60,50 58,100"),
        (16, "24,0 8,46! 46,54 84,40! / 92,2 80,44 64,100"),
        (18, "30,8 4,60! 50,58 108,48 / 78,0 64,54 50,100"),
    ),
    (  # 5: one stroke, hat apart, like an S, wide hat, small belly
        (24, "92,2 58,3 24,6! 18,44! 58,38 86,64 60,96 2,94"),
        (24, "28,8 18,48! 62,42 84,68 52,98 0,90 / 24,8 60,6 98,0"),
        (18, "94,4 48,4 20,24 46,46 78,64 60,94 4,98"),
        (20, "40,10 26,50! 60,46 74,70 40,98 -4,90 / 36,12 74,8 112,2"),
        (14, "86,4 22,8! 22,40! 72,38 92,66 66,98 12,100"),
    ),
    (  # 6: tall loop, like a b, wide belly, straight back, open loop
        (30, "66,0 26,34 6,74 36,100 78,88 80,62 48,56 14,84"),
        (22, "26,0 14,44 14,92 48,100 82,82 68,58 38,64 14,88"),
        (20, "92,2 38,18 4,60 26,96 76,96 98,72 66,56 12,76"),
        (16, "56,0 18,56 16,98! 62,98 82,76 62,58 18,84"),
        (12, "22,2 4,40 8,88 52,100 92,80 82,54 50,58 34,78"),
    ),
    (  # 7: plain, with a serif, curved, barred, upright, with a wavy top
        (28, "6,6 46,5 92,3! 66,48 42,100"),
        (22, "12,26 10,6! 48,8 88,4! 62,50 44,100"),
        (18, "8,16 44,2 86,8 78,46 44,100"),
        (6, "8,6 48,5 90,4! 64,50 42,100 / 28,54 90,50"),
        (12, "4,6 42,5 80,6! 80,50 74,100"),
        (14, "8,28 26,6 56,14 92,0! 60,52 36,100"),
    ),
    (  # 8: one S-like stroke, open top, two rings, narrow, crossing ends
        (32, "84,12 46,0 16,22 48,48 80,76 44,100 14,80 44,52 84,22 80,8"),
        (22, "94,6 44,2 18,24 54,52 72,82 38,100 14,80 50,50 98,2"),
        (20, "50,2 18,24 50,47 82,22 48,1 / 50,47 10,74 50,100 90,74 48,47"),
        (14, "66,4 40,8 34,32 52,54 58,84 38,100 24,84 42,56 68,28 64,3"),
        (12, "30,6 70,2 76,24 44,50 10,78 42,100 78,84 56,52 22,26 32,4"),
    ),
    (  # 9: straight tail, loop and stick, curled tail, bent tail, open loop
        (32, "80,14 42,0 8,26 32,50 70,36 84,8! 74,54 60,100"),
        (22, "78,26 42,48 10,26 40,0 80,18! 82,56 82,100"),
        (14, "80,16 42,0 10,26 40,48 82,22! 86,62 58,100 12,90"),
        (20, "92,8 42,4 8,36 38,52 86,10! 68,54 40,100"),
        (12, "84,4 36,12 8,40 46,50 78,32! 76,64 70,100"),
    ),
    (  # A: pointed, round, flat top, far bar, in one stroke, leaning on its left leg
        (26, "2,100 24,50 50,0! 72,50 96,100 / 18,64 50,63 84,62"),
        (26, "4,100 12,44 48,0 84,40 92,100 / 8,62 50,60 92,58"),
        (10, "6,100 12,50 18,4! 52,2 84,8! 90,50 94,100 / 12,52 88,50"),
        (20, "12,100 32,50 56,0! 72,50 86,100 / -6,72 50,66 112,60"),
        (10, "0,100 28,48 52,0! 66,50 78,100! 40,80 16,66! 60,62 104,60"),
        (8, "0,100 40,20 72,0 86,30 80,100 / 22,64 88,54"),
    ),
    (  # B: stem and bows, one stroke, wide hat, from below, round like an 8, like an R
        (28, "12,2 10,50 10,98 / 8,3 62,2 76,26 16,48! 72,50 90,78 56,98 8,98"),
        (16, "12,100 12,50 14,4! 66,2 76,28 18,48! 74,54 86,86 10,100"),
        (20, "30,8 28,52 24,96 / -4,10 52,0 86,20 34,46! 80,56 92,82 54,100 4,96"),
        (14, "14,4 8,50 4,96! 62,100 88,72 22,48! 76,30 68,4 10,6"),
        (14, "50,2 18,12 10,60 26,98 74,96 86,68 24,48! 72,36 76,8 44,1"),
        (4, "12,4 10,100 / 4,6 70,0 80,28 18,50! 70,60 96,100"),
    ),
    (  # C: plain, with a serif, angular, curled in, shallow
        (40, "88,14 56,0 14,26 6,70 40,100 96,86"),
        (18, "86,34 88,4! 50,4 8,44 16,88 54,100 98,88"),
        (8, "94,4 52,5 16,12! 8,92! 52,97 96,96"),
        (18, "66,34 80,10 50,0 8,42 14,90 54,100 100,88"),
        (16, "98,6 52,12 6,54 14,90 52,98 104,92"),
    ),
    (  # D: stem and bow, one stroke, wide hat, triangular, like a 0
        (30, "14,2 12,50 12,98 / 8,4 62,8 94,46 72,88 8,98"),
        (20, "14,98 12,50 12,2! 64,8 94,44 70,92 8,98"),
        (22, "32,8 30,52 26,96 / -6,8 58,4 98,40 72,86 0,100"),
        (12, "24,0 14,50 6,98! 56,98 94,90 78,40 22,0"),
        (16, "16,6! 6,50 16,94! 62,98 94,60 80,14 14,6"),
    ),
    (  # E: four strokes, one frame, like an epsilon, round, leaning frame
        (28, "14,2 10,98 / 12,3 52,3 94,0 / 12,50 48,49 80,46 / 8,98 50,97 96,94"),
        (28, "92,2 52,4 14,6! 12,50 8,96! 52,97 98,92 / 10,50 46,50 82,46"),
        (18, "88,10 44,0 16,22 54,46! 8,68 30,100 96,88"),
        (20, "92,4 40,6 8,48 18,92 50,98 98,90 / 10,52 46,48 78,44"),
        (6, "30,0 18,50 4,94! 50,94 92,90 / 24,8 100,0 / 14,52 82,46"),
    ),
    (  # F: three strokes, one frame, lower case with a hook, a long tail, a loop
        (26, "14,2 12,50 8,100 / 12,4 52,4 96,0 / 12,50 46,50 78,46"),
        (24, "96,2 54,4 18,6! 14,50 8,100 / 12,50 48,50 80,46"),
        (30, "84,16 64,0 44,22 42,60 40,100 / 8,56 46,54 86,50"),
        (12, "94,14 72,0 52,28 42,84 4,98 / 6,58 48,54 96,50"),
        (8, "46,56 78,16 58,0 42,40 40,100 / 10,60 84,54"),
    ),
)


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


@cache
def pens() -> Pens:
    """The table above as arrays; unused places repeat the last used one."""
    ways = [_Way(text) for glyph in GLYPHS for _, text in glyph]
    sums = [np.cumsum([weight for weight, _ in glyph]) for glyph in GLYPHS]
    return Pens(
        first=np.cumsum([0, *(len(glyph) for glyph in GLYPHS)]),
        chance=np.concatenate([total / total[-1] for total in sums]),
        control=_stack([way.control for way in ways]).astype(np.float32) / np.float32(50) - 1,
        stroke=_stack([way.stroke for way in ways]),
        index=_stack([way.index for way in ways]),
        share=_stack([way.share for way in ways]).astype(np.float32),
        piece=_stack([way.piece for way in ways]),
        pieces=np.array([len(way.piece) for way in ways]),
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
