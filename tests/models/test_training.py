import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import blobs
from flax import nnx
from hexbench.models.cnn import CNNClassifier
from hexbench.models.mlp import MLP, MLPClassifier
from hexbench.models.network import classifier_for
from hexbench.models.training.devices import Devices, expose_cpu_devices
from hexbench.models.training.early_stopping import EarlyStopping, Evaluator
from hexbench.models.training.programs import (
    division_of_batch,
    initial_state,
    train_epochs,
    train_step,
    training_program,
)

expose_cpu_devices()

CLASSIFIERS = {"mlp": MLPClassifier, "cnn": CNNClassifier}
NETWORKS = {name: model().describe((20, 20), 17) for name, model in CLASSIFIERS.items()}
RECIPE = MLPClassifier().recipe(1)
LAYERS = {"hidden1": "hidden", "convolution1": "first", "convolution2": "second", "output": "output"}
UINT8 = np.dtype(np.uint8)

_spec = importlib.util.spec_from_file_location(
    "numpy_reference", Path(__file__).with_name("numpy_reference.py")
)
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

GRADIENTS = {"mlp": reference.mlp_gradients, "cnn": reference.cnn_gradients}

NAMES = ["mlp", pytest.param("cnn", marks=pytest.mark.slow)]


def as_dict(params):
    """Flax's weights under the names of the NumPy reference, in float64."""
    pure = nnx.to_pure_dict(params)
    return {
        f"{LAYERS[layer]}_{'w' if kind == 'kernel' else 'b'}": np.asarray(value, np.float64)
        for layer, kinds in pure.items()
        for kind, value in kinds.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_in_parts_is_the_batch(name):
    images, labels = blobs(24, seed=2)
    state = initial_state(NETWORKS[name], RECIPE, jax.random.key(5))
    mask = jnp.asarray(np.arange(24) < 17, jnp.float32)  # the last part is padding alone
    batch = (jnp.asarray(images), jnp.asarray(labels, jnp.int32), mask, None)
    step = jax.jit(train_step, static_argnums=(0, 1, 4))
    carry = (state.weights, state.optimizer)
    (whole, _), sums = step(NETWORKS[name], RECIPE, carry, batch, (1, 1))
    (parted, _), parted_sums = step(NETWORKS[name], RECIPE, carry, batch, (1, 4))
    np.testing.assert_allclose(parted_sums, sums, rtol=1e-6)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parted), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


@pytest.mark.slow
def test_cores_that_share_a_batch_take_the_step_of_one():
    """An epoch of 41 images by two cores, the last batch with padding, against one core's."""
    if jax.local_device_count() == 1:
        pytest.skip("one core has nothing to share out")
    images, labels = blobs(41, seed=4)
    program = training_program(NETWORKS["cnn"], 41, UINT8, 16, RECIPE)
    assert len(program.call.input_shardings[0][1].device_set) == 2
    key, state = jax.random.key(1), initial_state(NETWORKS["cnn"], RECIPE, jax.random.key(0))
    arguments = state, jnp.asarray(images), jnp.asarray(labels, jnp.int32), key
    alone, history = jax.jit(train_epochs, static_argnums=(0, 1, 2, 3))(
        NETWORKS["cnn"], RECIPE, 16, (1, 1), *arguments, jnp.int32(2)
    )
    shared, shared_history = program.call(*program.place(*arguments), jnp.int32(2))
    np.testing.assert_allclose(shared_history, history, rtol=2e-5)
    for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(shared), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_few_images_are_evaluated_as_among_many():
    """Few are filled up to a power of two, and what fills them must not count."""
    images, labels = blobs(2_100)
    weights = initial_state(NETWORKS["mlp"], RECIPE, jax.random.key(0)).weights
    whole, _ = Evaluator(NETWORKS["mlp"], images, labels)(weights)
    parts = [slice(0, 57), slice(57, 2_100)]
    found = [Evaluator(NETWORKS["mlp"], images[p], labels[p])(weights)[0] for p in parts]
    assert [len(f.predicted) for f in found] == [57, 2_043]
    np.testing.assert_array_equal(np.concatenate([f.predicted for f in found]), whole.predicted)
    mean = (57 * found[0].loss + 2_043 * found[1].loss) / 2_100
    assert mean == pytest.approx(whole.loss, rel=1e-5)


def test_parts_are_as_large_as_the_caches_allow():
    sizes = {
        8: (1, 1),
        16: (2, 1),
        32: (2, 1),
        48: (2, 2),
        64: (2, 2),
        100: (2, 5),
        128: (2, 4),
        1009: (1, 1),
    }
    two, five = (Devices(tuple(jax.devices()[:1]) * count, are_cores=True) for count in (2, 5))
    assert {size: division_of_batch(NETWORKS["cnn"], size, two) for size in sizes} == sizes
    assert division_of_batch(NETWORKS["mlp"], 4096, two) == (1, 1)
    assert division_of_batch(NETWORKS["cnn"], 16, five) == (2, 1)
    assert division_of_batch(NETWORKS["cnn"], 128, five) == (4, 2)
    all_five = five._replace(divide=True)
    assert division_of_batch(NETWORKS["cnn"], 16, all_five) == (5, 1), "the last has padding"
    assert division_of_batch(NETWORKS["mlp"], 16, all_five) == (5, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_training_step_is_the_one_numpy_computes(name):
    images, labels = blobs(40, seed=3)
    state = initial_state(NETWORKS[name], RECIPE, jax.random.key(5))
    weights = as_dict(state.weights.trained)
    adam = reference.Adam(weights)
    carry = (state.weights, state.optimizer)
    for batch, real in [(slice(0, 16), 16), (slice(16, 32), 16), (slice(32, 40), 8)]:
        # The last batch is smaller: it is padded with the first images at weight 0.
        rows = np.r_[np.arange(40)[batch], np.zeros(16 - real, int)]
        mask = jnp.asarray(np.arange(16) < real, jnp.float32)
        arrays = (jnp.asarray(images[rows]), jnp.asarray(labels[rows], jnp.int32), mask, None)
        step = jax.jit(train_step, static_argnums=(0, 1))
        carry, (loss_sum, correct) = step(NETWORKS[name], RECIPE, carry, arrays)
        loss, gradients = GRADIENTS[name](weights, images[batch] / 255, labels[batch])
        adam.step(weights, gradients)
        assert loss_sum / real == pytest.approx(loss, rel=2e-6)
        assert 0 <= correct <= real
    for key, value in as_dict(carry[0].trained).items():
        moved = np.abs(weights[key] - as_dict(state.weights.trained)[key]).max()
        assert moved > 1e-3, "three steps of 1e-3 must have moved the weights"
        np.testing.assert_allclose(value, weights[key], atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_numbers_and_another_seed_others(name):
    images, labels = blobs(70)
    fits = [CLASSIFIERS[name](epochs=2, random_state=seed).fit(images, labels) for seed in (1, 1, 2)]
    losses = [fit.curve_.train_loss for fit in fits]
    assert losses[0] == losses[1]
    for a, b in zip(*(jax.tree.leaves(fit.weights_) for fit in fits[:2]), strict=True):
        assert (a == b).all()
    assert losses[0] != losses[2]


def test_evaluating_between_epochs_changes_nothing():
    images, labels = blobs(100)
    test = images[:30], labels[:30]
    plain, stopped = (
        MLPClassifier(epochs=7, random_state=0).fit(images, labels, test=test, evaluate_at=epochs).curve_
        for epochs in ([], [1, 2, 5])
    )
    assert plain.train_loss == stopped.train_loss
    assert sorted(stopped.evaluations) == [1, 2, 5, 7]
    assert plain.evaluations[7].loss == stopped.evaluations[7].loss


@pytest.mark.slow
def test_compiled_epochs_are_a_plain_loop_over_every_image():
    """Two epochs of 37 images in batches of 16, 16 and 5, against NumPy in the same order."""
    images, labels = blobs(37)
    key = jax.random.key(1)
    state = initial_state(NETWORKS["mlp"], RECIPE, jax.random.key(0))
    weights = as_dict(state.weights.trained)
    adam = reference.Adam(weights)
    means = []
    for epoch in range(2):
        order = np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), 37))
        assert sorted(order) == list(range(37))
        total = 0.0
        for rows in (order[:16], order[16:32], order[32:]):
            loss, gradients = reference.mlp_gradients(weights, images[rows] / 255, labels[rows])
            adam.step(weights, gradients)
            total += loss * len(rows)
        means.append(total / 37)
    program = training_program(NETWORKS["mlp"], 37, UINT8, 16, RECIPE).call
    arguments = (jnp.asarray(images), jnp.asarray(labels, jnp.int32), key, jnp.int32(2))
    state, history = program(state, *arguments)
    np.testing.assert_allclose(history[:2, 0], means, rtol=2e-6)
    assert state.epoch == 2
    for name, value in as_dict(state.weights.trained).items():
        np.testing.assert_allclose(value, weights[name], atol=2e-5)


@pytest.mark.slow
def test_both_networks_learn_an_easy_task():
    images, labels = blobs(340)
    for name, epochs in [("mlp", 60), ("cnn", 3)]:
        model = CLASSIFIERS[name](epochs=epochs, random_state=0)
        model.fit(images[:255], labels[:255], test=(images[255:], labels[255:]))
        accuracy = (model.curve_.evaluations[epochs].predicted == labels[255:]).mean()
        assert accuracy > 0.95, name
        assert model.score(images[255:], labels[255:]) == accuracy


def test_a_program_is_compiled_once_for_a_shape():
    images, labels = blobs(51)
    first = MLPClassifier(epochs=1, batch_size=8, random_state=0).fit(images, labels)
    second = MLPClassifier(epochs=3, batch_size=8, random_state=1).fit(images, labels)
    assert first.times_["compile_s"] > 0
    assert second.times_["compile_s"] == 0


def test_a_loss_that_is_not_finite_is_an_error():
    class Broken(MLP):
        def __call__(self, images):
            return super().__call__(images) * jnp.nan

    images, labels = blobs(20)
    with pytest.raises(FloatingPointError, match="epoch 1"):
        classifier_for(Broken)(epochs=2).fit(images, labels)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_networks_trained_together_are_those_trained_alone(name):
    sets, test = [blobs(70, seed) for seed in range(3)], blobs(40, 9)
    options = {"test": test, "evaluate_at": [2]}
    together = [CLASSIFIERS[name](epochs=3, random_state=seed) for seed in range(3)]
    CLASSIFIERS[name].fit_together(together, *zip(*sets, strict=True), **options)
    for found, own in zip(together, sets, strict=True):
        alone = CLASSIFIERS[name](**found.get_params()).fit(*own, **options)
        np.testing.assert_allclose(found.curve_.train_loss, alone.curve_.train_loss, rtol=1e-4)
        np.testing.assert_allclose(found.curve_.train_accuracy, alone.curve_.train_accuracy)
        for epoch in (2, 3):
            mine, its = (model.curve_.evaluations[epoch] for model in (found, alone))
            assert mine.loss == pytest.approx(its.loss, rel=1e-4)
            np.testing.assert_array_equal(mine.predicted, its.predicted)
    assert together[0].programs_["process"] < 2 == together[1].programs_["process"]
    assert together[0].times_["train_s"] == together[2].times_["train_s"] > 0


@pytest.mark.slow
def test_the_weights_with_the_lowest_validation_loss_are_tested():
    """Half of the held-out labels are wrong: the loss falls first, and rises with confidence."""
    images, labels = blobs(85)
    held_out, test = (images[:40], labels[:40].copy()), blobs(50, 3)
    held_out[1][:20] = (held_out[1][:20] + 1) % 17
    options = {"learning_rate": 0.01, "random_state": 1}
    model = MLPClassifier(epochs=400, **options)
    model.fit(images, labels, test=test, validation=held_out, evaluate_at=[1, 5, 10, 20, 40, 80])
    curve = model.curve_
    losses = {epoch: found.loss for epoch, found in curve.validations.items()}
    assert list(losses) == [1, 5, 10, 20, 40]
    assert curve.epoch == 10 == min(losses, key=losses.get)
    assert model.n_iter_ == len(curve.train_loss) == 40, "no further than the patience"
    assert list(curve.evaluations) == [10]
    np.testing.assert_array_equal(model.predict(test[0]), curve.evaluations[10].predicted)
    shorter = MLPClassifier(epochs=10, **options).fit(images, labels, test=test)
    assert shorter.curve_.evaluations[10].loss == curve.evaluations[10].loss


def test_training_stops_only_when_no_network_gets_better():
    stopping = EarlyStopping(NETWORKS["mlp"], 2, None, [blobs(8), blobs(8)])
    stopping.best = [best._replace(epoch=epoch) for best, epoch in zip(stopping.best, (5, 10), strict=True)]
    assert not stopping.should_stop(39)
    assert stopping.should_stop(40)
    assert not EarlyStopping(NETWORKS["mlp"], 2, None, None).should_stop(10**6)
