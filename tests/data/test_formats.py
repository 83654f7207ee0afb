"""Data sets as they are distributed: the same images from every format, or one sentence."""

import gzip
import struct
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest
import scipy.io
from data.formats import (
    TRAINED,
    digits,
    frame,
    halves,
    idx_bytes,
    write_folder,
    write_idx,
    write_keras,
    write_mat,
)
from hexbench.cli import main
from hexbench.data import npy, tables
from hexbench.data.card import describe
from hexbench.data.dataset import Split
from hexbench.data.images import room_for
from hexbench.data.resize import Size
from hexbench.data.sources import Sources
from hexbench.errors import BadInput
from hexbench.plan.models import known_models
from hexbench.plan.suites import Images, plan
from hexbench.plan.sweeps import suite_of
from PIL import Image

IMAGES, LABELS = digits()
resolve = Sources().resolve


def read(path, size=None):
    """What a path holds, which must be what was said of it before it was loaded."""
    source = resolve(str(path), size=size)
    data = source.load()
    tested = None if data.test_part is None else len(data.test_part)
    assert (source.count, source.tested, source.name) == (len(data.images), tested, data.name)
    assert source.shape in (None, data.shape) and source.classes in (None, data.classes)
    assert source.option == str(path)
    return data


def is_digits(data, *, own=True, count=1_797):
    np.testing.assert_array_equal(data.images, IMAGES[:count])
    np.testing.assert_array_equal(data.labels, LABELS[:count])
    assert data.class_names == tuple("0123456789") and data.pixel_max == 255
    assert (data.test_part is not None) == own
    if own:
        np.testing.assert_array_equal(data.test_part, np.arange(TRAINED, len(IMAGES)))
        np.testing.assert_array_equal(data.parts(Split())[1], data.test_part)


def fault(path, *words, size=None):
    with pytest.raises(BadInput) as caught:
        resolve(str(path), size=size).load()
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".")
    for word in words:
        assert word in message
    return message


# --- IDX. ---


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("names", [("train", "t10k"), ("train", "test")])
def test_a_folder_of_idx_files(tmp_path, packed, names):
    is_digits(read(write_idx(tmp_path / "mnist", IMAGES, LABELS, names=names, packed=packed)))


def test_one_file_of_idx_images_brings_its_labels_and_test_part(tmp_path):
    folder = write_idx(tmp_path / "mnist", IMAGES, LABELS)
    whole = read(folder / "train-images-idx3-ubyte.gz")
    is_digits(whole)
    assert whole.name == "mnist"
    alone = read(folder / "t10k-images-idx3-ubyte.gz")
    np.testing.assert_array_equal(alone.images, IMAGES[TRAINED:])
    assert alone.test_part is None
    for file in folder.glob("t10k*"):
        file.unlink()
    is_digits(read(folder), own=False, count=TRAINED)


def test_an_unpacked_file_counts_before_a_packed_one_and_dots_are_as_good_as_hyphens(tmp_path):
    folder = write_idx(tmp_path / "mnist", IMAGES, LABELS, packed=False)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"")
    (folder / "t10k-images-idx3-ubyte").rename(folder / "t10k-images.idx3-ubyte")
    (folder / "t10k-labels-idx1-ubyte").rename(folder / "t10k-labels.idx1-ubyte")
    is_digits(read(folder))


def test_emnist_is_put_upright_and_its_labels_are_characters(tmp_path):
    folder = tmp_path / "gzip"
    turned = IMAGES.swapaxes(1, 2)
    for before in ("emnist-digits-", "emnist-mnist-"):
        write_idx(folder, turned, LABELS, names=("train", "test"), before=before)
    fault(folder, "holds 2 sets, whose files begin with emnist-digits-, emnist-mnist-: name a file")
    path = folder / "emnist-digits-train-images-idx3-ubyte.gz"
    data = read(path)
    is_digits(data)
    assert data.name == "emnist-digits" and "transposed" in data.notes[0]
    mapping = folder / "emnist-digits-mapping.txt"
    mapping.write_text("".join(f"{label} {65 + label}\n" for label in range(10)))
    assert read(path).class_names == tuple("ABCDEFGHIJ")
    mapping.write_text("1 x\n")
    fault(path, "emnist-digits-mapping.txt cannot be read")


@pytest.mark.parametrize(("code", "kind"), [(0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_idx_files_of_every_type(tmp_path, code, kind):
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES.astype(kind), code))
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS.astype(kind), code))
    is_digits(read(tmp_path / "a-images-idx3-ubyte"), own=False)


WHOLE = idx_bytes(IMAGES)
BROKEN_IDX = {
    "is empty": b"",
    "is no IDX file": b"\0\0\x07\x03" + WHOLE[4:],
    "is a web page": b"<!doctype html>",
    "is cut short": WHOLE[:-1],
    "holds more than its header declares": WHOLE + b"\0",
    "declares more data than the file holds": b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**15, 2**15),
    "cannot be read": gzip.compress(WHOLE)[:-9],
    "unfolds to": gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**10, 2**10)),
    "it ends before its array": gzip.compress(WHOLE[:-1]),
    "holds too few images (1)": idx_bytes(IMAGES[:1]),
}


@pytest.mark.parametrize("words", BROKEN_IDX)
def test_idx_files_that_are_not_whole(tmp_path, words):
    folder = write_idx(tmp_path / "mnist", IMAGES, LABELS, packed=False)
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(BROKEN_IDX[words])
    fault(folder, words, str(path))


def test_labels_that_are_not_there_or_too_few(tmp_path):
    folder = write_idx(tmp_path / "mnist", IMAGES, LABELS, packed=False)
    labels = folder / "t10k-labels-idx1-ubyte"
    labels.write_bytes(idx_bytes(LABELS[:9]))
    fault(folder, "t10k-labels-idx1-ubyte holds 9 labels for 597 images")
    labels.unlink()
    fault(folder, "t10k-labels-idx1-ubyte is not there, packed or not: it has the labels of t10k-images")


# --- .npz under other names. ---


def test_keras_files(tmp_path):
    is_digits(read(write_keras(tmp_path, IMAGES, LABELS)))


@pytest.mark.parametrize(
    "names",
    [
        ("images", "labels"),
        ("data", "target"),
        ("x", "y"),
        ("Images", "Label"),
        ("train_images", "train_labels"),
        ("X_train", "y_train"),
    ],
)
def test_usual_names_of_arrays(tmp_path, names):
    np.savez(tmp_path / "a.npz", **dict(zip(names, (IMAGES, LABELS), strict=True)), more=np.arange(3))
    is_digits(read(tmp_path / "a.npz"), own=False)


@pytest.mark.parametrize(
    "pattern",
    ["{}_{}", "{1}_{0}", "{1}{0}", "{}{}", "{1}-{0}"],
    ids=lambda pattern: pattern.replace("{", "("),
)
def test_parts_and_roles_in_either_order(tmp_path, pattern):
    arrays = {}
    for part, (x, y) in halves(IMAGES, LABELS).items():
        arrays |= {pattern.format("images", part): x, pattern.format("labels", part): y}
    np.savez(tmp_path / "a.npz", **arrays)
    is_digits(read(tmp_path / "a.npz"))


def test_validation_parts(tmp_path):
    parts = {"train": slice(0, 1_000), "val": slice(1_000, TRAINED), "test": slice(TRAINED, None)}
    arrays = {f"{part}_images": IMAGES[rows] for part, rows in parts.items()}
    arrays |= {f"{part}_labels": LABELS[rows] for part, rows in parts.items()}
    np.savez(tmp_path / "medmnist.npz", **arrays)
    data = read(tmp_path / "medmnist.npz")
    is_digits(data)
    assert data.notes == ("the part for validation is trained on",)
    del arrays["test_images"], arrays["test_labels"]
    np.savez(tmp_path / "two.npz", **arrays)
    data = read(tmp_path / "two.npz")
    assert data.test_part.tolist() == list(range(1_000, TRAINED)) and "is tested" in data.notes[0]


def test_names_that_could_mean_more_than_one_thing(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, data=IMAGES, labels=LABELS)
    fault(path, "has two arrays that may be meant, images and data")
    np.savez(path, x=IMAGES, y=LABELS, x_train=IMAGES, y_train=LABELS)
    fault(path, "beside parts of its own")
    np.savez(path, x_train=IMAGES, y_test=LABELS)
    fault(path, "has no array named X or y: it has x_train, y_test; save it")
    np.savez(path, X=IMAGES, y=LABELS, images=IMAGES, x_train=IMAGES, y_train=LABELS)
    is_digits(read(path), own=False)
    np.savez(path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES)
    assert read(path).notes == ("x_test has no counterpart and is ignored",)
    np.savez(path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:, 1:], y_test=LABELS)
    fault(path, "has parts of different images, 8 x 8 and 7 x 8")
    np.savez(path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES, y_test=LABELS.astype(str))
    fault(path, "labels that are texts in one part and numbers in another")


def test_labels_of_a_part_are_those_of_the_whole(tmp_path):
    seen, other = LABELS < 8, LABELS >= 5
    arrays = {"x_train": IMAGES[seen], "y_train": LABELS[seen] * 3, "x_test": IMAGES[other]}
    np.savez(tmp_path / "a.npz", y_test=LABELS[other] * 3, **arrays)
    data = read(tmp_path / "a.npz")
    assert data.class_names == tuple(str(3 * label) for label in range(10))
    np.testing.assert_array_equal(data.labels, np.concatenate([LABELS[seen], LABELS[other]]))


# --- CSV. ---


def test_kaggles_files(tmp_path):
    folder = tmp_path / "digit-recognizer"
    folder.mkdir()
    frame(IMAGES[:TRAINED], LABELS[:TRAINED]).to_csv(folder / "train.csv", index=False)
    frame(IMAGES[TRAINED:]).to_csv(folder / "test.csv", index=False)
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    for path in (folder, folder / "train.csv"):
        data = read(path)
        is_digits(data, own=False, count=TRAINED)
        assert data.notes == ("test.csv has no labels and is ignored",)
        assert data.name == "digit-recognizer"
    fault(folder / "test.csv", "test.csv has no column named label")
    frame(IMAGES[TRAINED:], LABELS[TRAINED:]).to_csv(folder / "test.csv.gz", index=False)
    (folder / "test.csv").unlink()
    is_digits(read(folder))


def test_empty_lines_before_and_in_a_table_are_skipped(tmp_path):
    for header in (True, False):
        text = frame(IMAGES, LABELS).to_csv(index=False, header=header)
        first, rest = text.split("\n", 1)
        (tmp_path / "a.csv").write_text(f"\n\n{first}\n\n{rest}\n")
        is_digits(read(tmp_path / "a.csv"), own=False)


def test_files_that_are_called_like_emnist_alone_are_not_transposed(tmp_path):
    frame(IMAGES, LABELS).to_csv(tmp_path / "emnist_hex.csv", index=False)
    data = read(tmp_path / "emnist_hex.csv")
    is_digits(data, own=False)
    assert data.notes == ()
    np.savez(tmp_path / "a.npz", X=IMAGES, y=LABELS)
    path = tmp_path / "emnist-letters.mat"
    scipy.io.savemat(path, {"X": IMAGES[:, :, :6], "y": LABELS})
    fault(path, "hold squares, and these images are 8 x 6: rename them")
    mapping = np.column_stack([np.arange(10), np.full(10, -1)])
    scipy.io.savemat(path, {"X": IMAGES, "y": LABELS, "mapping": mapping})
    assert read(path).class_names == tuple(map(str, range(10)))


def test_a_table_without_a_header_and_emnists(tmp_path):
    for name, (x, y) in halves(IMAGES.swapaxes(1, 2), LABELS).items():
        frame(x, y).to_csv(tmp_path / f"emnist-digits-{name}.csv", index=False, header=False)
    data = read(tmp_path / "emnist-digits-train.csv")
    is_digits(data)
    assert "transposed" in data.notes[0]
    frame(IMAGES, LABELS).to_csv(tmp_path / "mine.csv", index=False, header=False)
    is_digits(read(tmp_path / "mine.csv"), own=False)


@pytest.mark.parametrize(
    "change", ["semicolons", "mark", "label last", "blank lines", "other names", "letters"]
)
def test_tables_of_other_looks(tmp_path, change):
    table, path = frame(IMAGES, LABELS), tmp_path / "a.csv"
    if change == "label last":
        table = table[[*table.columns[1:], "label"]]
    if change == "other names":
        table.columns = ["class", *(f"{i}x{j}" for i in range(8) for j in range(8))]
    if change == "letters":
        table["label"] = [f" {'abcdefghij'[label]}" for label in LABELS]
    separator = ";" if change == "semicolons" else ","
    table.to_csv(path, index=False, sep=separator, encoding="utf-8-sig" if change == "mark" else None)
    if change == "blank lines":
        path.write_text(path.read_text().replace("\n", "\r\n\r\n"))
    data = read(path)
    names = tuple("abcdefghij") if change == "letters" else tuple("0123456789")
    assert data.class_names == names
    is_digits(replace(data, class_names=tuple("0123456789")), own=False)


LINES = ["label,p0,p1,p2,p3", "0,1,2,3,4", "1,255,6,7,8", "0,1,2,3,4"]
BROKEN_TABLES = {
    "line 3 has 'x' in the place of pixel 1": ["1,255,x,7,8"],
    "line 3 has nothing in the place of pixel 1": ["1,255,,7,8"],
    "line 3 has nothing in the place of pixel 1:": ["1,255"],
    "Expected 5 fields in line 3, saw 6": ["1,2,3,4,5,6"],
    "holds pixels from 0 to 256": ["1,256,0,0,0"],
    "holds NaN or infinity": ["1,inf,0,0,0"],
    "holds fractions": ["1,255,1.5,0,0"],
    "quotation marks go over": ['"1,255,6,7,8', '0",1,2,3,4'],
    "holds only one class": ["0,255,6,7,8"],
    "has the label": [f"{'1' * 300},255,6,7,8"],
    "holds NaN or infinity: ": ["1,nan,6,7,8"],
    "to 1000000000000000": [f"1,1{'0' * 25},6,7,8"],
}


@pytest.mark.parametrize("words", BROKEN_TABLES)
def test_tables_that_are_not_valid(tmp_path, words):
    path = tmp_path / "a.csv"
    path.write_text("\n".join([*LINES[:2], *BROKEN_TABLES[words], *LINES[3:]]))
    fault(path, words, "a.csv")


def test_a_header_may_name_pixels_by_numbers_alone(tmp_path):
    for header in ("target,0,1,2,3", "class,0,1,2,3", "label,1,2,3,4", "y,0,1,2,3"):
        (tmp_path / "a.csv").write_text("\n".join([header, *LINES[1:]]))
        assert len(read(tmp_path / "a.csv").images) == len(LINES) - 1


def test_numbers_as_numpy_writes_them_are_no_header(tmp_path):
    np.savetxt(tmp_path / "a.csv", np.column_stack([LABELS, IMAGES.reshape(len(IMAGES), -1)]), delimiter=",")
    is_digits(read(tmp_path / "a.csv"), own=False)


def test_labels_are_told_apart_to_the_last_digit(tmp_path):
    labels = "12345678901234567", "12345678901234568"
    rows = [f"{label},{pixels}" for label in labels for pixels in ("0,9,9,9", "9,0,0,0")]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert read(tmp_path / "a.csv").class_names == labels


def test_validation_files_are_trained_on_and_other_names_are_no_parts(tmp_path):
    thirds = np.array_split(np.arange(90), 3)
    for name, rows in zip(("train", "val", "test"), thirds, strict=True):
        frame(IMAGES[rows], LABELS[rows]).to_csv(tmp_path / f"mine_{name}.csv", index=False)
    data = read(tmp_path)
    assert (len(data.images), len(data.test_part)) == (90, 30)
    np.testing.assert_array_equal(data.images[data.test_part], IMAGES[thirds[2]])
    for name in ("latest.csv", "contest.csv", "devices.csv"):
        frame(IMAGES, LABELS).to_csv(tmp_path / name, index=False)
        is_digits(read(tmp_path / name), own=False)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("label,id,p0,p1,p2", "has a column 'id': expected label"),
        ("label,y,p0,p1,p2", "two columns that may be labels"),
        ("label,p0,p1,p2,p3,p4,p5,p6,p7,p8", "its header has 10 columns and its lines have 5"),
        ("label,p0,p1,p2,p3,p4", "has 5 pixels a line, which is no square: save"),
        ("p0,p1,p2,p3,p4", "has no column named label"),
        ("label", "has one column"),
        ("", "is empty"),
    ],
)
def test_headers_that_are_not_valid(tmp_path, header, words):
    path = tmp_path / "a.csv"
    path.write_text("\n".join([header, *LINES[1:]]) if header else "")
    fault(path, words, "a.csv")


def test_a_line_without_an_end_is_never_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LONGEST_LINE", 100_000)
    path = tmp_path / "a.csv"
    path.write_bytes(b"label,p0\n" + b"1," * 200_000)
    fault(path, "a.csv cannot be read: a line has more than 100,000 bytes")
    monkeypatch.setattr(npy, "ALWAYS_UNFOLDED", 100_000)
    path.write_bytes(gzip.compress(b"0,1,2,3,4\n" * 100_000))
    fault(path, "unfolds to more than 100 times its size")


# --- MATLAB. ---


@pytest.mark.parametrize("packed", [True, False])
def test_matlab_files_of_emnist(tmp_path, packed):
    data = read(write_mat(tmp_path / "emnist-digits.mat", IMAGES, LABELS, packed=packed))
    is_digits(data)
    assert "transposed" in data.notes[0] and data.name == "emnist-digits"


def test_matlab_files_of_others(tmp_path):
    path = tmp_path / "mine.mat"
    scipy.io.savemat(
        path, {"X": IMAGES, "y": LABELS[:, None], "note": "a text", "cells": np.array([1, "b"], object)}
    )
    is_digits(read(path), own=False)
    colours = np.stack([IMAGES] * 3, axis=-1)
    scipy.io.savemat(path, {"X": np.moveaxis(colours, 0, -1), "y": LABELS[:, None]})
    np.testing.assert_array_equal(read(path).images, colours)
    scipy.io.savemat(path, {"pictures": IMAGES})
    fault(path, "has no arrays of numbers named X and y, or images and labels: it has pictures")


def test_matlab_files_that_are_refused(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n")
    fault(path, "a.mat is of MATLAB 7.3 (HDF5): save it there with save(FILE, ..., '-v7')")
    for content, words in (
        (b"", "is no MATLAB file"),
        (b"\x80\x04abc", "is a pickle"),
        (b"x" * 200, "no MATLAB"),
    ):
        path.write_bytes(content)
        fault(path, words)
    whole = write_mat(path, IMAGES, LABELS).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    fault(path, "a.mat cannot be read")


@pytest.mark.parametrize("kind", ["cell", "text", "numbers"])
def test_a_matrix_that_declares_more_than_there_is(tmp_path, kind):
    path = tmp_path / "a.mat"
    value = {"cell": np.array([1, "b"], object), "text": "ab", "numbers": np.arange(2.0)}[kind]
    scipy.io.savemat(path, {"a": value, "X": IMAGES, "y": LABELS})
    content = path.read_bytes()
    dimensions = struct.pack("<II", 1, 2)
    assert content.count(dimensions) == 1
    path.write_bytes(content.replace(dimensions, struct.pack("<II", 30_000, 30_000)))
    if kind == "numbers":
        fault(path, "a.mat cannot be read: an array of shape (30000, 30000) has 16 bytes")
    else:
        is_digits(read(path), own=False)


def test_a_matlab_file_is_not_held_after_it_is_read(tmp_path):
    source = resolve(str(write_mat(tmp_path / "a.mat", IMAGES, LABELS)))
    (tmp_path / "a.mat").unlink()
    assert (source.count, source.tested) == (1_797, 597)
    with pytest.raises(BadInput, match=r"a\.mat cannot be read: No such file"):
        source.load()


@pytest.mark.parametrize("packed", [True, False])
def test_a_matlab_file_that_unfolds_to_gigabytes(tmp_path, monkeypatch, packed):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"X": np.ones((4_000, 8, 8), np.uint8), "y": LABELS}, do_compression=packed)
    monkeypatch.setattr(npy, "ALWAYS_UNFOLDED", 100_000)
    monkeypatch.setattr(npy, "MAX_UNFOLDED", 2)
    fault(path, "it unfolds to over 2 times its size" if packed else "1,797 labels for 4,000 images")


# --- Other sizes. ---


def test_every_source_is_resized(tmp_path):
    files = {
        "keras": write_keras(tmp_path, IMAGES, LABELS),
        "png": write_folder(tmp_path / "png", IMAGES, LABELS),
        "idx": write_idx(tmp_path / "idx", IMAGES, LABELS),
    }
    found = {name: read(path, Size(20, 12)) for name, path in files.items()}
    image = Image.fromarray(IMAGES[3]).resize((12, 20), Image.Resampling.BILINEAR)
    for name, data in found.items():
        assert data.shape == (20, 12) and data.name.endswith("-20x12")
        assert "resized to 20 x 12" in data.notes[-1]
        if name != "png":
            np.testing.assert_array_equal(data.images[3], np.asarray(image))
    assert found["keras"].fingerprint == found["idx"].fingerprint
    assert sorted(map(bytes, found["png"].images)) == sorted(map(bytes, found["keras"].images))


def test_tones_become_bytes_before_they_are_resized():
    plain, large = resolve("digits").load(), resolve("digits", size=Size(16, 16)).load()
    assert (plain.pixel_max, large.pixel_max, large.name) == (16, 255, "digits-16x16")
    assert len(np.unique(large.images)) > 100
    mean = [data.images.mean() / data.pixel_max for data in (plain, large)]
    assert mean[0] == pytest.approx(mean[1], rel=0.01)


@pytest.mark.parametrize(("text", "size"), [("20", (20, 20)), ("20x12", (20, 12)), ("8X9", (8, 9))])
def test_sizes(text, size):
    assert Size.of(text) == size


@pytest.mark.parametrize("text", ["", "1", "20x", "x20", "-3", "5000", "20x20x3", "2.5", "twenty", "²0"])
def test_sizes_that_are_none(text):
    with pytest.raises(BadInput, match=r"--resize .*: write N or HxW, from 2 to 4,096"):
        Size.of(text)


def test_images_that_no_machine_could_hold(monkeypatch):
    with pytest.raises(BadInput, match="10,000,000 images of 4096 x 4096 pixels take 167,772 GB"):
        room_for(10_000_000, (4_096, 4_096), "a")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=1_000))
    assert len(room_for(10, (10, 10), "a")) == 10
    with pytest.raises(BadInput, match="give a smaller --resize"):
        room_for(11, (10, 10), "a")


# --- From end to end. ---


@pytest.fixture
def here(monkeypatch, capsys, tmp_path):
    """Runs a command line in this process; its exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEXBENCH_DATA", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["run_benchmarks.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out + said.err

    return run


def test_own_parts_from_end_to_end(hexbench, here, tmp_path):
    run = ("--suite", "smoke", "--data", write_idx(tmp_path / "mnist", IMAGES, LABELS), "--out", "own")
    code, said = here(*run, "--plan")
    assert code == 0 and "a test part of their own: 1,200 are trained on, 597 tested" in said
    done = hexbench(*run)
    assert done.returncode == 0, done.stderr
    assert "a test part of their own: 1,200 are trained on, 597 tested" in done.stdout
    report = (tmp_path / "own" / "report.md").read_text()
    assert "1,200 for training, 597 for testing (the data's own test part)" in report
    cells = pd.read_csv(tmp_path / "own" / "cells.csv").set_index("model")
    assert {*cells["split"]} == {"given"} and {*cells["status"]} == {"done"}
    assert cells.loc["svm_grid", ["images", "train_size"]].tolist() == [100, 66], "in the share of the parts"
    assert here("report", "own")[0] == 0
    assert (tmp_path / "own" / "report.md").read_text() == report


def test_random_splits_of_data_with_own_parts_are_left_out(here, tmp_path):
    write_keras(tmp_path, IMAGES, LABELS)
    run = ("--data", "mnist.npz", "--out", "own", "--sweep", "svm: train_size=200 splits=3")
    code, said = here(*run)
    assert code == 2
    assert "SVM: random splits left out: these data have a test part of their own" in said
    code, said = here(*run, "--sweep", "svm: train_size=100,all seeds=2", "--sweep", "svm: images=all")
    assert code == 0 and "random splits left out" in said
    cells = pd.read_csv(tmp_path / "own" / "cells.csv")
    assert sorted(cells["train_size"]) == [100, 100, 1_200, 1_200]
    for command in (("compare", "own", "own"), ("check", "own", "--write", "a.toml")):
        assert here(*command)[0] == 0
    code, said = here("check", "own", "--thresholds", "a.toml")
    assert code == 0 and "ok" in said


def test_a_source_of_variance_that_is_no_split_stays():
    models = known_models()
    suite = suite_of(['svm: train_size=200 vary=["subset","split"] seeds=3'], models)
    planned = plan(suite, Images.of(1_797, Split(), 597), models)
    assert {cell.split for cell in planned.cells} == {"given"} and len(planned.cells) == 3
    assert planned.left_out == ("SVM: split alone varied left out: these data have a test part of their own",)
    assert len(plan(suite, Images.of(1_797, Split(), None), models).cells) == 6


def test_workers_read_the_same_data(hexbench, here, tmp_path):
    write_folder(tmp_path / "png", IMAGES[:300], LABELS[:300], parts=("",))
    run = ("--data", "png", "--resize", "12x9", "--sweep", "svm: train_size=60,120")
    two = hexbench(*run, "--out", "b", "--devices", "2")
    assert (here(*run, "--out", "a")[0], two.returncode) == (0, 0), two.stderr
    accuracies = [pd.read_csv(tmp_path / out / "cells.csv")["test_accuracy"].tolist() for out in "ab"]
    assert accuracies[0] == accuracies[1]
    code, said = here("data", "describe", "png", "--resize", "12x9", "--out", "card")
    assert code == 0 and "Images: 300 of 12 x 9 grey pixels" in said
    assert here("data", "verify", "png", "--resize", "12x9", "--card", "card")[0] == 0
    assert here("data", "verify", "png", "--card", "card")[0] == 2


def test_a_card_says_how_files_were_read(tmp_path):
    data = read(write_mat(tmp_path / "emnist-digits.mat", IMAGES, LABELS))
    found = describe(data, data.split_by(Split()))
    assert found.own_part and found.notes == data.notes and (found.train, found.test) == (1_200, 597)
