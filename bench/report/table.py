"""A table of a report: rows of text, and how numbers become text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum, isnan, sqrt

NONE = "–"
FAILED = " †"
FAILED_NOTE = "†: some of the cells failed; Missing names them."


@dataclass(frozen=True)
class Table:
    """A titled table; `note` says what its rows have in common."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    align: str = "l"
    """A letter a column, `l` for text and `r` for numbers; columns without one hold numbers."""

    @property
    def alignment(self) -> list[str]:
        """`left` or `right` for each column."""
        letters = self.align.ljust(len(self.header), "r")[: len(self.header)]
        return ["left" if letter == "l" else "right" for letter in letters]

    def only(self, columns: Sequence[int]) -> "Table":
        """The same table with the columns at these positions."""
        letters = self.align.ljust(len(self.header), "r")
        rows = [tuple(row[i] for i in columns) for row in self.rows]
        header = tuple(self.header[i] for i in columns)
        return replace(self, header=header, rows=rows, align="".join(letters[i] for i in columns))

    def explained(self) -> "Table":
        """The same table; its note says what FAILED means, if it stands there."""
        marked = any(FAILED in text for row in (self.header, *self.rows) for text in row)
        return replace(self, note=f"{self.note} {FAILED_NOTE}".strip()) if marked else self


def percent(values: Sequence[float]) -> str:
    """Mean ± standard deviation of shares, in percent: `93.9 ± 0.4`."""
    return number([100 * value for value in values], 1)


def number(values: Sequence[float], digits: int = 3) -> str:
    """Mean ± standard deviation; the mean alone of one value; NONE if there is none, or one is NaN."""
    if not len(values) or any(map(isnan, values)):
        return NONE
    middle = fsum(values) / len(values)
    if len(values) == 1:
        return f"{middle:.{digits}f}"
    spread = sqrt(fsum((value - middle) ** 2 for value in values) / (len(values) - 1))
    return f"{middle:.{digits}f} ± {spread:.{digits}f}"


def seconds(value: float | None) -> str:
    """Three significant digits without an exponent."""
    if value is None:
        return NONE
    text = f"{value:.3g}"
    return f"{value:,.0f}" if "e+" in text or value >= 1_000 else text


def count(value: int | None) -> str:
    """A whole number with separators."""
    return NONE if value is None else f"{value:,}"
