"""Folders of PNG and JPEG images: read as a viewer shows them, or refused by the name of a file."""

import os
from io import BytesIO

import numpy as np
import pytest
from data.formats import digits, write_folder
from hexbench.data import folders
from hexbench.data.dataset import Split
from hexbench.data.resize import Size
from hexbench.data.sources import Sources
from hexbench.errors import BadInput
from PIL import Image, ImageFile

IMAGES, LABELS = digits()
RNG = np.random.default_rng(0)


def read(path, size=None):
    return Sources().resolve(str(path), size=size).load()


def fault(path, *words):
    with pytest.raises(BadInput) as caught:
        read(path)
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.fixture
def two(tmp_path):
    """Two classes of three grey images of 6 x 5."""
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(3):
            save(tmp_path / "set" / name / f"{number}.png", RNG.integers(1, 255, (6, 5), np.uint8))
    return tmp_path / "set"


def save(path, pixels, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def test_a_folder_a_class_with_parts_and_without(tmp_path):
    data = read(write_folder(tmp_path / "parts", IMAGES, LABELS))
    assert (len(data.images), data.class_names) == (1_797, tuple("0123456789"))
    assert data.test_part.tolist() == list(range(1_200, 1_797))
    rows = [np.flatnonzero(LABELS[:1_200] == label) for label in range(10)]
    for label in range(10):
        of_label = data.images[:1_200][data.labels[:1_200] == label]
        np.testing.assert_array_equal(
            of_label, IMAGES[rows[label]], "in the order of the numbers in their names"
        )
    whole = read(write_folder(tmp_path / "whole", IMAGES, LABELS, parts=("",)))
    assert whole.test_part is None and len(whole.images) == 1_797


def test_classes_alternate_so_that_a_split_without_shuffling_has_them_all(tmp_path):
    data = read(write_folder(tmp_path, IMAGES, LABELS, parts=("",)))
    train, test = data.parts(Split(0.3, None))
    for rows in (train, test):
        shares = np.bincount(data.labels[rows]) / len(rows)
        np.testing.assert_allclose(shares, np.bincount(LABELS) / len(LABELS), atol=0.005)


def test_the_order_does_not_depend_on_the_file_system(two, tmp_path):
    other = tmp_path / "other"
    for path in sorted(two.rglob("*.png"), reverse=True):
        copy = other / path.relative_to(two)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    assert read(other).fingerprint == read(two).fingerprint


def test_names_are_in_their_natural_order():
    names = ["b", "10", "9", "a10", "a9", "01", "1", "a"]
    assert sorted(names, key=folders.natural) == ["01", "1", "9", "10", "a", "a9", "a10", "b"]


def test_modes_are_read_as_a_viewer_shows_them(two):
    grey = RNG.integers(1, 255, (6, 5), np.uint8)
    wide = grey.astype(np.uint16) * 257
    see_through = np.dstack([np.full((6, 5, 3), 0, np.uint8), np.where(grey > 99, 255, 0).astype(np.uint8)])
    cases = {
        "16 bits": (Image.fromarray(wide), grey),
        "one bit": (Image.fromarray(grey > 99), np.where(grey > 99, 255, 0)),
        "transparent": (Image.fromarray(see_through), np.where(grey > 99, 0, 255)),
        "palette": (Image.fromarray(grey).convert("P"), grey),
        "grey and opaque": (Image.fromarray(np.dstack([grey, np.full_like(grey, 255)]), "LA"), grey),
        "equal channels": (Image.fromarray(np.dstack([grey] * 3)), grey),
    }
    for name, (image, right) in cases.items():
        path = save(two / "cat" / "0.png", image)
        with Image.open(path) as found:
            assert found.mode == image.mode, name
        data = read(two)
        assert data.shape == (6, 5), name
        np.testing.assert_array_equal(data.images[0], right, name)
    assert data.notes == ("colour images whose channels are equal everywhere are read as grey",)


def test_colours_stay_and_grey_images_among_them_have_equal_channels(two):
    colour = RNG.integers(0, 255, (6, 5, 3), np.uint8)
    save(two / "dog" / "1.png", colour)
    data = read(two)
    assert data.shape == (6, 5, 3)
    place = data.class_names.index("dog") + 2
    np.testing.assert_array_equal(data.images[place], colour)
    assert (data.images[0] == data.images[0][:, :, :1]).all()
    assert data.notes == ("5 grey images among colour ones have three equal channels",)


def test_a_photograph_is_turned_as_its_camera_says(two):
    pixels = np.zeros((40, 32), np.uint8)
    pixels[:10] = 250
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    for path in two.rglob("*.png"):
        path.unlink()
        save(path.with_suffix(".JPG"), pixels, exif=exif, format="JPEG")
    data = read(two)
    assert data.shape == (32, 40)
    assert data.images[0][:, -8:].min() > 200 and data.images[0][:, :20].max() < 50
    assert read(two, Size(8, 8)).shape == (8, 8)


def test_jpegs_of_four_colours(two):
    save(two / "cat" / "0.jpg", Image.new("CMYK", (5, 6), (0, 255, 255, 0)), quality=100)
    (two / "cat" / "0.png").unlink()
    assert read(two).images[0, 0, 0].tolist() == pytest.approx([254, 0, 0], abs=3)


def test_mixed_sizes_are_refused_and_resized_if_asked(two):
    save(two / "cat" / "0.png", RNG.integers(1, 255, (9, 9), np.uint8))
    fault(two, "holds images of 2 sizes, 6 x 5 (5), 9 x 9 (1): give one, such as --resize 20")
    data = read(two, Size(20, 20))
    assert data.shape == (20, 20)
    assert data.notes == ("images of 6 x 5 (5), 9 x 9 (1) were resized to 20 x 20",)


def bytes_of(image, kind="PNG"):
    file = BytesIO()
    image.save(file, kind)
    return file.getvalue()


NOISE = Image.fromarray(RNG.integers(0, 255, (6, 5), np.uint8))
VIDEO = b"\0\0\0 ftypisom\0\0\2\0isomiso2mp41" + b"\0" * 500
BROKEN = {
    "is empty": b"",
    "is neither a PNG nor a JPEG": VIDEO,
    "is neither a PNG nor a JPEG image": bytes_of(NOISE, "GIF"),
    "is a web page": b"<!DOCTYPE html><html>",
    "is a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:",
    "is damaged": bytes_of(NOISE)[:-30],
    "is damaged (": bytes_of(NOISE.resize((50, 60)), "JPEG")[:-400],
}


@pytest.mark.parametrize("words", BROKEN)
def test_files_that_are_no_images(two, words):
    if words == "is damaged (":
        for path in two.rglob("*.png"):
            save(path, NOISE.resize((50, 60)))
    (two / "dog" / "1.png").write_bytes(BROKEN[words])
    fault(two, "dog/1.png", words, f"of 6 files in {two}")
    (two / "cat" / "0.png").write_bytes(BROKEN[words])
    fault(two, "cat/0.png", words, "and 1 more cannot be read, of 6 files")


def test_links_and_pipes(two):
    (two / "cat" / "3.png").symlink_to(two / "dog" / "1.png")
    (two / "cow").symlink_to(two / "dog")
    assert read(two).class_counts == [4, 3, 3]
    (two / "cat" / "4.png").symlink_to("gone")
    fault(two, "cat/4.png is a link that leads nowhere")
    (two / "cat" / "4.png").unlink()
    os.mkfifo(two / "cat" / "4.png")
    fault(two, "cat/4.png is not a regular file")


def test_what_lies_beside_the_images(two):
    before = read(two)
    for name in (".DS_Store", "Thumbs.db", "._0.png", "desktop.ini"):
        (two / "cat" / name).write_bytes(b"x")
    (two / "__MACOSX" / "cat").mkdir(parents=True)
    (two / "__MACOSX" / "cat" / "0.png").write_bytes(b"x")
    assert read(two).fingerprint == before.fingerprint and read(two).notes == ()
    (two / "labels.txt").write_text("x")
    (two / "cow").mkdir()
    assert read(two).notes == (
        "files that are no PNG or JPEG are ignored: labels.txt",
        "folders without an image are ignored: cow",
    )
    assert read(two).fingerprint == before.fingerprint
    (two / "dog" / "a.webp").write_bytes(b"x")
    fault(two, "dog/a.webp is neither PNG nor JPEG, and 1 such files are there: convert them")


def test_folders_that_are_no_classes(two, tmp_path):
    (two / "dog" / "inner").mkdir()
    fault(two, "dog/inner is a folder inside that of a class")
    (two / "dog" / "inner").rmdir()
    one = tmp_path / "one" / "cat"
    one.mkdir(parents=True)
    fault(one.parent, "holds no images that can be read: an .npz")
    save(one / "0.png", NOISE)
    fault(one.parent, "has 1 subfolders with images: there must be one for each class, 2 to 1,000")
    for part in ("train", "training"):
        (tmp_path / "twice" / part / "cat").mkdir(parents=True)
        save(tmp_path / "twice" / part / "cat" / "0.png", NOISE)
    fault(tmp_path / "twice", "has two folders for one part: train, training")
    fault(one, "holds no images that can be read")


def test_a_table_beside_the_images_is_none_of_the_data(two):
    before = read(two)
    (two / "train.csv").write_text("file,label\ncat/0.png,cat\n")
    assert read(two).fingerprint == before.fingerprint


def test_a_class_of_one_image_and_of_one_split(two):
    for number in (1, 2):
        (two / "dog" / f"{number}.png").unlink()
    assert read(two).class_counts == [3, 1]


def test_black_images_and_points(two):
    for path in two.rglob("*.png"):
        save(path, np.zeros((6, 5), np.uint8))
    fault(two, "holds no pixel above 0")
    for path in two.rglob("*.png"):
        save(path, np.ones((1, 5), np.uint8))
    fault(two, "holds images of 1 x 5 pixels: 2 a side are needed")


def test_an_image_that_unfolds_to_gigabytes_is_never_decoded(two, monkeypatch):
    save(two / "cat" / "0.png", Image.new("1", (9_000, 9_000)))
    load = ImageFile.ImageFile.load

    def loaded(image):
        assert image.width < 9_000
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", loaded)
    fault(two, "cat/0.png has 9000 x 9000 pixels, more than 67,108,864")
    save(two / "cat" / "0.png", Image.new("1", (20_000, 20_000)))
    fault(two, "cat/0.png has more than 67,108,864 pixels")
