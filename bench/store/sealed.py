"""A record as the text of its file: JSON that begins with the sha256 of the rest."""

import codecs
import hashlib
import json

from hexbench.store.encoding import decode, encode
from hexbench.store.record import Record

SEAL = b'{"sha256": "%s", '
SEALED = b'"sha256"'
MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""With which editors on other systems begin a text."""
KEY_LENGTH = 64


def sealed(record: Record) -> bytes:
    """The text of a record."""
    return _sealed(encode(record))


def unsealed(content: bytes, key: str | None = None) -> Record:
    """The record in this text, of the cell `key` if that is known; ValueError says what is wrong."""
    if not content.startswith(MARKS):
        text = b"{" + content[len(SEAL % bytes(KEY_LENGTH)) :].rstrip(b"\n")
        if SEALED not in content or content.rstrip(b"\n") == _sealed(text):
            return decode(content, key)
    return decode(_reformatted(content), key)


def _reformatted(content: bytes) -> bytes:
    """The text that was sealed, where a filter or an editor has changed its layout alone; else ValueError."""
    try:
        found = json.loads(content)
        seal = found.pop("sha256")
        text = json.dumps(found, separators=(",", ":")).encode()
        if _sealed(text) == SEAL % seal.encode() + text[1:]:
            return text
    except (ValueError, AttributeError, RecursionError):
        pass
    raise ValueError("it was changed after it was written")


def _sealed(text: bytes) -> bytes:
    """A JSON object with the sha256 of its text as its first entry."""
    return SEAL % hashlib.sha256(text).hexdigest().encode() + text[1:]
