"""Resolves the `--data` option to a source of images, without loading them yet."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from hexbench.data.cache import expanded
from hexbench.data.card import CARD_FILE, Card, Known
from hexbench.data.dataset import Dataset, Provenance
from hexbench.data.resize import Size
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
    resize: Size | None = None
    """What its images are brought to."""


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

    def resolve(
        self, option: str, count: int | None = None, default: str = "auto", size: Size | None = None
    ) -> Source:
        """The source that `auto`, the name of a source, a path or a function means.

        `auto` is the study's `default`; if that is `auto` too, it is $HEXBENCH_DATA, else the files
        in `data/`, else `fallback`. `count` is how many images a source of any size gives, `size` what
        images are brought to.
        Never uses the network. BadInput if there is no such source.
        """
        option = default if option == "auto" else option
        if not option:
            raise BadInput("--data is empty: name a source, a file or a folder.")
        try:
            found = self._auto(count, size) if option == "auto" else self._named(option, count, size)
            return replace(_resized(found, size) if size else found, asked=count)
        except OSError as error:
            place = error.filename or option
            raise BadInput(f"{place} cannot be read: {reason(error)}.") from None

    def _named(self, option: str, count: int | None, size: Size | None) -> Source:
        name, colon, argument = option.partition(":")
        if name in (names := self._names()):
            return replace(names[name](argument if colon else None, count), option=option)
        file, _, function = option.rpartition(":")
        if file.endswith(".py"):
            from hexbench.data import functions

            path = expanded(file)
            return replace(functions.source(path, function), option=f"{path.absolute()}:{function}")
        return self._at(expanded(option), option, size)

    @property
    def names(self) -> tuple[str, ...]:
        """What `--data` takes besides `auto` and paths."""
        return tuple(self._names())

    def _names(self) -> dict[str, Named]:
        from hexbench.data import digits

        return {digits.NAME: digits.source, **self.named}

    def _auto(self, count: int | None, size: Size | None) -> Source:
        if option := os.environ.get(VARIABLE, "").strip():
            try:
                return self._named(option, count, size)
            except BadInput as fault:
                raise BadInput(f"{VARIABLE}={option}: {fault}") from None
        if FOLDER.is_symlink() and not FOLDER.exists():
            return self._at(FOLDER, str(FOLDER), size)
        found = (reader(FOLDER) for reader in self.readers)
        there = next((s for s in found if s is not None), None)
        if there is not None:
            return replace(there, option=str(FOLDER.absolute()))
        return self._named(self.fallback, count, size)

    def _at(self, path: Path, option: str, size: Size | None) -> Source:
        return replace(self._of_files(path, option, size), option=str(path.absolute()))

    def _of_files(self, path: Path, option: str, size: Size | None) -> Source:
        from hexbench.data.formats import FORMATS, titles

        for reader in self.readers:
            if (source := reader(path)) is not None:
                return source
        files = [name for reader in self.readers for name in reader.files]
        of_study = f"{' and '.join(files)}, " if files else ""
        if not (path.is_dir() or path.is_file()):
            names = ("auto", *self.names)
            raise BadInput(
                f"{path} {absence(path)}{nearest(option, names)}: --data takes {', '.join(names)}, or a "
                f"path: {of_study}{titles()}."
            )
        for form in FORMATS:
            if form.applies(path):
                return form(path, size)
        what = "holds no images" if path.is_dir() else "is no file of images"
        raise BadInput(f"{path} {what} that can be read: {of_study}{titles()}.")


def absence(path: Path) -> str:
    """In which way a file is missing."""
    if path.exists():
        return "is not a regular file"
    return "is a link that leads nowhere" if path.is_symlink() else "is not there"


def _resized(source: Source, size: Size) -> Source:
    """The same source with its images in this size, if they are not yet; its name says so."""
    name = f"{source.name}-{size.height}x{size.width}"

    def load() -> Dataset:
        from hexbench.data.resize import resized

        data = source.load()
        return replace(data if source.resize else resized(data, size), name=name)

    shape = source.shape and (*size, *source.shape[2:])
    return replace(source, name=name, load=load, card=None, shape=shape, resize=size)


def file_source(
    path: Path,
    count: int,
    shape: tuple[int, ...] | None,
    classes: int | None,
    read: Callable[[], Dataset],
    tested: int | None = None,
    name: str = "",
    size: Size | None = None,
) -> Source:
    """The source of a file or folder: named after it or by `name`, or as the card in it says.

    Its `load` gives what `read` gives, with name and provenance; BadInput if the card has another
    fingerprint. `size` is what `read` has brought the images to already, so that they have no card.
    """
    card = None if size else Card.read(path)
    name = card.name if card else one_line(name or path.resolve().name.removesuffix(".npz"))
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

    return Source(name, count, load, described, card, shape, classes, tested, resize=size)
