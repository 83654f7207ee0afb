import warnings

import numpy as np
import pytest
from conftest import blobs
from hexbench.data.dataset import Split, Subset
from hexbench.models.kernels import gram, grid
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.svm import SVC

GRID = {"C": [0.1, 10], "gamma": [0.001, 0.1], "kernel": ["rbf", "poly"]}
POINTS = list(ParameterGrid(GRID))


def both_ways(images, labels):
    """The mean scores of the shared matrices and scikit-learn's search, on the same images."""
    scaled = images / 255.0
    shared = grid.cross_validate(scaled, labels, POINTS, 5, 2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        plain = GridSearchCV(SVC(), GRID, cv=5, refit=False, error_score="raise")
        plain.fit(scaled, labels)
    return shared, plain


def confused(count, classes, seed=0):
    """Blobs of which every third has a label drawn at random: many draws between classes."""
    images, labels = blobs(count, seed, classes)
    rng = np.random.default_rng(seed)
    strays = rng.random(count) < 1 / 3
    labels[strays] = rng.integers(0, classes, strays.sum())
    return images, labels


def rare():
    """A class of one image, which is missing where its fold is tested, and one of three."""
    images, labels = confused(120, 6)
    labels[0], labels[1:4] = 9, 7
    return images, labels


def twins():
    """Each image in two classes: decision values that are zero but for rounding."""
    images, labels = blobs(40, classes=4)
    return np.concatenate([images, images]), np.concatenate([labels, (labels + 1) % 4])


CASES = {
    "seven classes": lambda: confused(120, 7),
    "two classes": lambda: confused(80, 2),
    "rare classes": rare,
    "every image in two classes": twins,
    "labels with gaps, of another type": lambda: (blobs(60)[0], np.arange(60) % 3 * 5 + 2),
}


@pytest.mark.parametrize("case", CASES)
def test_the_scores_are_those_of_scikit_learn(case):
    shared, plain = both_ways(*CASES[case]())
    np.testing.assert_array_equal(shared, plain.cv_results_["mean_test_score"])
    assert shared.argmax() == plain.best_index_


@pytest.mark.parametrize("seed", [0, 1])
def test_the_scores_are_those_of_scikit_learn_on_real_images(hex2024, seed):
    rows = hex2024.draw(Subset(300), Split(), seed).train
    shared, plain = both_ways(hex2024.images[rows].reshape(300, -1), hex2024.labels[rows])
    np.testing.assert_array_equal(shared, plain.cv_results_["mean_test_score"])
    assert shared.argmax() == plain.best_index_


@pytest.mark.parametrize("classes", [2, 9])
def test_each_prediction_is_libsvms(classes):
    images, labels = confused(200, classes)
    order = np.argsort(labels, kind="stable")
    images, labels = images[order] / 255.0, labels[order]
    trained = np.arange(200) % 3 > 0
    found = grid._predict_shared(images @ images.T, 1e-12, labels, trained, 0.1)
    svc = SVC(C=0.1, kernel="linear").fit(images[trained], labels[trained])
    np.testing.assert_array_equal(found, svc.predict(images[~trained]))


def test_each_kernel_is_computed_once_and_each_problem_solved_once(monkeypatch):
    filled, solved = [], []
    fill, fit = gram.fill, SVC.fit
    monkeypatch.setattr(gram, "fill", lambda *a: filled.append(a[3:5]) or fill(*a))
    monkeypatch.setattr(SVC, "fit", lambda svc, *a, **k: solved.append(svc) or fit(svc, *a, **k))
    grid.cross_validate(blobs(60)[0] / 255.0, np.arange(60) % 3, POINTS, 5, 2)
    assert sorted(filled) == sorted({(p["kernel"], p["gamma"]) for p in POINTS})
    assert [svc.kernel for svc in solved] == ["precomputed"] * 5 * len(POINTS)


def test_libsvm_predicts_where_the_sign_of_a_decision_is_in_doubt(monkeypatch):
    images, labels = confused(80, 3)
    sure = grid.cross_validate(images / 255.0, labels, POINTS, 5, 2)
    asked = []
    fit = SVC.fit
    monkeypatch.setattr(SVC, "fit", lambda svc, *a, **k: asked.append(svc.kernel) or fit(svc, *a, **k))
    monkeypatch.setattr(gram, "error", lambda *_: np.inf)
    doubted = grid.cross_validate(images / 255.0, labels, POINTS, 5, 2)
    np.testing.assert_array_equal(doubted, sure)
    assert len([kernel for kernel in asked if kernel != "precomputed"]) == 5 * len(POINTS)


def test_one_core_or_many_make_no_difference():
    images, labels = confused(90, 4)
    one, many = (grid.cross_validate(images / 255.0, labels, POINTS, 5, n) for n in (1, 5))
    np.testing.assert_array_equal(one, many)


def test_a_fold_with_one_class_is_an_error():
    labels = (np.arange(20) == 0).astype(np.uint8)
    with pytest.raises(ValueError, match="one class only"):
        grid.cross_validate(blobs(20)[0] / 255.0, labels, POINTS, 5, 2)


def test_fewer_images_of_each_class_than_folds_is_an_error():
    with pytest.raises(ValueError, match="n_splits"):
        grid.cross_validate(blobs(4)[0] / 255.0, np.arange(4) % 2, POINTS, 5, 2)


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_what_cannot_be_searched_is_known_from_the_labels():
    """As scikit-learn's search finds out: few and rare labels in any order, with two to five folds."""
    rng, found = np.random.default_rng(2), {True: 0, False: 0}
    for _ in range(300):
        labels = rng.permutation(np.repeat(np.arange(4), rng.choice([0, 1, 1, 2, 3, 5, 11], 4)))
        folds = int(rng.integers(2, 6))
        if len(labels) < 2:
            continue
        search = GridSearchCV(SVC(), {"C": [1.0]}, cv=folds, refit=False, error_score="raise")
        try:
            search.fit(rng.random((len(labels), 3)), labels)
            works = True
        except ValueError:
            works = False
        assert (grid.fault_of_folds(labels, folds) is None) == works, (labels, folds)
        found[works] += 1
    assert min(found.values()) > 30
    few = np.array([0, 1] * 3)
    assert grid.fault_of_folds(few, 4) == "no class has 4 images for 4 folds"
    assert (
        grid.fault_of_folds(np.array([1, *[0] * 4]), 2) == "a fold has images of one class only to train on"
    )
    for wrong in (1, None, "many"):
        assert grid.fault_of_folds(few, wrong) is None, "no labels would do"


def test_support_vectors_numbered_otherwise_are_noticed(monkeypatch):
    class Otherwise(SVC):
        def fit(self, X, y, sample_weight):
            super().fit(X, y, sample_weight)
            self.support_ = self.support_[::-1]
            return self

    monkeypatch.setattr(grid, "SVC", Otherwise)
    images, labels = blobs(60, classes=3)
    with pytest.raises(RuntimeError, match="numbers its support vectors"):
        grid.cross_validate(images / 255.0, labels, POINTS, 5, 2)


def test_what_cannot_be_shared(monkeypatch):
    images = blobs(60)[0] / 255.0
    assert grid.can_share(images, POINTS)
    assert not grid.can_share(images, [*POINTS, {"C": 1, "gamma": 0.1, "kernel": "sigmoid"}])
    assert not grid.can_share(images, [*POINTS, {"C": 1, "gamma": "scale", "kernel": "rbf"}])
    assert not grid.can_share(images - 0.5, POINTS), "poly of negative numbers has no bound"
    assert grid.can_share(images - 0.5, [p for p in POINTS if p["kernel"] == "rbf"])
    assert not grid.can_share(images * 1e4, POINTS), "nearly all values would be computed twice"
    monkeypatch.setattr(grid, "MOST_IMAGES", 59)
    assert not grid.can_share(images, POINTS)
