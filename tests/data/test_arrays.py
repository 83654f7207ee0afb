"""Files of images of any shape and labels of any kind: read as they are meant, or refused."""

import tracemalloc
import zipfile

import numpy as np
import pytest
from hexbench.data import arrays, digits
from hexbench.data.sources import Sources
from hexbench.errors import BadInput

N = 30
LABELS = np.arange(N) % 3
resolve = Sources().resolve


def pixels(*shape):
    return np.random.default_rng(0).integers(0, 256, (N, *shape), np.uint8)


@pytest.fixture
def save(tmp_path):
    def save(images, labels=LABELS, **more):
        np.savez(tmp_path / "set.npz", X=images, y=labels, **more)
        return tmp_path / "set.npz"

    return save


def fault(path, words):
    with pytest.raises(BadInput, match=words) as caught:
        resolve(str(path)).load()
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and path.name in message


@pytest.mark.parametrize(
    ("stored", "shape"),
    [
        ((8, 8), (8, 8)),
        ((28, 28), (28, 28)),
        ((20, 12), (20, 12)),
        ((784,), (28, 28)),
        ((4,), (2, 2)),
        ((32, 32, 3), (32, 32, 3)),
        ((9, 7, 2), (9, 7, 2)),
        ((9, 7, 4), (9, 7, 4)),
        ((28, 28, 1), (28, 28)),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["u1", ">i4", "<f8"])
def test_images_of_any_shape(save, stored, shape, order, kind):
    images = pixels(*stored)
    path = save(np.asarray(images.astype(kind), order=order))
    source = resolve(str(path))
    data = source.load()
    assert (source.count, source.shape, source.name) == (N, shape, "set")
    assert (data.shape, data.classes, data.pixel_max) == (shape, 3, 255)
    assert data.images.dtype == data.labels.dtype == np.uint8
    np.testing.assert_array_equal(data.images, images.reshape(N, *shape))
    np.testing.assert_array_equal(data.labels, LABELS)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("block", [1, 7, 64, 1_000])
def test_blocks_of_every_size_give_the_same(save, monkeypatch, order, block):
    images = pixels(5, 4, 3)
    labels = np.array([7, 3, 5])[LABELS]
    path = save(np.asarray(images, order=order), labels)
    monkeypatch.setattr(arrays, "BLOCK", block)
    monkeypatch.setattr(arrays._read_into, "__defaults__", (block,))
    monkeypatch.setattr(arrays, "LABELS_BLOCK", block)
    found = arrays.read(path)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(np.array(found.class_names, int)[found.labels], labels)
    assert found.class_names == ("3", "5", "7")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((783,), "783 pixels are no square.*need the shape"),
        ((1,), "2 pixels a side or more"),
        ((3, 28, 28), "with 1 to 4 channels"),
        ((28, 28, 0), "with 1 to 4 channels"),
        ((28, 28, 3, 1), r"expected \(n, height, width\)"),
        ((1, 400), "2 pixels a side or more"),
        ((), "expected"),
    ],
)
def test_shapes_that_are_no_images(save, shape, words):
    fault(save(pixels(*shape)), words)


@pytest.mark.parametrize("kind", ["i8", "f4", "<i2", "g"])
def test_any_integers_are_labels(save, kind):
    values = np.array([300, -7, 1000], kind)
    data = resolve(str(save(pixels(4, 4), values[LABELS]))).load()
    assert data.class_names == ("-7", "300", "1000")
    np.testing.assert_array_equal(data.labels, np.array([1, 0, 2])[LABELS])


def test_two_classes(save):
    data = resolve(str(save(pixels(4, 4), LABELS % 2 * 5))).load()
    assert (data.class_names, data.class_counts) == (("0", "5"), [20, 10])


@pytest.mark.parametrize(("classes", "kind"), [(256, np.uint8), (257, np.uint16), (1000, np.uint16)])
def test_many_classes(tmp_path, classes, kind):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(classes) * 3, 2))
    images = np.random.default_rng(1).integers(0, 256, (2 * classes, 2, 2))
    np.savez(tmp_path / "set.npz", X=images, y=labels)
    data = resolve(str(tmp_path / "set.npz")).load()
    assert data.labels.dtype == kind
    np.testing.assert_array_equal(np.array(data.class_names, int)[data.labels], labels)


@pytest.mark.parametrize(
    ("labels", "names", "found"),
    [
        (LABELS, ["cat", "dog", "cow"], ("cat", "dog", "cow")),
        (LABELS + 1, ["cat", "dog", "cow"], ("cat", "dog", "cow")),
        (LABELS * 2, ["a", "b", "c", "d", "e"], ("a", "c", "e")),
        (LABELS, ["a\nb", "ü", "c"], ("a\\nb", "ü", "c")),
    ],
)
def test_class_names(save, labels, names, found):
    path = save(pixels(4, 4), labels, class_names=np.array(names))
    assert resolve(str(path)).load().class_names == found


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", "b"], "2 names for 3 classes"),
        (["a", "b", "b"], "the same name twice"),
        (["a", "", "c"], "an empty name"),
        ([1, 2, 3], "expected text"),
        ([["a", "b", "c"]], "expected text"),
        (["a" * 2**20, "b", "c"], "expected text"),
        ([b"a", b"b", b"c"], "expected text"),
    ],
)
def test_class_names_that_are_not_valid(save, names, words):
    fault(save(pixels(4, 4), class_names=np.array(names)), f"class_names in .*{words}")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (LABELS[:-1], "29 labels for 30 images"),
        (LABELS[:, None], "one label an image"),
        (LABELS + 0.5, "fractions: labels"),
        (np.where(LABELS > 1, np.nan, LABELS), "NaN or infinity: labels"),
        (LABELS > 1, "type bool"),
        (LABELS.astype(str), "type <U"),
        (LABELS * 0, "only one class"),
        (LABELS * 1e30, "do not fit into 64 bits"),
    ],
)
def test_labels_that_are_none(save, labels, words):
    fault(save(pixels(4, 4), labels), f"y in .*{words}")


def test_more_than_a_thousand_classes(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (1001, 2, 2))
    np.savez(tmp_path / "set.npz", X=images, y=np.arange(1001))
    fault(tmp_path / "set.npz", "more than 1,000 different labels")


def test_pixels_from_0_to_1_are_refused(save):
    fault(save(pixels(4, 4) // 200), "no pixel above 1")
    fault(save(pixels(4, 4) / 255), "fractions")
    fault(save(pixels(4, 4) * 2.0), "expected 0 to 255")


@pytest.mark.parametrize("order", ["C", "F"])
def test_floats_are_never_held_whole(tmp_path, order):
    """64-bit floats are eight times the pixels that are kept."""
    images = np.full((20_000, 400), 7.0, order=order)
    np.savez_compressed(tmp_path / "set.npz", X=images, y=np.arange(20_000) % 17)
    size = images.nbytes
    del images
    tracemalloc.start()
    try:
        arrays.read(tmp_path / "set.npz")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 2


@pytest.mark.parametrize("pixels_each", [4, 400])
def test_the_limit_of_what_unfolds_goes_by_bytes(tmp_path, monkeypatch, pixels_each):
    monkeypatch.setattr(arrays, "ALWAYS_UNFOLDED", 60_000)
    monkeypatch.setattr(arrays, "MAX_UNFOLDED", 0)
    most = 60_000 // (pixels_each + 2)
    for count in (most, most + 1):
        np.savez(tmp_path / "set.npz", X=np.full((count, pixels_each), 9), y=np.arange(count) % 2)
        if count == most:
            assert len(arrays.read(tmp_path / "set.npz").images) == count
        else:
            fault(tmp_path / "set.npz", f"unfolds to {count:,} images")


def test_archives_that_are_not_whole(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, X=pixels(4, 4))
    fault(path, "no array named y")
    path.write_bytes(path.read_bytes()[:300])
    fault(path, "cannot be read")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", b"nonsense")
        archive.writestr("y.npy", b"nonsense")
    fault(path, "cannot be read")


def test_an_empty_member_of_names_is_not_the_same_as_none(save):
    path = save(pixels(4, 4))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("class_names.npy", b"")
    fault(path, "class_names in .* cannot be read")


def test_scikit_learns_digits():
    source = resolve("digits")
    data = source.load()
    assert (source.name, source.count, source.shape, source.classes) == ("digits", 1797, (8, 8), 10)
    assert (len(data.images), data.shape, data.classes) == (1797, (8, 8), 10)
    assert (data.pixel_max, data.images.min(), data.images.max()) == (16, 0, 16)
    assert data.class_names == tuple("0123456789")
    assert data.class_counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.provenance.licence == "CC BY 4.0" and not data.provenance.synthetic
    with pytest.raises(BadInput, match="digits:5: digits takes no argument"):
        digits.source("5", None)
