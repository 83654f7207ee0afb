"""Files of images and labels: the images or one sentence, and never more memory than stated."""

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
from hexbench.data import npy
from hexbench.data.dataset import Split
from hexbench.data.hints import hints
from hexbench.data.sources import Sources
from hexbench.plan.models import known_models
from hexbench.plan.suites import Images, plan
from hexbench.plan.sweeps import read_suite
from hexbench.studies.digit_recognizer import study
from hexbench.studies.digit_recognizer.data import course
from hypothesis import given
from hypothesis import strategies as st

resolve = Sources.of(study).resolve
REFERENCE = study.REFERENCE()
MODELS, SPLIT = known_models(), Split()
SUITE = read_suite(ROOT / "bench/studies/digit_recognizer/suites/full.toml", MODELS)
FOLDERS, ARCHIVES = "images and labels, .npy", "images and labels, .npz"


def read(path):
    """All that a run does with a path before it measures anything."""
    source = resolve(str(path), 500)
    assert plan(SUITE, Images(source.count, SPLIT, SPLIT.tested(source.count)), MODELS).cells
    data = source.load()
    assert (len(data.images), data.shape) == (source.count, source.shape)
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
        assert len(data.images) == len(data.labels)
        assert data.images.ndim in (3, 4) and min(data.shape[:2]) > 1
        assert data.images.dtype == data.labels.dtype == np.uint8
        assert 1 < len(np.unique(data.labels)) <= data.classes
        assert all(name and name.isprintable() for name in data.class_names)
        assert all(hint.isprintable() for hint in hints(data, lambda: REFERENCE, {}))


@given(st.data())
def test_a_folder_is_images_or_one_sentence(tmp_path, data):
    images = data.draw(st.one_of(st.just(saved(IMAGES)), wild_files(IMAGES)), "images")
    labels = data.draw(st.one_of(st.just(saved(LABELS)), wild_files(LABELS)), "labels")
    folder = write_folder(tmp_path / "set", images, labels)
    most = len(images) + len(labels) + npy.FOLDER_MEMORY
    read_in_little_memory(FOLDERS, "emnist_hex_", folder, most)


@given(archives())
def test_an_archive_is_images_or_one_sentence(tmp_path, content):
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    read_in_little_memory(ARCHIVES, "set.npz", path, npy.MAX_UNFOLDED * len(content) + npy.NPZ_MEMORY)


@given(odd_forms())
def test_odd_forms_give_the_same_images_as_plain_ones(tmp_path, forms):
    (images, labels), (odd, odd_labels), kind = forms
    plain = course.dataset("plain", images, labels)
    if kind == "folder":
        path = write_folder(tmp_path / "odd", saved(odd), saved(odd_labels))
    else:
        path = tmp_path / "odd.npz"
        (np.savez if kind == "npz" else np.savez_compressed)(path, X=odd, y=odd_labels)
    data = attempt(f"odd but right, {kind}", "", read, path)
    assert data is not None
    np.testing.assert_array_equal(data.images, plain.images)
    if kind == "folder":
        assert data.fingerprint == plain.fingerprint
    names = data.class_names if kind != "folder" else [str(label) for label in range(17)]
    np.testing.assert_array_equal(np.array(names, int)[data.labels], labels)


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
    "images of one colour": ("X.npy", header((GIGABYTE // 4, 2, 2))),
    "images of any size": ("X.npy", header((2, 2**14, 2**15))),
    "labels": ("y.npy", header((GIGABYTE,))),
    "labels of many columns": ("y.npy", header((20, GIGABYTE // 20))),
    "labels that are texts": ("y.npy", header((20,), f"|S{GIGABYTE // 20}")),
    "names": ("class_names.npy", header((17,), f"<U{GIGABYTE // 17 // 4}")),
    "header": ("X.npy", b"\x93NUMPY\x02\x00" + (GIGABYTE - 2**20).to_bytes(4, "little")),
}
MEASURED = """
import sys
from hexbench.data.sources import Sources
from hexbench.errors import BadInput
from hexbench.measure.timing import PeakMemory
from hexbench.studies.digit_recognizer import study
resolve = Sources.of(study).resolve
resolve(sys.argv[1]).load()
resolve(sys.argv[2]).load()
with PeakMemory() as memory:
    try:
        resolve(sys.argv[3]).load()
    except BadInput as error:
        print(error, file=sys.stderr)
print(memory.found["peak_mb"] - memory.found["start_mb"])
"""


def bytes_to_read(tmp_path, path):
    """Peak bytes of a fresh process that reads `path`, once it has read twenty images."""
    small = write_folder(tmp_path / "small", saved(IMAGES), saved(LABELS))
    np.savez_compressed(tmp_path / "small.npz", X=IMAGES, y=LABELS)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, small, tmp_path / "small.npz", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout) * 1e6, done.stderr


linux = pytest.mark.skipif(sys.platform != "linux", reason="no other system says so")


@linux
@pytest.mark.slow
@pytest.mark.parametrize("what", BOMBS)
def test_a_zip_bomb_never_goes_off(tmp_path, what):
    """A file of a megabyte that unfolds to a gigabyte."""
    path = bomb(tmp_path / "bomb.npz", *BOMBS[what], GIGABYTE)
    assert path.stat().st_size < 1.2e6
    found, said = bytes_to_read(tmp_path, path)
    assert "bomb.npz" in said
    assert found < npy.NPZ_MEMORY


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["|u1", "<f8", "<f8 in Fortran order", "packed <f8", "<f8 255ths", "<f2 255ths", "|b1"]
)
def test_large_sets_are_read_in_the_memory_that_is_stated(tmp_path, kind):
    """64-bit floats are eight times the pixels that are kept: only blocks of them are held."""
    images, labels = np.tile(IMAGES, (1_500, 1)), np.tile(LABELS, 1_500)
    file = images.astype(kind.removeprefix("packed ").split()[0])
    if "255ths" in kind:
        file /= file.dtype.type(255)
        labels = np.eye(17)[labels]
    if "Fortran" in kind:
        file = np.asfortranarray(file.reshape(-1, 20, 20))
    if "packed" in kind:
        path = tmp_path / "set.npz"
        np.savez_compressed(path, X=file, y=labels)
    else:
        path = write_folder(tmp_path / "large", saved(file), saved(labels))
    found, said = bytes_to_read(tmp_path, path)
    assert not said
    assert images.nbytes / 2 < found < images.nbytes + npy.FOLDER_MEMORY
