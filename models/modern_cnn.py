"""A small convolutional network as they are trained today: normalised, augmented, on a schedule."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from flax import nnx
from hexbench.models.network import NetworkClassifier, counts
from hexbench.models.training.augmentation import Augmentation
from hexbench.models.training.convolution import convolve
from hexbench.models.training.optimizers import one_cycle_adamw
from hexbench.models.training.recipe import Recipe
from jax import Array, lax

SIDE = 3
"""Of a kernel."""
LEAST_SIDE = 4
"""Smaller images are not pooled."""
TINY = 1e-6
"""Against a division by 0."""


class Block(nnx.Module):
    """A padded convolution with standardised weights and a ReLU.

    The weights of each filter have mean 0 and variance 2 / inputs, times a gain that is learned: scaled
    weight standardisation (Brock et al. 2021, "Characterizing signal propagation"). It does what batch
    normalisation is for, and needs no statistics of a batch, so that cores and devices can share one out.
    """

    def __init__(self, channels: int, filters: int, rngs: nnx.Rngs):
        shape = (SIDE, SIDE, channels, filters)
        self.kernel = nnx.Param(nnx.initializers.he_normal()(rngs.params(), shape, jnp.float32))
        self.gain = nnx.Param(jnp.ones(filters, jnp.float32))
        self.bias = nnx.Param(jnp.zeros(filters, jnp.float32))

    def __call__(self, x: Array) -> Array:
        """(n, height, width, channels) to (n, height, width, filters)."""
        inputs = (0, 1, 2)
        centred = self.kernel[...] - self.kernel[...].mean(inputs)
        scale = self.gain[...] * jnp.sqrt(2.0) * lax.rsqrt((centred**2).sum(inputs) + TINY)
        around = SIDE // 2
        padded = jnp.pad(x, ((0, 0), (around, around), (around, around), (0, 0)))
        return nnx.relu(convolve(padded, centred * scale) + self.bias[...])


class ModernCNN(nnx.Module):
    """Stages of blocks, the image halved after each but the last; the mean over pixels; a dense output."""

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        rngs: nnx.Rngs,
        channels: Sequence[Sequence[int]] = ((32,), (64, 64), (128,)),
    ):
        if len(shape) not in (2, 3):
            raise ValueError(
                f"X has the shape (n, {', '.join(map(str, shape))}): a convolutional network takes images "
                "(n, height, width[, channels]), or (n, pixels) of squares"
            )
        before = shape[2] if len(shape) == 3 else 1
        self._input = (*shape[:2], before)
        self._stages = [len(stage) for stage in channels]
        for i, stage in enumerate(channels, 1):
            for j, filters in enumerate(stage, 1):
                setattr(self, f"block{i}_{j}", Block(before, filters, rngs))
                before = filters
        self.output = nnx.Linear(before, classes, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        """Logits (n, classes) of images (n, *shape), float32."""
        x = x.reshape(-1, *self._input)
        for i, blocks in enumerate(self._stages, 1):
            if i > 1 and min(x.shape[1:3]) >= LEAST_SIDE:
                x = _halved(x)
            for j in range(1, blocks + 1):
                x = getattr(self, f"block{i}_{j}")(x)
        return self.output(x.mean(axis=(1, 2)))


def _halved(x: Array) -> Array:
    """The maximum of each 2 x 2 pixels; of an odd side the last row is left out."""
    n, height, width, channels = x.shape
    even = x[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


class ModernCNNClassifier(NetworkClassifier):
    """Convolutions with standardised weights, pooled; augmented images, AdamW, a one-cycle schedule.

    `NetworkClassifier` says what it offers. `channels` are those of each stage: the first and the last have
    one convolution, the others two. `augmentation` is how strong random affine maps and noise are, 0 for
    none; `smoothing` is that of the labels.
    """

    name = "modern_cnn"
    label = "Modern CNN"
    longer_contains_shorter = False
    may_be_number = ()
    cost: ClassVar = {"fixed": 10.0, "step": 2.5e-4, "pixel": 1.4e-6, "tested_pixel": 5e-7}

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 128),
        learning_rate: float = 0.01,
        weight_decay: float = 0.05,
        smoothing: float = 0.05,
        augmentation: float = 0.8,
        batch_size: int = 64,
        epochs: int = 25,
        random_state: Any = None,
    ):
        self.channels = channels
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.smoothing = smoothing
        self.augmentation = augmentation
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state

    def network(self) -> tuple[type[nnx.Module], dict[str, Any]]:
        """The module class and its own arguments."""
        channels = counts("channels", self.channels)
        ends = (0, len(channels) - 1)
        return ModernCNN, {"channels": tuple((c,) if i in ends else (c, c) for i, c in enumerate(channels))}

    def _check(self) -> None:
        super()._check()
        for name, most in {"weight_decay": np.inf, "smoothing": 1.0, "augmentation": np.inf}.items():
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= float(value) < most:
                bound = "" if most == np.inf else f" and below {most:g}"
                raise ValueError(f"{name} is {value!r}: a number of 0 or more{bound} is needed")

    def recipe(self, count: int) -> Recipe:
        """AdamW on a one-cycle schedule, on augmented images."""
        a = self.augmentation
        augment = Augmentation(shift=0.1 * a, scale=0.15 * a, rotation=0.2 * a, shear=0.3 * a, noise=0.05 * a)
        return Recipe(
            one_cycle_adamw,
            {
                "steps": self.steps(count),
                "peak": float(self.learning_rate),
                "weight_decay": float(self.weight_decay),
            },
            augment if a else None,
            self.smoothing,
        )

    def images_at_once(self, shape: tuple[int, ...]) -> int | None:  # noqa: ARG002
        """Measured: 16 at a time are faster than 8, 32 or 64."""
        return 16
