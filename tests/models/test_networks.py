import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models import NETWORKS
from models.training import layers


@pytest.mark.parametrize(("name", "parameters"), [("mlp", 4_197), ("cnn", 158_385)])
def test_shape_and_number_of_parameters(name, parameters):
    model = NETWORKS[name](nnx.Rngs(0))
    assert model(jnp.zeros((5, 400))).shape == (5, 17)
    leaves = jax.tree.leaves(nnx.split(model)[1])
    assert sum(leaf.size for leaf in leaves) == parameters
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_weights_start_as_in_keras(name):
    """Glorot: uniform within sqrt(6 / (fan in + fan out)), biases zero."""
    state = nnx.to_pure_dict(nnx.split(NETWORKS[name](nnx.Rngs(0)))[1])
    for layer in state.values():
        assert not layer["bias"].any()
        kernel = np.asarray(layer["kernel"])
        field = np.prod(kernel.shape[:-2])
        limit = np.sqrt(6 / (field * (kernel.shape[-2] + kernel.shape[-1])))
        assert np.abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)


def test_layers_are_described_in_the_order_of_the_module():
    found = layers(NETWORKS["cnn"])
    assert [(layer["name"], layer["parameters"]) for layer in found] == [
        ("first", 640),
        ("second", 18_464),
        ("output", 139_281),
    ]
    assert found[0]["shapes"] == {"kernel": [3, 3, 1, 64], "bias": [64]}
