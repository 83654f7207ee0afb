"""Models that fail in the ways that models do: own models of the tests."""

import jax
import jax.numpy as jnp
import numpy as np
from hexbench.models.mlp import MLP
from sklearn.svm import SVC


class Greedy(MLP):
    """Asks for 8 TB."""

    def __call__(self, x):
        numbers = x[0, 0, 0] + jax.lax.broadcasted_iota(jnp.float32, (1 << 20, 1 << 21), 1)
        return super().__call__(x) + jax.lax.stop_gradient(jnp.sort(numbers)[0, 0])


class Diverging(MLP):
    """Its loss is not finite."""

    def __call__(self, x):
        return super().__call__(x) * jnp.inf


class WrongOnTestImages(MLP):
    """Its loss is finite in training alone."""

    def __call__(self, x):
        return super().__call__(x) * (1.0 if len(x) == 16 else jnp.nan)


class Short(MLP):
    """Memory runs out while it is traced."""

    def __call__(self, x):
        return np.empty(1 << 50)


class Wrong(MLP):
    """Raises."""

    def __call__(self, x):
        raise RuntimeError("no [bold]result")


class Leaving(SVC):
    """Ends its process."""

    def fit(self, X, y):
        raise SystemExit(3)


class Silent(SVC):
    """Raises an error without a word."""

    def fit(self, X, y):
        raise AssertionError
