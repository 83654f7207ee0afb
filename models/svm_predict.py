"""Predicts with a fitted SVM by matrix products: the classes of `SVC.predict`, several times faster.

libsvm takes the kernel of each pair of image and support vector by itself; here a block of images
meets all support vectors in one product. Sums are rounded otherwise, so that an image that stands
within rounding of a border is left to libsvm.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from models import gram
from models.votes import count_votes

Floats = NDArray[np.float64]

BLOCK = 2**22
"""About how many kernel values are held at a time by each thread."""


def predict(svc: SVC, images: Floats, cores: int) -> NDArray[np.uint8]:
    """The class (n,) of each image (n, 400), by an `SVC` with kernel rbf or poly without constant.

    Blocks of images are shared out among `cores` threads. Raises ValueError for another kernel.
    """
    rows = max(1, BLOCK // len(svc.support_))
    blocks = [images[i : i + rows] for i in range(0, len(images), rows)]
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores) as threads:
        return np.concatenate(list(threads.map(lambda block: _predict(svc, block), blocks)))


def _predict(svc: SVC, images: Floats) -> NDArray[np.uint8]:
    squares, own = (np.einsum("ij,ij->i", a, a) for a in (images, svc.support_vectors_))
    error = gram.error(images, np.append(squares, own), svc.kernel, svc.gamma)
    sums = _sums_by_class(svc, _kernel(svc, images, squares, own))
    predicted, unsure = count_votes(sums, svc.intercept_, svc.classes_, error, len(svc.support_))
    if unsure.any():
        predicted[unsure] = svc.predict(images[unsure])
    return predicted.astype(np.uint8)


def _kernel(svc: SVC, images: Floats, squares: Floats, own: Floats) -> Floats:
    """Kernel values (n, v) of images and support vectors, whose squares are (n,) and (v,)."""
    values: Floats = images @ svc.support_vectors_.T
    if svc.kernel == "poly" and (svc.degree, svc.coef0) == (3, 0.0):
        values *= svc.gamma
        values *= values * values
        return values
    if svc.kernel != "rbf":
        raise ValueError(f"no products for an SVM with the kernel {svc.kernel!r}")
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
