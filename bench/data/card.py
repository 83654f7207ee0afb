"""Data cards: what a data set is and holds, and the fingerprint that it must have."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from hexbench.data.dataset import Dataset, Provenance, Split
from hexbench.errors import BadInput
from hexbench.files import one_line, read_text, reason, write_whole

if TYPE_CHECKING:
    import numpy as np

CARD_FILE = "card.json"
MAX_DEPTH = 20
"""Dicts and lists in one another, in `made`."""
NEARLY_WHITE = 0.98
"""Share of pixel_max."""


@dataclass(frozen=True)
class Known:
    """A published data set: its provenance and the fingerprint that it must have."""

    provenance: Provenance
    fingerprint: str


@dataclass(frozen=True)
class Card:
    """What stands in `card.json` beside a data set's files."""

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
        write_whole(folder / CARD_FILE, text + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Card | None":
        """The card of a folder, or None if it has none; BadInput if it is damaged."""
        file = folder / CARD_FILE
        try:
            found = msgspec.json.decode(read_text(file), type=cls)
            card = replace(found, **{k: _printable(v) for k, v in asdict(found).items()})
            if not (card.name and card.origin):
                raise ValueError("its name or origin is empty")
            if card.name in (".", "..") or re.search(r"[/\\]", card.name):
                raise ValueError("its name cannot be that of a folder")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError, msgspec.DecodeError) as error:
            raise BadInput(
                f"{file} is damaged ({reason(error)}): build the set again, or delete the card to "
                "read the images without it."
            ) from None
        return card


def _printable(value: Any, depth: int = 0) -> Any:
    """Text with control characters escaped, in dicts and lists too; ValueError if too deep."""
    if depth > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        return {one_line(name): _printable(entry, depth + 1) for name, entry in value.items()}
    if isinstance(value, list):
        return [_printable(entry, depth + 1) for entry in value]
    return one_line(value) if isinstance(value, str) else value


def card_of(data: Dataset, card: Card | None, known: Mapping[str, Known]) -> Card:
    """The data set's own card, or one made of its provenance or of what is known of it."""
    if card is not None:
        return card
    found = next((k for k in known.values() if k.fingerprint == data.fingerprint), None)
    provenance = found.provenance if found else data.provenance
    return Card(
        data.name,
        provenance.origin,
        provenance.licence,
        len(data.images),
        data.class_counts,
        data.fingerprint,
        {},
    )


def verify(data: Dataset, card: Card | None, known: Mapping[str, Known], folder: Path | None) -> str:
    """Compare a data set with its recorded fingerprint; returns where that is recorded.

    The record is the card in `folder` if that is given, else the set's own `card`, else `known`.
    BadInput if the fingerprints differ or if none is recorded.
    """
    names = {found.fingerprint: name for name, found in known.items()}
    published = known.get(data.name)
    if folder is not None:
        card = Card.read(folder)
        if card is None:
            raise BadInput(f"{folder / CARD_FILE} is not there: `data describe` writes one.")
        recorded, where = card.fingerprint, str(folder / CARD_FILE)
    elif card is not None:
        recorded, where = card.fingerprint, CARD_FILE
    elif data.fingerprint in names:
        return f"hexbench's own record of {names[data.fingerprint]}"
    elif published is not None and published.provenance == data.provenance:  # not files of that name
        recorded, where = published.fingerprint, "hexbench's own record"
    else:
        none_of = f", and it is none of {', '.join(known)}" if known else ""
        raise BadInput(
            f"no fingerprint of {data.name} is recorded{none_of}: `data describe` writes a card, and "
            "`data verify --card FOLDER` compares with it later."
        )
    if recorded != data.fingerprint:
        raise BadInput(
            f"{data.name} is not what was recorded: its fingerprint is {data.fingerprint} but "
            f"{where} says {recorded}."
        )
    return where


@dataclass(frozen=True)
class Description:
    """The contents of a data set in numbers. Pixels are in the data's own units, 0 to pixel_max."""

    shape: tuple[int, ...]
    """(height, width[, channels])."""
    pixel_max: int
    class_names: tuple[str, ...]
    split: Split
    images: int
    train: int
    test: int
    class_counts: list[tuple[int, int]]
    """(training, test) images of each class."""
    class_means: list[float | None]
    """Mean pixel of each class; None for a class without images."""
    mean: float
    deviation: float
    lowest: int
    highest: int
    white: float
    """Share of pixels from NEARLY_WHITE of pixel_max."""
    ground: int | None
    """Pixels below are background noise, where that is known."""
    dark: float
    """Share of pixels below `ground`."""
    repeated: int
    """Test images that are a training image, pixel by pixel."""
    repeated_ink: int
    """The same, pixels below `ground` aside."""
    contradictory: int
    """Of these, how many have another label than the training image."""
    own_part: bool = False
    """Whether the split is the data's own."""
    notes: tuple[str, ...] = ()
    """See `Dataset.notes`."""


def describe(data: Dataset, split: Split) -> Description:
    """Count and measure `data`, divided by `split` or by their own test part."""
    import numpy as np

    parts = data.parts(split)
    in_parts = (np.bincount(data.labels[part], minlength=data.classes).tolist() for part in parts)
    grey = np.arange(256)
    histograms = np.array(
        [
            np.bincount(data.images[data.labels == label].ravel(), minlength=256)
            for label in range(data.classes)
        ]
    )
    total, counts = histograms.sum(axis=0), histograms.sum(axis=1)
    pixels = total.sum()
    mean = float(total @ grey / pixels)
    present = np.flatnonzero(total)
    repeated, contradictory = _repeats(data.images, data.labels, *parts)
    repeated_ink, ground = repeated, data.ground or 0
    if ground:
        ink = np.where(data.images < ground, 0, data.images).astype(np.uint8)
        repeated_ink, contradictory = _repeats(ink, data.labels, *parts)
    return Description(
        shape=data.shape,
        pixel_max=data.pixel_max,
        class_names=data.class_names,
        split=split,
        images=len(data.images),
        train=len(parts[0]),
        test=len(parts[1]),
        class_counts=list(zip(*in_parts, strict=True)),
        class_means=[float(h @ grey / n) if n else None for h, n in zip(histograms, counts, strict=True)],
        mean=mean,
        deviation=float(np.sqrt(total @ np.square(grey - mean) / pixels)),
        lowest=int(present[0]),
        highest=int(present[-1]),
        white=float(total[int(NEARLY_WHITE * data.pixel_max + 0.5) :].sum() / pixels),
        ground=data.ground,
        dark=float(total[:ground].sum() / pixels),
        repeated=repeated,
        repeated_ink=repeated_ink,
        contradictory=contradictory,
        own_part=data.test_part is not None,
        notes=data.notes,
    )


def _repeats(
    images: "np.ndarray", labels: "np.ndarray", train: "np.ndarray", test: "np.ndarray"
) -> tuple[int, int]:
    """Test images that are also training images, and how many of them under another label."""
    known: dict[bytes, set[int]] = {}
    for row in train:
        known.setdefault(images[row].tobytes(), set()).add(int(labels[row]))
    found = [(known.get(images[row].tobytes()), int(labels[row])) for row in test]
    repeated = [(classes, label) for classes, label in found if classes is not None]
    return len(repeated), sum(label not in classes for classes, label in repeated)
