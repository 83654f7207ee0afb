from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import blobs
from hexbench.models.kernels import gram
from scipy.linalg.blas import ddot
from sklearn.svm import SVC

KERNELS = [("rbf", 0.001), ("rbf", 1), ("poly", 0.001), ("poly", 1)]


def filled(images, kernel, gamma, products=None):
    matrix = np.empty((len(images), len(images)))
    products = gram.inner_products(images) if products is None else products
    with ThreadPoolExecutor(2) as threads:
        gram.fill(matrix, images, products, kernel, gamma, threads)
    return matrix


@pytest.fixture
def images():
    return blobs(150)[0] / 255.0


@pytest.mark.parametrize(("kernel", "gamma"), KERNELS)
def test_libsvm_finds_the_very_same_solution(images, kernel, gamma):
    labels = np.random.default_rng(0).integers(0, 4, len(images))
    own = SVC(kernel=kernel, gamma=gamma, C=0.5).fit(images, labels)
    shared = SVC(kernel="precomputed", C=0.5).fit(filled(images, kernel, gamma), labels)
    np.testing.assert_array_equal(shared.dual_coef_, own.dual_coef_)
    np.testing.assert_array_equal(shared.intercept_, own.intercept_)


@pytest.mark.parametrize(("kernel", "gamma"), KERNELS)
def test_what_might_round_differently_is_computed_as_libsvm_does(images, kernel, gamma, monkeypatch):
    products = gram.inner_products(images)
    astray = products * (1 + 1e-9 * np.random.default_rng(0).standard_normal(products.shape))
    np.fill_diagonal(astray, products.diagonal())
    monkeypatch.setattr(gram, "error", lambda *_: 1e-6)
    squares = [ddot(image, image) for image in images]
    expected = [
        [gram.value(kernel, gamma, squares[i], squares[j], ddot(x, y)) for j, y in enumerate(images)]
        for i, x in enumerate(images)
    ]
    found = filled(images, kernel, gamma, astray)
    np.testing.assert_array_equal(found.astype(np.float32), np.array(expected, np.float32))
    np.testing.assert_array_equal(found.diagonal(), np.diag(expected))


@pytest.mark.parametrize(("kernel", "gamma"), KERNELS)
def test_the_bound_on_the_error_holds(images, kernel, gamma):
    products = gram.inner_products(images)
    squares = products.diagonal()
    bound = gram.error(images, squares, kernel, gamma)
    found = filled(images, kernel, gamma)
    for i, j in [(0, 1), (5, 90), (149, 0)]:
        exact = gram.value(kernel, gamma, squares[i], squares[j], ddot(images[i], images[j]))
        assert abs(found[i, j] - exact) <= bound * exact
    assert bound < 1e-9


@pytest.mark.parametrize("kernel", ["rbf", "poly"])
def test_the_bound_holds_for_negative_numbers_where_it_is_said_to(kernel):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(150, 400)) / 20
    assert gram.is_bounded(kernel, images) == (kernel == "rbf")
    if kernel == "rbf":
        labels = rng.integers(0, 4, 150)
        own = SVC(gamma=1, C=0.5).fit(images, labels)
        shared = SVC(kernel="precomputed", C=0.5).fit(filled(images, kernel, 1), labels)
        np.testing.assert_array_equal(shared.dual_coef_, own.dual_coef_)
        np.testing.assert_array_equal(shared.intercept_, own.intercept_)


def test_another_kernel_or_poly_of_negative_numbers_is_an_error(images):
    with pytest.raises(ValueError, match="sigmoid"):
        filled(images, "sigmoid", 1)
    with pytest.raises(ValueError, match="poly"):
        filled(images - 0.5, "poly", 1)
