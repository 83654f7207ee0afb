"""How a network learns besides plain Adam: augmentation, a schedule, smoothed labels."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hexbench.models.modern_cnn import ModernCNN, ModernCNNClassifier
from hexbench.models.training.augmentation import Augmentation
from hexbench.models.training.optimizers import keras_adam, one_cycle_adamw
from hexbench.models.training.recipe import Recipe
from scipy import ndimage
from sklearn.datasets import load_digits

IMAGE = np.random.default_rng(0).random((12, 9), np.float32)


def test_nothing_drawn_changes_nothing():
    np.testing.assert_allclose(Augmentation()(jax.random.key(0), jnp.asarray(IMAGE)), IMAGE, atol=1e-5)


@pytest.mark.parametrize(
    ("strength", "matrix", "offset"),
    [
        ({"shift": 0.25}, lambda d: np.eye(2), lambda d: 0.25 * d[4:6] * [12, 9]),
        ({"scale": 0.3}, lambda d: np.diag(np.exp(0.3 * d[2:4])), lambda d: np.zeros(2)),
        ({"shear": 0.4}, lambda d: np.array([[1, 0], [0.4 * d[1], 1]]), lambda d: np.zeros(2)),
        (
            {"rotation": 0.5},
            lambda d: np.array(
                [[np.cos(0.5 * d[0]), -np.sin(0.5 * d[0])], [np.sin(0.5 * d[0]), np.cos(0.5 * d[0])]]
            ),
            lambda d: np.zeros(2),
        ),
    ],
)
def test_an_affine_map_is_scipy_s(strength, matrix, offset):
    for seed in range(3):
        key = jax.random.key(seed)
        drawn = np.asarray(jax.random.uniform(key, (6,), minval=-1.0, maxval=1.0), np.float64)
        centre = np.array([5.5, 4.0])
        m = matrix(drawn)
        expected = ndimage.affine_transform(
            IMAGE.astype(float), m, centre - m @ centre + offset(drawn), order=1, mode="nearest"
        )
        found = Augmentation(**strength)(key, jnp.asarray(IMAGE))
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert np.abs(found - IMAGE).max() > 0.01


def test_noise_stays_within_black_and_white_and_channels_move_together():
    colour = jnp.asarray(np.stack([IMAGE, IMAGE], axis=-1))
    moved = Augmentation(shift=0.2, rotation=0.3)(jax.random.key(1), colour)
    assert moved.shape == (12, 9, 2)
    np.testing.assert_array_equal(moved[..., 0], moved[..., 1])
    noisy = Augmentation(noise=0.5)(jax.random.key(1), jnp.asarray(IMAGE))
    assert (noisy.min(), noisy.max()) == (0, 1)


def test_the_rate_rises_and_falls_and_only_matrices_decay():
    params = {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    optimizer = one_cycle_adamw(10, peak=0.1, weight_decay=0.5)
    state, sizes = optimizer.init(params), []
    nothing = jax.tree.map(jnp.zeros_like, params)
    for _ in range(10):
        updates, state = optimizer.update(nothing, state, params)
        assert (updates["bias"] == 0).all()
        sizes.append(float(-updates["kernel"][0, 0]))
    expected = [0.5 * float(optax.cosine_onecycle_schedule(10, 0.1)(step)) for step in range(10)]
    np.testing.assert_allclose(sizes, expected, rtol=1e-5)
    assert sizes.index(max(sizes)) == 3


def test_smoothed_labels():
    logits, labels = jnp.asarray([[2.0, 0.0, -1.0]]), jnp.asarray([1])
    log_p = np.asarray(jax.nn.log_softmax(logits))[0]
    found = Recipe(keras_adam, smoothing=0.3).losses(logits, labels)
    assert float(found[0]) == pytest.approx(-(0.7 + 0.1) * log_p[1] - 0.1 * (log_p[0] + log_p[2]), rel=1e-6)
    assert float(Recipe(keras_adam).losses(logits, labels)[0]) == pytest.approx(-log_p[1], rel=1e-6)


def test_recipes_are_equal_where_they_do_the_same():
    one, other = (Recipe(keras_adam, {"learning_rate": 0.1}, Augmentation(0.1)) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Recipe(keras_adam, {"learning_rate": 0.2}, Augmentation(0.1))
    assert one != Recipe(keras_adam, {"learning_rate": 0.1}, Augmentation(0.2))


@pytest.mark.parametrize("shape", [(20, 20), (8, 8), (3, 3), (28, 28, 3), (9, 16)])
def test_shapes_that_a_modern_cnn_takes(shape):
    from flax import nnx

    model = nnx.eval_shape(lambda: ModernCNN(shape, 5, nnx.Rngs(0), channels=((8,), (16,), (8,))))
    found = nnx.eval_shape(lambda m, x: m(x), model, jax.ShapeDtypeStruct((2, *shape), jnp.float32))
    assert found.shape == (2, 5)
    with pytest.raises(ValueError, match=r"X has the shape \(n, 10\)"):
        ModernCNN((10,), 5, nnx.Rngs(0))


@pytest.mark.slow
def test_a_modern_cnn_learns_and_augments_its_training_images_alone():
    X, labels = load_digits(return_X_y=True)
    images = (X.reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    train, test = slice(0, 500), slice(500, 700)
    small = {"channels": (16, 32), "epochs": 12, "learning_rate": 0.01, "batch_size": 16}
    model = ModernCNNClassifier(**small, random_state=0).fit(images[train], labels[train])
    assert model.score(images[test], labels[test]) > 0.8
    np.testing.assert_array_equal(model.predict_proba(images), model.predict_proba(images))
    few = images[:40], labels[:40]
    losses = [
        ModernCNNClassifier(**small | {"epochs": 1}, augmentation=a, random_state=0)
        .fit(*few)
        .curve_.train_loss
        for a in (1.0, 1.0, 0.0)
    ]
    assert losses[0] == losses[1] != losses[2]
