import warnings

import numpy as np
import pytest
from conftest import blobs
from hexbench.models.kernels import grid
from hexbench.models.mlp import MLPClassifier
from hexbench.models.svm import SVMClassifier, SVMGridClassifier
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.svm import SVC

GRID = {"C": [0.1, 1, 10, 100], "gamma": [0.0001, 0.001, 0.1, 1], "kernel": ["rbf", "poly"]}
SMALL = {"C": (0.1, 10), "gamma": (0.1,), "kernel": ("rbf", "poly")}


def test_the_grid_has_the_32_points_of_the_report():
    params = SVMGridClassifier().get_params()
    assert len(ParameterGrid({name: list(params[name]) for name in GRID})) == 32
    assert {name: list(params[name]) for name in GRID} == GRID
    assert params["folds"] == 5


def test_the_search_is_the_plain_one():
    images, labels = blobs(100, classes=8)
    found = SVMGridClassifier().fit(images, labels)
    plain = GridSearchCV(SVC(), GRID, cv=5).fit(images / 255.0, labels)
    assert found.best_params_ == plain.best_params_
    assert found.search_["points"] == plain.cv_results_["params"]
    assert found.search_["mean_score"] == plain.cv_results_["mean_test_score"].tolist()
    assert found.search_["best_score"] == plain.best_score_
    assert found.search_["folds"] == 5
    assert found.search_["method"] == "shared kernel matrices"
    assert set(found.times_) == {"search_s", "train_s"}
    assert found.svc_.get_params() == SVC(**plain.best_params_, cache_size=1000).get_params()
    np.testing.assert_array_equal(found.svc_.dual_coef_, plain.best_estimator_.dual_coef_)


def test_the_first_of_equal_points_wins():
    images, labels = blobs(80, classes=2)
    found = SVMGridClassifier().fit(images, labels)
    score = found.search_["mean_score"]
    assert score.count(max(score)) > 1
    assert found.best_params_ == found.search_["points"][score.index(max(score))]


def test_with_many_images_scikit_learn_searches(monkeypatch):
    images, labels = blobs(60, classes=3)
    shared = SVMGridClassifier(**SMALL).fit(images, labels)
    monkeypatch.setattr(grid, "MOST_IMAGES", 59)
    many = SVMGridClassifier(**SMALL).fit(images, labels)
    assert many.search_["method"] == "GridSearchCV"
    assert many.best_params_ == shared.best_params_
    assert many.search_ | {"method": ""} == shared.search_ | {"method": ""}
    np.testing.assert_array_equal(many.svc_.dual_coef_, shared.svc_.dual_coef_)


@pytest.mark.parametrize(
    "params", [{"gamma": ["scale", 0.1]}, {"kernel": ["sigmoid", "rbf"], "gamma": [0.01]}], ids=str
)
def test_other_grids_are_searched_by_scikit_learn(params):
    images, labels = blobs(100, classes=8)
    found = SVMGridClassifier(**SMALL | params, folds=3).fit(images, labels)
    values = {name: list(several) for name, several in (SMALL | params).items()}
    plain = GridSearchCV(SVC(), values, cv=3).fit(images / 255.0, labels)
    assert found.search_["method"] == "GridSearchCV"
    assert found.best_params_ == plain.best_params_
    assert found.search_["mean_score"] == plain.cv_results_["mean_test_score"].tolist()
    np.testing.assert_array_equal(found.predict(images), plain.predict(images / 255.0))


def test_the_reports_own_way_gives_probabilities_and_no_warning():
    images, labels = blobs(60, classes=2)
    found = SVMGridClassifier(probability=True).fit(images, labels)
    assert found.search_["method"] == "GridSearchCV"
    assert found.predict_proba(images).shape == (60, 2)
    assert SVMClassifier(probability=True).fit(images, labels).predict_proba(images).shape == (60, 2)
    assert not hasattr(SVMClassifier(), "predict_proba")


def test_prediction_is_scikit_learns():
    images, labels = blobs(100)
    model = SVMClassifier(C=10, gamma=0.1).fit(images.reshape(100, 20, 20), labels)
    predicted = model.predict(images)
    np.testing.assert_array_equal(predicted, model.svc_.predict(images / 255.0))
    assert predicted.dtype == np.uint8
    assert model.times_["train_s"] > 0


@pytest.mark.parametrize(
    "params", [{}, {"gamma": "auto"}, {"kernel": "linear"}, {"kernel": "sigmoid"}], ids=str
)
def test_any_hyperparameters_of_an_svc(params):
    """On numbers of either sign, which are not pixels."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 5)).astype(np.float32), np.array(["a", "b", "c"] * 30)
    X[y == "a"] += 1
    model, plain = SVMClassifier(**params).fit(X, y), SVC(**params).fit(X, y)
    np.testing.assert_array_equal(model.svc_.dual_coef_, plain.dual_coef_)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    np.testing.assert_array_equal(model.classes_, ["a", "b", "c"])


def test_parameters_counted():
    images, labels = blobs(40, classes=2)
    model = SVMClassifier(C=1, gamma=0.1).fit(images, labels)
    vectors = len(model.svc_.support_)
    assert model.n_parameters_ == vectors * 400 + vectors + 1


def test_a_fold_with_one_class_is_an_error_and_no_nan():
    images, _ = blobs(20)
    with pytest.raises(ValueError, match="class"):
        SVMGridClassifier().fit(images, (np.arange(20) == 0).astype(np.uint8))


def test_one_class_cannot_be_fitted():
    images, _ = blobs(40)
    with pytest.raises(ValueError, match="class"):
        SVMClassifier(gamma=0.1).fit(images, np.zeros(40, np.uint8))


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (SVMClassifier(gamma="scales"), "gamma is 'scales': a number, 'scale' or 'auto'"),
        (SVMGridClassifier(kernel="rbf"), "kernel is 'rbf': a list of values"),
        (SVMGridClassifier(C=3), "C is 3: a list of values"),
        (SVMGridClassifier(gamma=()), r"gamma is \(\): a list of values"),
    ],
    ids=str,
)
def test_a_wrong_value_is_named(model, fault):
    with pytest.raises(ValueError, match=fault):
        model.fit(*blobs(40, classes=2))


def test_rare_classes_bring_no_warning():
    images, labels = blobs(60, classes=3)
    labels[:2] = 9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SVMGridClassifier(**SMALL).fit(images, labels)
        SVMGridClassifier(**SMALL | {"gamma": ["scale"]}).fit(images, labels)


def test_few_images_of_many_classes_bring_no_warning():
    images, labels = blobs(32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SVMClassifier().fit(images, labels)
        MLPClassifier(epochs=1).fit(images, labels, classes=range(17))
