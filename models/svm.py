"""Support vector machines: scikit-learn's `SVC` and its grid search, made faster."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import joblib
import numpy as np
from hexbench.models.inputs import checked, labels_of, scale_of
from hexbench.models.kernels import grid
from hexbench.models.kernels.gram import Floats
from hexbench.models.kernels.predict import predict
from hexbench.models.machine import usable_cores
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.svm import SVC
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

CACHE_MB = 1000


class _SVM(ClassifierMixin, BaseEstimator):
    """What the fitted SVM `svc_` predicts.

    `X` is (n, p) or images (n, height, width[, channels]), divided by `scale_`, which `fit` sets to 255 if
    its X is uint8, else to 1, and taken as float64. `n_jobs` None is every core.
    """

    deterministic = True
    takes_images = True

    probability: bool
    random_state: Any
    n_jobs: int | None
    svc_: SVC

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The classes (n,), those of `SVC.predict`."""
        check_is_fitted(self)
        return predict(self.svc_, self._scaled(X), self._cores())

    @available_if(lambda self: self.probability)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes), where `probability` is set."""
        check_is_fitted(self)
        found: np.ndarray = self.svc_.predict_proba(self._scaled(X))
        return found

    def _svc(self, **params: Any) -> SVC:
        """An unfitted SVM."""
        if self.probability:
            return SVC(**params, probability=True, random_state=self.random_state)
        return SVC(**params, cache_size=CACHE_MB)

    def _scaled(self, X: Any, *, fitting: bool = False) -> Floats:
        """Images (n, p) as libsvm takes them."""
        flat = checked(self, X, fitting=fitting).flat
        if fitting:
            self.scale_ = scale_of(flat)
        return flat / float(self.scale_) if self.scale_ != 1 else flat.astype(np.float64)

    def _keep(self, svc: SVC, **times: float) -> Self:
        self.svc_, self.times_ = svc, times
        self.classes_ = svc.classes_
        arrays = svc.support_vectors_, svc.dual_coef_, svc.intercept_
        self.n_parameters_ = int(sum(array.size for array in arrays))
        return self

    def _cores(self) -> int:
        if self.n_jobs is not None:
            return int(joblib.effective_n_jobs(self.n_jobs))
        return min(usable_cores(), joblib.cpu_count())  # which LOKY_MAX_CPU_COUNT may limit


class SVMClassifier(_SVM):
    """A support vector machine with given hyperparameters, as in scikit-learn's `SVC`.

    Fitted attributes: `svc_`, `classes_`, `n_features_in_`, `n_parameters_` (numbers of the support
    vectors, their coefficients and the intercepts), `times_` (seconds: train_s).
    """

    name = "svm"
    label = "SVM"
    may_be_number = ("gamma",)
    cost: ClassVar = {"fixed": 0.0, "pair": 1.4e-7, "predicted_pair": 2e-8}

    def __init__(
        self,
        C: float = 1.0,
        gamma: float | str = "scale",
        kernel: str = "rbf",
        probability: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ):
        self.C = C
        self.gamma = gamma
        self.kernel = kernel
        self.probability = probability
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit on `X` and labels `y` (n,); ValueError if a value is wrong or there is one class."""
        started = time.perf_counter()
        scaled, y = self._scaled(X, fitting=True), labels_of(self, y)
        gamma = gamma_of(self.gamma, scaled)
        with _quiet():
            svc = self._svc(C=self.C, gamma=gamma, kernel=self.kernel).fit(scaled, y)
        return self._keep(svc, train_s=time.perf_counter() - started)


class SVMGridClassifier(_SVM):
    """Chooses C, gamma and kernel by cross-validation on the training images, then fits on all.

    The points share their kernel matrices where they can (`grid.can_share`), which gives the scores of
    scikit-learn's `GridSearchCV` several times faster; otherwise, and with `probability`, that itself
    searches, on threads. With `probability` each fit is by `SVC(probability=True)`, and `n_jobs` None is
    one core, as people write it. The first of equal points wins. Fitted attributes, besides those of
    `SVMClassifier`:

    - `best_params_`: C, gamma and kernel
    - `search_`: `method`, `folds`, `points`, `mean_score` (of each point), `best_score`
    - `times_`: seconds: search_s (all folds of all points), train_s (the last fit)
    """

    name = "svm_grid"
    label = "SVM grid"
    searches = ("C", "gamma", "kernel")
    may_be_number = ()
    cost: ClassVar = {
        "fixed": 0.5,
        "pair": 1.6e-6,
        "probability_pair": 5.7e-5,
        "predicted_pair": 2e-8,
    }
    checks_labels = True

    def __init__(
        self,
        C: Sequence[float] = (0.1, 1, 10, 100),
        gamma: Sequence[float | str] = (0.0001, 0.001, 0.1, 1),
        kernel: Sequence[str] = ("rbf", "poly"),
        folds: int = 5,
        probability: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ):
        self.C = C
        self.gamma = gamma
        self.kernel = kernel
        self.folds = folds
        self.probability = probability
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Search and fit on `X` and labels `y` (n,); ValueError where a fold has one class only."""
        scaled, y = self._scaled(X, fitting=True), labels_of(self, y)
        values = {"C": self.C, "gamma": self.gamma, "kernel": self.kernel}
        for name, several in values.items():
            if isinstance(several, str) or not np.size(several) or np.ndim(several) != 1:
                raise ValueError(f"{name} is {several!r}: a list of values is needed")
        points = list(ParameterGrid({name: list(several) for name, several in values.items()}))
        started = time.perf_counter()
        with _quiet():
            if not self.probability and grid.can_share(scaled, points):
                method = "shared kernel matrices"
                score = grid.cross_validate(scaled, y, points, self.folds, self._cores())
            else:
                method, score = "GridSearchCV", self._search_plainly(scaled, y, points)
        search_s = time.perf_counter() - started
        best = int(score.argmax())  # the first of equals, as in GridSearchCV
        started = time.perf_counter()
        with _quiet():
            svc = self._svc(**points[best] | {"gamma": gamma_of(points[best]["gamma"], scaled)})
            svc.fit(scaled, y)
        self.best_params_ = dict(points[best])
        self.search_ = {
            "method": method,
            "folds": self.folds,
            "points": points,
            "mean_score": score.tolist(),
            "best_score": float(score.max()),
        }
        return self._keep(svc, search_s=search_s, train_s=time.perf_counter() - started)

    @staticmethod
    def unfit(y: np.ndarray, params: Mapping[str, Any]) -> str | None:
        """Why the labels `y` (n,) cannot be cross-validated with these hyperparameters; None if they can."""
        return grid.fault_of_folds(y, params["folds"])

    def _search_plainly(self, scaled: Floats, y: np.ndarray, points: list[dict[str, Any]]) -> Floats:
        """The mean score of each point by `GridSearchCV`."""
        cores = 1 if self.probability and self.n_jobs is None else self._cores()
        single = [{name: [value] for name, value in point.items()} for point in points]
        search = GridSearchCV(
            self._svc(), single, cv=self.folds, n_jobs=cores, error_score="raise", refit=False
        )
        with joblib.parallel_config("threading"):
            search.fit(scaled, y)
        score: Floats = search.cv_results_["mean_test_score"]
        return score


def gamma_of(gamma: float | str, scaled: Floats) -> float:
    """The number that scikit-learn's `SVC` takes for `gamma`; ValueError where there is none."""
    if not isinstance(gamma, str):
        return gamma
    if gamma not in ("scale", "auto"):
        raise ValueError(f"gamma is {gamma!r}: a number, 'scale' or 'auto' is needed")
    variance = float(scaled.var()) if gamma == "scale" else 1.0
    return 1.0 / (scaled.shape[1] * variance) if variance else 1.0


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        warnings.filterwarnings("ignore", "The `probability` parameter", FutureWarning)
        yield
