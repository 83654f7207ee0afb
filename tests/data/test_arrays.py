"""Files of images of any shape and labels of any kind: read as they are meant, or refused."""

import tracemalloc
import zipfile

import numpy as np
import pytest
from hexbench.data import arrays, digits, labels, npy
from hexbench.data.sources import Sources
from hexbench.errors import BadInput

N = 30
LABELS = np.arange(N) % 3
resolve = Sources().resolve


def read(path):
    return arrays.source(path).load()


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
        ((1, 28, 24), (28, 24)),
        ((1, 2, 3), (2, 3)),
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
    values = np.array([7, 3, 5])[LABELS]
    path = save(np.asarray(images, order=order), values)
    monkeypatch.setattr(npy, "BLOCK", block)
    monkeypatch.setattr(npy, "ITEM", 1)
    monkeypatch.setattr(labels, "LABELS_BLOCK", block)
    found = read(path)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(np.array(found.class_names, int)[found.labels], values)
    assert found.class_names == ("3", "5", "7")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((783,), "783 pixels are no square.*need the shape"),
        ((1,), "2 pixels a side or more"),
        ((3, 28, 28), r"channels before height and width: save np\.moveaxis\(X, 1, -1\)"),
        ((2, 5, 28), "channels before height"),
        ((1, 28, 1), "2 pixels a side or more"),
        ((5, 28, 28), "with 1 to 4 channels"),
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
        (np.stack([LABELS, LABELS], axis=1), r"not one-hot.*: save one label an image, \(n,\)"),
        (np.eye(3)[LABELS] * 0.7 + 0.1, r"not one-hot.*: save y\.argmax\(axis=1\)"),
        (np.eye(3)[LABELS] * 2, "not one-hot"),
        (np.eye(3)[LABELS] - 1, "not one-hot"),
        (np.eye(3)[LABELS] * [1, 1, np.nan], r"not one-hot.*\(n,\)"),
        (np.where(LABELS[:, None] == 0, 0, np.eye(3)[LABELS]), "not one-hot"),
        (np.ones((N, 3), bool), "not one-hot"),
        (np.zeros((N, 1001)), "one label an image"),
        (np.zeros((N, 2, 1)), "one label an image"),
        (np.array(["a", "b"])[np.stack([LABELS % 2] * 2, axis=1)], "one label an image"),
        (LABELS + 0.5, "fractions: labels"),
        (np.where(LABELS > 1, np.nan, LABELS), "NaN or infinity: labels"),
        (LABELS.astype(complex), "type complex"),
        (np.array(["cat"] * N), "only one class"),
        (np.array(["cat", "dog", ""])[LABELS], "an empty name"),
        (np.array(["a\nb", "a\\nb", "b"])[LABELS], "one written in two ways"),
        (np.array(["a" * 257, "b", "c"])[LABELS], "type <U257: names of classes have 1 to 256 char"),
        (np.array([b"a" * 1025, b"b", b"c"])[LABELS], r"type \|S1025: names of classes have 1 to 1,024 char"),
        (np.eye(3)[LABELS * 0], "only one class"),
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


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("block", [1, 7, 64, 1_000])
@pytest.mark.parametrize("kind", ["?", "u1", "<f4", ">i8"])
def test_one_hot_rows_are_their_columns(save, monkeypatch, order, block, kind):
    monkeypatch.setattr(npy, "ITEM", 1)
    monkeypatch.setattr(labels, "LABELS_BLOCK", block)
    rows = np.zeros((N, 7), kind, order)
    rows[np.arange(N), np.array([5, 0, 3])[LABELS]] = 1
    found = read(save(pixels(4, 4), rows))
    assert found.class_names == ("0", "3", "5")
    np.testing.assert_array_equal(found.labels, np.array([2, 0, 1])[LABELS])
    named = read(save(pixels(4, 4), rows, class_names=list("abcdefg")))
    assert named.class_names == ("a", "d", "f")


@pytest.mark.parametrize("kind", ["U", "S", ">U9"])
def test_texts_are_names_of_classes(save, kind):
    texts = np.array(["dog", "ant", "cat"]).astype(kind)[LABELS]
    for shape in (N, (N, 1)):
        found = read(save(pixels(4, 4), texts.reshape(shape)))
        assert found.class_names == ("ant", "cat", "dog")
        np.testing.assert_array_equal(found.labels, np.array([2, 0, 1])[LABELS])
    ordered = read(save(pixels(4, 4), texts, class_names=["cow", "dog", "cat", "ant"]))
    assert ordered.class_names == ("dog", "cat", "ant")
    np.testing.assert_array_equal(ordered.labels, np.array([0, 2, 1])[LABELS])
    fault(save(pixels(4, 4), texts, class_names=["dog", "ant"]), "class_names in .* lacks 'cat', which is a")


def test_texts_of_no_character(save):
    texts = np.frombuffer(np.resize([0x110000, 65, 66], N).astype("<u4").tobytes(), "<U1")
    fault(save(pixels(4, 4), texts), "y in .* cannot be read: its text is none in Unicode")
    fault(save(pixels(4, 4), class_names=texts[:3]), "class_names in .* its text is none in Unicode")


def test_a_column_of_labels_and_truth_values(save):
    found = read(save(pixels(4, 4), LABELS[:, None]))
    np.testing.assert_array_equal(found.labels, LABELS)
    found = read(save(pixels(4, 4), LABELS > 1))
    assert found.class_names == ("0", "1")
    np.testing.assert_array_equal(found.labels, LABELS > 1)


EVERY = np.resize(np.arange(256), (N, 5, 5)).astype(np.uint8)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("block", [1, 64, 1_000, 2**22])
@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.astype(np.float16) / np.float16(255),
        lambda x: x.astype(np.float32) / 255,
        lambda x: x.astype(np.float32) * np.float32(1 / 255),
        lambda x: x / 255,
        lambda x: (x.astype(np.float32) / 255).astype(">f8"),
        lambda x: x.astype("g") / 255,
    ],
)
def test_every_255th_is_its_byte(save, monkeypatch, order, block, form):
    """Also where whole numbers, which 0 and 1 are, come first and fill blocks of their own."""
    monkeypatch.setattr(npy, "BLOCK", block)
    monkeypatch.setattr(npy, "ITEM", 1)
    images = EVERY.copy()
    images[:10] = np.where(images[:10] > 100, 255, 0)
    found = read(save(np.asarray(form(images), order=order)))
    np.testing.assert_array_equal(found.images, images)


@pytest.mark.parametrize("kind", ["?", "u1", ">i4", "<f2", "<f8"])
def test_two_tones_are_black_and_white(save, kind):
    tones = pixels(4, 4) > 100
    np.testing.assert_array_equal(read(save(tones.astype(kind))).images, 255 * tones)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (pixels(4, 4) / 254, "fractions"),
        (pixels(4, 4) / 256, "from 0 to 1 that are no 255ths: multiply by 255, round and save as uint8"),
        ((pixels(4, 4) / 256).astype(np.float16), "no 255ths"),
        ((pixels(4, 4) + 1e-4) / 256, "no 255ths"),
        (pixels(4, 4) / 127.5 - 1, "fractions from -1 to 1: add 1, multiply by 127.5, round"),
        (pixels(4, 4) // 200 * 2 - 1.0, "pixels from -1 to 1: add 1"),
        (pixels(4, 4) / 127.5, "fractions from 0 to 2: save the pixels as they were before"),
        (pixels(4, 4) / 2, "fractions: pixels must be whole numbers from 0 to 255; round"),
        ((pixels(4, 4) - 100.0) / 50, "fractions from -2 to 3.1: save the pixels as they were before"),
        (pixels(4, 4) * 2.0, "expected 0 to 255"),
        (pixels(4, 4).astype(np.uint16) * 257, "to 65535: expected 0 to 255; divide 16-bit pixels by 257"),
        (pixels(4, 4).astype(np.int64) * 257, r"to 65535: expected 0 to 255\."),
        (pixels(4, 4) * 0, "no pixel above 0"),
        (np.where(pixels(4, 4) > 9, np.nan, 0.5), "NaN or infinity: pixels"),
    ],
)
def test_pixels_that_need_a_decision_are_refused(save, images, words):
    fault(save(images), words)


@pytest.mark.parametrize("order", ["C", "F"])
def test_floats_are_never_held_whole(tmp_path, order):
    """64-bit floats are eight times the pixels that are kept."""
    images = np.full((20_000, 400), 7.0, order=order)
    np.savez_compressed(tmp_path / "set.npz", X=images, y=np.arange(20_000) % 17)
    size = images.nbytes
    del images
    tracemalloc.start()
    try:
        read(tmp_path / "set.npz")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 2


@pytest.mark.parametrize("pixels_each", [4, 400])
def test_the_limit_of_what_unfolds_goes_by_bytes(tmp_path, monkeypatch, pixels_each):
    monkeypatch.setattr(npy, "ALWAYS_UNFOLDED", 60_000)
    monkeypatch.setattr(npy, "MAX_UNFOLDED", 0)
    most = 60_000 // (pixels_each + 2)
    for count in (most, most + 1):
        np.savez(tmp_path / "set.npz", X=np.full((count, pixels_each), 9), y=np.arange(count) % 2)
        if count == most:
            assert len(read(tmp_path / "set.npz").images) == count
        else:
            fault(tmp_path / "set.npz", f"unfolds to {count:,} images")


def test_archives_that_are_not_whole(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, X=pixels(4, 4))
    fault(path, r"no array named y: it has X; save it with .*np\.savez\(FILE, X=images, y=labels\)")
    np.savez(path, **{f"x{i}": LABELS for i in range(12)})
    fault(path, r"no array named X or y: it has x0, x1, .*x9 and 2 more; save")
    np.savez(path)
    fault(path, "it holds no arrays at all")
    np.savez(path, X=pixels(4, 4), y=LABELS)
    path.write_bytes(path.read_bytes()[:300])
    fault(path, "cannot be read: it is an archive that is damaged or cut short; copy or download it again")
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
