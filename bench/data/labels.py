"""Labels in NumPy's files: numbers, one-hot rows or texts, and names of classes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hexbench.data.npy import LABELS_BLOCK, Header, Opened, blocks, read_header, take
from hexbench.errors import BadInput
from hexbench.files import one_line, short

MAX_CLASSES = 1_000
MAX_NAMES_BYTES = 2**20
MAX_TEXT_BYTES = 2**10
"""Of a label that is a text; NumPy's take four bytes a character."""
NEARLY = 1e-3
"""Rows of chances may miss 1 by so much."""


class Labels(NamedTuple):
    """The label of each image."""

    codes: np.ndarray
    """uint8 or uint16 (n,), 0 to k - 1."""
    values: tuple[Any, ...]
    """What these stand for, k different integers or texts in rising order."""


def read_labels(opened: Opened, count: int, columns: int | None = None, fewest: int = 2) -> Labels:
    """The labels; BadInput if they are not `count` of `fewest` to MAX_CLASSES different values.

    Whole numbers, texts, or one-hot rows (n, columns), which mean the number of the column; if `columns` is
    given they must have so many, as else nobody knows which class is left out.
    """
    header, name = read_header(opened), opened.name
    kind, shape = header.dtype.kind, header.shape
    one_hot = len(shape) == 2 and shape[1] > 1 and kind in "buif"
    if not (one_hot or len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
        raise BadInput(f"{name} has shape {shape}: expected one label an image, (n,).")
    if kind not in "buifSU":
        raise BadInput(
            f"{name} has type {short(str(header.dtype))}: labels must be whole numbers or names of classes."
        )
    if kind in "SU" and not 0 < header.dtype.itemsize <= MAX_TEXT_BYTES:
        raise BadInput(
            f"{name} has type {short(str(header.dtype))}: names of classes have 1 to "
            f"{MAX_TEXT_BYTES // (4 if kind == 'U' else 1):,} characters."
        )
    if shape[0] != count:
        raise BadInput(
            f"{name} holds {shape[0]:,} labels for {count:,} images: there must be one label for each image."
        )
    codes, values = _one_hot(opened, header) if one_hot else _plain(opened, header)
    if one_hot and columns is not None and shape[1] < columns:
        raise BadInput(
            f"{name} has one-hot rows of {shape[1]} columns: {columns} are needed, also of classes without "
            "an image."
        )
    if len(values) < fewest:
        raise BadInput(f"{name} holds only one class: a classifier needs at least two.")
    order = np.argsort(np.array(sorted(range(len(values)), key=values.__getitem__)))
    narrow = np.uint8 if len(values) <= 256 else np.uint16
    return Labels(order.astype(narrow)[codes], tuple(sorted(values)))


def together(found: Sequence[Labels], name: str) -> Labels:
    """The labels of several parts as those of one; BadInput where some are texts and others numbers."""
    if len({isinstance(part.values[0], str) for part in found}) > 1:
        raise BadInput(f"{name} has labels that are texts in one part and numbers in another.")
    values = sorted({value for part in found for value in part.values})
    if len(values) > MAX_CLASSES:
        raise BadInput(f"{name} holds more than {MAX_CLASSES:,} different labels.")
    narrow = np.uint8 if len(values) <= 256 else np.uint16
    places = {value: place for place, value in enumerate(values)}
    codes = [np.array([places[value] for value in part.values], narrow)[part.codes] for part in found]
    return Labels(np.concatenate(codes), tuple(values))


def _plain(opened: Opened, header: Header) -> tuple[np.ndarray, list[Any]]:
    """uint16 (n,), and the values that they count, in order of appearance."""
    name, is_text = opened.name, header.dtype.kind in "SU"
    places: dict[Any, int] = {}
    labels = np.empty(header.shape[0], np.uint16)
    for start, block in blocks(opened.stream, header, LABELS_BLOCK):
        if block.dtype.kind == "f":
            _check_whole(block, name)
        found, which = np.unique(block, return_inverse=True)
        if len(found) <= MAX_CLASSES:
            meant = [_text(value) if is_text else int(value) for value in found]
            codes = [places.setdefault(value, len(places)) for value in meant]
        if max(len(found), len(places)) > MAX_CLASSES:
            raise BadInput(f"{name} holds more than {MAX_CLASSES:,} different labels.")
        labels[start : start + len(block)] = np.array(codes, np.uint16)[which]
    values = list(places)
    if is_text:
        values = [one_line(text) for text in values]
        if not all(values) or len(set(values)) < len(values):
            raise BadInput(f"{name} holds an empty name, or one written in two ways.")
    elif values and not -(2**63) <= min(values) <= max(values) < 2**63:
        raise BadInput(f"{name} holds labels that do not fit into 64 bits.")
    return labels, values


def _text(value: bytes | str) -> str:
    """A label or name without the blanks around it, which tables would not show."""
    return (value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)).strip()


def _one_hot(opened: Opened, header: Header) -> tuple[np.ndarray, list[int]]:
    """As `_plain`, of rows (n, columns)."""
    name, (count, columns) = opened.name, header.shape
    if columns > MAX_CLASSES:
        raise BadInput(f"{name} has shape {header.shape}: expected one label an image, (n,).")
    labels, sums = np.zeros(count, np.uint16), np.zeros(count, np.float32)
    ones = True
    for start, block in blocks(opened.stream, header, LABELS_BLOCK):
        there = np.flatnonzero(block)
        values, places = block[there], start + there
        rows, of = (places % count, places // count) if header.fortran_order else np.divmod(places, columns)
        labels[rows] = of
        with np.errstate(over="ignore", invalid="ignore"):
            np.add.at(sums, rows, values.astype(np.float32))
        ones = ones and bool((values == 1).all())
    if not ones or (sums != 1).any():
        chances = np.isfinite(sums).all() and (np.abs(sums - 1) < NEARLY).all()
        remedy = "save y.argmax(axis=1)" if chances else "save one label an image, (n,)"
        raise BadInput(
            f"{name} has shape {header.shape} but its rows are not one-hot, a single 1 and the rest 0: "
            f"{remedy}."
        )
    del sums
    used = np.zeros(columns, bool)
    used[labels] = True
    return (np.cumsum(used) - 1).astype(np.uint16)[labels], np.flatnonzero(used).tolist()


def named(opened: Opened, labels: Labels) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels' codes by the array of names in `opened`, and the names of those that occur.

    It names each class, or each integer from 0; texts must be among the names, whose order counts.
    """
    header, name = read_header(opened), opened.name
    if header.dtype.kind != "U" or len(header.shape) != 1 or header.size > MAX_NAMES_BYTES:
        raise BadInput(
            f"{name} is {short(str(header.dtype))} of shape {header.shape}: expected text, one name a class."
        )
    names = [one_line(_text(text)) for text in take(opened.stream, header.shape[0], header.dtype)]
    codes, values = labels
    if isinstance(values[0], str):
        unknown = [value for value in values if value not in names]
        if unknown:
            raise BadInput(f"{name} lacks {short(unknown[0])!r}, which is a label.")
        chosen = [text for text in names if text in values]
        if len(chosen) == len(values):
            codes = np.array([chosen.index(value) for value in values], codes.dtype)[codes]
    elif values[0] >= 0 and values[-1] < len(names):
        chosen = [names[value] for value in values]
    else:
        chosen = names
    if len(chosen) != len(values):
        raise BadInput(f"{name} holds {len(chosen)} names for {len(values)} classes.")
    if not all(chosen) or len(set(chosen)) < len(chosen):
        raise BadInput(f"{name} holds an empty name, or the same name twice.")
    return codes, tuple(chosen)


def _check_whole(block: np.ndarray, name: str) -> None:
    if not np.isfinite(block).all():
        raise BadInput(f"{name} holds NaN or infinity: labels must be whole numbers.")
    if not np.equal(block, np.round(block)).all():
        raise BadInput(f"{name} holds fractions: labels must be whole numbers.")
