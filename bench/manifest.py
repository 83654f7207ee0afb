"""What a manifest must hold to be believed: the store asks, so that nobody after it sees another."""

from pathlib import PurePosixPath
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from bench.record import Count, Single, misfit


class Data(TypedDict):
    """The images that the run was made with."""

    name: str
    origin: str
    licence: str
    synthetic: bool
    images: Count
    train: Count
    test: Count
    fingerprint: str
    class_counts: Annotated[list[Count], Meta(max_length=1000)]
    missing_classes: list[str]


class Environment(TypedDict):
    """Where the run was made, what readers ask for; it may hold more that `Whereabouts` allows."""

    packages: dict[str, Single]
    variables: dict[str, Single]
    processor: Single
    cores: Single
    memory_gb: Single
    system: Single
    python: Single
    commit: Single


Whereabouts = dict[str, Single | list[Single] | dict[str, Single]]


class Fields(TypedDict):
    """The fields of a manifest."""

    suite: str
    cells: list[str]
    """The keys of the run's cells, in its order."""
    labels: dict[str, str]
    """By key: the cell in a few words."""
    left_out: list[str]
    """Sizes that these images are too few for."""
    data: Data
    environment: Environment
    command: str


def fault_of_manifest(manifest: Any) -> str | None:
    """What is wrong with the JSON of a manifest, as half a sentence; None if readers can count on it."""
    fault = misfit(manifest, Fields) or misfit(manifest["environment"], Whereabouts)
    if fault is not None:
        return fault
    cells = manifest["cells"]
    if not all(PurePosixPath(key).name == key for key in cells):
        return "a cell is no name of a record"
    if len(set(cells)) < len(cells):
        return "a cell stands there twice"
    if not set(cells) <= set(manifest["labels"]):
        return "a cell has no label"
    return None
