"""The card of a data set: what it is, where it comes from, and the fingerprint it had when built."""

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import BadInput
from bench.outside import one_line, read_text, reason

CARD_FILE = "card.json"
DEEPEST = 20
"""Dicts and lists in one another, in `made`."""


@dataclass(frozen=True)
class Card:
    """What stands in `card.json` beside a set's images and labels."""

    name: str
    origin: str
    """One sentence, without its full stop, for the report."""
    licence: str
    images: int
    class_counts: list[int]
    fingerprint: str
    """`Dataset.fingerprint`, 64 hexadecimal digits."""
    made: dict[str, Any]
    """How: checksums, seed, versions; enough to make the same bytes again."""

    def write(self, folder: Path) -> None:
        """Write the card into a folder, durably."""
        text = json.dumps(asdict(self), indent=1, allow_nan=False, ensure_ascii=False)
        with (folder / CARD_FILE).open("w", encoding="utf-8", newline="\n") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def read(cls, folder: Path) -> "Card | None":
        """The card of a folder, or None if it has none; BadInput if it is damaged."""
        file = folder / CARD_FILE
        try:
            found = msgspec.json.decode(read_text(file), type=cls)
            card = replace(found, **{name: _shown(value) for name, value in asdict(found).items()})
            card._check()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError, msgspec.DecodeError) as error:
            raise _damaged(file, reason(error)) from None
        return card

    def _check(self) -> None:
        if not (self.name and self.origin):
            raise ValueError("its name or origin is empty")
        if self.name in (".", "..") or re.search(r"[/\\]", self.name):
            raise ValueError("its name could not be that of a folder")


def _shown(value: Any, depth: int = 0) -> Any:
    """Text as it may be printed; in dicts and lists as well. ValueError where they are nested too deeply."""
    if depth > DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        return {one_line(name): _shown(entry, depth + 1) for name, entry in value.items()}
    if isinstance(value, list):
        return [_shown(entry, depth + 1) for entry in value]
    return one_line(value) if isinstance(value, str) else value


def _damaged(file: Path, reason: str) -> BadInput:
    return BadInput(
        f"{file} is damaged ({reason}): build the set again, or delete the card to read the images "
        "without it."
    )
