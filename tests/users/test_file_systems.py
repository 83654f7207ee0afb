"""File systems: a nicety is let go, what protects results is missed aloud, and nothing is lost."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cells import cell, correct, done, manifest, save_run
from conftest import ROOT
from hexbench.analyse.runs import Runs
from hexbench.cli import main
from hexbench.errors import BadInput
from hexbench.files import Unprotected, fault_of_folder, write_whole
from hexbench.report.context import Context
from hexbench.store.store import Store

LIKE_WSL_AND_CIFS = ("chmod=EPERM", "fsyncdir=EINVAL", "fsync=EINVAL")


def results(folder, count=2):
    return save_run(folder, [done(cell(seed=seed), correct(0.9, seed)) for seed in range(count)])


STDOUT = """
import sys
from pathlib import Path
from hexbench.files import write_whole
print("before, ", end="", flush=True)
write_whole(Path("/dev/stdout"), "the page")
print(", after", end="", flush=True)
"""


def runs_of(store):
    return Runs.of(store.manifest(), store.planned())


def kept(folder):
    return {record.key for record in Store(folder).planned()}


@pytest.mark.slow
def test_a_run_on_a_disk_that_offers_little(hexbench, tiny, odd_disk, numbers):
    """Like a Windows drive under WSL, OneDrive, CIFS and VirtualBox; capitals do not count there either."""
    disk = odd_disk(*LIKE_WSL_AND_CIFS, "capitals=no")
    ran = hexbench(*tiny[:-1], disk / "run")
    assert ran.returncode == 0, ran.stderr
    said = [line for line in ran.stderr.splitlines() if line.startswith("Warning: ")]
    assert len(said) == len(set(said)) <= 3, "each folder is said once"
    assert "does not confirm what is stored" in said[0]
    (disk / "RUN/CELLS").is_dir()
    first = numbers(disk / "run")
    again = hexbench(*tiny[:-1], disk / "run", "--fresh")
    assert again.returncode == 0, again.stderr
    assert numbers(disk / "run") == numbers(disk / "run.old-1") == first


@pytest.mark.parametrize("fault", ["EINVAL", "EIO", "EACCES"])
def test_a_folder_that_cannot_be_synchronised_holds_its_files(odd_disk, fault):
    disk = odd_disk(f"fsyncdir={fault}")
    with pytest.warns(Unprotected, match="after a power cut"):
        write_whole(disk / "file", "content")
    assert (disk / "file").read_text() == "content"


def test_a_file_that_is_not_stored_is_a_fault(odd_disk):
    """EIO of the file itself says that its content may be lost."""
    disk = odd_disk("fsync=EIO")
    with pytest.raises(OSError, match="file"):
        write_whole(disk / "file", "content")
    assert list(disk.iterdir()) == []


def test_a_disk_that_renames_nothing_is_a_fault_that_is_named(odd_disk):
    disk = odd_disk("rename=EPERM")
    with pytest.raises(OSError, match="file") as raised:
        write_whole(disk / "file", "content")
    assert raised.value.errno == errno.EPERM
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o002, 0o077])
def test_the_umask_is_obeyed(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def test_links_are_followed_and_streams_are_written_as_they_are(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", STDOUT], stdout=log, check=True, timeout=60)
    assert (tmp_path / "log").read_text() == "before, the page, after"
    (tmp_path / "link.xml").symlink_to(tmp_path / "elsewhere" / "file.xml")
    for content in ("one", "two"):
        write_whole(tmp_path / "link.xml", content)
        assert (tmp_path / "link.xml").is_symlink()
        assert (tmp_path / "elsewhere/file.xml").read_text() == content
    write_whole(Path(os.devnull), "nothing")
    assert Path(os.devnull).is_char_device(), "a device is no file to be replaced"
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE, text=True) as reader:
        write_whole(tmp_path / "pipe", "through")
        assert reader.communicate(timeout=20)[0] == "through"
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_a_run_says_so_and_goes_on(tmp_path, monkeypatch, number):
    """No file system without locks can be had here: the system call is replaced."""

    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    store = Store(tmp_path / "run")
    with pytest.warns(Unprotected, match="without locks: run one command at a time"):
        with store.in_use(), store.alone(), store.locks.hold("cell") as mine:
            assert mine
            store.put_manifest(manifest([]))
        assert not store.locks.any_held()
        assert not store.locks.folder.exists(), "nothing stays that another run would wait for"
        assert store.set_aside() is not None


def test_a_lock_that_cannot_be_made_is_a_fault(odd_disk):
    disk = odd_disk("create=EACCES")
    with pytest.raises(OSError, match="Permission"), Store(disk / "run").alone():
        pass


def test_the_folder_behind_a_link_is_set_aside_and_the_link_leads_on(tmp_path):
    results(tmp_path / "big disk" / "run")
    (tmp_path / "out").symlink_to(tmp_path / "big disk" / "run")
    wanted = kept(tmp_path / "out")
    for number in (1, 2):
        aside = Store(tmp_path / "out").set_aside()
        assert aside == tmp_path / "big disk" / f"run.old-{number}"
        assert kept(aside) == wanted
        assert (tmp_path / "out").is_symlink()
        results(tmp_path / "out")
        assert kept(tmp_path / "big disk/run") == wanted


def test_a_mount_point_is_emptied_into_itself(small_disk):
    """As a volume of a container is, which cannot be renamed."""
    (small_disk / "lost+found").mkdir()
    wanted = kept(results(small_disk).folder)
    for number in (1, 2):
        store = Store(small_disk)
        aside = store.set_aside()
        assert aside == small_disk / f"old-{number}"
        assert kept(aside) == wanted
        assert not store.has_results
        assert not store.is_foreign
        results(small_disk)
    assert kept(small_disk) == wanted
    assert {path.name for path in small_disk.iterdir()} >= {"lost+found", "old-1", "old-2"}


def test_the_folder_that_a_command_was_started_in_is_emptied_into_itself(tmp_path, monkeypatch):
    """Renamed, it would take the process along."""
    results(tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    store = Store(Path())
    wanted = kept(Path())
    aside = store.set_aside()
    assert aside == tmp_path / "run/old-1"
    assert kept(aside) == wanted
    store.put_manifest(manifest([]))
    assert (tmp_path / "run/manifest.json").is_file()


@pytest.mark.slow
def test_a_folder_that_was_removed_is_named(tmp_path, tiny, ends_with):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd "{gone}" && rmdir "{gone}" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", sys.executable, ROOT / "run_benchmarks.py", *tiny],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ends_with(done, "the folder that this command was started in cannot be used")


@pytest.mark.parametrize(
    "name", ["with space", "ünï-çødé", "a'b\"c", "#%&?", "[red]x", "-dash", "x" * 200, "new\nline"]
)
def test_paths_of_every_kind(tmp_path, name):
    store = results(tmp_path / name)
    assert kept(store.folder) == {record.key for record in store.planned()}
    assert store.faults() == {}
    assert kept(store.set_aside())


def test_names_that_are_not_utf8(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    assert kept(results(folder).folder)


def test_a_path_that_is_too_long_is_named(tmp_path):
    with pytest.raises(OSError, match="too long"):
        results(tmp_path / ("x" * 300))


def test_figures_whose_names_differ_in_capitals_alone_are_two_files(tmp_path):
    from matplotlib.figure import Figure

    context = Context(runs_of(results(tmp_path / "run")), tmp_path / "figures")
    names = ("by Tiny", "by tiny", "by-tiny", "bý tiny")
    files = [context.figure(name, "x", Figure()).file for name in names]
    assert len({file.lower() for file in files}) == len(names)
    assert all(file.isascii() for file in files)
    context.remove_stale()
    assert {path.name for path in (tmp_path / "figures").iterdir()} == set(files)


@pytest.mark.slow
def test_a_folder_that_can_only_be_read_is_compared_and_its_report_is_not_written(unprivileged, tmp_path):
    """As results on a disc, in a store of packages or of another user are."""
    folder = results(tmp_path / "run").folder
    for place in (folder, folder / "cells"):
        place.chmod(0o555)
    try:
        compared = unprivileged("compare", folder, folder, cwd=tmp_path)
        written = unprivileged("report", folder, cwd=tmp_path)
    finally:
        for place in (folder, folder / "cells"):
            place.chmod(0o755)
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert written.returncode == 2
    assert written.stderr.startswith("Error: ") and "Permission denied" in written.stderr
    assert written.stderr.count("\n") == 1


def test_results_in_a_file_are_refused(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises((BadInput, OSError)):
        Store(tmp_path / "run").put_manifest(manifest([]))


def test_a_place_that_can_hold_no_results_is_named_before_anything_is_measured(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    assert fault_of_folder(tmp_path / "new" / "deep") == fault_of_folder(tmp_path) == ""
    assert fault_of_folder(tmp_path / "file") == f"{tmp_path}/file is no folder"
    assert fault_of_folder(tmp_path / "file" / "sub") == f"{tmp_path}/file is no folder"
    assert fault_of_folder(tmp_path / "pipe").endswith("pipe is no folder")
    for name in ("dangling", "loop"):
        assert fault_of_folder(tmp_path / name / "run") == f"{tmp_path}/{name} is a link that leads nowhere"


@pytest.mark.parametrize("option", ["--out", "--cluster"])
def test_an_empty_path_is_none(option, monkeypatch, capsys, tmp_path):
    """As of a variable that is not set: it would mean the current folder, and --fresh would empty that."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["hexbench", "--suite", "smoke", option, "", "--fresh"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "it is empty: name a file or folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
