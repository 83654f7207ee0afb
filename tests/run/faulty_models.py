"""Models that fail in the ways that models do: own models of the tests."""

import os
import signal
import sys
import time

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


class Stopping(MLP):
    """Ends its process while it is traced."""

    def __call__(self, x):
        sys.exit(4)


class Hanging(MLP):
    """Never comes back."""

    def __call__(self, x):
        time.sleep(1_000)


class Killed(SVC):
    """Is killed, as by Linux where memory runs out."""

    def fit(self, X, y):
        os.kill(os.getpid(), signal.SIGKILL)


class Loud(SVC):
    """Prints a lot, and takes 200 MB for a moment."""

    def fit(self, X, y):
        sys.stdout.write("loud\n" * 100_000)
        os.system("echo louder")
        self.filled_ = float(np.ones(25_000_000).sum())
        return super().fit(X, y)


class Undecided(SVC):
    """Gives a column too many."""

    def predict_proba(self, X):
        return np.ones((len(X), 1 + len(self.classes_)))


class Decent(MLP):
    """Does what it should."""
