"""Modules with other state than what is trained: running means, random streams of dropout."""

import pickle

import jax
import numpy as np
import pytest
from conftest import blobs
from flax import nnx
from hexbench.models.network import classifier_for
from hexbench.models.training.checkpoint import DiskCheckpoint
from hexbench.models.training.devices import Devices
from hexbench.models.training.programs import division_of_batch


class Normed(nnx.Module):
    """A module as people write it, with both."""

    def __init__(self, shape, classes, rngs, width=32, rate=0.2):
        self.hidden = nnx.Linear(shape[0] * shape[1], width, rngs=rngs)
        self.norm = nnx.BatchNorm(width, momentum=0.5, rngs=rngs)
        self.dropout = nnx.Dropout(rate, rngs=rngs)
        self.output = nnx.Linear(width, classes, rngs=rngs)

    def __call__(self, x):
        return self.output(self.dropout(nnx.relu(self.norm(self.hidden(x.reshape(len(x), -1))))))


NormedClassifier = classifier_for(Normed)
IMAGES, LABELS = blobs(150, seed=1)
TEST = blobs(60, seed=2)


@pytest.fixture(scope="module")
def fitted():
    return NormedClassifier(epochs=8, random_state=0).fit(IMAGES, LABELS, test=TEST, evaluate_at=[3])


def test_they_learn(fitted):
    assert fitted.score(*TEST) > 0.9
    last = fitted.curve_.evaluations[8]
    np.testing.assert_array_equal(fitted.predict(TEST[0]), last.predicted)


def test_running_means_have_moved_and_are_no_parameters(fitted):
    norm = fitted.weights_.other["norm"]
    assert np.abs(np.asarray(norm["mean"][...])).max() > 0.1
    assert fitted.n_parameters_ == 400 * 32 + 32 + 2 * 32 + 32 * 17 + 17
    assert fitted.n_bytes_ > 4 * fitted.n_parameters_


def test_a_prediction_does_not_depend_on_the_images_beside_it(fitted):
    whole = fitted.predict_proba(TEST[0])
    parts = [fitted.predict_proba(TEST[0][rows]) for rows in (slice(0, 1), slice(1, 7), slice(7, 60))]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)
    np.testing.assert_array_equal(whole, fitted.predict_proba(TEST[0]), "nothing is dropped out")


def test_same_seed_same_numbers_and_evaluating_changes_nothing(fitted):
    again = NormedClassifier(epochs=8, random_state=0).fit(IMAGES, LABELS)
    assert again.curve_.train_loss == fitted.curve_.train_loss
    other = NormedClassifier(epochs=8, random_state=1).fit(IMAGES, LABELS)
    assert other.curve_.train_loss != fitted.curve_.train_loss


def test_dropout_drops_other_units_in_every_step():
    """With the same weights in every step, losses differ by what is dropped and by the order."""
    still = NormedClassifier(epochs=2, random_state=0, learning_rate=1e-30, batch_size=150, rate=0.5)
    first, second = still.fit(IMAGES, LABELS).curve_.train_loss
    assert first != pytest.approx(second, rel=1e-4)


def test_the_last_smaller_batch_has_the_statistics_of_training_images():
    """101 images in batches of 100: the last batch would else be 100 copies of one image."""
    model = NormedClassifier(epochs=1, random_state=0, batch_size=100, rate=0.0)
    model.fit(IMAGES[:101], LABELS[:101])
    variance = np.asarray(model.weights_.other["norm"]["var"][...])
    assert (variance > 0.01).mean() > 0.9


def test_they_are_pickled(fitted):
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(TEST[0]), fitted.predict_proba(TEST[0]))


def test_trained_together_they_are_those_trained_alone():
    together = [NormedClassifier(epochs=2, random_state=seed) for seed in range(2)]
    NormedClassifier.fit_together(together, [IMAGES] * 2, [LABELS] * 2, test=TEST)
    for found in together:
        alone = NormedClassifier(**found.get_params()).fit(IMAGES, LABELS, test=TEST)
        np.testing.assert_allclose(found.curve_.train_loss, alone.curve_.train_loss, rtol=1e-4)


def test_they_take_whole_batches():
    network = NormedClassifier().describe((20, 20), 17)
    devices = Devices(tuple(jax.devices()[:1]) * 2, are_cores=True)
    assert division_of_batch(network, 64, devices) == (1, 1)
    with pytest.raises(ValueError, match="takes whole batches"):
        division_of_batch(network, 64, devices._replace(divide=True))


@pytest.mark.slow
def test_they_go_on_from_a_checkpoint(tmp_path, fitted):
    class Stopped(Exception):
        pass

    def stop(epochs):
        if epochs >= 5:
            raise Stopped

    options = {"test": TEST, "evaluate_at": [3]}

    def checkpoint():
        return DiskCheckpoint(tmp_path / "checkpoint", 0.0, "here")

    with pytest.raises(Stopped):
        NormedClassifier(epochs=8, random_state=0).fit(
            IMAGES, LABELS, checkpoint=checkpoint(), on_epochs=stop, **options
        )
    resumed = NormedClassifier(epochs=8, random_state=0).fit(
        IMAGES, LABELS, checkpoint=checkpoint(), **options
    )
    assert resumed.earlier_s_ > 0
    assert resumed.curve_.train_loss == fitted.curve_.train_loss
    np.testing.assert_array_equal(resumed.predict_proba(TEST[0]), fitted.predict_proba(TEST[0]))


class KeywordOnly(nnx.Module):
    """As Flax's own modules have it."""

    def __init__(self, shape, classes, *, rngs, width=4):
        self.hidden = nnx.Linear(shape[0] * shape[1], width, rngs=rngs)
        self.output = nnx.Linear(width, classes, rngs=rngs)

    def __call__(self, x):
        return self.output(nnx.relu(self.hidden(x.reshape(len(x), -1))))


def test_random_numbers_may_be_taken_by_keyword_alone():
    assert classifier_for(KeywordOnly)(epochs=1, random_state=0).fit(IMAGES, LABELS).n_iter_ == 1
