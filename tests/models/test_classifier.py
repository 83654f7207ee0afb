import numpy as np
import pytest
from conftest import blobs
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from models import NETWORKS
from models.classifier import FlaxClassifier


def test_scikit_learn_can_use_a_network():
    images, labels = blobs(102)
    classifier = clone(FlaxClassifier(NETWORKS["mlp"], epochs=40, batch_size=8))
    assert cross_val_score(classifier, images, labels, cv=3).mean() > 0.8


def test_scaled_pixels_are_refused_and_not_cut_to_zero():
    images, labels = blobs(34)
    with pytest.raises(ValueError, match="whole pixels"):
        FlaxClassifier(NETWORKS["mlp"]).fit(images / 255, labels)


def test_probabilities_and_predictions_agree():
    images, labels = blobs(60)
    classifier = FlaxClassifier(NETWORKS["cnn"], epochs=1).fit(images, labels)
    probabilities = classifier.predict_proba(images)
    assert probabilities.shape == (60, 17)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(classifier.predict(images), probabilities.argmax(axis=1))
    assert classifier.parameters_ == 158_385
