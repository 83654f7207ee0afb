"""Resolves the `--data` option to a source of images, without loading them yet."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from hexbench.data.cache import expanded
from hexbench.data.card import CARD_FILE, Card, Known
from hexbench.data.dataset import Dataset, Provenance
from hexbench.errors import BadInput
from hexbench.files import nearest, one_line, reason

VARIABLE = "HEXBENCH_DATA"
FOLDER = Path("data")


@dataclass(frozen=True)
class Source:
    """Images that are not loaded yet."""

    name: str
    count: int
    load: Callable[[], Dataset]
    described: str
    """In words: where these images come from."""
    card: Card | None = None
    """What stands beside the files, if they were built."""
    shape: tuple[int, ...] | None = None
    """(height, width[, channels]); None: not known without loading, as below."""
    classes: int | None = None
    tested: int | None = None
    """Size of the data's own test part."""
    option: str = ""
    """What `--data` must be to resolve to it from any folder."""
    asked: int | None = None
    """The count that was asked of a source of any size."""


Named = Callable[[str | None, int | None], Source]
"""Makes a source of what follows the name and a colon, and the count to take if that is None."""


@dataclass(frozen=True)
class FolderReader:
    """A format of data folders: it applies where one of its files is there."""

    files: tuple[str, ...]
    read: Callable[[Path], Source]

    def __call__(self, path: Path) -> Source | None:
        """The source in a folder, or None if it has none of the files; BadInput if not valid."""
        if not path.is_dir():
            return None
        # Also links to a disk that is not mounted: they are no reason to take other images.
        there = {entry.name for entry in path.iterdir()}
        return self.read(path) if there & set(self.files) else None


@dataclass(frozen=True)
class Sources:
    """The data that a study can use besides .npz files and the engine's own named sources."""

    named: Mapping[str, Named] = field(default_factory=dict)
    readers: Sequence[FolderReader] = ()
    fallback: str = "digits"
    """The named source that `auto` takes if there is nothing else."""
    known: Mapping[str, Known] = field(default_factory=dict)

    @classmethod
    def of(cls, module: ModuleType | None) -> "Sources":
        """What a study's module defines: SOURCES, READERS, FALLBACK and KNOWN, each optional."""
        found = vars(module) if module else {}
        names = {"SOURCES": "named", "READERS": "readers", "FALLBACK": "fallback", "KNOWN": "known"}
        return cls(**{field: found[name] for name, field in names.items() if name in found})

    def resolve(self, option: str, count: int | None = None, default: str = "auto") -> Source:
        """The source that `auto`, the name of a source or a path means.

        `auto` is the study's `default`; if that is `auto` too, it is $HEXBENCH_DATA, else the files
        in `data/`, else `fallback`. `count` is how many images a source of any size gives.
        Never uses the network. BadInput if there is no such source.
        """
        option = default if option == "auto" else option
        try:
            found = self._auto(count) if option == "auto" else self._named(option, count)
            return replace(found, asked=count)
        except OSError as error:
            place = error.filename or option
            raise BadInput(f"{place} cannot be read: {reason(error)}.") from None

    def _named(self, option: str, count: int | None) -> Source:
        name, colon, argument = option.partition(":")
        if name in (names := self._names()):
            return replace(names[name](argument if colon else None, count), option=option)
        return self._at(expanded(option), option)

    @property
    def names(self) -> tuple[str, ...]:
        """What `--data` takes besides `auto` and paths."""
        return tuple(self._names())

    def _names(self) -> dict[str, Named]:
        from hexbench.data import digits

        return {digits.NAME: digits.source, **self.named}

    def _auto(self, count: int | None) -> Source:
        if option := os.environ.get(VARIABLE, "").strip():
            try:
                return self._named(option, count)
            except BadInput as fault:
                raise BadInput(f"{VARIABLE}={option}: {fault}") from None
        if FOLDER.is_symlink() and not FOLDER.exists():
            return self._at(FOLDER, str(FOLDER))
        found = (reader(FOLDER) for reader in self.readers)
        there = next((s for s in found if s is not None), None)
        if there is not None:
            return replace(there, option=str(FOLDER.absolute()))
        return self._named(self.fallback, count)

    def _at(self, path: Path, option: str) -> Source:
        return replace(self._of_files(path, option), option=str(path.absolute()))

    def _of_files(self, path: Path, option: str) -> Source:
        for reader in self.readers:
            if (source := reader(path)) is not None:
                return source
        if path.is_dir():
            files = [name for reader in self.readers for name in reader.files]
            raise BadInput(
                f"{path} holds no images: {' and '.join(files)} are not there."
                if files
                else f"{path} is a folder: this study reads .npz files only."
            )
        if not path.is_file():
            names = ("auto", *self.names)
            raise BadInput(
                f"{path} {absence(path)}{nearest(option, names)}: --data takes "
                f"{', '.join(names)}, a folder or an .npz file."
            )
        if path.suffix != ".npz":
            raise BadInput(f"{path} is neither a folder nor an .npz file with X and y.")
        return _npz(path)


def absence(path: Path) -> str:
    """In which way a file is missing."""
    if path.exists():
        return "is not a regular file"
    return "is a link that leads nowhere" if path.is_symlink() else "is not there"


def _npz(path: Path) -> Source:
    from hexbench.data import arrays

    count, shape = arrays.peek(path)
    return file_source(path, count, shape, None, lambda: Dataset("", *arrays.read(path)))


def file_source(
    path: Path,
    count: int,
    shape: tuple[int, ...],
    classes: int | None,
    read: Callable[[], Dataset],
) -> Source:
    """The source of a file or folder: named after it, or as the card in it says.

    Its `load` gives what `read` gives, with name and provenance; BadInput if the card has another
    fingerprint.
    """
    card = Card.read(path)
    name = card.name if card else one_line(path.resolve().name.removesuffix(".npz"))
    described = card.origin if card else f"images read from files named {name}"

    def load() -> Dataset:
        licence = card.licence if card else "unknown"
        data = replace(read(), name=name, provenance=Provenance(described, licence))
        if card and card.fingerprint != data.fingerprint:
            raise BadInput(
                f"{path} has changed since the set was built, or an older hexbench built it: its "
                f"fingerprint is {data.fingerprint} but {CARD_FILE} says {card.fingerprint}; build "
                f"it again, or delete {CARD_FILE} if the change was meant."
            )
        return data

    return Source(name, count, load, described, card, shape, classes)
