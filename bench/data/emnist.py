"""What is particular to files of this set: images stored by columns, labels that stand for characters."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hexbench.data.labels import Labels
from hexbench.errors import BadInput
from hexbench.files import is_of_system, read_text, reason

NAME = "emnist"
UPRIGHT = f"its images are stored by columns, as the name {NAME} says, and were transposed"
MAPPING = "mapping.txt"
BLOCK = 4_096
"""Images that are turned at a time."""


SETS = re.compile(rf"{NAME}-(balanced|byclass|bymerge|digits|letters|mnist)(?![a-z])", re.IGNORECASE)
"""How the names of its files begin."""


def is_emnist(file: str) -> bool:
    """Whether a file of this name is one of the set's, as it is distributed."""
    return SETS.match(file) is not None


def put_right(images: np.ndarray, labels: Labels, characters: Mapping[int, str]) -> tuple[str, ...]:
    """Exchange rows and columns of images (n, side, side), in place; the names of the classes.

    These are the labels' characters, or the labels where those are not known or cannot be names.
    BadInput where the images are no squares.
    """
    if images.shape[1] != images.shape[2]:
        sides = " x ".join(map(str, images.shape[1:3]))
        raise BadInput(f"files named {NAME}-... hold squares, and these images are {sides}: rename them.")
    for start in range(0, len(images), BLOCK):
        part = images[start : start + BLOCK]
        part[...] = part.swapaxes(1, 2).copy()
    names = tuple(characters.get(value, str(value)) for value in labels.values)
    fits = all(name.isprintable() and name.strip() for name in names) and len({*names}) == len(names)
    return names if fits else tuple(map(str, labels.values))


def named(rows: Iterable[Sequence[Any]]) -> dict[int, str]:
    """By label its character, of rows of a label and the code of its character.

    Raises ValueError, IndexError or OverflowError for other rows.
    """
    return {int(row[0]): chr(int(row[1])) for row in rows}


def characters(beside: Path, stem: str) -> dict[int, str]:
    """By label its character, from the file STEM-mapping.txt in a folder; empty where there is none."""
    file = beside / f"{stem}{MAPPING}"
    if not file.exists() or is_of_system(file.name):
        return {}
    try:
        return named([line.split() for line in read_text(file).splitlines() if line.strip()])
    except (OSError, ValueError, IndexError, OverflowError) as error:
        raise BadInput(
            f"{file} cannot be read ({reason(error)}): a line is a label and the code of its character; "
            "without the file the labels are the classes' names."
        ) from None
