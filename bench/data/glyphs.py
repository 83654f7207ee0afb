"""The pen strokes of the sixteen hexadecimal digits, and nothing about how they are drawn.

Each class has a few ways in which people write it. A way is a weight and a string: strokes
divided by ``/``, each a list of points ``x,y`` that the pen passes through, x to the right and
y down, with the sign about 100 high. The pen runs smoothly (Catmull-Rom) through a point,
unless a ``!`` marks it as a corner; between two corners or ends it runs straight.
The points were set by hand, then moved to where they lie on average in 2,154 training images of
hex2024: each image was drawn by least squares with each way of its class (docs/synthetic.md). The
weights, in percent, are the shares of these images that a way fitted best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUBDIVISIONS = 3  # straight pieces that a curved span is drawn with

# How wide a class is usually written, and how far it leans to the right, 0 to 9 and A to F: medians
# of the same images.
WIDTH = (
    *(0.85, 0.72, 0.86, 0.75, 0.88, 0.87, 0.83, 0.82, 0.98, 0.74),
    *(0.87, 0.92, 0.91, 0.88, 0.81, 0.78),
)
SLANT = (
    *(0.22, 0.31, 0.09, 0.08, 0.23, 0.07, 0.08, 0.11, 0.05, 0.19),
    *(0.31, 0.15, -0.06, 0.09, 0.30, 0.12),
)

GLYPHS: tuple[tuple[tuple[float, str], ...], ...] = (
    (  # 0
        (21, "60,0! 23,33 3,78 24,98 66,88 97,52 88,15 61,1"),
        (19, "63,6 23,15 3,57 21,91 67,95 98,60 84,13 47,2 29,21"),
        (19, "65,13 24,10 4,57 20,93 66,93 98,59 84,18 41,2 33,14"),
        (16, "33,11 7,41 12,86 52,98 92,77 94,36 65,6 39,14 43,28"),
        (13, "50,-1 18,16 2,59 25,94 68,94 99,62 85,22 51,2"),
        (9, "32,7 7,54 17,91! 59,96 97,71 90,27 66,2! 31,5"),
        (4, "54,5 20,25 3,63 19,94 65,91 100,62 90,18 50,5 / 92,-3 9,102"),
    ),
    (  # 1
        (40, "49,0 50,35 50,66 51,100"),
        (29, "48,0 53,31 50,69 48,100"),
        (14, "57,0 47,29 44,71 56,100"),
        (13, "30,22 49,1! 49,101 / 28,97 79,98"),
        (4, "38,11 54,0! 53,50 47,101"),
        (1, "46,0 51,32 49,73 54,96"),
    ),
    (  # 2
        (31, "20,15 43,6 70,28 60,72 17,101 -3,87 24,71 68,83 104,92"),
        (24, "8,20 46,4 77,24 59,68 16,98 4,87 27,72 65,83 98,97"),
        (15, "5,14 44,5 80,31 68,77 18,104 -1,83 33,71 64,85 87,82"),
        (14, "16,9 59,6 78,29 45,64 5,92! 42,94 101,97"),
        (8, "9,20 44,5 78,22 54,58 6,96! 48,98 99,95"),
        (6, "21,24 10,18 46,6 78,25 51,64 12,97! 47,96 94,91"),
    ),
    (  # 3
        (26, "11,6 51,4 77,18 57,40 25,48 75,50 91,86 37,102 0,90"),
        (21, "12,12 50,2 75,18 44,46 22,50 55,43 90,67 60,96 6,95"),
        (19, "5,9 48,0 78,16 60,41 39,49 76,55 85,86 35,101 -2,88"),
        (16, "23,5 61,2 73,21 21,44! 62,48 79,78 42,98 -6,96"),
        (10, "1,6 54,2 87,16 57,40 28,50 70,60 81,86 37,96 9,91"),
        (6, "5,12 46,1 80,21 38,47! 73,50 91,76 51,99 1,91"),
    ),
    (  # 4
        (31, "19,8 13,31 11,53! 50,59 96,54 / 77,-3 68,50 62,101"),
        (27, "17,3 9,38 28,50 64,53 85,40 / 91,-2 78,52 74,100"),
        (22, "21,8 15,32 6,53! 47,54 85,56 / 79,-3 72,51 68,102"),
        (11, "24,3 8,45! 49,49 85,44! / 91,0 78,45 65,101"),
        (7, "60,2! 30,36 2,64! 50,62 95,61 / 61,1 60,47 60,104"),
        (2, "30,13 8,52! 48,57 113,49 / 74,0 61,51 45,104"),
    ),
    (  # 5
        (36, "37,14 19,44! 57,48 72,75 39,98 3,89 / 38,14 75,6 116,0"),
        (24, "31,10 14,44! 61,41 86,71 49,98 2,88 / 27,12 60,5 96,-1"),
        (10, "98,1 47,8 17,27 42,47 73,68 57,94 14,92"),
        (9, "26,8 8,47! 61,50 78,72 51,94 11,88 / 28,9 60,6 102,-3"),
        (9, "42,6 16,55! 51,50 78,74 40,90 7,90 / 38,11 69,9 114,3"),
        (8, "79,-1 26,8! 15,47! 77,44 95,71 64,93 16,94"),
        (5, "88,0 58,4 26,7! 14,45! 59,38 89,65 57,96 5,91"),
    ),
    (  # 6
        (26, "32,-2 11,42 13,90 49,99 82,80 70,59 36,68 17,89"),
        (22, "67,-2 25,33 3,73 35,95 78,85 81,63 47,62 20,88"),
        (21, "26,-2 3,41 5,86 52,97 90,78 81,57 52,62 40,82"),
        (18, "58,-2 13,57 17,94! 60,95 83,73 63,63 23,88"),
        (12, "87,-1 42,19 2,60 23,89 78,92 99,72 67,62 18,82"),
    ),
    (  # 7
        (24, "8,14 44,5 87,8 78,44 43,101"),
        (18, "6,28 29,9 54,8 91,3! 64,53 37,100"),
        (16, "8,30 17,3! 43,7 84,6! 70,48 43,99"),
        (15, "10,23 11,11! 51,5 87,6! 65,53 45,100"),
        (14, "2,7 44,4 81,8! 79,53 71,100"),
        (9, "11,9 52,5 83,7! 66,50 43,101 / 24,52 92,47"),
        (4, "6,6 46,5 93,3! 66,50 41,100"),
    ),
    (  # 8
        (27, "66,3 36,6 25,31 51,58 59,87 39,99 27,85 43,57 74,23 68,8"),
        (21, "69,1 38,7 29,32 56,56 62,86 37,100 22,84 39,56 66,30 66,3"),
        (16, "88,3 45,0 16,26 54,56 70,85 37,97 19,81 50,47 103,5"),
        (14, "83,13 46,1 13,20 45,51 75,79 46,98 18,82 42,52 86,21 84,6"),
        (14, "34,9 71,3 77,24 40,49 16,79 39,99 75,86 60,50 17,27 29,2"),
        (8, "48,3 16,20 50,49 85,14 51,8 / 50,44 12,77 51,98 86,80 48,45"),
    ),
    (  # 9
        (29, "79,8 43,2 8,27 28,45 71,35 84,13! 74,54 59,104"),
        (16, "80,12 44,-5 8,26 26,53 71,40 82,12! 75,52 64,99"),
        (15, "81,30 40,48 9,27 43,-1 79,15! 81,56 80,102"),
        (12, "77,5 44,-2 8,26 26,50 74,39 83,17! 77,55 55,100"),
        (12, "78,6 36,10 8,42 49,51 83,30! 75,64 69,101"),
        (9, "86,5 44,3 6,37 41,51 90,16! 68,50 39,102"),
        (6, "81,12 42,-1 4,27 41,47 82,28! 84,58 50,97 22,92"),
    ),
    (  # A
        (21, "6,98 14,49 20,10! 53,-2 77,11! 89,49 91,98 / 13,52 93,55"),
        (17, "8,99 13,41 50,2 83,40 90,100 / 7,63 46,58 90,61"),
        (15, "4,101 23,49 48,3! 73,48 92,103 / 17,62 48,61 86,61"),
        (14, "2,105 24,44 51,3! 73,48 77,97! 51,71 11,66! 59,66 95,64"),
        (11, "1,97 17,48 46,-1 77,45 92,100 / 11,61 52,61 95,57"),
        (11, "2,94 16,51 29,7! 51,-2 75,13! 86,56 99,100 / 14,52 87,50"),
        (6, "-1,102 45,23 65,3 82,35 82,100 / 19,58 89,50"),
        (4, "14,102 31,48 57,3! 75,45 85,102 / -4,71 48,62 107,59"),
    ),
    (  # B
        (29, "14,6 11,49 9,97 / 9,2 63,-1 72,32 18,50! 69,47 90,78 56,100 9,93"),
        (24, "15,9 7,49 3,93 / 18,11 58,-5 64,30 23,46! 71,46 94,81 57,103 13,92"),
        (19, "25,10 16,49 17,99 / 11,20 53,-3 79,25 41,45! 80,49 96,84 55,103 8,86"),
        (11, "27,11 23,52 22,96 / -6,9 62,-2 85,27 36,51! 78,50 91,82 53,101 15,95"),
        (8, "8,95 9,49 18,6! 66,-1 72,29 22,51! 75,55 84,90 20,99"),
        (6, "46,1 15,10 14,59 19,100 80,98 84,63 36,46! 66,37 72,10 47,1"),
        (4, "12,7 10,101 / 7,5 63,-2 76,34 20,49! 81,57 92,100"),
    ),
    (  # C
        (28, "93,7 54,17 8,56 14,86 53,96 101,91"),
        (21, "84,28 86,6! 50,9 11,45 13,85 60,99 98,90"),
        (21, "69,39 77,8 52,1 11,42 12,87 56,99 98,87"),
        (16, "60,24 80,14 52,7 11,45 14,86 54,98 98,90"),
        (14, "82,13 57,3 18,27 6,70 41,96 95,88"),
    ),
    (  # D
        (44, "16,6 13,50 12,96 / 10,5 58,7 95,48 68,88 11,96"),
        (24, "35,8 31,51 26,97 / -7,5 56,9 97,42 70,85 2,99"),
        (12, "25,11 25,46 26,96 / 4,15 56,4 100,40 68,89 4,92"),
        (6, "14,97 13,51 12,4! 62,9 95,47 69,90 8,97"),
        (6, "22,2 16,50 7,93! 52,101 93,87 78,36 23,3"),
        (6, "15,6! 10,52 16,95! 59,95 96,59 77,17 14,6"),
        (1, "16,4 17,50 17,97 / -1,5 64,7 95,47 64,92 9,94"),
    ),
    (  # E
        (35, "17,5 9,96 / 10,5 53,2 93,0 / 11,48 48,46 81,45 / 10,98 51,98 96,96"),
        (24, "90,3 50,3 15,7! 12,52 11,91! 50,97 95,93 / 11,51 46,50 88,47"),
        (17, "34,4 20,51 4,91! 48,91 91,91 / 24,9 99,-1 / 17,54 79,46"),
        (15, "92,3 37,10 13,49 18,86 50,97 96,91 / 16,56 43,48 77,44"),
        (9, "85,6 46,3 16,29 57,45! 9,63 28,95 96,91"),
    ),
    (  # F
        (29, "16,5 12,50 9,97 / 12,6 52,0 95,-1 / 12,52 44,51 83,49"),
        (22, "93,12 66,0 38,20 43,63 46,94 / 11,57 44,60 71,61"),
        (21, "85,15 68,1 41,18 39,62 42,98 / 9,56 49,57 86,51"),
        (18, "92,2 52,2 21,9! 16,49 7,97 / 12,53 47,50 85,48"),
        (5, "97,8 72,4 46,31 43,86 8,99 / 7,55 50,54 91,52"),
        (3, "13,9 15,49 21,93 / 16,2 54,-4 100,3 / 4,54 42,56 63,55"),
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
