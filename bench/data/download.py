"""Downloads of published files: checksums, retries, and the copy kept in the cache folder."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from hexbench.data.cache import cache_folder, put_in_place, workplace
from hexbench.errors import BadInput
from hexbench.files import reason

ATTEMPTS = 3
TIMEOUT = 60.0  # seconds without a byte
CHUNK = 1 << 18  # bytes


@dataclass(frozen=True)
class Archive:
    """An archive on disk with its checksums."""

    path: Path
    origin: str
    """The address it was fetched from, or the file's bare name."""
    md5: str
    sha256: str

    def has(self, checksum: str) -> bool:
        """Whether a checksum `md5:HEX` or `sha256:HEX` is this archive's."""
        return checksum in (f"md5:{self.md5}", f"sha256:{self.sha256}")


@dataclass(frozen=True)
class Published:
    """A file as its publisher offers it."""

    title: str
    """As messages call it."""
    url: str
    checksum: str
    """`md5:HEX` or `sha256:HEX`."""
    size: int
    """About how many bytes."""
    file: str
    """Its name in the cache folder."""
    command: str
    """What fetches it."""

    def on_disk(self, file: Path, checksum: str | None) -> Archive:
        """A copy that the user names; BadInput if it cannot be read or has another checksum."""
        if not file.is_file():
            raise BadInput(f"{file} is not there: --archive takes {self.title}.")
        archive = _identify(file, file.name)
        if checksum is not None and not archive.has(checksum):
            raise BadInput(
                f"{file} is not the archive of --checksum {checksum}: it has {_same_kind(archive, checksum)}."
            )
        return archive

    def kept(self, checksum: str | None) -> Archive | None:
        """The copy in the cache folder if it has this checksum, by default the publisher's."""
        file = cache_folder() / self.file
        archive = _identify(file, self.file) if file.is_file() else None
        return archive if archive and archive.has(checksum or self.checksum) else None

    def need_kept(self, checksum: str | None) -> Archive:
        """As `kept`, but BadInput that says what to do if it is not there."""
        archive = self.kept(checksum)
        if archive is not None:
            return archive
        file = cache_folder() / self.file
        if not file.is_file():
            raise BadInput(f"{file} is not there: get it with {self.command}, or name one with --archive.")
        raise BadInput(
            f"{file} does not have the checksum {checksum or self.checksum}: give its own with "
            f"--checksum, or get the published one with {self.command}."
        )

    def download(
        self, url: str, checksum: str | None, progress: "Progress", say: Callable[[str], None]
    ) -> Archive:
        """Fetch the file into the cache folder, whole or not at all.

        It must have the checksum, by default the publisher's. A connection that is cut is tried
        again from the start, `ATTEMPTS` times in all, and `say` gets a sentence then. BadInput if
        that fails.
        """
        import pooch
        import requests

        pooch.get_logger().setLevel("CRITICAL")  # the user gets the error once, from here
        with workplace(self.size) as folder:
            checksum = checksum or self.checksum
            attempts = _Attempts(checksum, progress, say)
            keeper = pooch.create(
                folder,
                base_url="",
                registry={self.file: checksum},
                urls={self.file: url},
                retry_if_failed=ATTEMPTS - 1,
            )
            try:
                keeper.fetch(self.file, downloader=attempts)
            except (OSError, ValueError) as error:
                is_of_network = isinstance(error, requests.RequestException)
                if getattr(error, "errno", None) is not None and not is_of_network:  # of the disk
                    raise
                raise BadInput(
                    f"{_bare(url)} could not be fetched ({_reason(error)}): try again later, name "
                    "a mirror with --url, or a file you have with --archive."
                ) from None
            whole, final = folder / self.file, cache_folder() / self.file
            put_in_place(whole, final)
        return replace(attempts.archives[-1], path=final)


class Progress(Protocol):
    """What pooch asks of a progress bar."""

    total: float

    def update(self, amount: float) -> None:
        """So many bytes more."""

    def reset(self) -> None:
        """Back to none."""

    def close(self) -> None:
        """All bytes have come."""


def read_checksum(text: str | None) -> str | None:
    """A user's `md5:HEX` or `sha256:HEX` in lower case; BadInput if it is neither."""
    if text is None:
        return None
    if not re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", text.lower()):
        raise BadInput(f"--checksum {text}: write md5: and 32, or sha256: and 64 hexadecimal digits.")
    return text.lower()


def read_address(text: str) -> str:
    """A user's web address; BadInput if it is none."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        fits = False
    if not fits:
        raise BadInput(f"--url {text} is no web address: it must start with https:// or http://.")
    return text


class _Attempts:
    """pooch's HTTP download, which reports each attempt and stops where another cannot help."""

    def __init__(self, checksum: str, progress: Progress, say: Callable[[str], None]):
        self._checksum, self._progress, self._say = checksum, progress, say
        self._count, self._failure = 0, ""
        self.archives: list[Archive] = []

    def __call__(self, url: str, output_file: str, keeper: Any) -> None:
        import pooch
        import requests

        self._count += 1
        if self._failure:
            self._say(f"{self._failure}: starting again, attempt {self._count} of {ATTEMPTS}.")
        fetch = pooch.HTTPDownloader(self._progress, CHUNK, timeout=TIMEOUT)
        try:
            fetch(url, output_file, keeper)
        except requests.RequestException as error:
            self._failure = _reason(error)
            if error.response is not None:
                error.response.close()  # pooch leaves it open
                if error.response.status_code < 500:
                    raise BadInput(
                        f"{_bare(url)}: {self._failure}; name a mirror with --url, or a file you "
                        "have with --archive."
                    ) from None
            raise
        archive = _identify(Path(output_file), _bare(url))
        if not archive.has(self._checksum):
            raise BadInput(
                f"{_bare(url)} is not the archive of checksum {self._checksum}: it has "
                f"{_same_kind(archive, self._checksum)}, and nothing of it was kept; if it is the "
                "archive you mean, give that as --checksum."
            )
        self.archives.append(archive)


def _identify(file: Path, origin: str) -> Archive:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while piece := stream.read(1 << 20):
                md5.update(piece)
                sha256.update(piece)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {reason(error)}.") from None
    return Archive(file, origin, md5.hexdigest(), sha256.hexdigest())


def _same_kind(archive: Archive, asked: str) -> str:
    """The archive's checksum of the kind that was asked for."""
    return f"md5:{archive.md5}" if asked.startswith("md5:") else f"sha256:{archive.sha256}"


def _bare(url: str) -> str:
    """An address without passwords and keys, for messages and the card."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _reason(error: BaseException) -> str:
    """Why a download failed, in a few words."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (requests.Timeout, TimeoutError)):
            return f"no answer for {TIMEOUT:g} seconds"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[0].lower() + cause.strerror[1:]
        cause = cause.__cause__ or cause.__context__
    return str(error).splitlines()[0].rstrip(".")
