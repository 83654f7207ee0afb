"""The manifest of a results folder: what was to be measured, on which data, with which models."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

import msgspec
from hexbench.data.dataset import Split
from hexbench.models import Entry
from hexbench.plan.cell import frozen
from hexbench.store.encoding import as_utf8, convert
from hexbench.store.record import Count, Environment
from msgspec import Meta, Struct

MOST_CLASSES = 1000


class ModelFacts(Struct, frozen=True):
    """What readers of a run need to know of a model; see `hexbench.models.base`."""

    label: str
    defaults: dict[str, Any] = {}
    learning_curve: bool = False
    deterministic: bool = False
    longer_contains_shorter: bool = False
    searches: tuple[str, ...] = ()
    source: str = ""
    """sha256, where it is not hexbench's own."""

    @classmethod
    def of(cls, entry: Entry) -> "ModelFacts":
        """What the registry says."""
        return cls(**{name: getattr(entry, name) for name in cls.__struct_fields__})


class DataFacts(Struct, frozen=True):
    """The images that the run was made with."""

    name: str
    origin: str
    licence: str
    synthetic: bool
    images: Count
    train: Count
    test: Count
    fingerprint: str
    shape: tuple[Count, ...]
    pixel_max: Count
    class_names: Annotated[list[str], Meta(max_length=MOST_CLASSES)]
    class_counts: Annotated[list[Count], Meta(max_length=MOST_CLASSES)]
    hints: list[str] = []
    """What looks wrong with them: see `hexbench.data.hints`."""
    notes: list[str] = []
    """How their files were read: see `Dataset.notes`."""

    @property
    def missing_classes(self) -> list[str]:
        """The names of the classes without an image."""
        pairs = zip(self.class_names, self.class_counts, strict=True)
        return [name for name, count in pairs if not count]


class SplitFacts(Struct, frozen=True):
    """The study's own split, or that of data with a test part of their own."""

    split: int | Literal["given"]
    test_size: float
    own: bool = False
    """Whether it is the data's own test part instead."""

    @property
    def parts(self) -> Split:
        """How the data are split."""
        return Split(self.test_size, None if self.split == "given" else self.split)


class Manifest(Struct, frozen=True):
    """The content of `manifest.json`."""

    study: str
    suite: str
    cells: list[str]
    """The keys of the run's cells, in its order."""
    labels: dict[str, str]
    """By key: the cell in a few words."""
    left_out: list[str]
    """Sentences on the sizes that these images are too few for, and what else they cannot measure."""
    models: dict[str, ModelFacts]
    own_models: list[str]
    """Files and names of the user's own models."""
    data: DataFacts
    split: SplitFacts
    environment: Environment
    command: str
    began: str = ""
    """When the first measurement began, UTC."""
    rules: dict[str, str] = {}
    """sha256 of what verdicts depend on, as it was then: see `hexbench.registration`."""


def decode(content: bytes) -> Manifest:
    """The manifest in this JSON; ValueError says in half a sentence what is wrong with it."""
    found = convert(msgspec.json.decode(as_utf8(content)), Manifest)
    facts = {
        name: msgspec.structs.replace(m, defaults={k: frozen(v) for k, v in m.defaults.items()})
        for name, m in found.models.items()
    }
    found = msgspec.structs.replace(found, models=facts)
    cells = found.cells
    if not all(PurePosixPath(key).name == key for key in cells):
        raise ValueError("a cell is no name of a record")
    if len(set(cells)) < len(cells):
        raise ValueError("a cell stands there twice")
    if not set(cells) <= set(found.labels):
        raise ValueError("a cell has no label")
    if len(found.data.class_names) != len(found.data.class_counts):
        raise ValueError("it has not as many class names as class counts")
    try:
        found.split.parts  # noqa: B018 - raises where there is no such split
    except ValueError as error:
        raise ValueError(f"its split is wrong: {error}") from None
    return found
