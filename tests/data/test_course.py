import pickle

import numpy as np
import pytest
from conftest import blobs
from hexbench.errors import BadInput
from hexbench.studies.digit_recognizer.data import course
from hexbench.studies.digit_recognizer.data.sources import (
    IMAGES_FILE,
    LABELS_FILE,
    course_folder,
)

IMAGES, LABELS = blobs(34)


def fault(path):
    with pytest.raises(BadInput) as caught:
        course.read(path)
    message = str(caught.value)
    assert message.count("\n") == 0
    assert str(path.name) in message
    return message


@pytest.mark.parametrize("shape", [(-1, 400), (-1, 20, 20)])
def test_both_shapes_read_the_same(save_course, shape):
    source = course_folder(save_course(IMAGES.reshape(shape), LABELS.astype(int)))
    data = source.load()
    np.testing.assert_array_equal(data.images, IMAGES.reshape(-1, 20, 20))
    np.testing.assert_array_equal(data.labels, LABELS)
    assert (data.images.dtype, data.labels.dtype) == (np.uint8, np.uint8)
    assert (source.count, source.shape, source.classes) == (34, (20, 20), 17)


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.reshape(-1, 20, 20, 1),
        lambda x: x.reshape(-1, 1, 20, 20),
        lambda x: x / 255,
        lambda x: np.asfortranarray((x.astype(np.float16) / np.float16(255)).reshape(-1, 20, 20)),
    ],
)
@pytest.mark.parametrize(
    "named",
    [
        lambda y: np.eye(17, dtype=bool)[y],
        lambda y: y[:, None],
        lambda y: np.array([*"0123456789ABCDEF", "empty"])[y],
        lambda y: np.array([*"0123456789abcdef", "empty"]).astype("S")[y, None],
    ],
)
def test_other_forms_give_the_same_images(save_course, form, named):
    found = course.dataset("", *course.read(save_course(form(IMAGES), named(LABELS))))
    assert found.fingerprint == course.dataset("", IMAGES, LABELS).fingerprint


def test_two_tones(save_course):
    images, labels = course.read(save_course(IMAGES > 100, LABELS > 9))
    np.testing.assert_array_equal(images.reshape(-1, 400), 255 * (IMAGES > 100))
    np.testing.assert_array_equal(labels, LABELS > 9)


def test_all_seventeen_classes_are_there_whatever_the_labels(save_course):
    data = course_folder(save_course(IMAGES, LABELS % 2 * 5)).load()
    assert data.class_names == (*"0123456789ABCDEF", "empty")
    assert data.class_counts == [18, 0, 0, 0, 0, 16, *[0] * 11]
    assert data.drawable == tuple(range(16)) and data.ground == 90


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (IMAGES[:-1], LABELS, "34 labels for 33 images"),
        (IMAGES[:, :-1], LABELS, r"shape .*399.*expected \(n, 400\) or \(n, 20, 20\)"),
        (IMAGES[:, :64].reshape(-1, 8, 8), LABELS, r"shape .*8, 8.*expected \(n, 400\)"),
        (IMAGES[:0], LABELS[:0], r"too few images \(0\)"),
        (IMAGES[:1], LABELS[:1], r"too few images \(1\)"),
        (IMAGES.astype(str), LABELS, "type <U"),
        (IMAGES.astype(complex), LABELS, "type complex"),
        (np.where(IMAGES > 200, np.nan, IMAGES), LABELS, "NaN"),
        (IMAGES / 256, LABELS, "no 255ths"),
        (IMAGES * 0, LABELS, "no pixel above 0"),
        (IMAGES.astype(int) - 5, LABELS, "pixels from -5"),
        (IMAGES.astype(int) + 99, LABELS, "expected 0 to 255"),
        (IMAGES, np.stack([LABELS, LABELS], axis=1), "not one-hot"),
        (IMAGES, LABELS + 0.5, "fractions: labels"),
        (IMAGES, np.where(LABELS > 9, np.nan, LABELS), "NaN or infinity: labels"),
        (
            IMAGES,
            np.array(["yes", "no"])[LABELS % 2],
            "the label 'no': texts must be the names 0 to 9, A to F",
        ),
        (IMAGES, LABELS.astype(str), "the label '10'"),
        (IMAGES, np.array(["a", "A"])[LABELS % 2], "only one class"),
        (
            IMAGES,
            np.eye(18)[LABELS + 1],
            r"to 17: expected 0 to 16; subtract 1 if they count the classes from 1",
        ),
        (IMAGES, LABELS.astype(int) - 1, "labels from -1"),
        (IMAGES, LABELS.astype(int) + 1, "to 17: expected 0 to 16; subtract 1"),
        (IMAGES, LABELS * 0, "only one class"),
        (np.float64(3), LABELS, "shape"),
    ],
)
def test_bad_arrays(save_course, images, labels, words):
    path = save_course(images, labels)
    with pytest.raises(BadInput, match=words) as caught:
        course.read(path)
    assert "emnist_hex_" in str(caught.value)


@pytest.mark.parametrize("missing", [IMAGES_FILE, LABELS_FILE])
def test_half_a_folder(save_course, missing):
    folder = save_course(IMAGES, LABELS)
    (folder / missing).unlink()
    for read in (course.read, course_folder):
        with pytest.raises(BadInput, match=f"course/{missing} is not there: a data folder needs"):
            read(folder)


def test_pickled_objects_are_refused(save_course, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("trapped").touch, ())

    folder = save_course(IMAGES, LABELS)
    np.save(folder / LABELS_FILE, np.array([Trap()] * 34, object), allow_pickle=True)
    assert "pickle" in fault(folder)
    (folder / LABELS_FILE).write_bytes(pickle.dumps(Trap()))
    assert "is a pickle, which could run any program" in fault(folder)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("size", [0, 5, 60, 200, -1])
def test_files_cut_short(save_course, size):
    folder = save_course(IMAGES, LABELS)
    whole = (folder / IMAGES_FILE).read_bytes()
    (folder / IMAGES_FILE).write_bytes(whole[:size])
    fault(folder)


def test_a_header_that_declares_too_much_allocates_nothing(save_course):
    folder = save_course(IMAGES, LABELS)
    with (folder / IMAGES_FILE).open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 400)}
        np.lib.format.write_array_header_1_0(file, header)
    assert "cut short" in fault(folder)


def test_what_is_written_is_what_numpy_reads(tmp_path):
    course.write(tmp_path, IMAGES.reshape(-1, 20, 20), LABELS)
    np.testing.assert_array_equal(np.load(tmp_path / IMAGES_FILE), IMAGES)
    np.testing.assert_array_equal(np.load(tmp_path / LABELS_FILE), LABELS)
