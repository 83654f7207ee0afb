"""What comes from outside the house: files that others wrote, and text that stands in them."""

import errno
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

MOST_BYTES = 2**18
"""No suite, card or file of thresholds comes near."""
MOST_DOTS = 100
"""In a line of TOML, whose reader's memory grows with the square of the parts of a key."""
LONGEST = 200
"""Characters of foreign text in a message."""


def read_text(path: Path) -> str:
    """A regular UTF-8 file of at most MOST_BYTES; OSError or ValueError say why it is none.

    Nothing is waited for, as opening a pipe would, and nothing without an end is read.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if status.st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MOST_BYTES:,} bytes", str(path))
        return file.read(status.st_size).decode()


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; OSError or ValueError say why there is none."""
    text = read_text(path)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:
            raise ValueError(f"line {number} has more than {MOST_DOTS} dots")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def reason(error: Exception) -> str:
    """Why reading failed, in a few words without a full stop."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return short(said).rstrip(".")


def short(text: str) -> str:
    """The beginning of a text, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]}…"


def one_line(text: str) -> str:
    """Text with all that a terminal or an eye would obey written out, such as `\\n` and `\\u202e`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
