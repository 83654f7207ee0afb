"""Prediction by matrix products: the classes that scikit-learn's own SVC predicts."""

import numpy as np
import pytest
from conftest import blobs
from hexbench.data.dataset import Split
from hexbench.models.kernels import predict as module
from hexbench.models.kernels.predict import predict
from sklearn.svm import SVC

KERNELS = [
    {"C": 10, "gamma": 0.1, "kernel": "rbf"},
    {"C": 100, "gamma": 0.001, "kernel": "rbf"},
    {"C": 0.1, "gamma": 0.1, "kernel": "poly"},
    {"C": 0.1, "gamma": 0.0001, "kernel": "poly"},
]


def fitted(params, images, labels):
    return SVC(**params).fit(images / 255.0, labels)


@pytest.mark.parametrize("params", KERNELS, ids=str)
@pytest.mark.parametrize("classes", [2, 3, 17])
def test_the_classes_are_scikit_learns(params, classes):
    images, labels = blobs(170, classes=classes)
    rng = np.random.default_rng(0)
    svc = fitted(params, images, labels)
    unseen = rng.permuted(blobs(200, 5, classes)[0], axis=0) / 255.0  # many on no class's side
    np.testing.assert_array_equal(predict(svc, unseen, 2), svc.predict(unseen))


@pytest.mark.parametrize("params", KERNELS, ids=str)
def test_the_classes_of_real_images(params, hex2024):
    train, test = hex2024.parts(Split())
    images = hex2024.images.reshape(len(hex2024.images), -1)
    svc = fitted(params, images[train[:600]], hex2024.labels[train[:600]])
    unseen = images[test[:1_000]] / 255.0
    np.testing.assert_array_equal(predict(svc, unseen, 2), svc.predict(unseen))


def test_blocks_change_nothing(monkeypatch):
    images, labels = blobs(100)
    svc = fitted(KERNELS[0], images, labels)
    monkeypatch.setattr(module, "BLOCK", 7 * len(svc.support_))
    found = predict(svc, images / 255.0, 2)
    np.testing.assert_array_equal(found, svc.predict(images / 255.0))


def test_labels_that_are_not_0_to_16():
    images, labels = blobs(60, classes=3)
    svc = fitted(KERNELS[0], images, (labels * 5 + 1).astype(np.uint8))
    np.testing.assert_array_equal(predict(svc, images / 255.0, 2), svc.predict(images / 255.0))


def test_what_rounding_could_change_is_left_to_libsvm():
    """Two mirror images: an image just between them is on neither's side."""
    images = np.zeros((2, 400))
    images[0, 0] = images[1, 1] = 1.0
    svc = SVC(C=1, gamma=0.5, kernel="rbf").fit(images, [0, 1])
    asked = []
    svc.predict = lambda doubtful: asked.append(len(doubtful)) or np.full(len(doubtful), 9)
    between = np.zeros((3, 400))
    between[2, 0] = 1.0
    assert predict(svc, between, 2).tolist() == [9, 9, 0]
    assert asked == [2]


@pytest.mark.parametrize(
    "params",
    [{"kernel": "linear"}, {"kernel": "sigmoid", "gamma": 0.01}, {"kernel": "poly", "gamma": 0.1}],
    ids=str,
)
def test_libsvm_predicts_where_the_error_has_no_bound(params):
    images, labels = blobs(60, classes=3)
    images = images / 255.0 - 0.5
    svc = SVC(**params).fit(images, labels)
    expected, asked = svc.predict(images), []
    svc.predict = lambda X: asked.append(len(X)) or expected
    np.testing.assert_array_equal(predict(svc, images, 2), expected)
    assert asked == [60]


def test_labels_of_any_type():
    images, labels = blobs(60, classes=3)
    svc = fitted(KERNELS[0], images, np.array(["one", "three", "two"])[labels])
    np.testing.assert_array_equal(predict(svc, images / 255.0, 2), svc.predict(images / 255.0))
