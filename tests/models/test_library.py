"""Scikit-learn's models as they are registered: the library's own numbers, and names known without it."""

import pickle
import warnings

import numpy as np
import pytest
from hexbench.models import ATTRIBUTES, Entry, entries
from hexbench.models import library as models
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

PAIRS = [
    (models.LogisticClassifier(), LogisticRegression(max_iter=1000)),
    (models.NearestNeighboursClassifier(), KNeighborsClassifier()),
    (models.ForestClassifier(20, random_state=3), RandomForestClassifier(20, random_state=3)),
    (
        models.BoostedTreesClassifier(max_iter=5),
        HistGradientBoostingClassifier(max_iter=5, early_stopping=False),
    ),
    (
        models.LibraryMLPClassifier(max_iter=200, random_state=3),
        MLPClassifier(max_iter=200, random_state=3),
    ),
]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32)[:500], y[:500]


@pytest.mark.parametrize(("model", "original"), PAIRS, ids=lambda one: type(one).__name__)
def test_the_numbers_are_the_library_s(model, original, digits):
    X, y = digits
    model, original = clone(model).fit(X[:400], y[:400]), clone(original)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        original.fit(X[:400], y[:400])
    np.testing.assert_array_equal(model.predict_proba(X[400:]), original.predict_proba(X[400:]))


def test_random_features_are_those_of_the_kernel_with_its_scale(digits):
    X, y = digits
    model = models.NystroemSVMClassifier(200, random_state=3).fit(X[:400], y[:400])
    gamma = 1 / (64 * X[:400].astype(float).var())
    plain = make_pipeline(Nystroem(gamma=gamma, n_components=200, random_state=3), LinearSVC(random_state=3))
    plain.fit(X[:400], y[:400])
    np.testing.assert_array_equal(model.predict(X[400:]), plain.predict(X[400:]))
    assert model.score(X[400:], y[400:]) > 0.85
    few = models.NystroemSVMClassifier(1000).fit(X[:50], y[:50])
    assert few.pipeline_[0].n_components == 50, "no more features than images, and no warning"


@pytest.mark.parametrize("name", ["gradient_boosting", "logistic", "knn"])
def test_what_is_said_to_be_deterministic_is(name, digits):
    entry = entries()[name]
    assert entry.deterministic
    assert "random_state" not in entry.load()().get_params()


def test_copies_and_pickles(digits):
    X, y = digits
    for model in (
        models.NystroemSVMClassifier(50, random_state=0),
        models.ForestClassifier(5, random_state=0),
    ):
        fitted = clone(model).fit(X, y)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))


@pytest.mark.parametrize("name", entries())
def test_what_is_read_from_the_sources_is_what_the_classes_have(name):
    """Inherited attributes too; a class of a library with the name of one of ours is not taken for it."""
    entry = entries()[name]
    model, unset = entry.load(), Entry(name, name, {}, lambda: type)
    for attribute in ATTRIBUTES:
        assert getattr(entry, attribute) == getattr(model, attribute, getattr(unset, attribute)), attribute
    assert dict(entry.defaults).keys() <= model().get_params().keys()
