import numpy as np
import pytest
from conftest import blobs
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.svm import SVC

from models import svm


def test_the_grid_has_the_32_points_of_the_report():
    assert len(ParameterGrid(svm.GRID)) == 32
    assert svm.FOLDS == 5


def test_the_search_is_the_plain_one():
    images, labels = blobs(120)
    found = svm.search_svm(images, labels)
    plain = GridSearchCV(SVC(), svm.GRID, cv=5).fit(images / 255.0, labels)
    assert found.params == plain.best_params_
    assert found.search["points"] == plain.cv_results_["params"]
    assert found.search["mean_score"] == plain.cv_results_["mean_test_score"].tolist()
    assert set(found.times) == {"search_s", "train_s"}


def test_the_reports_own_way_gives_probabilities_and_no_warning():
    images, labels = blobs(60, classes=2)
    found = svm.search_svm(images, labels, probability=True)
    assert found.svc.predict_proba(images / 255.0).shape == (60, 2)


def test_predicting_in_chunks_changes_nothing(monkeypatch):
    images, labels = blobs(100)
    fit = svm.fit_svm(images, labels, {"C": 10, "gamma": 0.1, "kernel": "rbf"})
    monkeypatch.setattr(svm, "CHUNK", 7)
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
