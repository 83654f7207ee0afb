import numpy as np
import pytest
from analyse.sound import hits, network, svm
from analyse.whole_run import run

from bench.analyse.answers import (
    Calibration,
    at_report_points,
    best_model,
    calibrations,
    confusion,
    right_by_class,
)
from bench.analyse.counterparts import by_class, first_epochs, layers
from bench.analyse.evidence import Evidence
from bench.analyse.reported import RIGHT, TESTED
from bench.plan.spec import GRID

EVIDENCE = Evidence.of(run())


def test_the_reports_points_are_its_epochs_and_the_grid_on_10_000_images():
    groups = at_report_points(EVIDENCE)
    assert {m: g.epoch for m, g in groups.items()} == {"mlp": 50, "cnn": 3, "svm": None}
    assert groups["svm"].records[0]["images"] == 10_000
    few = svm(hits(0.9, 0), images=9_834, train_size=6_883, protocol="report", fit=GRID)
    assert at_report_points(Evidence.of([few]))["svm"].records == [few]


def test_the_matrix_is_the_first_seeds_and_classes_are_over_all_seeds():
    group = at_report_points(EVIDENCE)["cnn"]
    assert len(group) == 3
    counts = confusion(group)
    assert counts.sum() == 3_000
    assert np.trace(counts) / 3_000 == pytest.approx(group.right[0].mean())
    shares = right_by_class(group)
    assert np.average(shares, weights=counts.sum(axis=1)) == pytest.approx(group.right.mean())
    assert not np.isnan(shares).any()


def test_a_class_without_images_has_no_share():
    few = Evidence.of([network("cnn", hits(0.9, 0)[:5], epochs=3)])
    shares = right_by_class(at_report_points(few)["cnn"])
    assert np.isnan(shares[5:]).all()
    assert by_class(few).rows[-1][-1] == "–"


def test_expected_calibration_error():
    """Three quarters of the images are 10 points off, one quarter 20: 12.5 in all."""
    found = Calibration("x", [0.6, 0.9], [0.7, 0.7], [300, 100])
    assert found.error == pytest.approx(0.125)


def test_calibration_pools_the_seeds():
    found = {c.name: c for c in calibrations(EVIDENCE)}
    assert set(found) == {"MLP, 50 epochs", "CNN, 3 epochs", "CNN, 15 epochs", "CNN, 50 epochs"}
    assert sum(found["CNN, 3 epochs"].images) == 3 * 3_000
    assert found["CNN, 3 epochs"].confidence == pytest.approx([0.64, 0.97])
    assert found["CNN, 3 epochs"].accuracy == [0, 1]


def test_the_best_model_is_the_one_that_ends_with_the_most_images_read():
    assert best_model(EVIDENCE)[0] == "CNN, 50 epochs"
    assert best_model(Evidence.of(run(cnn=0.5)))[0] == "SVM, 7,000 images"
    assert best_model(Evidence([])) is None


def test_counterparts_of_the_reports_tables():
    assert layers(EVIDENCE, "mlp").rows[-1] == ("all", "", "4,197")
    epochs = first_epochs(EVIDENCE).rows
    assert [row[0] for row in epochs] == [f"{e} of 5" for e in range(1, 6)]
    assert epochs[-1][2] == "84.0 ± 0.0"
    assert layers(Evidence([]), "mlp").rows == first_epochs(Evidence([])).rows == []
    assert by_class(Evidence([])).rows == []
    assert by_class(EVIDENCE).header[:3] == ("class", "MLP, report", "MLP, here")


def test_the_reports_own_matrices_give_its_accuracies():
    shares = {model: sum(RIGHT[model]) / sum(TESTED[model]) for model in RIGHT}
    assert shares == pytest.approx({"mlp": 0.876, "cnn": 0.977, "svm": 0.9177}, abs=5e-4)
    assert all(r <= t for m in RIGHT for r, t in zip(RIGHT[m], TESTED[m], strict=True))
