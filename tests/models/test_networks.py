"""The modules: shapes, first weights, layers, and sizes that cannot be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hexbench.models.cnn import CNN, CNNClassifier
from hexbench.models.mlp import MLP, MLPClassifier

MODULES = {"mlp": MLP, "cnn": CNN}


def parameters_of(module):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))


@pytest.mark.parametrize(("name", "parameters"), [("mlp", 4_197), ("cnn", 158_385)])
@pytest.mark.slow
def test_shape_and_number_of_parameters_of_the_reports_networks(name, parameters):
    model = MODULES[name]((20, 20), 17, nnx.Rngs(0))
    assert model(jnp.zeros((5, 20, 20))).shape == (5, 17)
    leaves = jax.tree.leaves(nnx.split(model)[1])
    assert sum(leaf.size for leaf in leaves) == parameters
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    "shape", [(12, 9), *(pytest.param(s, marks=pytest.mark.slow) for s in [(8, 8), (28, 28), (10, 10, 3)])]
)
@pytest.mark.parametrize("classes", [2, pytest.param(62, marks=pytest.mark.slow)])
def test_any_shape_of_images_and_number_of_classes(shape, classes):
    images = jnp.ones((3, *shape))
    assert MLP(shape, classes, nnx.Rngs(0))(images).shape == (3, classes)
    assert CNN(shape, classes, nnx.Rngs(0))(images).shape == (3, classes)


@pytest.mark.slow
def test_any_number_of_layers():
    mlp = MLP((5, 4), 3, nnx.Rngs(0), hidden_layer_sizes=(7, 6, 5), activation="relu")
    assert parameters_of(mlp) == 21 * 7 + 8 * 6 + 7 * 5 + 6 * 3
    assert parameters_of(MLP((5, 4), 3, nnx.Rngs(0), hidden_layer_sizes=())) == 21 * 3
    cnn = CNN((9, 8, 2), 3, nnx.Rngs(0), channels=(4, 5, 6), kernel_size=2)
    convolutions = (4 * 2 + 1) * 4 + (4 * 4 + 1) * 5 + (4 * 5 + 1) * 6
    assert parameters_of(cnn) == convolutions + (6 * 5 * 6 + 1) * 3
    assert cnn(jnp.ones((2, 9, 8, 2))).shape == (2, 3)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_weights_start_as_in_keras(name):
    """Glorot: uniform within sqrt(6 / (fan in + fan out)), biases zero."""
    state = nnx.to_pure_dict(nnx.split(MODULES[name]((20, 20), 17, nnx.Rngs(0)))[1])
    for layer in state.values():
        assert not layer["bias"].any()
        kernel = np.asarray(layer["kernel"])
        field = np.prod(kernel.shape[:-2])
        limit = np.sqrt(6 / (field * (kernel.shape[-2] + kernel.shape[-1])))
        assert np.abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)


def test_layers_are_described_in_the_order_of_the_module():
    found = CNNClassifier().describe((20, 20), 17).layers()
    assert [(layer["name"], layer["parameters"]) for layer in found] == [
        ("convolution1", 640),
        ("convolution2", 18_464),
        ("output", 139_281),
    ]
    assert found[0]["shapes"] == {"kernel": [3, 3, 1, 64], "bias": [64]}
    names = [f"hidden{number}" for number in range(1, 12)]
    deep = MLPClassifier(hidden_layer_sizes=[2] * 11).describe((4, 4), 3).layers()
    assert [layer["name"] for layer in deep] == [*names, "output"]


@pytest.mark.parametrize(
    ("shape", "channels", "kernel_size", "fault"),
    [
        ((4, 4), (8, 8), 3, "2 convolutions of 3 x 3 .* of at least 5 x 5 pixels"),
        ((20, 6), (8,), 7, "1 convolutions of 7 x 7 .* of at least 7 x 7 pixels"),
        ((10,), (8,), 3, r"X has the shape \(n, 10\): .* take images \(n, height, width\[, channels\]\)"),
    ],
)
def test_images_that_a_cnn_cannot_take(shape, channels, kernel_size, fault):
    with pytest.raises(ValueError, match=fault):
        CNN(shape, 3, nnx.Rngs(0), channels=channels, kernel_size=kernel_size)
    with pytest.raises(ValueError, match=fault):
        CNNClassifier(channels, kernel_size).fit(np.zeros((6, *shape), np.uint8), [0, 1, 2] * 2)


@pytest.mark.slow
def test_the_smallest_images_that_a_cnn_takes():
    assert CNN((5, 5), 3, nnx.Rngs(0))(jnp.ones((1, 5, 5))).shape == (1, 3)


def test_as_many_images_at_once_as_a_cache_holds():
    sizes = {(20, 20): 16, (28, 28): 8, (8, 8): 128, (64, 64, 3): 8}
    assert {shape: CNNClassifier().images_at_once(shape) for shape in sizes} == sizes
    assert MLPClassifier().images_at_once((20, 20)) is None
