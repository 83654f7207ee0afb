"""Models that do not behave, each in one way: own models of the tests."""

import os
import sys
import time

import jax
import numpy as np
from flax import nnx
from hexbench.models.mlp import MLPClassifier
from sklearn.naive_bayes import GaussianNB


class Plain(GaussianNB):
    """Behaves, and has nothing random in it."""

    deterministic = True

    def __init__(self, smoothing=1e-2):
        super().__init__()
        self.smoothing = smoothing

    def fit(self, X, y):
        self.var_smoothing = self.smoothing
        return super().fit(X, y)


class Rounding(Plain):
    def __init__(self, smoothing=0.01):
        super().__init__(round(smoothing, 1))


class Raising(Plain):
    def __init__(self, smoothing=0.01):
        raise RuntimeError("no")


class Columns(Plain):
    def predict(self, X):
        return super().predict(X)[:, None]


class OtherLabels(Plain):
    def predict(self, X):
        return super().predict(X) + 100


class NotANumber(Plain):
    def predict_proba(self, X):
        return super().predict_proba(X) * np.nan


class NoShares(Plain):
    def predict_proba(self, X):
        return super().predict_proba(X) * 2


class TenColumns(Plain):
    def predict_proba(self, X):
        found = super().predict_proba(X)
        return np.pad(found, ((0, 0), (0, 10 - found.shape[1])))


class OneSize(Plain):
    def fit(self, X, y):
        if X.shape[1] != 64:
            raise TypeError("64 numbers")
        return super().fit(X, y)


class Squares(Plain):
    def fit(self, X, y):
        assert int(X.shape[1] ** 0.5) ** 2 == X.shape[1]
        return super().fit(X, y)


class Refusing(Plain):
    def fit(self, X, y):
        if X.shape[1] != 64:
            raise ValueError("8 x 8 are needed")
        return super().fit(X, y)


class Large(Plain):
    def fit(self, X, y):
        if X.shape[1] < 100:
            raise ValueError("too small")
        return super().fit(X, y)


class Shuffled(Plain):
    def fit(self, X, y):
        return super().fit(X, np.random.default_rng(0).permutation(y))


class Centring(Plain):
    def fit(self, X, y):
        X -= X.mean(axis=0)
        return super().fit(X, y)


class Sorting(Plain):
    def predict_proba(self, X):
        found = super().predict_proba(X)
        X *= 0
        return found


class Unseeded(Plain):
    def fit(self, X, y):
        return super().fit(X + np.random.default_rng().normal(0, 0.5, X.shape), y)


class Seedless(Plain):
    deterministic = False


class Lambda(Plain):
    def fit(self, X, y):
        self.scale = lambda x: x
        return super().fit(X, y)


class Forgetful(Plain):
    def __getstate__(self):
        return super().__getstate__() | {"theta_": self.theta_ * 0}


class Batches(Plain):
    def predict_proba(self, X):
        return super().predict_proba(X - X.mean(axis=0))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Dying(Plain):
    def fit(self, X, y):
        os._exit(7)


class Sleeping(Plain):
    def fit(self, X, y):
        time.sleep(1_000)


class Hungry(Plain):
    def predict_proba(self, X):
        return np.ones(1 << 50)


class Loud(Plain):
    """Behaves, but prints from Python and from other programs."""

    def fit(self, X, y):
        sys.stdout.write("loud\n" * 10_000)
        os.system("echo louder; echo loudest >&2")
        return super().fit(X, y)


class Peeking(MLPClassifier):
    def fit(self, X, y, *, test=None, **options):
        if test is not None:
            X, y = np.concatenate([X, test[0]]), np.concatenate([y, test[1]])
        return super().fit(X, y, **options)


class Softmax(nnx.Module):
    def __init__(self, shape, classes, rngs):
        self.out = nnx.Linear(shape[0] * shape[1], classes, rngs=rngs)

    def __call__(self, x):
        return nnx.softmax(self.out(x.reshape(len(x), -1)))


class Half(Softmax):
    def __call__(self, x):
        return self.out(x.reshape(len(x), -1)).astype("bfloat16")


class Otherwise(Softmax):
    def __call__(self, x):
        return self.out(x.reshape(len(x), -1)) * (1 if isinstance(x, jax.core.Tracer) else 2)
