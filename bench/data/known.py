"""Sets whose every byte hexbench knows: what they are, and the fingerprint they must have."""

from dataclasses import dataclass
from pathlib import Path

from bench.data.card import CARD_FILE, Card
from bench.data.dataset import Dataset
from bench.data.sources import SYNTHETIC_ORIGIN, Source
from bench.errors import BadInput


@dataclass(frozen=True)
class Known:
    """Origin and licence of a set, one sentence each without a full stop, and its fingerprint."""

    origin: str
    licence: str
    fingerprint: str


_DRAWN = (SYNTHETIC_ORIGIN, "MIT, as hexbench")
KNOWN = {
    "hex2024": Known(
        "EMNIST (NIST Special Database 19) as the course INF264 of the University of Bergen handed it out "
        "in 2024 with its project Digit Recognizer",
        "US Government work, public domain",
        "ffebbfd7c533f1f2a7d93471153a9c54c4bdf19c6af1881193f3b9e1049f3af4",
    ),
    "synthetic-9834": Known(
        *_DRAWN, "2dfa73fb1f7b90d624d4247dc326964243acdf2613715172f08b750530fd3e26"
    ),
    "synthetic-107802": Known(
        *_DRAWN, "ed2f1558df0d64f735131aacc5c95e08bc5c96bab528a82cbfa695ab04c3f369"
    ),
}


def card_of(data: Dataset, source: Source) -> Card:
    """What is known of a loaded set, by its own card, by its fingerprint, or by how it was made."""
    card = source.card
    if card is None:
        known = next((k for k in KNOWN.values() if k.fingerprint == data.fingerprint), None)
        origin, licence = (known.origin, known.licence) if known else (source.described, "unknown")
        if data.synthetic:
            origin, licence = _DRAWN
        card = Card(
            data.name, origin, licence, len(data.images), data.class_counts, data.fingerprint, {}
        )
    return card


def verify(data: Dataset, source: Source, folder: Path | None) -> str:
    """Hold a set against its recorded fingerprint; returns where that is recorded.

    The record is the card in `folder` if that is given, else the set's own card, else hexbench's.
    BadInput if the fingerprints differ or if none is recorded.
    """
    if folder is not None:
        card = Card.read(folder)
        if card is None:
            raise BadInput(f"{folder / CARD_FILE} is not there: `data describe` writes one.")
        recorded, where = card.fingerprint, str(folder / CARD_FILE)
    elif source.card is not None:
        recorded, where = source.card.fingerprint, CARD_FILE
    elif data.fingerprint in (prints := {k.fingerprint: name for name, k in KNOWN.items()}):
        return f"hexbench's own record of {prints[data.fingerprint]}"
    elif data.name in KNOWN:
        recorded, where = KNOWN[data.name].fingerprint, "hexbench's own record"
    else:
        raise BadInput(
            f"no fingerprint of {data.name} is recorded: `data describe` writes a card, and "
            "`data verify --card FOLDER` compares with it later."
        )
    if recorded != data.fingerprint:
        raise BadInput(
            f"{data.name} is not what was recorded: its fingerprint is {data.fingerprint} but "
            f"{where} says {recorded}."
        )
    return where
