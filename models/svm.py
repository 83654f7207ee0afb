"""The support vector machine: scikit-learn's SVC, and the grid search that chooses its parameters."""

import time
import warnings
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.svm import SVC

from models import svm_grid, svm_predict

GRID: dict[str, list[Any]] = {
    "C": [0.1, 1, 10, 100],
    "gamma": [0.0001, 0.001, 0.1, 1],
    "kernel": ["rbf", "poly"],
}
"""Assumed: the report's own values did not survive; this is the grid of a well-known tutorial whose
printed message the report's code also prints."""

FOLDS = 5
CORES = joblib.cpu_count()
CACHE_MB = 1000


@dataclass
class SVMFit:
    """A fitted SVM and, where there was a search, what it found."""

    svc: SVC
    params: dict[str, Any]
    search: dict[str, Any] | None
    times: dict[str, float]
    """Seconds: search_s (all folds of all points) if there was one, and train_s (the last fit)."""


def scale(images: np.ndarray) -> np.ndarray:
    """Pixels (n, 400) uint8 0 to 255 as float64 0 to 1: libsvm takes no other type."""
    return images / 255.0


def fit_svm(images: np.ndarray, labels: np.ndarray, params: dict[str, Any]) -> SVMFit:
    """Fit one SVC with given C, gamma and kernel on images (n, 400) uint8, labels (n,)."""
    started = time.perf_counter()
    svc = SVC(**params, cache_size=CACHE_MB).fit(scale(images), labels)
    return SVMFit(svc, dict(params), None, {"train_s": time.perf_counter() - started})


def search_svm(
    images: np.ndarray, labels: np.ndarray, *, probability: bool = False, plain: bool = False
) -> SVMFit:
    """Choose C, gamma and kernel by 5-fold cross-validation on these images alone, then fit on all.

    `images` (n, 400) are uint8, `labels` (n,). The points share their kernel matrices, which gives
    the scores of scikit-learn's `GridSearchCV`, several times faster; `plain=True` and more than
    `svm_grid.MOST_IMAGES` images take `GridSearchCV` itself, on threads (libsvm releases Python's
    lock). `probability=True` is the report's own procedure: SVC as it had it, on one core.
    Raises ValueError where a fold has one class only.
    """
    if plain or probability or len(images) > svm_grid.MOST_IMAGES:
        return _search_plainly(scale(images), labels, probability)
    scaled = scale(images)
    points = list(ParameterGrid(GRID))
    started = time.perf_counter()
    mean_score = svm_grid.cross_validate(scaled, labels, points, FOLDS, CORES)
    search_s = time.perf_counter() - started
    best = int(mean_score.argmax())  # the first of equals, as in GridSearchCV
    started = time.perf_counter()
    svc = SVC(**points[best], cache_size=CACHE_MB).fit(scaled, labels)
    times = {"search_s": search_s, "train_s": time.perf_counter() - started}
    found = _found("shared kernel matrices", points, mean_score)
    return SVMFit(svc, dict(points[best]), found, times)


def _search_plainly(scaled: np.ndarray, labels: np.ndarray, probability: bool) -> SVMFit:
    svc = SVC(probability=True) if probability else SVC(cache_size=CACHE_MB)
    cores = 1 if probability else CORES
    search = GridSearchCV(svc, GRID, cv=FOLDS, n_jobs=cores, error_score="raise", refit=False)
    started = time.perf_counter()
    with warnings.catch_warnings(), joblib.parallel_config("threading"):
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        warnings.filterwarnings("ignore", "The `probability` parameter", FutureWarning)
        search.fit(scaled, labels)
        search_s = time.perf_counter() - started
        started = (
            time.perf_counter()
        )  # GridSearchCV times its last fit by a clock that can be set back
        svc = clone(svc).set_params(**search.best_params_).fit(scaled, labels)
    times = {"search_s": search_s, "train_s": time.perf_counter() - started}
    results = search.cv_results_
    found = _found("GridSearchCV", results["params"], results["mean_test_score"])
    return SVMFit(svc, dict(search.best_params_), found, times)


def _found(method: str, points: list[dict[str, Any]], mean_score: np.ndarray) -> dict[str, Any]:
    return {
        "method": method,
        "folds": FOLDS,
        "points": points,
        "mean_score": mean_score.tolist(),
        "best_score": float(mean_score.max()),
    }


def predict_svm(svc: SVC, images: np.ndarray) -> tuple[np.ndarray, float]:
    """Predicted classes (n,) uint8 and the seconds they took, on every core."""
    started = time.perf_counter()
    predicted = svm_predict.predict(svc, scale(images), CORES)
    return predicted, time.perf_counter() - started


def count_parameters(svc: SVC) -> int:
    """Numbers an SVM keeps: support vectors, their dual coefficients and the intercepts."""
    return int(svc.support_vectors_.size + svc.dual_coef_.size + svc.intercept_.size)
