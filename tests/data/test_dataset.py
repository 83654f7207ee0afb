import subprocess
import sys
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from conftest import ROOT, blobs
from hexbench.data.dataset import Dataset, Split, Subset, stratified_order
from hexbench.studies.digit_recognizer.data import course
from sklearn.model_selection import train_test_split

SPLIT = Split()


@pytest.fixture
def data():
    return course.dataset("blobs", *blobs(300))


@pytest.mark.parametrize("split", [Split(), Split(0.25, 7), Split(0.5, None)])
def test_the_split_is_scikit_learns(data, split):
    train, test = data.parts(split)
    expected = train_test_split(
        data.images,
        data.labels,
        test_size=split.test_size,
        random_state=split.random_state,
        shuffle=split.random_state is not None,
    )
    np.testing.assert_array_equal(data.images[train], expected[0])
    np.testing.assert_array_equal(data.labels[test], expected[3])
    assert len(test) == split.tested(300)
    assert data.parts(split)[0] is train, "drawn once"


@pytest.mark.parametrize("count", [2, 3, 10, 99, 1797])
def test_the_number_of_test_images_is_known_without_drawing(count):
    for size in (0.1, 0.3, 0.5):
        _, test = train_test_split(np.arange(count), test_size=size)
        assert Split(size).tested(count) == len(test)


def test_an_unshuffled_split_tests_the_last_images(data):
    train, test = data.parts(Split(0.5, None))
    assert train.tolist() == list(range(150)) and test.tolist() == list(range(150, 300))
    assert Split(0.5, None).name == "given" and SPLIT.name == 42


def test_the_datas_own_test_part(data):
    own = replace(data, test_part=np.array([3, 5, 299]))
    given = own.split_by(SPLIT)
    assert (given.name, given.tested(300)) == ("given", 3)
    for split in (given, SPLIT):
        train, test = own.parts(split)
        assert test.tolist() == [3, 5, 299] and set(train) == set(range(300)) - {3, 5, 299}
    assert data.split_by(SPLIT) is SPLIT
    assert own.fingerprint != data.fingerprint
    rows = own.draw(Subset(50), given, 0)
    assert len(rows.train) == 50 and rows.test is test


def test_the_share_of_an_own_test_part_gives_back_its_size():
    for count in (3, 7, 10, 25, 41, 70_000, 814_255):
        for own in {1, 2, 7 % count, count // 3, 2 * count // 3, count - 1} - {0}:
            assert SPLIT.or_own(count, own).tested(count) == own


@pytest.mark.parametrize("rows", [[], [3, 3], [300], [-1], range(300)])
def test_a_test_part_that_is_none(data, rows):
    with pytest.raises(ValueError, match="the test part is not some of the rows"):
        replace(data, test_part=np.array(rows, int))


@pytest.mark.parametrize(
    "text", ['{"test_size": null}', '{"test_size": 0}', '{"test_size": 1.5}', '{"test_size": -1}']
)
def test_splits_that_are_none(text):
    with pytest.raises(msgspec.ValidationError, match="test_size"):
        msgspec.json.decode(text, type=Split)


def test_subsets_are_nested_and_drawn_by_seed(data):
    train, test = data.parts(SPLIT)
    small, large = (set(data.draw(Subset(n), SPLIT, 1).train) for n in (50, 120))
    assert small < large < set(train)
    assert set(data.draw(Subset(50), SPLIT, 2).train) != small
    whole = data.draw(Subset(len(train)), SPLIT, 1)
    np.testing.assert_array_equal(whole.train, train)
    np.testing.assert_array_equal(whole.test, test)
    with pytest.raises(ValueError, match="210 training and 90 test images; 211"):
        data.draw(Subset(211), SPLIT, 1)


def test_held_out_images_are_the_last_of_the_subset(data):
    whole = data.draw(Subset(100), SPLIT, 3)
    held = data.draw(Subset(100, held_out=20), SPLIT, 3)
    np.testing.assert_array_equal(held.train, whole.train[:80])
    np.testing.assert_array_equal(held.validation, whole.train[80:])
    assert len(whole.validation) == 0


def test_a_subset_of_classes(data):
    rows = data.draw(Subset(20, held_out=5, classes=2), SPLIT, 1)
    drawn = set(data.labels[rows.train]) | set(data.labels[rows.validation])
    assert len(drawn) == 2 and 16 not in drawn
    test = data.parts(SPLIT)[1]
    assert rows.test.tolist() == [row for row in test if data.labels[row] in drawn]
    everything = [set(data.labels[data.draw(Subset(10, classes=2), SPLIT, s).test]) for s in range(200)]
    assert set.union(*everything) == set(range(16)), "never the class that is not drawable"
    of_all = replace(data, drawable=None)
    drawn = [set(of_all.labels[of_all.draw(Subset(10, classes=2), SPLIT, s).test]) for s in range(200)]
    assert set.union(*drawn) == set(range(17))
    with pytest.raises(ValueError, match=r"training and \d+ test images of \w, \w; 100"):
        data.draw(Subset(100, classes=2), SPLIT, 1)


def test_prefixes_keep_the_class_proportions():
    labels = np.repeat([0, 1, 2], [700, 200, 100])
    for seed in range(20):
        order = stratified_order(labels, np.random.default_rng(seed))
        assert sorted(order) == list(range(1000))
        for size in (10, 50, 300):
            counts = np.bincount(labels[order[:size]], minlength=3)
            assert np.abs(counts - size * np.array([0.7, 0.2, 0.1])).max() <= 1.5


def test_every_image_of_a_class_has_the_same_chance():
    labels = np.repeat([0, 1], [30, 10])
    drawn = np.zeros(40)
    for seed in range(2000):
        drawn[stratified_order(labels, np.random.default_rng(seed))[:8]] += 1
    assert np.abs(drawn / 2000 - 0.2).max() < 0.05


def test_a_resplit_never_mixes_training_and_test(data):
    train, test = map(set, data.parts(SPLIT))
    rows = data.draw(Subset(100, resplit=True), SPLIT, 7)
    assert (len(rows.train), len(rows.test)) == (70, 30)
    assert set(rows.train) < train
    assert set(rows.test) < test
    everything = data.draw(Subset(300, resplit=True), SPLIT, 7)
    assert (set(everything.train), set(everything.test)) == (train, test)
    with pytest.raises(ValueError, match="300 images, not 301"):
        data.draw(Subset(301, resplit=True), SPLIT, 7)


def test_the_draws_are_those_of_the_first_report(hex2024):
    """Sums of the row numbers as computed by the code before there were studies."""
    found = {
        "nested": hex2024.draw(Subset(300), SPLIT, 1).train,
        "resplit": hex2024.draw(Subset(1000, resplit=True), SPLIT, 1).train,
        "classes": hex2024.draw(Subset(120, classes=4), SPLIT, 1).train,
    }
    weighted = {k: int(rows @ np.arange(1, len(rows) + 1)) for k, rows in found.items()}
    assert weighted == {"nested": 244161705, "resplit": 1202739352, "classes": 35751252}


@pytest.mark.parametrize("change", ["pixel", "label", "order", "shape", "pixel_max", "test part"])
def test_the_fingerprint_sees_every_change(data, change):
    images, labels = data.images.copy(), data.labels.copy()
    same = Dataset("other", images, labels, tuple(map(str, range(17))))
    assert same.fingerprint == data.fingerprint
    more = {}
    if change == "pixel":
        images[5, 0, 7] ^= 1
    elif change == "label":
        labels[5] = (labels[5] + 1) % 17
    elif change == "order":
        images, labels = images[::-1], labels[::-1]
    elif change == "shape":
        images = images.reshape(-1, 10, 40)
    else:
        more = {"pixel_max": 254} if change == "pixel_max" else {"test_part": np.array([1])}
    assert Dataset("blobs", images, labels, data.class_names, **more).fingerprint != data.fingerprint


def test_the_fingerprint_is_over_the_split_no_more(data):
    before = data.fingerprint
    data.parts(Split(0.2, 1))
    assert replace(data).fingerprint == before


def test_what_models_see(data):
    rows = np.array([3, 1])
    assert data.pixels(rows) is not data.images and data.pixels(rows).dtype == np.uint8
    np.testing.assert_array_equal(data.pixels(rows), data.images[[3, 1]])
    features = data.features(rows)
    assert (features.shape, features.dtype) == ((2, 400), np.float32)
    np.testing.assert_array_equal(features, data.images[[3, 1]].reshape(2, 400) / np.float32(255))
    dim = replace(data, images=data.images // 16, pixel_max=16)
    assert (dim.pixels(rows).shape, dim.pixels(rows).dtype) == ((2, 20, 20), np.float32)
    np.testing.assert_array_equal(dim.pixels(rows), dim.images[[3, 1]] / np.float32(16))
    np.testing.assert_array_equal(dim.features(rows), dim.pixels(rows).reshape(2, 400))


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((3, 400), np.uint8), [0, 1, 0], "not uint8"),
        (np.zeros((3, 4, 4)), [0, 1, 0], "not uint8"),
        (np.zeros((3, 4, 4), np.uint8), [0, 1], "3 images but"),
        (np.zeros((3, 4, 4), np.uint8), [0, 1, 2], "label 2 but 2 class names"),
    ],
)
def test_arrays_that_are_no_data_set(images, labels, words):
    with pytest.raises(ValueError, match=words):
        Dataset("x", images, np.array(labels), ("a", "b"))


def test_planning_needs_no_numpy():
    code = (
        "import sys; from hexbench.data.dataset import Split; from hexbench.data import sources; "
        "from hexbench.studies.digit_recognizer import study; Split().tested(7); "
        "source = sources.Sources.of(study).resolve('synthetic:99'); assert source.classes == 17; "
        "sys.exit(any(name in sys.modules for name in ('numpy', 'sklearn', 'jax', 'requests')))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
