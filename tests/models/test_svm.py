import numpy as np
import pytest
from conftest import blobs
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.svm import SVC

from models import svm, svm_grid


def test_the_grid_has_the_32_points_of_the_report():
    assert len(ParameterGrid(svm.GRID)) == 32
    assert svm.FOLDS == 5


def test_the_search_is_the_plain_one():
    images, labels = blobs(100, classes=8)
    found = svm.search_svm(images, labels)
    plain = GridSearchCV(SVC(), svm.GRID, cv=5).fit(images / 255.0, labels)
    assert found.params == plain.best_params_
    assert found.search["points"] == plain.cv_results_["params"]
    assert found.search["mean_score"] == plain.cv_results_["mean_test_score"].tolist()
    assert found.search["best_score"] == plain.best_score_
    assert found.search["method"] == "shared kernel matrices"
    assert set(found.times) == {"search_s", "train_s"}
    assert found.svc.get_params() == SVC(**plain.best_params_, cache_size=1000).get_params()
    np.testing.assert_array_equal(found.svc.dual_coef_, plain.best_estimator_.dual_coef_)


def test_the_first_of_equal_points_wins():
    images, labels = blobs(80, classes=2)
    found = svm.search_svm(images, labels)
    score = found.search["mean_score"]
    assert score.count(max(score)) > 1
    assert found.params == found.search["points"][score.index(max(score))]


def test_plainly_or_with_many_images_scikit_learn_searches(monkeypatch):
    monkeypatch.setattr(svm, "GRID", {"C": [0.1, 10], "gamma": [0.1], "kernel": ["rbf", "poly"]})
    images, labels = blobs(60, classes=3)
    shared, plain = svm.search_svm(images, labels), svm.search_svm(images, labels, plain=True)
    monkeypatch.setattr(svm_grid, "MOST_IMAGES", 59)
    many = svm.search_svm(images, labels)
    assert plain.search["method"] == many.search["method"] == "GridSearchCV"
    for found in (plain, many):
        assert found.params == shared.params
        assert found.search | {"method": ""} == shared.search | {"method": ""}


def test_the_reports_own_way_gives_probabilities_and_no_warning():
    images, labels = blobs(60, classes=2)
    found = svm.search_svm(images, labels, probability=True)
    assert found.svc.predict_proba(images / 255.0).shape == (60, 2)


def test_prediction_is_scikit_learns():
    images, labels = blobs(100)
    fit = svm.fit_svm(images, labels, {"C": 10, "gamma": 0.1, "kernel": "rbf"})
    predicted, seconds = svm.predict_svm(fit.svc, images)
    np.testing.assert_array_equal(predicted, fit.svc.predict(images / 255.0))
    assert predicted.dtype == np.uint8
    assert seconds > 0


def test_parameters_counted():
    images, labels = blobs(40, classes=2)
    svc = svm.fit_svm(images, labels, {"C": 1, "gamma": 0.1, "kernel": "rbf"}).svc
    vectors = len(svc.support_)
    assert svm.count_parameters(svc) == vectors * 400 + vectors + 1


def test_a_fold_with_one_class_is_an_error_and_no_nan():
    images, _ = blobs(20)
    with pytest.raises(ValueError, match="class"):
        svm.search_svm(images, (np.arange(20) == 0).astype(np.uint8))


def test_one_class_cannot_be_fitted():
    images, _ = blobs(40)
    with pytest.raises(ValueError, match="class"):
        svm.fit_svm(images, np.zeros(40, np.uint8), {"C": 1, "gamma": 0.1, "kernel": "rbf"})
