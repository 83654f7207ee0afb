"""The user's cache folder; files and sets are put into it whole or not at all.

What is being made lies in a folder `.unfinished-*` beside its final place, which nothing reads,
and is renamed when it is complete.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hexbench.errors import BadInput
from hexbench.files import reason, sync, sync_folder

VARIABLE = "HEXBENCH_CACHE"
UNFINISHED = ".unfinished-"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def cache_folder() -> Path:
    """The folder that $HEXBENCH_CACHE names, else the system's; it may not exist.

    BadInput where the user has no home folder, as in containers.
    """
    if os.environ.get(VARIABLE):
        return expanded(os.environ[VARIABLE])
    import pooch

    try:
        return Path(pooch.os_cache("hexbench"))
    except RuntimeError:
        raise BadInput(f"there is no home folder for a cache: name a folder in {VARIABLE}.") from None


def expanded(path: str) -> Path:
    """A path that may begin with `~`."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises for an unknown user


@contextmanager
def workplace(need: int) -> Iterator[Path]:
    """An empty folder in the cache folder, removed at the end; what is complete is moved out of it.

    First removes the leftovers of processes that were stopped. An OSError inside, about writing,
    becomes BadInput naming the cache folder; `need` is about how many bytes will be written.
    """
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(cache)
        folder = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{os.getpid()}-", dir=cache))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(cache, error, need) from None


def put_in_place(new: Path, final: Path) -> None:
    """Rename the complete `new`, a file or folder of a workplace, to `final`.

    An older folder there is moved to the workplace, and back if the renaming fails.
    """
    old = new.with_name(f"{new.name}.old")
    if new.is_file():
        with new.open("rb+") as file:
            sync(file)
    try:
        if final.is_dir():
            final.rename(old)
        new.replace(final)
    except BaseException:
        if old.exists() and not final.exists():
            old.rename(final)
        raise
    sync_folder(final.parent)


def _remove_leftovers(cache: Path) -> None:
    import psutil

    for folder in cache.glob(f"{UNFINISHED}*"):
        process = folder.name.removeprefix(UNFINISHED).partition("-")[0]
        running = process.isdecimal() and psutil.pid_exists(int(process))
        # In containers the same number comes again and again.
        if not running or int(process) == os.getpid():
            shutil.rmtree(folder, ignore_errors=True)


def _cannot_write(cache: Path, error: OSError, need: int) -> BadInput:
    if error.errno in FULL:
        return BadInput(
            f"{cache} has no room for about {_size(need)}: make room, or name another folder in {VARIABLE}."
        )
    fault = "it is a file" if cache.is_file() else reason(error)
    return BadInput(f"{cache} cannot be written to ({fault}): name another folder in {VARIABLE}.")


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):,.0f} MB"
