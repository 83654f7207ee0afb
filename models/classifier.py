"""scikit-learn's face of a Flax network: fit, predict and predict_proba, for any tool that takes one."""

from functools import cache
from typing import Any, Self

import jax
import numpy as np
from flax import nnx
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from models.fitting import NetworkFit, fit_network
from models.training import ModuleType, scale

BATCH = 1024
"""How many images are predicted at once: a CNN's activations take 80 kB an image."""


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
        """Train from fresh weights; raises ValueError unless X is whole numbers.

        `options` (`test`, `evaluate_at`, `on_epochs`) go to `fit_network`.
        """
        X = _pixels(X)
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
        return self.fit_.parameters

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities (n, 17)."""
        check_is_fitted(self)
        program, params = _probabilities(self.module), self.fit_.params
        batches = np.split(_pixels(X), range(BATCH, len(X), BATCH))
        return np.concatenate([program(params, batch) for batch in batches])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable class, (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@cache
def _probabilities(module: ModuleType) -> Any:
    graphdef = nnx.graphdef(nnx.eval_shape(lambda: module(nnx.Rngs(0))))
    return jax.jit(
        lambda params, images: jax.nn.softmax(nnx.merge(graphdef, params)(scale(images)))
    )


def _pixels(X: np.ndarray) -> np.ndarray:
    X = np.asarray(X)
    if X.dtype.kind not in "ui":
        raise ValueError(f"X has type {X.dtype}: a network takes whole pixels 0 to 255, unscaled")
    return X.astype(np.uint8)
