"""Ink is found in pictures of any size and light, and drawn as the training images have it."""

import numpy as np
import pytest
from hexbench.saved.ink import find
from hexbench.saved.preprocess import measure, prepare
from hexbench.studies.digit_recognizer.data import synthetic
from hexbench.studies.digit_recognizer.data.ground import EMPTY
from hexbench.studies.digit_recognizer.photographs import PICTURES, photograph
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.svm import SVC

LEAST, LEAST_OF_ALL = 0.75, 0.88
"""Accuracy on pictures, of a model that recognises 88% of images like those it was trained on."""


@pytest.fixture(scope="module")
def drawn():
    """Images (n, 20, 20) and labels, those that a model is fitted on first."""
    images, labels = synthetic.draw(2_600, seed=3)
    return images.reshape(-1, 20, 20), labels


@pytest.fixture(scope="module")
def appearance(drawn):
    images, labels = drawn
    return measure(images[:2_000], labels[:2_000], 255)


@pytest.fixture(scope="module")
def model(drawn):
    images, labels = drawn
    return SVC(C=10).fit(images[:2_000].reshape(2_000, -1) / 255, labels[:2_000])


@pytest.fixture(scope="module")
def written(drawn):
    """Images with ink that the model has not seen."""
    images, labels = (part[2_000:] for part in drawn)
    return images[labels != EMPTY], labels[labels != EMPTY]


def accuracy(model, appearance, pictures, labels):
    found = [prepare(picture, appearance) for picture in pictures]
    answers = model.predict(np.array([one.image for one in found]).reshape(len(found), -1) / 255)
    return np.mean([not one.empty and a == t for one, a, t in zip(found, answers, labels, strict=True)])


@pytest.mark.slow
def test_photographs_are_recognised(model, appearance, written):
    images, labels = written
    found = {}
    for name, how in PICTURES.items():
        rng, count = np.random.default_rng(5), 8 if max(how["size"]) > 1_000 else 30
        pictures = [photograph(image, rng, **how) for image in images[:count]]
        found[name] = accuracy(model, appearance, pictures, labels[:count])
    own = (model.predict(images.reshape(len(images), -1) / 255) == labels).mean()
    said = {name: round(float(value), 3) for name, value in found.items()}
    assert min(found.values()) >= LEAST, said
    assert np.mean([*found.values()]) >= LEAST_OF_ALL, (said, own)


def test_a_photograph_is_recognised(model, appearance, written):
    images, labels = written
    rng = np.random.default_rng(1)
    pictures = [photograph(image, rng, dark=bool(n % 2)) for n, image in enumerate(images[:24])]
    assert accuracy(model, appearance, pictures, labels[:24]) >= LEAST


def test_images_like_those_of_the_training_lose_nothing(model, appearance, drawn):
    images, labels = (part[2_000:2_200] for part in drawn)
    own = (model.predict(images.reshape(len(images), -1) / 255) == labels).mean()
    found = [prepare(image, appearance) for image in images]
    assert np.mean([not one.drawn and not one.empty for one in found]) > 0.85
    answers = model.predict(np.array([one.image for one in found]).reshape(len(found), -1) / 255)
    right = [a == t or (one.empty and t == EMPTY) for one, a, t in zip(found, answers, labels, strict=True)]
    assert np.mean(right) >= own - 0.01


@pytest.mark.parametrize("method", ["NEAREST", "BILINEAR", "BICUBIC"])
@pytest.mark.parametrize("size", [64, 300])
def test_enlarged_images_have_their_ink(method, size, appearance, written):
    """In blocks, as a screen shows small images, or smoothed."""
    images = [Image.fromarray(image) for image in written[0][:100]]
    enlarged = [np.asarray(one.resize((size, size), Image.Resampling[method])) for one in images]
    assert np.mean([prepare(one, appearance).empty for one in enlarged]) <= 0.02


@pytest.mark.slow
def test_real_images_and_photographs_of_them(hex2024):
    """Of a model of seconds; docs/predict.md has the figures of the report's."""
    from hexbench.data.dataset import Split

    train, test = hex2024.parts(Split())
    images, labels = hex2024.images, hex2024.labels
    appearance = measure(images[train], labels[train], 255)
    fitted = SVC(C=10).fit(images[train[:4_000]].reshape(4_000, -1) / 255, labels[train[:4_000]])
    test = test[labels[test] != EMPTY][:120]
    own = (fitted.predict(images[test].reshape(len(test), -1) / 255) == labels[test]).mean()
    assert accuracy(fitted, appearance, images[test], labels[test]) >= own - 0.01
    rng = np.random.default_rng(2)
    pictures = [photograph(image, rng, dark=bool(n % 2)) for n, image in enumerate(images[test])]
    assert accuracy(fitted, appearance, pictures, labels[test]) >= own - 0.12


@pytest.mark.parametrize("size", [(12, 12), (20, 20), (300, 400)])
@pytest.mark.parametrize("level", [30, 200, 255])
def test_paper_without_ink_is_empty(size, level, appearance):
    rng = np.random.default_rng(0)
    light = 1 - 0.4 * np.linspace(0, 1, size[1])
    picture = np.clip(level * light + rng.normal(0, 4, size), 0, 255).astype(np.uint8)
    assert prepare(picture, appearance).empty
    assert prepare(np.full(size, level, np.uint8), appearance).empty


def test_specks_lines_and_edges_are_no_ink(appearance):
    rng = np.random.default_rng(0)
    picture = np.clip(200 + rng.normal(0, 4, (300, 400)), 0, 255)
    picture[rng.integers(0, 300, 30), rng.integers(0, 400, 30)] = 0
    picture[100:103] = 120
    picture[200:203] = 120
    picture[:, 392:] = 40
    assert prepare(picture.astype(np.uint8), appearance).empty


def test_what_is_measured_of_the_training_images(appearance):
    of = appearance.ink
    assert of.light
    assert 14 < of.side < 18
    assert 1 < of.strokes[0] < of.strokes[1] < 5
    assert of.level > 200
    assert max(abs(of.row), abs(of.column)) < 1
    assert np.median(of.background) == pytest.approx(44, abs=10)
    assert len(appearance.typical) == 2  # with ink, and without


def test_dark_ink_on_light_ground_is_learned_as_such(drawn):
    images, labels = (part[:400] for part in drawn)
    ink = labels != EMPTY
    appearance = measure(255 - images[ink], labels[ink], 255)
    assert not appearance.ink.light
    picture = photograph(images[ink][0], np.random.default_rng(0))
    found = prepare(picture, appearance).image
    assert found.mean() > 128 > found.min()


def test_pictures_of_things_are_resized_alone():
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (50, 16, 16, 3), dtype=np.uint8)
    appearance = measure(photos, np.arange(50) % 5, 255)
    assert appearance.ink is None
    assert np.array_equal(prepare(photos[0], appearance).image, photos[0])
    assert prepare(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8), appearance).image.shape == (16, 16, 3)
    assert prepare(rng.integers(0, 256, (40, 60), dtype=np.uint8), appearance).image.shape == (16, 16, 3)
    textures = rng.integers(0, 256, (50, 16, 16), dtype=np.uint8)
    assert measure(textures, np.arange(50) % 5, 255).ink is None


def shapes(rng, inside):
    """Images (60, 16, 16) of squares or, where something is `inside`, rings, on black."""
    images = rng.integers(0, 20, (60, 16, 16), dtype=np.uint8)
    for image in images:
        top, left = rng.integers(1, 4, 2)
        image[top : top + 11, left : left + 11] = 230
        if inside:
            image[top + 2 : top + 9, left + 2 : left + 9] = 10
    return images


def test_things_without_strokes_or_of_either_polarity_are_no_ink():
    rng, labels = np.random.default_rng(0), np.arange(60) % 5
    rings = shapes(rng, inside=True)
    assert measure(rings, labels, 255).ink is not None
    assert measure(shapes(rng, inside=False), labels, 255).ink is None
    either = rings.copy()
    either[::2] = 255 - either[::2]
    assert measure(either, labels, 255).ink is None


def test_ink_is_where_it_was_drawn():
    picture = np.full((200, 300), 220, np.float32)
    picture[50:110, 200:212] = 30
    found = find(picture)
    assert not found.light
    assert found.side == pytest.approx(60 / 300, rel=0.1)
    assert found.centre == pytest.approx(((79.5 - 99.5) / 300, (205.5 - 149.5) / 300), abs=0.01)
    assert found.background == pytest.approx(220, abs=3)
    assert found.level == pytest.approx(30, abs=15)


@given(st.integers(0, 2**32 - 1))
def test_any_lines_are_prepared(appearance, seed):
    rng = np.random.default_rng(seed)
    size = rng.integers(8, 90, 2)
    picture = np.full(size, rng.integers(0, 256), np.uint8)
    for _ in range(rng.integers(1, 5)):
        top, left = rng.integers(0, size)
        bottom, right = top + rng.integers(1, 40), left + rng.integers(1, 4)
        picture[top:bottom, left:right] = rng.integers(0, 256)
    assert prepare(picture, appearance).image.shape == (20, 20)


def test_a_lighter_patch_is_not_taken_for_the_dark_ink():
    picture = np.full((200, 300), 160, np.float32)
    picture[40:140, 100:112] = 30
    picture[150:166, 220:240] = 235  # light that is reflected
    found = find(picture)
    assert not found.light
    assert found.side == pytest.approx(100 / 300, rel=0.1)


@pytest.mark.parametrize("shape", [(8, 8), (8, 3000), (3000, 9), (1, 1), (2, 500)])
def test_any_shape_and_content_is_prepared(shape, appearance):
    rng = np.random.default_rng(0)
    for picture in (rng.integers(0, 256, shape), np.zeros(shape), rng.integers(0, 2, shape) * 255):
        assert prepare(picture.astype(np.uint8), appearance).image.shape == (20, 20)
