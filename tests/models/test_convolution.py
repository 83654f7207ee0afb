import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hexbench.models.training.convolution import (
    _product_of_patches,
    _winograd_along_rows,
    _xla_convolution,
    convolve,
)

FORMS = [_product_of_patches, _winograd_along_rows]
SIZES = [(1, 1), (2, 2), (5, 5), (7, 4), (4, 3)]
CHANNELS = [(1, 64), (64, 32)]
CASES = [
    *((convolve, (3, 3), *channels) for channels in CHANNELS),
    *(
        pytest.param(*case, marks=pytest.mark.slow)
        for case in [
            *((form, (3, 3), *channels) for form in FORMS for channels in CHANNELS),
            *((convolve, size, 5, 8) for size in SIZES),
        ]
    ),
]


@pytest.mark.parametrize(("form", "size", "channels", "filters"), CASES)
def test_values_and_gradients_are_those_of_lax(form, size, channels, filters):
    rows, columns = size
    keys = jax.random.split(jax.random.key(0), 3)
    images = jax.random.normal(keys[0], (3, 20, 18, channels))
    kernel = jax.random.normal(keys[1], (rows, columns, channels, filters))
    weight = jax.random.normal(keys[2], (3, 21 - rows, 19 - columns, filters))

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
