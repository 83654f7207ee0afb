"""Cross-validates the points of an SVM's grid on kernel matrices that they and the folds share.

Owns the fast way of the grid search, which finds the scores of scikit-learn's `GridSearchCV`: libsvm
still solves every problem, the very same to the last bit, but looks up the kernel values that
`GridSearchCV` lets it compute anew for each C and fold. The decision values of the images that a
fold tests are matrix products; where one is too near to zero to be sure of its sign, libsvm predicts.

Memory: three matrices of n x n numbers of 64 bits, 1.1 GB for 6,883 images.
"""

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from numbers import Integral, Real
from typing import Any

import numpy as np
from hexbench.models.kernels import gram
from hexbench.models.kernels.gram import Floats
from hexbench.models.kernels.predict import count_votes
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.model_selection import check_cv
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

Labels = NDArray[Any]
Mask = NDArray[np.bool_]
Point = Mapping[str, Any]

MOST_IMAGES = 10_000
"""The three matrices of so many take 2.4 GB."""
MOST_ERROR = 1e-8
"""Of a kernel value, as a part of itself: with more, most of them would be computed twice."""


def can_share(images: Floats, points: Sequence[Point]) -> bool:
    """Whether `cross_validate` takes these images (n, p) and points, and is the faster way."""
    squares = np.einsum("ij,ij->i", images, images)
    kernels = {(point["kernel"], point["gamma"]) for point in points}
    return len(images) <= MOST_IMAGES and all(
        isinstance(gamma, Real)
        and gram.is_bounded(kernel, images)
        and gram.error(images, squares, kernel, float(gamma)) < MOST_ERROR
        for kernel, gamma in kernels
    )


def cross_validate(images: Floats, labels: Labels, points: Sequence[Point], folds: int, cores: int) -> Floats:
    """The mean accuracy (points,) of each point, `GridSearchCV`'s `mean_test_score`.

    `images` (n, p) and `labels` (n,) their classes. A point holds C, gamma and kernel of an `SVC` that is
    otherwise the default; see `can_share`.
    Raises ValueError where a fold has one class only to train on.
    """
    trained_on = _folds(labels, folds)
    # Sorted by class, each problem of two classes finds its kernel values side by side.
    order = np.argsort(labels, kind="stable")
    images, labels, trained_on = images[order], labels[order], trained_on[:, order]
    products = gram.inner_products(images)
    # Two, so that the next kernel can be computed while the last fits still use the other.
    matrices = [np.empty_like(products) for _ in range(2)]
    scores: dict[tuple[int, int], Future[float]] = {}
    in_use: list[list[Future[float]]] = [[], []]
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(cores) as solvers,
        ThreadPoolExecutor(cores) as builders,
    ):
        try:
            for turn, ((kernel, gamma), members) in enumerate(_by_kernel(points).items()):
                matrix = matrices[turn % 2]
                for done in in_use[turn % 2]:
                    done.result()
                error = gram.fill(matrix, images, products, kernel, gamma, builders)
                tasks = [(p, f) for p in members for f in range(folds)]
                for p, f in tasks:
                    scores[p, f] = solvers.submit(
                        _score, matrix, error, images, labels, trained_on[f], points[p]
                    )
                in_use[turn % 2] = [scores[task] for task in tasks]
            table = [[scores[p, f].result() for f in range(folds)] for p in range(len(points))]
        finally:
            solvers.shutdown(cancel_futures=True)
    mean: Floats = np.average(np.array(table), axis=1)
    return mean


def fault_of_folds(labels: Labels, folds: Any) -> str | None:
    """Why there are no such folds of these labels (n,), or one that cannot be fitted; None if all can be.

    A number of folds that is wrong for any labels is no fault of theirs.
    """
    if not isinstance(folds, Integral) or folds < 2:
        return None
    counts = np.sort(np.unique(labels, return_counts=True)[1])
    if counts[-1] < folds:
        return f"no class has {folds} images for {folds} folds"
    if len(counts) > 1 and counts[-2] > 1:  # a class's images go to one fold after another: each lacks some
        return None
    try:
        _folds(labels, int(folds))
    except ValueError as error:
        return str(error)
    return None


def _folds(labels: Labels, folds: int) -> NDArray[np.bool_]:
    """Which images (folds, n) each fold trains on: scikit-learn's stratified folds, unshuffled."""
    trained_on = np.ones((folds, len(labels)), bool)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = check_cv(folds, labels, classifier=True).split(labels, labels)
        for mask, (_, tested) in zip(trained_on, splits, strict=True):
            mask[tested] = False
    for mask in trained_on:
        if len(np.unique(labels[mask])) < 2:
            raise ValueError("a fold has images of one class only to train on")
    return trained_on


def _by_kernel(points: Sequence[Point]) -> dict[tuple[str, float], list[int]]:
    """The numbers of the points that share a kernel matrix, what takes longest to solve first."""
    shared: dict[tuple[str, float], list[int]] = {}
    for number in sorted(
        range(len(points)),
        key=lambda p: (points[p]["kernel"], points[p]["gamma"], points[p]["C"]),
        reverse=True,
    ):
        point = points[number]
        shared.setdefault((point["kernel"], point["gamma"]), []).append(number)
    return shared


def _score(
    matrix: Floats, error: float, images: Floats, labels: Labels, trained: Mask, point: Point
) -> float:
    """The accuracy of a point on the images that are not in `trained` (n,)."""
    predicted = _predict_shared(matrix, error, labels, trained, point["C"])
    if predicted is None:
        svc = SVC(**point).fit(images[trained], labels[trained])
        predicted = svc.predict(images[~trained])
    return float(np.mean(predicted == labels[~trained]))


def _predict_shared(matrix: Floats, error: float, labels: Labels, trained: Mask, C: float) -> Labels | None:
    """The classes of the images that are not in `trained` (n,), or None if one is in doubt.

    `error` is that of a kernel value, as a part of itself.
    """
    # Images without weight are left out by libsvm: no fold needs a copy of its part of the matrix.
    # Their labels must not count, for the fold may miss a class.
    of_fold = np.where(trained, labels, labels[trained][0])
    with config_context(assume_finite=True):
        svc = SVC(C=C, kernel="precomputed").fit(matrix, of_fold, sample_weight=trained * 1.0)
    vectors = np.flatnonzero(trained)[svc.support_]
    classes: Labels = svc.classes_
    if not np.array_equal(labels[vectors], np.repeat(classes, svc.n_support_)):
        raise RuntimeError("libsvm numbers its support vectors in another way than expected")
    tested = np.flatnonzero(~trained)
    sums = _sums_by_class(matrix, labels, tested, vectors, svc.dual_coef_, classes)
    predicted, unsure = count_votes(sums, svc.intercept_, classes, error, len(matrix))
    return None if unsure.any() else predicted


def _sums_by_class(
    matrix: Floats,
    labels: Labels,
    tested: NDArray[Any],
    vectors: NDArray[Any],
    coef: Floats,
    classes: Labels,
) -> Floats:
    """What each class's support vectors add to its decisions: (k, k - 1, tested)."""
    sums = np.empty((len(classes), len(coef), len(tested)))
    for label, out in zip(classes, sums, strict=True):
        first, last = np.searchsorted(labels, label), np.searchsorted(labels, label, "right")
        own = labels[vectors] == label
        weights = np.zeros((last - first, len(coef)))
        weights[vectors[own] - first] = coef[:, own].T
        # Whole runs of a row, also where an image is no support vector: that copies faster.
        out[:] = (matrix[:, first:last][tested] @ weights).T
    return sums
