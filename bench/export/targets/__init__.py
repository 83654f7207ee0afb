"""What results can be exported to: a module a target, which has what `Target` says."""

import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from hexbench.errors import LacksExtra

if TYPE_CHECKING:
    from hexbench.export.source import Source
    from hexbench.store.record import Record


@dataclass(frozen=True)
class Place:
    """Where an export goes."""

    folder: Path
    default: bool = True
    """Whether `folder` is where an export goes if nobody says."""
    uri: str | None = None
    """A server or database instead, for targets that have such."""
    title: str | None = None
    """What the target shall call the results, where it calls them by a name."""


class Target(Protocol):
    """A module of this package."""

    @property
    def NEEDS(self) -> tuple[str, ...]:
        """The libraries that it imports, which hexbench's extra of the module's name installs."""

    def export(self, source: "Source", records: "Iterable[Record]", place: Place) -> list[str]:
        """Export the records, and return lines that say where they are and how to open them.

        An earlier export of the same results is replaced; what else lies there raises BadInput.
        """


def names() -> list[str]:
    """The names of the targets, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Target:
    """The target of this name; BadInput where a library that it needs is not installed."""
    target = cast(Target, import_module(f"{__name__}.{name}"))
    lacking = [library for library in target.NEEDS if find_spec(library) is None]
    if lacking:
        raise LacksExtra(f"--to {name}", " and ".join(lacking), name)
    return target
