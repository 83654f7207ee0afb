"""Models of scikit-learn as they are, with defaults for small images, to compare others with."""

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from hexbench.models.svm import gamma_of
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted, validate_data


class LogisticClassifier(LogisticRegression):
    """`LogisticRegression` with enough iterations for images; fitted attributes are scikit-learn's."""

    name = "logistic"
    label = "Logistic regression"
    deterministic = True
    cost: ClassVar = {"fixed": 0.1, "pixel": 2e-6}

    def __init__(self, C: float = 1.0, max_iter: int = 1000):
        super().__init__(C=C, max_iter=max_iter)


class NearestNeighboursClassifier(KNeighborsClassifier):
    """`KNeighborsClassifier` on pixels, with Euclidean distance."""

    name = "knn"
    label = "Nearest neighbours"
    deterministic = True
    cost: ClassVar = {"fixed": 0.1, "predicted_pair": 2e-8}

    def __init__(self, n_neighbors: int = 5, weights: str = "uniform", n_jobs: int | None = None):
        super().__init__(n_neighbors=n_neighbors, weights=weights, n_jobs=n_jobs)


class ForestClassifier(RandomForestClassifier):
    """`RandomForestClassifier` with 300 trees, grown on all cores."""

    name = "random_forest"
    label = "Random forest"
    cost: ClassVar = {"fixed": 0.5, "pixel": 2.5e-6}

    def __init__(
        self,
        n_estimators: int = 300,
        max_features: str | float = "sqrt",
        min_samples_leaf: int = 1,
        random_state: Any = None,
        n_jobs: int | None = -1,
    ):
        super().__init__(
            n_estimators=n_estimators,
            max_features=max_features,
            min_samples_leaf=min_samples_leaf,
            random_state=random_state,
            n_jobs=n_jobs,
        )


class BoostedTreesClassifier(HistGradientBoostingClassifier):
    """`HistGradientBoostingClassifier` of 100 iterations, without early stopping."""

    name = "gradient_boosting"
    label = "Gradient boosting"
    deterministic = True
    cost: ClassVar = {"fixed": 1.0, "pixel": 1.5e-5}

    def __init__(self, learning_rate: float = 0.1, max_iter: int = 100, max_leaf_nodes: int = 31):
        super().__init__(
            learning_rate=learning_rate,
            max_iter=max_iter,
            max_leaf_nodes=max_leaf_nodes,
            early_stopping=False,
        )


class LibraryMLPClassifier(MLPClassifier):
    """`sklearn.neural_network.MLPClassifier`: one hidden layer of 100 ReLUs, Adam."""

    name = "sklearn_mlp"
    label = "scikit-learn MLP"
    cost: ClassVar = {"fixed": 0.5, "pixel": 4e-6}

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        alpha: float = 0.0001,
        max_iter: int = 200,
        random_state: Any = None,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes, alpha=alpha, max_iter=max_iter, random_state=random_state
        )

    def fit(self, X: Any, y: Any) -> Self:
        """Fit; `max_iter` epochs without convergence are no fault."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=ConvergenceWarning)
            super().fit(X, y)
        return self


class NystroemSVMClassifier(ClassifierMixin, BaseEstimator):
    """A linear SVM (`LinearSVC`) on random features of an RBF kernel (`Nystroem`).

    `gamma` is a number, or as in `SVC`. Fitted attributes: `pipeline_`, `classes_`, `n_features_in_`.
    """

    name = "nystroem_svm"
    label = "Nyström SVM"
    probabilities = False
    may_be_number = ("gamma",)
    cost: ClassVar = {"fixed": 1.0, "pixel": 4e-6}

    def __init__(
        self,
        n_components: int = 1000,
        C: float = 1.0,
        gamma: float | str = "scale",
        random_state: Any = None,
    ):
        self.n_components = n_components
        self.C = C
        self.gamma = gamma
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on features (n, p) and labels (n,); at most n random features."""
        X, y = validate_data(self, X, y)
        features = Nystroem(
            gamma=gamma_of(self.gamma, X),
            n_components=min(self.n_components, len(X)),
            random_state=self.random_state,
        )
        svm = LinearSVC(C=self.C, random_state=self.random_state)
        self.pipeline_ = make_pipeline(features, svm).fit(X, y)
        self.classes_: np.ndarray = self.pipeline_.classes_
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The classes (n,)."""
        check_is_fitted(self)
        found: np.ndarray = self.pipeline_.predict(validate_data(self, X, reset=False))
        return found
