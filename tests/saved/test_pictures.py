"""Files with images: every kind that users have, and whatever else has such a name."""

import io
import struct
import zlib

import numpy as np
import pytest
from hexbench.errors import BadInput
from hexbench.saved.pictures import images_of, read
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image


@pytest.fixture
def grey():
    rows, columns = np.indices((30, 40))
    return (rows * 4 + columns * 2).astype(np.uint8)


KINDS = {
    "grey.png": lambda image: image,
    "colour.png": lambda image: image.convert("RGB"),
    "palette.png": lambda image: image.convert("P"),
    "two.png": lambda image: image.point(lambda v: 255 * (v > 99)).convert("1"),
    "alpha.png": lambda image: image.convert("LA"),
    "rgba.png": lambda image: image.convert("RGBA"),
    "wide.png": lambda image: Image.fromarray(np.asarray(image).astype(np.uint16) * 257),
    "grey.jpg": lambda image: image,
    "cmyk.jpg": lambda image: image.convert("CMYK"),
    "grey.JPEG": lambda image: image,
}


@pytest.mark.parametrize("name", KINDS)
def test_pictures_are_read(name, grey, tmp_path):
    KINDS[name](Image.fromarray(grey)).save(tmp_path / name)
    (found,) = read(tmp_path / name)
    assert found.dtype == np.uint8
    assert found.shape[:2] == grey.shape
    if name != "two.png":
        levels = found if found.ndim == 2 else found.mean(axis=2)
        assert np.abs(levels - grey.astype(float)).max() < 12


@pytest.mark.parametrize("ink", (0, 255))
def test_what_is_transparent_is_ground(ink, tmp_path):
    layers = np.zeros((30, 30, 4), np.uint8)
    layers[10:20, 12:15] = (ink, ink, ink, 255)
    Image.fromarray(layers).save(tmp_path / "a.png")
    (found,) = read(tmp_path / "a.png")
    assert abs(int(found[15, 13, 0]) - int(found[0, 0, 0])) == 255
    assert found[15, 13, 0] == ink


def test_a_phone_that_was_held_sideways(grey, tmp_path):
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(grey).save(tmp_path / "a.jpg", exif=turned)
    assert read(tmp_path / "a.jpg")[0].shape == (40, 30)


@pytest.mark.parametrize(
    ("array", "count"),
    [
        (lambda g: g, 1),
        (lambda g: np.stack([g] * 5), 5),
        (lambda g: np.stack([g] * 3, -1), 1),
        (lambda g: np.stack([np.stack([g] * 3, -1)] * 2), 2),
        (lambda g: g / 255, 1),
        (lambda g: g.astype(np.float32), 1),
        (lambda g: g > 99, 1),
        (lambda g: np.asfortranarray(g.astype(">i4")), 1),
        (lambda g: np.stack([g[..., None]] * 2), 2),
        (lambda g: np.stack([g[None]] * 2), 2),
    ],
)
def test_arrays_are_read(array, count, grey, tmp_path):
    np.save(tmp_path / "a.npy", array(grey))
    found = read(tmp_path / "a.npy")
    for one, other in zip(found, images_of(array(grey), "an array"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(found) == count
    levels = found[0] if found[0].ndim == 2 else found[0][..., 0]
    assert np.array_equal(levels, 255 * (grey > 99) if array(grey).dtype == bool else grey)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool])
def test_zeros_and_ones_are_black_and_white(kind, grey):
    (found,) = images_of((grey > 99).astype(kind), "an array")
    np.testing.assert_array_equal(found, 255 * (grey > 99))


def bomb():
    """A PNG of half a gigapixel in a few hundred bytes."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 25_000, 20_000, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png(side=30):
    stream = io.BytesIO()
    Image.fromarray(np.arange(side * side).reshape(side, side).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


BAD = {
    "none": (b"", "is empty"),
    "video": (b"\x00\x00\x00\x20ftypisom" + bytes(900), "is no PNG, JPEG or .npy"),
    "text": (b"hello", "is no PNG, JPEG or .npy"),
    "page": (b"<!doctype html><html>", "is a web page"),
    "gif": (b"GIF89a" + bytes(50), "is no PNG, JPEG or .npy"),
    "cut": (png()[:-40], "is damaged"),
    "bomb": (bomb(), "100,000,000"),
    "small": (png(7), "too small"),
    "header": (b"\x93NUMPY\x01\x00", "cannot be read"),
    "line": (npy(np.zeros(9)), "holds float64"),
    "channels": (npy(np.zeros((2, 9, 9, 7))), "of numbers are needed"),
    "two channels": (npy(np.zeros((2, 9, 9, 2))), "of numbers are needed"),
    "channels first": (npy(np.zeros((2, 3, 9, 9))), "of numbers are needed"),
    "five": (npy(np.zeros((2, 9, 9, 3, 1))), "holds float64"),
    "text array": (npy(np.full((9, 9), "a")), "of numbers are needed"),
    "nan": (npy(np.full((9, 9), np.nan)), "from 0 to 255"),
    "negative": (npy(np.full((9, 9), -1)), "from 0 to 255"),
    "cut array": (npy(np.zeros((9, 9)))[:-8], "ends before its array"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_image_is_one_sentence(name, tmp_path):
    content, words = BAD[name]
    file = tmp_path / f"{name}.png"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=words) as fault:
        read(file)
    assert str(fault.value).startswith(str(file))
    assert str(fault.value).endswith(".")


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.png"):
        with pytest.raises(BadInput, match="name a PNG"):
            read(path)


@pytest.mark.parametrize("kind", ("PNG", "JPEG", "npy"))
@given(st.data())
def test_damaged_files_never_surprise(tmp_path_factory, kind, data):
    image = np.arange(400).reshape(20, 20).astype(np.uint8)
    content = npy(image)
    if kind != "npy":
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, kind)
        content = stream.getvalue()
    content = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = read(file)
    except BadInput:
        return
    assert all(one.dtype == np.uint8 for one in found)
