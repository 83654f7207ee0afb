"""Files of images and labels: either the images, or one sentence, and never more memory than stated."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from conftest import ROOT
from fuzz.arrays import (
    IMAGES,
    LABELS,
    TRAP,
    archives,
    bomb,
    header,
    odd_forms,
    saved,
    wild_files,
    write_folder,
)
from fuzz.tried import attempt
from hypothesis import given
from hypothesis import strategies as st

from bench.data import course
from bench.data.dataset import Dataset
from bench.data.sources import resolve
from bench.plan.suites import load, plan

SUITE = load("full")
Dataset("", IMAGES, LABELS).split  # noqa: B018 - loads scikit-learn, whose memory is not the readers'
FOLDERS, ARCHIVES = "images and labels, .npy", "images and labels, .npz"


def read(path):
    """All that a run does with a path before it measures anything."""
    source = resolve(str(path), 500)
    assert plan(SUITE, source.count).cells
    data = source.load()
    assert len(data.images) == source.count
    assert data.fingerprint
    return data


def read_in_little_memory(reader, name, path, most):
    tracemalloc.start()
    try:
        data = attempt(reader, name, read, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= most
    assert not TRAP.exists(), "something was unpickled"
    if data is not None:
        assert data.images.shape == (len(data.labels), 400)
        assert data.images.dtype == data.labels.dtype == np.uint8
        assert data.labels.max() <= 16
        assert len(np.unique(data.labels)) > 1


@given(st.data())
def test_a_folder_is_images_or_one_sentence(tmp_path, data):
    images = data.draw(st.one_of(st.just(saved(IMAGES)), wild_files(IMAGES)), "images")
    labels = data.draw(st.one_of(st.just(saved(LABELS)), wild_files(LABELS)), "labels")
    folder = write_folder(tmp_path / "set", images, labels)
    most = len(images) + len(labels) + course.FOLDER_MEMORY
    read_in_little_memory(FOLDERS, "emnist_hex_", folder, most)


@given(archives())
def test_an_archive_is_images_or_one_sentence(tmp_path, content):
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    read_in_little_memory(
        ARCHIVES, "set.npz", path, course.MOST_UNFOLDED * len(content) + course.NPZ_MEMORY
    )


@given(odd_forms())
def test_odd_forms_give_the_same_images_as_plain_ones(tmp_path, forms):
    (images, labels), (odd, odd_labels), kind = forms
    plain = Dataset("plain", images, labels)
    if kind == "folder":
        path = write_folder(tmp_path / "odd", saved(odd), saved(odd_labels))
    else:
        path = tmp_path / "odd.npz"
        (np.savez if kind == "npz" else np.savez_compressed)(path, X=odd, y=odd_labels)
    data = attempt(f"odd but right, {kind}", "", read, path)
    assert data is not None
    np.testing.assert_array_equal(data.images, images)
    np.testing.assert_array_equal(data.labels, labels)
    assert data.fingerprint == plain.fingerprint


@given(st.data())
def test_the_command_line_says_it_in_one_sentence(command, tmp_path, data):
    path = tmp_path / "set.npz"
    if data.draw(st.booleans(), "archive"):
        path.write_bytes(data.draw(archives(), "content"))
    else:
        images = data.draw(wild_files(IMAGES), "images")
        path = write_folder(tmp_path / "set", images, saved(LABELS))
    # No fingerprint of such a set is recorded, so that a good one is refused as well.
    code, _ = command("command line: data verify", "data", "verify", path, names=["set"])
    assert code == 2
    code, _ = command("command line: --plan", "--suite", "smoke", "--data", path, "--plan")
    assert code in (0, 2)


GIGABYTE = 2**30
BOMBS = {
    "images": ("X.npy", header((GIGABYTE // 400, 400))),
    "images of 64 bits": ("X.npy", header((GIGABYTE // 400 // 8, 400), "<f8")),
    "images in Fortran order": ("X.npy", header((GIGABYTE // 400, 20, 20), fortran_order=True)),
    "labels": ("y.npy", header((GIGABYTE,))),
    "header": ("X.npy", b"\x93NUMPY\x02\x00" + (GIGABYTE - 2**20).to_bytes(4, "little")),
}
MEASURED = """
import sys
from pathlib import Path
from bench.data import course
from bench.errors import BadInput
from bench.measure.memory import PeakMemory
course.read(Path(sys.argv[1]))
with PeakMemory() as memory:
    try:
        course.read(Path(sys.argv[2]))
    except BadInput as error:
        print(error, file=sys.stderr)
print(memory.found["peak_mb"] - memory.found["start_mb"])
"""


def bytes_to_read(tmp_path, path):
    """How many a fresh process took at its highest to read `path`, once it has read twenty images."""
    small = write_folder(tmp_path / "small", saved(IMAGES), saved(LABELS))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, small, path],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout) * 1e6, done.stderr


linux = pytest.mark.skipif(sys.platform != "linux", reason="no other system says so")


@linux
@pytest.mark.parametrize("what", BOMBS)
def test_a_zip_bomb_never_goes_off(tmp_path, what):
    """A file of a megabyte that unfolds to a gigabyte."""
    path = bomb(tmp_path / "bomb.npz", *BOMBS[what], GIGABYTE)
    assert path.stat().st_size < 1.2e6
    found, said = bytes_to_read(tmp_path, path)
    assert "bomb.npz" in said
    assert found < course.NPZ_MEMORY


@linux
@pytest.mark.parametrize("kind", ["|u1", "<f8", "<f8 in Fortran order", "packed <f8"])
def test_large_sets_are_read_in_the_memory_that_is_stated(tmp_path, kind):
    """64-bit floats are eight times the pixels that are kept: no more than blocks of them are held."""
    images, labels = np.tile(IMAGES, (1_500, 1)), np.tile(LABELS, 1_500)
    file = images.astype(kind.removeprefix("packed ").split()[0])
    if "Fortran" in kind:
        file = np.asfortranarray(file.reshape(-1, 20, 20))
    if "packed" in kind:
        path = tmp_path / "set.npz"
        np.savez_compressed(path, X=file, y=labels)
    else:
        path = write_folder(tmp_path / "large", saved(file), saved(labels))
    found, said = bytes_to_read(tmp_path, path)
    assert not said
    assert images.nbytes / 2 < found < images.nbytes + course.FOLDER_MEMORY
