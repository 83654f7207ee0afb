import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from conftest import blobs

from bench.data import course
from bench.errors import BadInput

IMAGES, LABELS = blobs(34)


def fault(path):
    with pytest.raises(BadInput) as caught:
        course.read(path)
    message = str(caught.value)
    assert message.count("\n") == 0
    assert str(path.name) in message
    return message


def test_both_shapes_and_npz_read_the_same(save_course, tmp_path):
    np.savez_compressed(tmp_path / "set.npz", X=IMAGES.reshape(-1, 20, 20), y=LABELS.astype(int))
    for path in (save_course(IMAGES, LABELS), tmp_path / "set.npz"):
        images, labels = course.read(path)
        np.testing.assert_array_equal(images, IMAGES)
        np.testing.assert_array_equal(labels, LABELS)
        assert (images.dtype, labels.dtype) == (np.uint8, np.uint8)
        assert course.count(path) == 34


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (IMAGES[:-1], LABELS, "33 images .* 34 labels"),
        (IMAGES[:, :-1], LABELS, "shape .*399"),
        (IMAGES[:0], LABELS[:0], r"too few images \(0\)"),
        (IMAGES[:1], LABELS[:1], r"too few images \(1\)"),
        (IMAGES > 9, LABELS, "type bool"),
        (IMAGES.astype(str), LABELS, "type <U"),
        (IMAGES.astype(complex), LABELS, "type complex"),
        (np.where(IMAGES > 200, np.nan, IMAGES), LABELS, "NaN"),
        (IMAGES / 255, LABELS, "fractions"),
        (IMAGES // 255, LABELS, "no pixel above 1"),
        (IMAGES.astype(int) - 5, LABELS, "pixels from -5"),
        (IMAGES.astype(int) + 99, LABELS, "expected 0 to 255"),
        (IMAGES, LABELS[:, None], "one label an image"),
        (IMAGES, LABELS + 0.5, "fractions: labels"),
        (IMAGES, np.where(LABELS > 9, np.nan, LABELS), "NaN or infinity: labels"),
        (IMAGES, LABELS > 9, "type bool"),
        (IMAGES, LABELS.astype(int) - 1, "labels from -1"),
        (IMAGES, LABELS.astype(int) + 1, "to 17: expected 0 to 16"),
        (IMAGES, LABELS * 0, "only one class"),
        (np.float64(3), LABELS, "shape"),
    ],
)
def test_bad_arrays(save_course, images, labels, words):
    path = save_course(images, labels)
    with pytest.raises(BadInput, match=words) as caught:
        course.read(path)
    assert "emnist_hex_" in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    assert "is not there" in fault(tmp_path)
    assert "not there" in fault(tmp_path / "nothing")
    (tmp_path / "table.csv").write_text("1,2")
    assert "neither a folder nor an .npz" in fault(tmp_path / "table.csv")


def test_pickled_objects_are_refused(save_course, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("trapped").touch, ())

    folder = save_course(IMAGES, LABELS)
    np.save(folder / course.LABELS_FILE, np.array([Trap()] * 34, object), allow_pickle=True)
    assert "pickle" in fault(folder)
    (folder / course.LABELS_FILE).write_bytes(pickle.dumps(Trap()))
    assert "cannot be read" in fault(folder)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("size", [0, 5, 60, 200, -1])
def test_files_cut_short(save_course, size):
    folder = save_course(IMAGES, LABELS)
    whole = (folder / course.IMAGES_FILE).read_bytes()
    (folder / course.IMAGES_FILE).write_bytes(whole[:size])
    fault(folder)


def test_a_header_that_declares_too_much_allocates_nothing(save_course):
    folder = save_course(IMAGES, LABELS)
    with (folder / course.IMAGES_FILE).open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 400)}
        np.lib.format.write_array_header_1_0(file, header)
    assert "cut short" in fault(folder)


@pytest.mark.parametrize("order", ["C", "F"])
def test_floats_are_never_held_whole(tmp_path, order):
    """64-bit floats are eight times the pixels that are kept."""
    images = np.full((20_000, 400), 7.0, order=order)
    np.savez_compressed(tmp_path / "set.npz", X=images, y=np.arange(20_000) % 17)
    size = images.nbytes
    del images
    tracemalloc.start()
    try:
        course.read(tmp_path / "set.npz")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 2


def test_archives_that_are_not_whole(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, X=IMAGES)
    assert "no array named y" in fault(path)
    path.write_bytes(path.read_bytes()[:1000])
    assert "cannot be read" in fault(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", b"nonsense")
        archive.writestr("y.npy", b"nonsense")
    assert "cannot be read" in fault(path)
