"""The classes of `SVC.predict` by matrix products, several times faster.

libsvm takes the kernel of each pair of image and support vector by itself; here a block of images
meets all support vectors in one product. Sums are rounded otherwise, so that an image that stands
within rounding of a border is left to libsvm.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from hexbench.models.kernels import gram
from hexbench.models.kernels.gram import Floats
from numpy.typing import NDArray
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

BLOCK = 2**22
"""About how many kernel values are held at a time by each thread."""


def predict(svc: SVC, images: Floats, cores: int) -> NDArray[Any]:
    """The class (n,) of each image (n, p), on so many threads.

    The SVM's `gamma` must be a number, its `degree` and `coef0` the defaults. libsvm predicts where the
    error of a kernel value has no bound: with other kernels, and for poly of negative numbers.
    """
    vectors = svc.support_vectors_
    if not gram.is_bounded(svc.kernel, images) or not gram.is_bounded(svc.kernel, vectors):
        return svc.predict(images)
    rows = max(1, BLOCK // len(svc.support_))
    blocks = [images[i : i + rows] for i in range(0, len(images), rows)]
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores) as threads:
        return np.concatenate(list(threads.map(lambda block: _predict(svc, block), blocks)))


def _predict(svc: SVC, images: Floats) -> NDArray[Any]:
    squares, own = (np.einsum("ij,ij->i", a, a) for a in (images, svc.support_vectors_))
    error = gram.error(images, np.append(squares, own), svc.kernel, svc.gamma)
    sums = _sums_by_class(svc, _kernel(svc, images, squares, own))
    predicted, unsure = count_votes(sums, svc.intercept_, svc.classes_, error, len(svc.support_))
    if unsure.any():
        predicted[unsure] = svc.predict(images[unsure])
    return predicted


def _kernel(svc: SVC, images: Floats, squares: Floats, own: Floats) -> Floats:
    """Kernel values (n, v) of images and support vectors, whose squares are (n,) and (v,)."""
    values: Floats = images @ svc.support_vectors_.T
    if svc.kernel == "poly":
        values *= svc.gamma
        values *= values * values
        return values
    values *= 2 * svc.gamma
    values -= svc.gamma * squares[:, None]
    values -= svc.gamma * own
    np.minimum(values, 0, out=values)
    np.exp(values, out=values)
    return values


def _sums_by_class(svc: SVC, kernel: Floats) -> Floats:
    """What each class's support vectors add to its decisions against the others: (k, k - 1, n)."""
    ends = np.cumsum(svc.n_support_)
    parts = zip(ends - svc.n_support_, ends, strict=True)
    return np.array([svc.dual_coef_[:, a:b] @ kernel[:, a:b].T for a, b in parts])


def count_votes(
    sums: Floats, intercept: Floats, classes: NDArray[Any], error: float, summands: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The winning class (n,) of each image, and whether rounding could change it (n,).

    `sums` (k, k - 1, n) is what the support vectors of each of the k classes, `summands` at most, add
    to its decisions against the others; `intercept` and the coefficients in the sums are as in
    scikit-learn's `SVC`. Each pair of classes votes, and the first of those with most votes wins, as
    in libsvm's `svm_predict_values`.

    A decision value may have another sign than libsvm's where it is nearer to zero than the errors,
    its own and libsvm's, of kernel values, `error` of themselves, and of their sums.
    """
    count = len(classes)
    sign = -1 if count == 2 else 1  # scikit-learn turns both round for two classes
    i, j = np.triu_indices(count, 1)
    for_i, for_j = sign * sums[i, j - 1], sign * sums[j, i]
    constant = sign * intercept[:, None]
    decision = for_i + for_j + constant
    size = np.abs(for_i) + np.abs(for_j) + np.abs(constant)
    doubt = 2 * (error + summands * np.finfo(np.float64).eps)
    unsure = np.any(np.abs(decision) <= doubt * size, axis=0)
    winner = np.where(decision > 0, i[:, None], j[:, None])
    votes = np.array([np.sum(winner == number, axis=0) for number in range(count)])
    return classes[votes.argmax(axis=0)], unsure
