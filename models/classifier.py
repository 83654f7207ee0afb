"""scikit-learn's face of a Flax network: fit, predict and predict_proba, for any tool that takes one."""

from typing import Any, Self

import jax
import numpy as np
from flax import nnx
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from models.fitting import NetworkFit, fit_network
from models.training import ModuleType, scale


class FlaxClassifier(ClassifierMixin, BaseEstimator):
    """A network trained by Adam on softmax cross-entropy, as an estimator.

    X is (n, 400) uint8 pixels 0 to 255, which the estimator divides by 255; y is (n,) 0 to 16.
    """

    def __init__(self, module: ModuleType, epochs: int = 3, batch_size: int = 16, seed: int = 0):
        self.module = module
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray, **options: Any) -> Self:
        """Train from fresh weights; `options` (`test`, `evaluate_at`, `on_epochs`) go to `fit_network`."""
        self.classes_ = np.arange(17)
        self.fit_: NetworkFit = fit_network(
            self.module,
            X,
            y,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed,
            **options,
        )
        return self

    @property
    def parameters_(self) -> int:
        """How many numbers the network learned."""
        check_is_fitted(self)
        return sum(leaf.size for leaf in jax.tree.leaves(self.fit_.params))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities (n, 17)."""
        check_is_fitted(self)
        logits = _logits(nnx.graphdef(nnx.eval_shape(lambda: self.module(nnx.Rngs(0)))))
        return np.asarray(jax.nn.softmax(logits(self.fit_.params, np.asarray(X, np.uint8))))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable class, (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _logits(graphdef: Any) -> Any:
    return jax.jit(lambda params, images: nnx.merge(graphdef, params)(scale(images)))
