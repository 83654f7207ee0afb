import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import blobs
from flax import nnx

from models import NETWORKS
from models.evaluation import Evaluator
from models.fitting import fit_network, fit_networks
from models.training import (
    compile_training,
    division_of_batch,
    initial_state,
    train_epochs,
    train_step,
)

_spec = importlib.util.spec_from_file_location(
    "numpy_reference", Path(__file__).with_name("numpy_reference.py")
)
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

GRADIENTS = {"mlp": reference.mlp_gradients, "cnn": reference.cnn_gradients}


def as_dict(params):
    """Flax's weights under the names of the NumPy reference, in float64."""
    pure = nnx.to_pure_dict(params)
    return {
        f"{layer}_{'w' if kind == 'kernel' else 'b'}": np.asarray(value, np.float64)
        for layer, kinds in pure.items()
        for kind, value in kinds.items()
    }


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_batch_in_parts_is_the_batch(name):
    images, labels = blobs(24, seed=2)
    graphdef, _ = nnx.split(NETWORKS[name](nnx.Rngs(0)))
    state = initial_state(NETWORKS[name], jax.random.key(5))
    mask = jnp.asarray(np.arange(24) < 17, jnp.float32)  # the last part is padding alone
    batch = (jnp.asarray(images), jnp.asarray(labels, jnp.int32), mask)
    step = jax.jit(train_step, static_argnums=(0, 3))
    (whole, _), sums = step(graphdef, (state.params, state.optimizer), batch, 1)
    (parted, _), parted_sums = step(graphdef, (state.params, state.optimizer), batch, 4)
    np.testing.assert_allclose(parted_sums, sums, rtol=1e-6)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parted), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


@pytest.mark.skipif(jax.local_device_count() == 1, reason="one core has nothing to share out")
def test_cores_that_share_a_batch_take_the_step_of_one():
    """An epoch of 41 images by two cores, the last batch with padding, against one core's."""
    images, labels = blobs(41, seed=4)
    program = compile_training(NETWORKS["cnn"], 41, 400, 16)
    assert len(program.call.input_shardings[0][1].device_set) == 2
    key, state = jax.random.key(1), initial_state(NETWORKS["cnn"], jax.random.key(0))
    arguments = state, jnp.asarray(images), jnp.asarray(labels, jnp.int32), key
    graphdef, _ = nnx.split(NETWORKS["cnn"](nnx.Rngs(0)))
    alone, history = jax.jit(train_epochs, static_argnums=(0, 1, 2))(
        graphdef, 16, (1, 1), *arguments, jnp.int32(2)
    )
    shared, shared_history = program.call(*program.place(*arguments), jnp.int32(2))
    np.testing.assert_allclose(shared_history, history, rtol=2e-5)
    for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(shared), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_few_images_are_evaluated_as_among_many():
    """Few are filled up to a power of two, and what fills them must not count."""
    images, labels = blobs(2_100)
    params = initial_state(NETWORKS["mlp"], jax.random.key(0)).params
    whole, _ = Evaluator(NETWORKS["mlp"], images, labels)(params)
    parts = [slice(0, 57), slice(57, 2_100)]
    found = [Evaluator(NETWORKS["mlp"], images[p], labels[p])(params)[0] for p in parts]
    assert [len(f.predicted) for f in found] == [57, 2_043]
    np.testing.assert_array_equal(np.concatenate([f.predicted for f in found]), whole.predicted)
    mean = (57 * found[0].loss + 2_043 * found[1].loss) / 2_100
    assert mean == pytest.approx(whole.loss, rel=1e-5)


def test_parts_are_as_large_as_the_caches_allow(monkeypatch):
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
    monkeypatch.setattr(jax, "local_device_count", lambda: 2)
    assert {size: division_of_batch(NETWORKS["cnn"], size) for size in sizes} == sizes
    assert division_of_batch(NETWORKS["mlp"], 4096) == (1, 1)
    monkeypatch.setattr(jax, "local_device_count", lambda: 5)
    assert division_of_batch(NETWORKS["cnn"], 16) == (2, 1)
    assert division_of_batch(NETWORKS["cnn"], 128) == (4, 2)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_training_step_is_the_one_numpy_computes(name):
    images, labels = blobs(40, seed=3)
    graphdef, _ = nnx.split(NETWORKS[name](nnx.Rngs(0)))
    state = initial_state(NETWORKS[name], jax.random.key(5))
    weights = as_dict(state.params)
    adam = reference.Adam(weights)
    carry = (state.params, state.optimizer)
    for batch, real in [(slice(0, 16), 16), (slice(16, 32), 16), (slice(32, 40), 8)]:
        # The last batch is smaller: it is padded with the first images at weight 0.
        rows = np.r_[np.arange(40)[batch], np.zeros(16 - real, int)]
        mask = jnp.asarray(np.arange(16) < real, jnp.float32)
        arrays = (jnp.asarray(images[rows]), jnp.asarray(labels[rows], jnp.int32), mask)
        carry, (loss_sum, hits) = jax.jit(train_step, static_argnums=0)(graphdef, carry, arrays)
        loss, gradients = GRADIENTS[name](weights, images[batch] / 255, labels[batch])
        adam.step(weights, gradients)
        assert loss_sum / real == pytest.approx(loss, rel=2e-6)
        assert 0 <= hits <= real
    for key, value in as_dict(carry[0]).items():
        moved = np.abs(weights[key] - as_dict(state.params)[key]).max()
        assert moved > 1e-3, "three steps of 1e-3 must have moved the weights"
        np.testing.assert_allclose(value, weights[key], atol=2e-5)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_same_seed_same_numbers_and_another_seed_others(name):
    images, labels = blobs(70)
    fits = [
        fit_network(NETWORKS[name], images, labels, epochs=2, batch_size=16, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert fits[0].train_loss == fits[1].train_loss
    for a, b in zip(*(jax.tree.leaves(fit.params) for fit in fits[:2]), strict=True):
        assert (a == b).all()
    assert fits[0].train_loss != fits[2].train_loss


def test_evaluating_between_epochs_changes_nothing():
    images, labels = blobs(100)
    options = {"epochs": 7, "batch_size": 16, "seed": 0, "test": (images[:30], labels[:30])}
    plain = fit_network(NETWORKS["mlp"], images, labels, **options)
    stopped = fit_network(NETWORKS["mlp"], images, labels, evaluate_at=[1, 2, 5], **options)
    assert plain.train_loss == stopped.train_loss
    assert sorted(stopped.evaluations) == [1, 2, 5, 7]
    assert plain.evaluations[7].loss == stopped.evaluations[7].loss


def test_compiled_epochs_are_a_plain_loop_over_every_image():
    """Two epochs of 37 images in batches of 16, 16 and 5, against NumPy in the same order."""
    images, labels = blobs(37)
    key = jax.random.key(1)
    state = initial_state(NETWORKS["mlp"], jax.random.key(0))
    weights = as_dict(state.params)
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
    program = compile_training(NETWORKS["mlp"], 37, 400, 16).call
    arguments = (jnp.asarray(images), jnp.asarray(labels, jnp.int32), key, jnp.int32(2))
    state, history = program(state, *arguments)
    np.testing.assert_allclose(history[:2, 0], means, rtol=2e-6)
    assert state.epoch == 2
    for name, value in as_dict(state.params).items():
        np.testing.assert_allclose(value, weights[name], atol=2e-5)


def test_both_networks_learn_an_easy_task():
    images, labels = blobs(340)
    for name, epochs in [("mlp", 60), ("cnn", 3)]:
        fit = fit_network(
            NETWORKS[name], images[:255], labels[:255], epochs=epochs, batch_size=16, seed=0,
            test=(images[255:], labels[255:]),
        )  # fmt: skip
        accuracy = (fit.evaluations[epochs].predicted == labels[255:]).mean()
        assert accuracy > 0.95, name


def test_a_program_is_compiled_once_for_a_shape():
    images, labels = blobs(51)
    first = fit_network(NETWORKS["mlp"], images, labels, epochs=1, batch_size=8, seed=0)
    second = fit_network(NETWORKS["mlp"], images, labels, epochs=3, batch_size=8, seed=1)
    assert first.times["compile_s"] > 0
    assert second.times["compile_s"] == 0


def test_a_loss_that_is_not_finite_is_an_error():
    class Broken(NETWORKS["mlp"]):
        def __call__(self, images):
            return super().__call__(images) * jnp.nan

    images, labels = blobs(20)
    with pytest.raises(FloatingPointError, match="epoch 1"):
        fit_network(Broken, images, labels, epochs=2, batch_size=16, seed=0)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_networks_trained_together_are_those_trained_alone(model):
    sets, test = [blobs(70, seed) for seed in range(3)], blobs(40, 9)
    images, labels = (np.stack(arrays) for arrays in zip(*sets, strict=True))
    options = {"epochs": 3, "batch_size": 16, "test": test, "evaluate_at": [2]}
    together = fit_networks(NETWORKS[model], images, labels, seeds=[0, 1, 2], **options)
    for seed, (found, (own_images, own_labels)) in enumerate(zip(together, sets, strict=True)):
        alone = fit_network(NETWORKS[model], own_images, own_labels, seed=seed, **options)
        np.testing.assert_allclose(found.train_loss, alone.train_loss, rtol=1e-4)
        np.testing.assert_allclose(found.train_accuracy, alone.train_accuracy)
        for epoch in (2, 3):
            assert found.evaluations[epoch].loss == pytest.approx(
                alone.evaluations[epoch].loss, rel=1e-4
            )
            np.testing.assert_array_equal(
                found.evaluations[epoch].predicted, alone.evaluations[epoch].predicted
            )
    assert together[0].programs["process"] < 2 == together[1].programs["process"]
    assert together[0].times["train_s"] == together[2].times["train_s"] > 0
