"""Files: atomic and durable writing, bounded reading of users' files, and text for messages."""

import difflib
import errno
import os
import re
import stat
import tomllib
import warnings
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

MAX_BYTES = 2**18
"""Of a user's text file: no suite, card or threshold file comes near."""
MAX_DOTS = 100
"""In a line of TOML: the parser's memory grows with the square of a key's parts."""
MAX_CHARACTERS = 200
"""Of a user's text in a message."""
NOT_OFFERED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EROFS}
"""Errors of a file system that lacks an operation; all others are faults."""
OF_SYSTEM = re.compile(
    r"\..*|.*~|#.*#|.*\.(bak|swp|orig|tmp)|.*(sync-conflict|conflicted copy).*|Icon\r|lost\+found|__MACOSX|"
    r"(eh)?thumbs\.db|desktop\.ini|@eaDir|#recycle|\$RECYCLE\.BIN|System Volume Information",
    re.IGNORECASE | re.DOTALL,
)
DESCRIPTORS = {"/dev/stdout": 1, "/dev/stderr": 2}
LFS_POINTER = b"version https://git-lfs"
OTHERS = {
    LFS_POINTER: "is a Git LFS pointer, not the file itself: run git lfs pull",
    b"\x1f\x8b": "is compressed by gzip: unpack it with gunzip",
    b"PK\x03\x04": "is a zip archive (such as an .npz), not the file itself: unpack it",
    b"\x93NUMPY": "is a single array (.npy), not an archive: save it with np.savez(FILE, X=images, y=labels)",
    b"\x89HDF\r\n": "is an HDF5 file: save its arrays with NumPy",
    b"MATLAB 5.0": "is a MATLAB file: save its arrays with NumPy",
    **dict.fromkeys(
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "is a pickle, which could run any program: refused; save its arrays with NumPy",
    ),
    **dict.fromkeys(
        (b"<!doctype", b"<html"),
        "is a web page, perhaps that of a login, not the file itself: download it again",
    ),
}
"""What is often found instead of a file, by how it begins."""


class Unprotected(UserWarning):
    """Something that protects results cannot be had here. The message is one sentence that says so."""


def write_whole(path: Path, *parts: str | bytes | memoryview) -> None:
    """Write a file atomically and durably: after a crash it is the old one or the new one.

    Text is written as UTF-8. Missing folders are made. The file that a link leads to is written; a device
    or a pipe is written as it is. Raises OSError naming the file where it cannot be written; the old one is
    then as it was.
    """
    content = (part.encode() if isinstance(part, str) else part for part in parts)
    try:
        if (stream := _stream(path)) is not None:
            with stream:
                stream.writelines(content)
            return
        final = path.resolve() if path.is_symlink() else path
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{token_hex(4)}.part")
        try:
            with temporary.open("xb") as file:
                file.writelines(content)
                sync(file)
            temporary.replace(final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(final.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _stream(path: Path) -> IO[bytes] | None:
    """What a path leads to, if that is no file or folder: it cannot be replaced, only written to."""
    if str(path) in DESCRIPTORS:
        return os.fdopen(os.dup(DESCRIPTORS[str(path)]), "wb")
    return path.open("wb") if path.exists() and not (path.is_file() or path.is_dir()) else None


def sync(file: IO[bytes]) -> None:
    """Make what was written to a file survive a power cut; say so where its system does not offer that."""
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in NOT_OFFERED:
            raise
        _warn_of(Path(file.name).parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut; say so where its system does not offer that."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:  # its files are written, and each was made to last by itself
        _warn_of(folder)


def _warn_of(folder: Path) -> None:
    warnings.warn(
        f"{folder} is on a file system that does not confirm what is stored: after a power cut the last "
        "files may be missing there.",
        Unprotected,
        stacklevel=2,
    )


def fault_of_folder(folder: Path) -> str:
    """Why a folder cannot be made or used, in half a sentence; empty where nothing speaks against it."""
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            return f"{place} is a link that leads nowhere"
        if place.exists():
            return "" if place.is_dir() else f"{place} is no folder"
    return ""


def is_of_system(name: str) -> bool:
    """Whether systems, editors or version control leave files of this name in folders."""
    return OF_SYSTEM.fullmatch(name) is not None


def read_text(path: Path) -> str:
    """The content of a regular UTF-8 file of at most MAX_BYTES; else OSError or ValueError.

    Never blocks, as opening a pipe would, and never reads a file without an end.
    """
    with open(path, "rb", opener=_open_without_blocking) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if status.st_size > MAX_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MAX_BYTES:,} bytes", str(path))
        content = file.read(status.st_size)
    if words := mistaken(content):
        raise ValueError(f"it {words}")
    return content.decode()


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; OSError or ValueError where it cannot be read or parsed."""
    text = read_text(path)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_DOTS:
            raise ValueError(f"line {number} has more than {MAX_DOTS} dots")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def mistaken(beginning: bytes, right: bytes = b"") -> str:
    """What a file that begins so is instead of one that begins with `right`, and the remedy.

    In words that follow its name; empty if it is as it should be, or of no kind known here.
    """
    if right and (beginning.startswith(right) or not beginning):
        return "" if beginning else "is empty"
    page = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:9].lower()
    found = (
        words for start, words in OTHERS.items() if beginning.startswith(start) or page.startswith(start)
    )
    return next(found, "")


def _open_without_blocking(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def reason(error: BaseException) -> str:
    """Why an operation failed, in a few words without a full stop."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return short(text).rstrip(".")


def short(text: str) -> str:
    """The beginning of a text, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_CHARACTERS else f"{flat[:MAX_CHARACTERS]}…"


def one_line(text: str) -> str:
    """Text with control and bidirectional characters escaped, such as `\\n` and `\\u202e`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def said(error: BaseException) -> str:
    """What an error of somebody else's code says, with its kind, for a sentence."""
    return short(f"{type(error).__name__}: {reason(error)}")


def nearest(word: str, choices: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the choice most like a misspelt word, or `` if none is."""
    found = difflib.get_close_matches(short(word), list(choices), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""
