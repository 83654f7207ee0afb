import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.convolution import (
    _product_of_patches,
    _winograd_along_rows,
    _xla_convolution,
    convolve,
)

FORMS = [_product_of_patches, _winograd_along_rows, convolve]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("channels", "filters"), [(1, 64), (64, 32)])
def test_values_and_gradients_are_those_of_lax(form, channels, filters):
    keys = jax.random.split(jax.random.key(0), 3)
    images = jax.random.normal(keys[0], (3, 20, 18, channels))
    kernel = jax.random.normal(keys[1], (3, 3, channels, filters))
    weight = jax.random.normal(keys[2], (3, 18, 16, filters))

    def loss(function, images, kernel):
        return jnp.sum(weight * jnp.tanh(function(images, kernel) / 10))

    np.testing.assert_allclose(
        jax.jit(form)(images, kernel), _xla_convolution(images, kernel), rtol=1e-5, atol=1e-4
    )
    gradient = jax.jit(jax.grad(loss, argnums=(1, 2)), static_argnums=0)
    for ours, theirs in zip(
        gradient(form, images, kernel), gradient(_xla_convolution, images, kernel), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
