import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from bench.data.dataset import Dataset, stratified_order


def test_the_split_is_the_reports_own(small_data):
    train, test = small_data.split
    expected = train_test_split(
        small_data.images, small_data.labels, test_size=0.30, random_state=42
    )
    np.testing.assert_array_equal(small_data.images[train], expected[0])
    np.testing.assert_array_equal(small_data.labels[test], expected[3])


def test_subsets_are_nested_and_drawn_by_seed(small_data):
    train, _ = small_data.split
    small, large = (set(small_data.nested_subset(n, 1)) for n in (50, 120))
    assert small < large < set(train)
    assert set(small_data.nested_subset(50, 2)) != small
    assert set(small_data.nested_subset(len(train), 1)) == set(train)


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


def test_the_reports_protocol_never_mixes_training_and_test(small_data):
    train, test = map(set, small_data.split)
    fitted, tested = small_data.report_subset(100, seed=7)
    assert (len(fitted), len(tested)) == (70, 30)
    assert set(fitted) < train
    assert set(tested) < test
    everything = small_data.report_subset(len(small_data.images), seed=7)
    assert (set(everything[0]), set(everything[1])) == (train, test)


@pytest.mark.parametrize("change", ["pixel", "label", "order"])
def test_the_fingerprint_sees_every_change(small_data, change):
    images, labels = small_data.images.copy(), small_data.labels.copy()
    assert Dataset("other name", images, labels).fingerprint == small_data.fingerprint
    if change == "pixel":
        images[5, 7] ^= 1
    elif change == "label":
        labels[5] = (labels[5] + 1) % 17
    else:
        images, labels = images[::-1], labels[::-1]
    assert Dataset("blobs", images, labels).fingerprint != small_data.fingerprint
