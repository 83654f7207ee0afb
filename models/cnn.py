"""The report's convolutional network: two unpadded 3x3 layers and a dense one, 158,385 parameters."""

import jax.numpy as jnp
from flax import nnx
from jax import Array

from models.convolution import convolve
from models.mlp import CLASSES

SIDE = 20


class Convolution(nnx.Module):
    """3x3, unpadded, stride 1, with a bias; Glorot-uniform weights and zero biases, as in Keras."""

    def __init__(self, channels: int, filters: int, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        self.kernel = nnx.Param(glorot(rngs.params(), (3, 3, channels, filters), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(filters))

    def __call__(self, images: Array) -> Array:
        """(n, height, width, channels) to (n, height - 2, width - 2, filters)."""
        return convolve(images, self.kernel[...]) + self.bias[...]


class Dense(nnx.Module):
    """A dense layer with a bias; Glorot-uniform weights (outputs, inputs) and zero biases.

    Many inputs and few outputs: with the inputs in a row, Adam's passes and the gradient's product
    run along 8,192 numbers instead of 17.
    """

    def __init__(self, inputs: int, outputs: int, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        self.kernel = nnx.Param(glorot(rngs.params(), (inputs, outputs), jnp.float32).T)
        self.bias = nnx.Param(jnp.zeros(outputs))

    def __call__(self, x: Array) -> Array:
        """(n, inputs) to (n, outputs)."""
        return x @ self.kernel[...].T + self.bias[...]


class CNN(nnx.Module):
    """3x3x64 ReLU, 3x3x32 ReLU, flatten, 17 outputs."""

    images_at_once = 16
    """What a core's caches hold: on a CPU its cores share out a batch, and take larger ones in parts."""

    def __init__(self, rngs: nnx.Rngs):
        self.first = Convolution(1, 64, rngs)
        self.second = Convolution(64, 32, rngs)
        self.output = Dense((SIDE - 4) ** 2 * 32, CLASSES, rngs)

    def __call__(self, images: Array) -> Array:
        """Logits (n, 17) of images (n, 400), float32 in 0 to 1."""
        x = images.reshape(-1, SIDE, SIDE, 1)
        x = nnx.relu(self.first(x))
        x = nnx.relu(self.second(x))
        return self.output(x.reshape(x.shape[0], -1))
