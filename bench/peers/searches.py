"""Grid searches for an SVM: hexbench's and scikit-learn's, of the same grid and folds."""

from typing import Any

import numpy as np
from hexbench.models import entries
from hexbench.peers.task import FEWEST_SEARCHED, Contestant, Task
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC


class Search(Contestant):
    """A search of the grid by cross-validation, and the fit of the best point on all images."""

    def __init__(self, task: Task, search: Any, takes_images: bool = False):
        """`search` is a classifier that finds `best_params_`."""
        super().__init__(task)
        self._search, self._takes_images = search, takes_images

    def prepare(self) -> None:
        """A search on few images."""
        self._fit(FEWEST_SEARCHED)

    def train(self) -> None:
        """One search."""
        self._fit(len(self.task.images))

    def _fit(self, count: int) -> None:
        self._search.fit(self._inputs(self.task.images[:count]), self.task.labels[:count])

    def predict(self) -> np.ndarray:
        """The class of each test image, (n,)."""
        return self._search.predict(self._inputs(self.task.test_images))

    def facts(self) -> dict[str, Any]:
        """The chosen point and its mean accuracy in cross-validation."""
        point = " ".join(f"{name}={value}" for name, value in sorted(self._search.best_params_.items()))
        found = self._search.search_["best_score"] if self._takes_images else self._search.best_score_
        return {"chosen": point, "cross_validation": float(found)}

    def _inputs(self, images: np.ndarray) -> np.ndarray:
        """Images as they are, or float64 (n, pixels) in 0 to 1: libsvm takes no other type."""
        if self._takes_images:
            return images
        scaled = images / 255.0 if images.dtype == np.uint8 else images.astype(np.float64)
        return scaled.reshape(len(images), -1)


def hexbench(task: Task) -> Search:
    """The search that every hexbench cell runs."""
    return Search(task, entries()[task.model].load()(**task.params), takes_images=True)


def sklearn(task: Task, svm: Any = None, cores: int = 1) -> Search:
    """`GridSearchCV` over `SVC`, as its users write it, on one core."""
    grid = {name: list(task.params[name]) for name in ("C", "gamma", "kernel")}
    return Search(task, GridSearchCV(svm or SVC(), grid, cv=task.params["folds"], n_jobs=cores))


def sklearn_on_all_cores(task: Task) -> Search:
    """The same with `n_jobs=-1`: joblib's processes."""
    return sklearn(task, cores=-1)


def intelex(task: Task) -> Search:
    """`GridSearchCV` over the SVC of scikit-learn-intelex, which uses every core itself."""
    from sklearnex.svm import SVC as Patched

    return sklearn(task, Patched())


def as_reported(task: Task) -> Search:
    """`GridSearchCV` over `SVC(probability=True)`, as the report had it."""
    return sklearn(task, SVC(probability=True))
