import numpy as np
import pytest
from conftest import blobs
from hexbench.data.dataset import Split
from hexbench.errors import BadInput
from hexbench.models import MLPClassifier
from hexbench.studies.digit_recognizer.data import course
from hexbench.studies.digit_recognizer.likeness import trials
from hexbench.studies.digit_recognizer.likeness.trials import (
    Trial,
    compare_sets,
    confused_pairs,
    count_trials,
    matched,
    report_points,
)


def small(name, count, seed):
    return course.dataset(name, *blobs(count, seed))


@pytest.mark.slow
def test_every_model_at_every_size_and_across(monkeypatch):
    monkeypatch.setattr(trials, "SIZES", (100, 100_000))
    first, second = small("first", 300, 0), small("second", 300, 1)
    trained = []
    found = list(compare_sets(first, second, 2, lambda: trained.append(1)))
    assert len(trained) == count_trials(first, 2) == 2 * 2 * 3 * 2
    # two sets, seeds, models; sizes, and across at the largest
    assert len(found) == 2 * 2 * 3 * (2 + 1)
    crossed = [t for t in found if t.trained_on != t.tested_on]
    assert {t.train_size for t in crossed} == {210}
    # Blobs of two seeds differ in noise alone, so a model of one reads the other as well.
    svm = [t.accuracy for t in found if t.model == "svm" and t.train_size == 210]
    assert min(svm) > 90
    assert all(trial.confusion.sum() == 90 for trial in found)
    train, test = first.parts(Split(0.3, 42))
    mlp = MLPClassifier(epochs=50, random_state=1)
    mlp.fit(first.images[train], first.labels[train], classes=range(17))
    (one,) = (
        t
        for t in found
        if (t.model, t.trained_on, t.tested_on, t.seed, t.train_size) == ("mlp", "first", "first", 1, 210)
    )
    assert one.accuracy == 100 * mlp.score(first.images[test], first.labels[test])


@pytest.mark.slow
def test_the_svm_has_a_subset_as_in_the_report(monkeypatch):
    monkeypatch.setattr(trials, "SVM_IMAGES", 200)
    trained = []
    found = list(report_points(small("first", 300, 0), 1, lambda: trained.append(1)))
    assert [(t.model, t.train_size, t.confusion.sum()) for t in found] == [
        ("mlp", 210, 90),
        ("cnn", 210, 90),
        ("svm", 140, 60),
    ]
    assert len(trained) == 3


def test_matched_sets_have_equal_classes():
    first, second = small("first", 300, 0), small("second", 510, 1)
    one, two = matched(first, second)
    assert one.class_counts == two.class_counts == first.class_counts
    assert one is first and len(two.images) == 300
    rows = {image.tobytes(): label for image, label in zip(second.images, second.labels, strict=True)}
    assert all(rows[i.tobytes()] == n for i, n in zip(two.images, two.labels, strict=True))


def test_too_little_in_common():
    first, second = small("first", 300, 0), small("second", 300, 1)
    odd = course.dataset("odd", second.images, np.where(second.labels < 9, 0, second.labels))
    with pytest.raises(BadInput, match="first and odd"):
        matched(first, odd)


def test_confused_pairs_share_all_mistakes():
    confusion = np.diag(np.full(17, 50))
    confusion[0, 13], confusion[13, 0], confusion[8, 11] = 4, 2, 2
    half = Trial("cnn", "a", "a", 100, 0, 90.0, confusion)
    shares = confused_pairs([half, half])
    assert shares[0, 13] == 75 and shares[8, 11] == 25
    assert sum(shares.values()) == pytest.approx(100)
    assert len(shares) == 17 * 16 / 2
