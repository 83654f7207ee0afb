"""Reads CSV files of a label and pixels a line, such as Kaggle's, packed by gzip or not.

With a header the column of labels is known by its name; without one it is the first.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from math import isqrt
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from hexbench.data import emnist, npy
from hexbench.data.dataset import Dataset
from hexbench.data.formats import TABLE, TEST
from hexbench.data.images import Pixels, image_shape
from hexbench.data.labels import MAX_CLASSES, Labels, read_labels, together
from hexbench.data.npy import Header, in_memory, unpacked_file
from hexbench.data.parts import called_after, divide, files_called
from hexbench.data.sources import Source, file_source
from hexbench.errors import BadInput
from hexbench.files import short

if TYPE_CHECKING:
    import pandas as pd

LABEL = re.compile(r"labels?|class|target|y", re.IGNORECASE)
PIXEL = re.compile(
    r"(pixel|px|p|x|f|feature|attribute|column|v)?[ _.-]?[0-9]+([ _.,x-]+[0-9]+)?", re.IGNORECASE
)
NUMBER = re.compile(r"([+-]?[0-9]+)(\.0*)?")
SCIENTIFIC = re.compile(r"[+-]?[0-9](\.[0-9]*)?e[+-]?[0-9]{1,2}", re.IGNORECASE)
"""How `numpy.savetxt` writes numbers."""
SEPARATORS = ",;\t"
BLOCK = 2**20
LONGEST_LINE = 2**24
"""Bytes, of the pixels of an image."""
HELD = 2**22
"""Bytes of values that are held at a time."""


@dataclass(frozen=True)
class Table:
    """What the first line and the number of lines say of a file."""

    path: Path
    separator: str
    columns: int
    label: int | None
    """Which column has the labels; None: there are none."""
    header: bool
    rows: int
    """Without the header."""
    before: int = 0
    """Empty lines before the first."""

    @property
    def pixels(self) -> int:
        """Values of an image."""
        return self.columns - (self.label is not None)


def source(path: Path) -> Source:
    """The source of a file or of a folder with train.csv and the like; BadInput if it is not valid.

    Every line is counted, but no value is read.
    """
    files = files_called(path, TABLE)
    tables = {part: _survey(file) for part, file in files.parts.items()}
    notes = []
    for part, table in list(tables.items()):
        if table.label is None and len(tables) > 1 and part == TEST:
            del tables[part]
            notes.append(f"{table.path.name} has no labels and is ignored")
        elif table.label is None:
            raise BadInput(f"{table.path} has no column named label.")
    shapes = {table.pixels: _shape(table) for table in tables.values()}
    if len(shapes) > 1:
        raise BadInput(f"{path}: its files have {' and '.join(map(str, shapes))} pixels a line.")
    (shape,) = shapes.values()
    divided = divide(tables)
    count = sum(table.rows for table in tables.values())
    tested = tables[divided.test].rows if divided.test is not None else None
    folder = path if path.is_dir() else path.parent
    of_emnist = emnist.is_emnist(next(iter(tables.values())).path.name)
    if of_emnist:
        notes.append(emnist.UPRIGHT)

    def read() -> Dataset:
        images = np.empty((count, shape[0] * shape[1]), np.uint8)
        labels, start = [], 0
        for part in divided.order:
            table = tables[part]
            labels.append(_read(table, images[start : start + table.rows], 1 if part == divided.test else 2))
            start += table.rows
        whole, joined = images.reshape(-1, *shape), together(labels, str(path))
        names = tuple(map(str, joined.values))
        if of_emnist:
            names = emnist.put_right(whole, joined, emnist.characters(folder, files.stem))
        return Dataset(
            "",
            whole,
            joined.codes,
            names,
            test_part=None if tested is None else np.arange(count - tested, count),
            notes=(*notes, *divided.notes),
        )

    return file_source(path, count, shape, None, read, tested, called_after(files.stem, path))


def _shape(table: Table) -> tuple[int, ...]:
    """(height, width) of squares; BadInput if the lines hold no such images, or too many."""
    if isqrt(table.pixels) ** 2 != table.pixels:
        raise BadInput(
            f"{table.path} has {table.pixels:,} pixels a line, which is no square: save images that are not "
            "square as an .npz."
        )
    header = Header((table.rows, table.pixels), False, np.dtype(np.uint8))
    size = table.path.stat().st_size
    limit = max(npy.ALWAYS_UNFOLDED, npy.MAX_UNFOLDED * size)
    return image_shape(header, limit, str(table.path))


def _survey(path: Path) -> Table:
    with _lines(path) as stream:
        first, before, rows = b"", 0, 0
        for lines in _blocks(stream):
            if not first:
                first = next((line for line in lines if line.strip()), b"")
                before += lines.index(first) if first else len(lines)
            rows += sum(not (line.isspace() or not line) for line in lines)
    try:
        text = first.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no text in UTF-8, as a .csv must be.") from None
    separator = max(SEPARATORS, key=text.count)
    names = [name.strip().strip('"').strip() for name in text.split(separator)]
    if len(names) < 2:
        raise BadInput(
            f"{path} {'is empty' if not names[0] else 'has one column: expected a label and pixels'}."
        )
    # Pixels repeat; a header names each column once, if by numbers alone.
    named = LABEL.fullmatch(names[0]) and len({*names[1:]}) == len(names) - 1
    if all(map(_is_number, names[1:])) and not named:
        squares = isqrt(len(names)) ** 2 == len(names) and isqrt(len(names) - 1) ** 2 != len(names) - 1
        return Table(path, separator, len(names), None if squares else 0, False, rows, before)
    return Table(path, separator, len(names), _label_of(names, path), True, rows - 1, before)


def _label_of(names: list[str], path: Path) -> int | None:
    """The column of labels; BadInput where other columns than this one and pixels stand there."""
    found = [place for place, name in enumerate(names) if LABEL.fullmatch(name)]
    if len(found) > 1:
        raise BadInput(f"{path} has two columns that may be labels, {short(names[found[0]])} and another.")
    others = [name for place, name in enumerate(names) if place not in found and not PIXEL.fullmatch(name)]
    if others:
        raise BadInput(
            f"{path} has a column {short(others[0])!r}: expected label, pixel0, pixel1, ... in its header, "
            "or no header and the label first."
        )
    return found[0] if found else None


def _read(table: Table, images: np.ndarray, fewest: int) -> Labels:
    """Put the pixels of each line into `images` (rows, pixels); its labels. BadInput if it is not valid."""
    import pandas as pd

    name = str(table.path)
    pixels, start = Pixels(images, np.dtype(np.float64), name), 0
    places: dict[str, int] = {}
    codes = np.empty(len(images), np.uint16)
    with _lines(table.path) as stream:
        frames = pd.read_csv(
            stream,
            sep=table.separator,
            header=None,
            skiprows=table.before + table.header,
            dtype={table.label: str},
            chunksize=max(1, HELD // (8 * table.columns)),
            low_memory=False,
            keep_default_na=False,
            encoding="utf-8" if table.before + table.header else "utf-8-sig",
        )
        for frame in frames:
            if frame.shape[1] != table.columns:
                raise ValueError(
                    f"its header has {table.columns} columns and its lines have {frame.shape[1]}"
                )
            if start + len(frame) > len(images):
                raise ValueError("its quotation marks go over the ends of lines")
            rows = slice(start, start + len(frame))
            values = _numbers(frame.drop(columns=table.label), start + 1 + table.header)
            images[rows] = pixels.bytes_of(values)
            codes[rows] = [_place(text, places, name) for text in frame[table.label]]
            start += len(frame)
    if start < len(images):
        raise BadInput(
            f"{name} has {len(images):,} lines but {start:,} rows: quotation marks go over their ends."
        )
    pixels.finish()
    return _labels(codes, list(places), name, fewest)


def _numbers(frame: "pd.DataFrame", line: int) -> np.ndarray:
    """The values; ValueError that names a line and column where one is no number."""
    values: np.ndarray = frame.to_numpy()
    if values.dtype.kind not in "buif":
        for column in range(frame.shape[1]):
            of_column = frame.iloc[:, column].to_numpy()
            if of_column.dtype.kind not in "buif":
                # `nan` and very long numbers are text to pandas, too.
                wrong = ((row, v) for row, v in enumerate(of_column) if not _is_number(v))
                for row, found in wrong:
                    said = repr(short(str(found))) if str(found) else "nothing"
                    raise ValueError(
                        f"line {line + row} has {said} in the place of pixel {column}: a pixel is a number"
                    )
    return values.astype(np.float64) if values.dtype.kind == "O" else values


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _place(text: Any, places: dict[str, int], name: str) -> int:
    word = str(text).strip()
    if word not in places and len(word) > npy.MAX_TEXT:
        raise BadInput(f"{name} has the label {short(word)!r}, which is longer than {npy.MAX_TEXT} letters.")
    if word not in places and len(places) >= MAX_CLASSES:
        raise BadInput(f"{name} holds more than {MAX_CLASSES:,} different labels.")
    return places.setdefault(word, len(places))


def _labels(codes: np.ndarray, words: list[str], name: str, fewest: int) -> Labels:
    """Numbers where all are whole ones, else texts."""
    numbers = [_whole_number(word) for word in words]
    values = np.array(words if None in numbers else numbers)
    return read_labels(in_memory(values[codes], f"{name} (labels)"), len(codes), fewest=fewest)


def _whole_number(word: str) -> int | None:
    if (match := NUMBER.fullmatch(word)) and len(word) < 18:
        return int(match[1])
    if SCIENTIFIC.fullmatch(word) and abs(value := float(word)) < 1e15 and value.is_integer():
        return int(value)
    return None


@contextmanager
def _lines(path: Path) -> Iterator[BufferedReader]:
    """A file's content; BadInput that names it where a line is too long, or it unfolds to too much."""
    import pandas as pd

    with unpacked_file(path) as (stream, _, limit):
        try:
            yield BufferedReader(_Checked(stream, limit), BLOCK)
        except pd.errors.ParserError as error:
            raise ValueError(str(error).removeprefix("Error tokenizing data. C error: ")) from None


def _blocks(stream: BufferedReader) -> Iterator[list[bytes]]:
    """The lines, many at a time."""
    left = b""
    while block := stream.read(BLOCK):
        *lines, left = (left + block).split(b"\n")
        yield lines
    yield [left]


class _Checked(RawIOBase):
    """A stream that raises ValueError where a line is longer than LONGEST_LINE, or the whole than `limit`."""

    def __init__(self, stream: IO[bytes], limit: float):
        super().__init__()
        self._stream, self._left, self._line = stream, limit, 0

    def readable(self) -> bool:
        """As it is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As of any stream."""
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        self._line = len(data) - data.rfind(b"\n") if b"\n" in data else self._line + len(data)
        if self._line > LONGEST_LINE:
            raise ValueError(f"a line has more than {LONGEST_LINE:,} bytes")
        if self._left < 0:
            raise ValueError(
                f"it unfolds to more than {npy.MAX_UNFOLDED} times its size; unpack it with gunzip"
            )
        buffer[: len(data)] = data
        return len(data)
