"""Support vector machines: hexbench's grid search and scikit-learn's, of the same grid and folds."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from bench.peers.task import Task
from models.svm import FOLDS, GRID, SVMFit, predict_svm, scale, search_svm

TO_PREPARE = 170
"""Images of the search that is not counted, which starts threads and processes."""


class Machine(ABC):
    """A contestant that searches the grid by cross-validation and fits the best point on all images."""

    def __init__(self, task: Task):
        self.task = task

    @abstractmethod
    def search(self, images: np.ndarray, labels: np.ndarray) -> None:
        """The whole search on images (n, 400) uint8, and the last fit."""

    @abstractmethod
    def predict(self, images: np.ndarray) -> np.ndarray:
        """Classes (n,) by the machine of the last search."""

    @abstractmethod
    def chosen(self) -> tuple[dict[str, Any], float]:
        """The point that the last search chose, and its mean accuracy in cross-validation."""

    def prepare(self) -> None:
        """A search on few images."""
        self.search(self.task.images[:TO_PREPARE], self.task.labels[:TO_PREPARE])

    def train(self) -> None:
        """One search."""
        self.search(self.task.images, self.task.labels)

    def accuracy(self) -> float:
        """On the test images."""
        return float((self.predict(self.task.test_images) == self.task.test_labels).mean())

    def facts(self) -> dict[str, Any]:
        """The chosen point and its cross-validation accuracy."""
        point, score = self.chosen()
        words = " ".join(f"{name}={value}" for name, value in sorted(point.items()))
        return {"chosen": words, "cross_validation": score}


class Hexbench(Machine):
    """The search that every hexbench cell runs."""

    fit: SVMFit

    def search(self, images: np.ndarray, labels: np.ndarray) -> None:
        """The whole search, and the last fit."""
        self.fit = search_svm(images, labels)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Classes (n,)."""
        return predict_svm(self.fit.svc, images)[0]

    def chosen(self) -> tuple[dict[str, Any], float]:
        """The chosen point and its score."""
        assert self.fit.search is not None
        return self.fit.params, float(self.fit.search["best_score"])


class ScikitLearn(Machine):
    """`GridSearchCV` over `SVC`, as its users write it, on one core."""

    found: GridSearchCV
    cores = 1

    def machine(self) -> Any:
        """An unfitted SVM."""
        return SVC()

    def search(self, images: np.ndarray, labels: np.ndarray) -> None:
        """The whole search, and the last fit."""
        search = GridSearchCV(self.machine(), GRID, cv=FOLDS, n_jobs=self.cores)
        self.found = search.fit(scale(images), labels)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Classes (n,)."""
        return self.found.predict(scale(images))

    def chosen(self) -> tuple[dict[str, Any], float]:
        """The chosen point and its score."""
        return self.found.best_params_, float(self.found.best_score_)


class ScikitLearnOnAllCores(ScikitLearn):
    """The same with `n_jobs=-1`: joblib's processes."""

    cores = -1


class Intelex(ScikitLearn):
    """`GridSearchCV` over the SVC of scikit-learn-intelex, which uses every core itself."""

    def machine(self) -> Any:
        """An unfitted SVM."""
        from sklearnex.svm import SVC as Patched

        return Patched()


class ReportsWay(ScikitLearn):
    """`GridSearchCV` over `SVC(probability=True)`, as the report had it."""

    def machine(self) -> Any:
        """An unfitted SVM."""
        return SVC(probability=True)
