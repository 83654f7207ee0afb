"""Pipes, devices, links, folders and unreadable files where a file is expected."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from fuzz.arrays import IMAGES, LABELS, saved, write_folder
from fuzz.tried import attempt
from hexbench.analyse.thresholds import load as load_thresholds
from hexbench.data.card import CARD_FILE, Card
from hexbench.data.sources import Sources
from hexbench.files import one_line
from hexbench.plan.models import known_models
from hexbench.plan.sweeps import read_suite
from hexbench.studies.digit_recognizer import study
from hexbench.studies.digit_recognizer.data.sources import IMAGES_FILE, LABELS_FILE
from hexbench.study import load as load_study

resolve = Sources.of(study).resolve
pytestmark = pytest.mark.timeout(60)  # nothing may wait for a pipe


def put_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path must be short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def put_nested_link(path):
    path.symlink_to(path.parent / "between")
    (path.parent / "between").symlink_to(path)


STRANGE = {
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "socket": put_socket,
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "links in a ring": put_nested_link,
    "link to its folder": lambda path: path.symlink_to(path.parent),
    "link to zeros without end": lambda path: path.symlink_to("/dev/zero"),
    "link to nothing": lambda path: path.symlink_to("/dev/null"),
    "link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "link to a file of the kernel": lambda path: path.symlink_to("/proc/self/mem"),
    "empty": lambda path: path.touch(),
}


def load(path):
    source = resolve(str(path), 500)
    return source.count, source.load()


READERS = {
    "images": (IMAGES_FILE, load),
    "labels": (LABELS_FILE, load),
    "archive": ("set.npz", lambda folder: load(folder / "set.npz")),
    "card": (CARD_FILE, load),
    "suite": ("mine.toml", lambda folder: read_suite(folder / "mine.toml", known_models())),
    "study": ("study.toml", lambda folder: load_study(str(folder))),
    "thresholds": ("mine.toml", lambda folder: load_thresholds(folder / "mine.toml")),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", STRANGE)
def test_what_is_no_file_is_refused_at_once(tmp_path, reader, what):
    name, read = READERS[reader]
    folder = write_folder(tmp_path / "set", saved(IMAGES), saved(LABELS))
    (folder / name).unlink(missing_ok=True)
    STRANGE[what](folder / name)
    found = attempt("strange files", name, read, folder)
    if reader == "thresholds" and what in ("empty", "link to a file of the kernel"):
        assert found == []
    elif (reader, what) in (("card", "link to nowhere"), ("archive", "link to its folder")):
        assert found is not None, "there is no card; the folder is a good one"
    else:
        assert found is None


@pytest.mark.parametrize(
    "name", ["a\nb", "a\x1b[31mb", "a\r\rb", "a\u202eb", "a\u2028b", b"a\xff\xfeb", "ü €"]
)
def test_names_that_would_steer_a_terminal_are_written_out(tmp_path, name):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + os.fsencode(name)))
    write_folder(folder, saved(IMAGES), b"nonsense")
    shown = one_line(folder.name)
    attempt("strange names", f"{shown}/{LABELS_FILE}", load, folder)
    write_folder(folder, saved(IMAGES), saved(LABELS))
    source = resolve(str(folder), 500)
    assert source.name == source.load().name == shown
    assert source.name.encode().decode().isprintable(), "records and reports are UTF-8"


@pytest.fixture
def others_folder():
    """A folder that everybody may read, and a switch to somebody who is not root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    if os.getuid() == 0:
        os.seteuid(0)
    shutil.rmtree(folder)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_may_not_be_read_is_named(others_folder, reader):
    name, read = READERS[reader]
    folder = write_folder(others_folder / "set", saved(IMAGES), saved(LABELS))
    (folder / name).touch()
    (folder / name).chmod(0)
    if os.getuid() == 0:
        os.seteuid(65_534)  # root may read everything
    assert attempt("strange files", name, read, folder) is None


def test_a_folder_that_may_not_be_entered_is_no_reason_for_synthetic_images(others_folder, command):
    command("strange files", "--suite", "smoke", "--plan")  # loads what another user may not read
    (others_folder / "data").mkdir()
    (others_folder / "data").chmod(0)
    os.chdir(others_folder)
    if os.getuid() == 0:
        os.seteuid(65_534)
    code, _ = command("strange files", "--suite", "smoke", "--plan", names=["data"])
    assert code == 2


def test_a_link_to_a_disk_that_is_gone_is_no_reason_for_synthetic_images(tmp_path, command):
    (tmp_path / "data").symlink_to(tmp_path / "unmounted")
    code, _ = command("strange files", "--suite", "smoke", "--plan", names=["data", "nowhere"])
    assert code == 2
    (tmp_path / "data").unlink()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / IMAGES_FILE).symlink_to("gone.npy")
    code, _ = command("strange files", "--suite", "smoke", "--plan", names=[IMAGES_FILE])
    assert code == 2


@pytest.mark.parametrize(
    "path", ["~nobody-of-that-name/x", "x" * 5_000, "", ".", "/", "synthetic:" + "9" * 5_000]
)
def test_paths_that_are_none(command, path, monkeypatch):
    code, _ = command("strange names", "--suite", "smoke", "--data", path, "--plan")
    assert code == 2
    monkeypatch.setenv("HEXBENCH_CACHE", path)
    code, _ = command("strange names", "--suite", "smoke", "--data", "emnist", "--plan")
    assert code == 2


def test_a_card_cannot_choose_a_folder_elsewhere(tmp_path):
    folder = write_folder(tmp_path / "set", saved(IMAGES), saved(LABELS))
    for name in ("../elsewhere", "/etc/passwd", "..", ".", "a\\b"):
        Card(name, "made up", "none", 20, [1], "f", {}).write(folder)
        assert attempt("cards", CARD_FILE, Card.read, folder) is None


def test_a_command_refuses_a_pipe_of_thresholds(hexbench, tmp_path):
    """In a process of its own, as a user would see it."""
    os.mkfifo(tmp_path / "mine.toml")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text("[]")
    done = hexbench("check", "run", "--thresholds", "mine.toml")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
