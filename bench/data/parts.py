"""Data that come in parts, such as training and test images: which there are, and reading them as one."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from hexbench.data.dataset import Dataset
from hexbench.data.formats import ANY_PART, TEST, TRAIN, VALIDATION, WORDS
from hexbench.data.images import read_image_header, read_images, room_for
from hexbench.data.labels import Labels, named, read_labels, together
from hexbench.data.npy import Opened, in_memory
from hexbench.data.sources import Source, file_source
from hexbench.errors import BadInput
from hexbench.files import is_of_system, short

IMAGES, LABELS, NAMES = "images", "labels", "names"
ROLES = {
    IMAGES: r"x|ima?ges?|imgs?|data|pixels?",
    LABELS: r"y|labels?|targets?",
    NAMES: r"classnames|labelnames|targetnames",
}
ARRAY = re.compile(
    rf"(?:dataset)?(?P<before>{ANY_PART})?(?:set)?(?P<role>{'|'.join(ROLES.values())})(?P<after>{ANY_PART})?"
)
"""The name of an array, in lower case and letters and digits alone."""
MOST_LISTED = 10

T = TypeVar("T")
Opens = Callable[[], AbstractContextManager[Opened]]


class Part(NamedTuple):
    """Images and their labels."""

    images: Opens
    labels: Opens


class Divided(NamedTuple):
    """Which parts are trained on and which is tested."""

    train: tuple[str, ...]
    test: str | None
    notes: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """All of them, the test part last."""
        return (*self.train, *(() if self.test is None else (self.test,)))


@dataclass(frozen=True)
class Parts:
    """Images with labels, in one part or several."""

    name: str
    """What messages call all of them."""
    parts: Mapping[str, Part]
    """By TRAIN, TEST and VALIDATION, or a single one by any name."""
    names: Opens | None = None
    """Of the classes, as an array."""
    notes: tuple[str, ...] = ()
    finish: Callable[[np.ndarray, Labels], tuple[str, ...]] | None = None
    """What is done to the images, in place; it gives the names of the classes."""

    def source(self, path: Path, called: str = "") -> Source:
        """As a source named after its path, or `called` so; BadInput where a header is not valid."""
        divided = divide(self.parts)
        found = [self._peek(part) for part in divided.order]
        shapes = list(dict.fromkeys(shape for _, shape in found))
        if len(shapes) > 1:
            sides = " and ".join(" x ".join(map(str, shape)) for shape in shapes)
            raise BadInput(f"{self.name} has parts of different images, {sides}.")
        count = sum(n for n, _ in found)
        tested = found[-1][0] if divided.test is not None else None

        def read() -> Dataset:
            return self.read(divided, [n for n, _ in found], shapes[0])

        return file_source(path, count, shapes[0], None, read, tested, called)

    def _peek(self, part: str) -> tuple[int, tuple[int, ...]]:
        with self.parts[part].images() as opened:
            header, shape = read_image_header(opened)
        return header.shape[0], shape

    def read(self, divided: Divided, counts: Sequence[int], shape: tuple[int, ...]) -> Dataset:
        """All the parts, the test part last."""
        images = room_for(sum(counts), shape, self.name)
        labels, start = [], 0
        for part, count in zip(divided.order, counts, strict=True):
            with self.parts[part].images() as opened:
                read_images(opened, into=images[start : start + count])
            with self.parts[part].labels() as opened:
                labels.append(read_labels(opened, count, fewest=1 if part == divided.test else 2))
            start += count
        joined = together(labels, self.name)
        if self.finish is not None:
            codes, names = joined.codes, self.finish(images, joined)
        elif self.names is not None:
            with self.names() as opened:
                codes, names = named(opened, joined)
        else:
            codes, names = joined.codes, tuple(map(str, joined.values))
        tested = np.arange(start - counts[-1], start) if divided.test is not None else None
        return Dataset("", images, codes, names, test_part=tested, notes=(*self.notes, *divided.notes))


def divide(there: Iterable[str]) -> Divided:
    """How parts of these names are used: a test part is tested, and of others that for validation."""
    names = set(there)
    if len(names) == 1 or not names <= {TRAIN, TEST, VALIDATION}:
        return Divided(tuple(names), None)
    if TEST not in names:
        return Divided((TRAIN,), VALIDATION, ("the part for validation is tested, as there is no other",))
    others = tuple(part for part in (TRAIN, VALIDATION) if part in names)
    more = ("the part for validation is trained on",) if VALIDATION in names else ()
    return Divided(others, TEST, more)


def part_called(word: str) -> str:
    """TRAIN, TEST or VALIDATION for a word that means it, else an empty text."""
    return next((part for part, words in WORDS.items() if re.fullmatch(words, word.lower())), "")


class Arrays(NamedTuple):
    """The names of the arrays that hold images and labels, by part, and that of the classes' names."""

    parts: Mapping[str, tuple[str, str]]
    names: str | None
    notes: tuple[str, ...] = ()


def arrays_called(names: Sequence[str], where: str) -> Arrays:
    """Which of these arrays hold what, by their usual names; no part where nothing is found.

    BadInput where two may be meant.
    """
    found: dict[str, dict[str, str]] = {}
    if {"X", "y"} <= {*names}:
        names = [name for name in ("X", "y", "class_names") if name in names]
    for name in names:
        match = ARRAY.fullmatch(re.sub(r"[^a-z0-9]", "", name.lower()))
        if match is None or (match["before"] and match["after"]):
            continue
        role = next(role for role, words in ROLES.items() if re.fullmatch(words, match["role"]))
        part = part_called(match["before"] or match["after"] or "")
        if role in (of_part := found.setdefault("" if role == NAMES else part, {})):
            raise BadInput(
                f"{where} has two arrays that may be meant, {short(of_part[role])} and {short(name)}: save "
                "one pair of images and labels as X and y."
            )
        of_part[role] = name
    parts = {part: (of[IMAGES], of[LABELS]) for part, of in found.items() if {IMAGES, LABELS} <= of.keys()}
    if "" in parts and len(parts) > 1:
        raise BadInput(
            f"{where} has {', '.join(parts[''])} beside parts of its own: save one pair of images and labels "
            "as X and y."
        )
    alone = [
        name for part, of in found.items() if part not in parts for role, name in of.items() if role != NAMES
    ]
    notes = (f"{', '.join(map(short, alone))} {ONE if len(alone) == 1 else MORE}",) if parts and alone else ()
    return Arrays(parts, found.get("", {}).get(NAMES), notes)


ONE, MORE = "has no counterpart and is ignored", "have no counterpart and are ignored"


class Files(NamedTuple):
    """Files of one set, by part."""

    stem: str
    """What their names begin with."""
    parts: Mapping[str, Path]


def files_called(path: Path, pattern: re.Pattern[str]) -> Files:
    """The set that `path` means, a folder or one of its files, whose names match `pattern`.

    That has the groups stem and part. A file of training images brings the others of its set with it.
    BadInput where a folder has several sets.
    """
    folder = path if path.is_dir() else path.parent
    sets: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.iterdir(), reverse=True):  # so that of two the one that is not packed is taken
        match = pattern.fullmatch(file.name)
        if match and not is_of_system(file.name):
            sets.setdefault(match["stem"] or "", {})[part_called(match["part"] or "")] = file
    if path != folder:
        match = pattern.fullmatch(path.name)
        stem, part = (match["stem"] or "", part_called(match["part"] or "")) if match else ("", "")
        beside = sets.get(stem, {}) if part == TRAIN else {}
        return Files(stem, beside | {part: path})
    sets = {stem: parts for stem, parts in sets.items() if parts.keys() != {""}} or sets
    if len(sets) > 1:
        first = next(iter(next(iter(sets.values())).values()))
        raise BadInput(
            f"{folder} holds {len(sets)} sets, whose files begin with {listed(sorted(sets))}: name a file of "
            f"the one that is meant, such as {first}."
        )
    ((stem, parts),) = sets.items()
    if "" in parts and len(parts) > 1:
        raise BadInput(f"{folder} holds {parts[''].name} beside parts for training and testing: name a file.")
    return Files(stem, parts)


def listed(names: Sequence[str]) -> str:
    """Some names in a sentence."""
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(short(name) or "nothing" for name in names[:MOST_LISTED]) + more


def called_after(stem: str, path: Path) -> str:
    """The name of a set whose files begin with `stem`, or after what `path` leads to."""
    of_files = stem.strip("-_. ")
    folder = path if path.is_dir() else path.parent
    return of_files or folder.resolve().name


def of_arrays(images: np.ndarray, labels: np.ndarray, name: str) -> Part:
    """A part that is in memory already."""
    return Part(
        lambda: nullcontext(in_memory(images, f"{name} (images)")),
        lambda: nullcontext(in_memory(labels, f"{name} (labels)")),
    )
