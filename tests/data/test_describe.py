import numpy as np
import pytest
from conftest import blobs

from bench.data.dataset import Dataset
from bench.data.describe import describe

IMAGES, LABELS = blobs(200)


def test_counts_and_pixels_are_numpys():
    data = Dataset("blobs", IMAGES, LABELS)
    found = describe(data)
    train, test = data.split
    assert (found.images, found.train, found.test) == (200, len(train), len(test))
    assert [a + b for a, b in found.class_counts] == np.bincount(LABELS, minlength=17).tolist()
    assert sum(b for _, b in found.class_counts) == len(test)
    assert found.mean == pytest.approx(IMAGES.mean())
    assert found.deviation == pytest.approx(IMAGES.std())
    assert (found.lowest, found.highest) == (IMAGES.min(), IMAGES.max())
    assert found.dark == pytest.approx((IMAGES < 90).mean())
    assert found.white == pytest.approx((IMAGES >= 250).mean())
    for label in range(17):
        assert found.class_means[label] == pytest.approx(IMAGES[label == LABELS].mean())


def test_a_class_without_images_has_no_mean():
    labels = np.where(LABELS == 3, 4, LABELS).astype(np.uint8)
    found = describe(Dataset("blobs", IMAGES, labels))
    assert found.class_means[3] is None and found.class_counts[3] == (0, 0)


def test_images_in_both_parts_are_found():
    train, test = Dataset("blobs", IMAGES, LABELS).split
    images, labels = IMAGES.copy(), LABELS.copy()
    images[test[:3]] = images[train[0]]
    labels[test[:3]] = labels[train[0]]
    images[test[3]] = images[train[1]]  # the same ink over other noise, and another label
    dark = images[test[3]] < 90
    images[test[3], dark] = (images[test[3], dark] + 1) % 90
    labels[test[3]] = (labels[train[1]] + 1) % 17
    found = describe(Dataset("blobs", images, labels))
    assert found.repeated == 3
    assert found.repeated_ink == 4
    assert found.contradictory == 1


def test_nothing_is_found_twice_where_nothing_is(hex2024):
    found = describe(hex2024)
    assert (found.repeated, found.repeated_ink, found.contradictory) == (0, 0, 0)
