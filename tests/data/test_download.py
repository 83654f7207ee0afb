"""Fetching from a real server that behaves well or badly: the archive is whole, or not there."""

import errno
import hashlib
import socket
import time

import pytest
from data import nist
from data.server import serving
from hexbench.data import download
from hexbench.errors import BadInput
from hexbench.studies.digit_recognizer.data.emnist import EMNIST

SENT = []


class Bar:
    """Counts as pooch tells it to."""

    def __init__(self):
        self.total = self.done = 0.0
        self.closed = False

    def update(self, amount):
        self.done += amount

    def reset(self):
        self.done = 0.0

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    content = nist.archive(tmp_path_factory.mktemp("nist") / "gzip.zip").read_bytes()
    with serving(content) as server:
        server.md5 = f"md5:{hashlib.md5(content).hexdigest()}"
        server.sha256 = f"sha256:{hashlib.sha256(content).hexdigest()}"
        yield server


@pytest.fixture(autouse=True)
def cached(tmp_path, monkeypatch, server):
    server.asked.clear()
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HEXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("pooch.core.time", Impatient)
    return tmp_path / "cache"


class Impatient:
    """pooch waits seconds between attempts; a test need not."""

    sleep = staticmethod(lambda seconds: None)


def get(server, what="whole", checksum=None, url=None):
    said = []
    found = EMNIST.download(url or server.url(what), checksum or server.md5, Bar(), said.append)
    return found, said


def fault(server, cached, what="whole", checksum=None, url=None, attempts=None):
    """The one sentence a download fails with; nothing of it stays, and so often it was tried."""
    with pytest.raises(BadInput) as caught:
        get(server, what, checksum, url)
    assert list(cached.iterdir()) == []
    if attempts:
        assert server.asked == [what] * attempts
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("what", ["whole", "uncounted"])
@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_an_archive_is_fetched_and_kept(server, cached, what, kind):
    found, said = get(server, what, getattr(server, kind))
    assert found.path == cached / "emnist-gzip.zip"
    assert found.path.read_bytes() == server.content
    assert found.origin == server.url(what)
    assert found.has(server.md5) and found.has(server.sha256) and not found.has(EMNIST.checksum)
    assert (said, server.asked) == ([], [what])
    assert list(cached.iterdir()) == [found.path]
    assert EMNIST.kept(server.md5).sha256 == found.sha256
    assert EMNIST.kept(None) is None, "it is not NIST's"


def test_the_bar_ends_full(server):
    bar = Bar()
    EMNIST.download(server.url("whole"), server.md5, bar, SENT.append)
    assert (bar.done, bar.total, bar.closed) == (len(server.content), len(server.content), True)


def test_a_cut_connection_is_tried_again(server):
    found, said = get(server, "cut-once")
    assert found.path.read_bytes() == server.content
    assert said == ["the connection was cut: starting again, attempt 2 of 3."]
    assert server.asked == ["cut-once"] * 2


def test_a_connection_that_is_always_cut(server, cached):
    assert "connection was cut" in fault(server, cached, "cut", attempts=3)


def test_a_server_that_falls_silent(server, cached, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    start = time.monotonic()
    assert "no answer for 0.2 seconds" in fault(server, cached, "silent", attempts=3)
    assert time.monotonic() - start < 5


def test_a_server_that_does_not_answer_at_all(server, cached, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/gzip.zip"
        assert "no answer for 0.2 seconds" in fault(server, cached, url=url)


@pytest.mark.parametrize(
    ("what", "words", "attempts"),
    [
        ("missing", "answers 404 Not Found", 1),
        ("forbidden", "answers 403 Forbidden", 1),
        ("broken", "answers 503 Service Unavailable", 3),
    ],
)
def test_a_server_that_refuses(server, cached, what, words, attempts):
    message = fault(server, cached, what, attempts=attempts)
    assert words in message and server.url(what) in message
    assert "--url" in message and "--archive" in message


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_another_file_than_asked_for_is_fetched_once_and_not_kept(server, cached, kind):
    right = getattr(server, kind)
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    message = fault(server, cached, checksum=wrong, attempts=1)
    assert wrong in message and right in message


def test_by_default_it_must_be_nists(server, cached):
    with pytest.raises(BadInput, match=EMNIST.checksum):
        EMNIST.download(server.url("whole"), None, Bar(), SENT.append)
    assert list(cached.iterdir()) == []


def test_no_network(server, cached):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    message = fault(server, cached, url=f"http://127.0.0.1:{port}/gzip.zip")
    assert "connection refused" in message and f"127.0.0.1:{port}" in message
    message = fault(server, cached, url="http://no-such-host.invalid/gzip.zip")
    assert "no-such-host.invalid" in message


def test_a_failed_download_leaves_the_older_archive(server, cached):
    found, _ = get(server)
    with pytest.raises(BadInput):
        get(server, "cut")
    assert list(cached.iterdir()) == [found.path]
    assert found.path.read_bytes() == server.content


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_what_stops_a_download_leaves_nothing(server, cached, error):
    class Stopping(Bar):
        def update(self, amount):
            raise error

    with pytest.raises((KeyboardInterrupt, BadInput)) as caught:
        EMNIST.download(server.url("whole"), server.md5, Stopping(), SENT.append)
    assert list(cached.iterdir()) == []
    if caught.type is BadInput:
        assert "no room for about 562 MB" in str(caught.value)


def test_a_full_disk(server, small_disk, monkeypatch):
    monkeypatch.setenv("HEXBENCH_CACHE", str(small_disk))
    with serving(bytes(3_000_000)) as large, pytest.raises(BadInput, match="has no room for about"):
        get(large, checksum=server.md5)
    assert list(small_disk.iterdir()) == []


def test_passwords_and_keys_are_never_shown(server, cached):
    url = server.url("whole").replace("http://", "http://me:secret@") + "?key=secret"
    found, _ = get(server, url=url)
    assert found.origin == server.url("whole")
    found.path.unlink()
    url = server.url("missing").replace("http://", "http://me:secret@") + "?key=secret"
    assert "secret" not in fault(server, cached, url=url)
    assert "secret" not in fault(server, cached, url=url.replace("missing", "broken"))


def test_an_archive_on_disk(tmp_path, server):
    file = tmp_path / "mine.zip"
    file.write_bytes(server.content)
    found = EMNIST.on_disk(file, server.sha256)
    assert (found.path, found.origin) == (file, "mine.zip")
    assert not found.has(EMNIST.checksum)
    with pytest.raises(BadInput, match=r"mine\.zip is not the archive of --checksum md5:0+"):
        EMNIST.on_disk(file, "md5:" + "0" * 32)
    with pytest.raises(BadInput, match="not there"):
        EMNIST.on_disk(tmp_path / "nothing.zip", None)


def test_building_without_an_archive_says_how_to_get_it(server, cached):
    with pytest.raises(BadInput, match=r"is not there: .* data fetch emnist"):
        EMNIST.need_kept(None)
    get(server)
    with pytest.raises(BadInput, match=f"does not have the checksum {EMNIST.checksum}"):
        EMNIST.need_kept(None)
    assert EMNIST.need_kept(server.md5).origin == "emnist-gzip.zip"


@pytest.mark.parametrize("text", ["", "md5:", "md5:12", "abc", "sha1:" + "0" * 40, "md5:" + "g" * 32])
def test_checksums_that_are_none(text):
    with pytest.raises(BadInput, match="--checksum"):
        download.read_checksum(text)
    assert download.read_checksum("MD5:" + "A" * 32) == "md5:" + "a" * 32


ADDRESSES = ["", "nist.gov/gzip.zip", "file:///etc/passwd", "ftp://a/b", "http://", "http://[::1/x"]


@pytest.mark.parametrize("text", [*ADDRESSES, "http://a:x/", "https:gzip.zip"])
def test_addresses_that_are_none(text):
    with pytest.raises(BadInput, match="is no web address"):
        download.read_address(text)
    assert download.read_address(EMNIST.url) == EMNIST.url
