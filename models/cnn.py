"""Convolutional networks. The report's, 3x3x64, 3x3x32 and 17 outputs, has 158,385 parameters."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import nnx
from hexbench.models.network import NetworkClassifier, activation_function, counts
from hexbench.models.training.convolution import convolve
from hexbench.models.training.devices import MIN_SHARD_SIZE
from jax import Array

CACHE_BYTES = 2**21
"""Of a core, for the activations of the images that it works on at a time."""


class Convolution(nnx.Module):
    """Unpadded, stride 1, with a bias; Glorot-uniform weights and zero biases, as in Keras."""

    def __init__(self, kernel_size: int, channels: int, filters: int, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        shape = (kernel_size, kernel_size, channels, filters)
        self.kernel = nnx.Param(glorot(rngs.params(), shape, jnp.float32))
        self.bias = nnx.Param(jnp.zeros(filters, jnp.float32))

    def __call__(self, images: Array) -> Array:
        """(n, height, width, channels) to (n, height - size + 1, width - size + 1, filters)."""
        return convolve(images, self.kernel[...]) + self.bias[...]


class Dense(nnx.Module):
    """A dense layer with a bias; Glorot-uniform weights (outputs, inputs) and zero biases.

    Many inputs and few outputs: with the inputs in a row, the optimizer's passes and the gradient's
    product run along thousands of numbers instead of a few.
    """

    def __init__(self, inputs: int, outputs: int, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        self.kernel = nnx.Param(glorot(rngs.params(), (inputs, outputs), jnp.float32).T)
        self.bias = nnx.Param(jnp.zeros(outputs, jnp.float32))

    def __call__(self, x: Array) -> Array:
        """(n, inputs) to (n, outputs)."""
        return x @ self.kernel[...].T + self.bias[...]


def layer_shapes(
    shape: tuple[int, ...], channels: Sequence[int], kernel_size: int
) -> Iterator[tuple[int, int, int]]:
    """(height, width, channels) of the images and of what each convolution makes of them.

    Raises ValueError where nothing would be left, or where `shape` is not that of images.
    """
    smallest = len(channels) * (kernel_size - 1) + 1
    if len(shape) not in (2, 3) or min(shape[:2]) < smallest:
        raise ValueError(
            f"X has the shape (n, {', '.join(map(str, shape))}): {len(channels)} convolutions of "
            f"{kernel_size} x {kernel_size} take images (n, height, width[, channels]), or (n, pixels) of "
            f"squares, of at least {smallest} x {smallest} pixels"
        )
    height, width = shape[:2]
    for number, filters in enumerate((*(shape[2:] or (1,)), *channels)):
        cut = number * (kernel_size - 1)
        yield height - cut, width - cut, filters


class CNN(nnx.Module):
    """Convolutions, flatten, a dense output."""

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        rngs: nnx.Rngs,
        channels: Sequence[int] = (64, 32),
        kernel_size: int = 3,
        activation: str = "relu",
    ):
        shapes = [*layer_shapes(shape, channels, kernel_size)]
        self._input, self._activation, self._depth = shapes[0], activation, len(channels)
        for number, filters in enumerate(channels, 1):
            layer = Convolution(kernel_size, shapes[number - 1][2], filters, rngs)
            setattr(self, f"convolution{number}", layer)
        self.output = Dense(prod(shapes[-1]), classes, rngs)

    def __call__(self, x: Array) -> Array:
        """Logits (n, classes) of images (n, *shape), float32."""
        x = x.reshape(-1, *self._input)
        for number in range(1, self._depth + 1):
            x = activation_function(self._activation)(getattr(self, f"convolution{number}")(x))
        return self.output(x.reshape(x.shape[0], -1))


class CNNClassifier(NetworkClassifier):
    """A convolutional network; `NetworkClassifier` says how it is trained and what it offers.

    `channels` are those of each convolution, `kernel_size` their height and width, `activation` is one of
    `network.ACTIVATIONS`. There is no padding, so that small images allow only few convolutions.
    """

    name = "cnn"
    label = "CNN"
    may_be_number = ()
    cost: ClassVar = {"fixed": 0.5, "step": 2.5e-4, "pixel": 4e-7, "tested_pixel": 1.125e-7}
    stops_after = 24

    def __init__(
        self,
        channels: Sequence[int] = (64, 32),
        kernel_size: int = 3,
        activation: str = "relu",
        learning_rate: float = 0.001,
        batch_size: int = 16,
        epochs: int = 3,
        random_state: Any = None,
    ):
        self.channels = channels
        self.kernel_size = kernel_size
        self.activation = activation
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state

    def network(self) -> tuple[type[nnx.Module], dict[str, Any]]:
        """The module class and its own arguments."""
        activation_function(self.activation)
        (kernel_size,) = counts("kernel_size", [self.kernel_size])
        channels = counts("channels", self.channels)
        arguments = {"channels": channels, "kernel_size": kernel_size}
        return CNN, arguments | {"activation": self.activation}

    def images_at_once(self, shape: tuple[int, ...]) -> int | None:
        """The power of two whose activations a core's cache holds."""
        _, arguments = self.network()
        _, *made = layer_shapes(shape, arguments["channels"], arguments["kernel_size"])
        held = CACHE_BYTES // (4 * sum(map(prod, made)) or CACHE_BYTES)
        return max(MIN_SHARD_SIZE, 1 << held.bit_length() - 1)
