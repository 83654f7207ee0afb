"""Damaged files of every format: the images or one sentence, in the memory that is stated."""

import gzip
import io
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.io
from data.formats import digits, frame, idx_bytes
from fuzz.arrays import MISTAKEN, TRAP
from fuzz.edits import damaged
from fuzz.tried import attempt
from hexbench.data import npy
from hexbench.data.resize import Size
from hexbench.data.sources import Sources
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

IMAGES, LABELS = (array[:40] for array in digits())
resolve = Sources().resolve


def read(path, size=None):
    """All that a run does with a path before it measures anything."""
    source = resolve(str(path), size=size)
    data = source.load()
    assert len(data.images) == source.count
    assert data.fingerprint
    return data


def read_in_little_memory(reader, name, path, size, resize=None):
    """Of a file of so many bytes, as docs/measurement.md has it."""
    tracemalloc.start()
    try:
        data = attempt(reader, name, read, path, resize)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= npy.MAX_UNFOLDED * size + npy.NPZ_MEMORY
    assert not TRAP.exists(), "something was unpickled"
    if data is not None:
        assert len(data.images) == len(data.labels)
        assert 1 < len(np.unique(data.labels)) <= data.classes
        assert all(name and name.isprintable() for name in data.class_names)
        assert all(note.isprintable() for note in data.notes)


def wild(content):
    """The bytes, damaged or something else altogether."""
    return st.one_of(
        damaged(content),
        st.binary(max_size=200),
        st.builds(bytes.__add__, MISTAKEN, st.binary(max_size=60)),
    )


def mat_bytes(content, packed):
    file = io.BytesIO()
    scipy.io.savemat(file, content, do_compression=packed)
    return file.getvalue()


def png_bytes(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@given(st.data())
def test_idx_files_are_images_or_one_sentence(tmp_path, data):
    packed = data.draw(st.booleans(), "packed before the damage")
    pack = gzip.compress if packed else bytes
    images, labels = (pack(idx_bytes(array)) for array in (IMAGES, LABELS))
    images = data.draw(st.one_of(st.just(images), wild(images)), "images")
    labels = data.draw(wild(labels), "labels")
    if data.draw(st.booleans(), "packed after it"):
        images = gzip.compress(images)
    folder = tmp_path / "set"
    folder.mkdir(exist_ok=True)
    (folder / "train-images-idx3-ubyte").write_bytes(images)
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    read_in_little_memory("IDX", "train-", folder, len(images) + len(labels))


TABLE = frame(IMAGES, LABELS)
TABLES = [TABLE.to_csv(index=False).encode(), TABLE.to_csv(index=False, header=False).encode()]
PIECES = st.lists(
    st.sampled_from(
        [b",", b"\n", b"\r", b'"', b"\0", b"1", b"-1", b"1e999", b"nan", b"label", b"x" * 300, b"\xff", b";"]
    ),
    max_size=12,
).map(b"".join)


@given(st.data())
def test_tables_are_images_or_one_sentence(tmp_path, data):
    plain = data.draw(st.sampled_from(TABLES), "table")
    content = data.draw(
        st.one_of(
            wild(plain),
            PIECES,
            st.tuples(st.integers(0, len(plain)), PIECES).map(
                lambda edit: plain[: edit[0]] + edit[1] + plain[edit[0] :]
            ),
        ),
        "content",
    )
    path = tmp_path / "set.csv"
    path.write_bytes(gzip.compress(content) if data.draw(st.booleans(), "packed") else content)
    read_in_little_memory(".csv", "set.csv", path, path.stat().st_size)


PARTS = {"images": IMAGES.reshape(40, -1), "labels": LABELS.astype(float)}
CONTENTS = [
    {"X": IMAGES, "y": LABELS},
    {"dataset": {"train": PARTS, "test": PARTS, "mapping": np.arange(20, dtype=np.uint8).reshape(10, 2)}},
    {"X": IMAGES, "y": LABELS, "text": "ab", "cells": np.array([[1, "b"], [None, LABELS]], object)},
]


@given(st.data())
def test_matlab_files_are_images_or_one_sentence(tmp_path, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = mat_bytes(
            data.draw(st.sampled_from(CONTENTS[:2]), "content"), data.draw(st.booleans(), "packed")
        )
    content = data.draw(wild(plain), "bytes")
    path = tmp_path / data.draw(st.sampled_from(["set.mat", "emnist-set.mat"]), "name")
    path.write_bytes(content)
    read_in_little_memory(".mat", path.name, path, len(content))


PICTURES = [Image.fromarray(image) for image in IMAGES[:3]]
CAMERA = Image.Exif()
CAMERA[0x0112] = 6
FILES = [
    *(png_bytes(image) for image in PICTURES),
    png_bytes(PICTURES[0].convert("RGBA")),
    png_bytes(PICTURES[0].convert("P"), transparency=3),
    png_bytes(Image.fromarray(IMAGES[0].astype(np.uint16) * 257)),
    png_bytes(PICTURES[1].convert("RGB"), "JPEG", exif=CAMERA),
    png_bytes(PICTURES[1].convert("CMYK"), "JPEG"),
]


@given(st.data())
def test_folders_of_images_are_images_or_one_sentence(tmp_path, data):
    size = 0
    for number in range(4):
        plain = data.draw(st.sampled_from(FILES), f"file {number}")
        content = data.draw(st.one_of(st.just(plain), wild(plain)), f"content {number}")
        path = tmp_path / "set" / f"class {number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        size += len(content)
    resize = data.draw(st.sampled_from([None, Size(9, 7)]), "resize")
    read_in_little_memory("PNG and JPEG", "set", tmp_path / "set", size, resize)


@pytest.mark.parametrize("plain", [*TABLES, *(mat_bytes(content, True) for content in CONTENTS[:2])])
def test_what_is_damaged_was_whole(tmp_path, plain):
    path = tmp_path / ("set.csv" if plain in TABLES else "set.mat")
    path.write_bytes(plain)
    assert len(read(path).images) in (40, 80)
