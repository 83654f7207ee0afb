"""What a contestant is given to do, and what it can then be asked."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hexbench.peers.roster import CPU

PREDICTED_AT_ONCE = 256
"""Test images in a batch, for whoever predicts in batches; prediction is not timed."""
FEWEST_SEARCHED = 170
"""Images of the smallest grid search; also of the one that only starts threads and processes."""


class Layer(NamedTuple):
    """An unpadded convolution or a dense layer."""

    kernel: int
    """Height and width of a convolution's kernel; 0: the layer is dense."""
    inputs: int
    """Channels or features."""
    outputs: int
    pixels: int = 1
    """At how many places it is computed."""

    @property
    def operations(self) -> int:
        """Products and sums to compute it for one image, by the plain definition."""
        return 2 * self.pixels * max(1, self.kernel) ** 2 * self.inputs * self.outputs


@dataclass(frozen=True)
class Task:
    """A model with its hyperparameters, and images to train and to test it on."""

    model: str
    """In `hexbench.models`."""
    params: Mapping[str, Any]
    """All hyperparameters."""
    classes: int
    images: np.ndarray
    """(n, height, width[, channels]), uint8, or float32 in 0 to 1."""
    labels: np.ndarray
    """(n,) 0 to classes - 1."""
    test_images: np.ndarray
    test_labels: np.ndarray
    seed: int = 0
    device: str = CPU
    """One of `roster.DEVICES`."""

    def save(self, file: Path) -> None:
        """Write the task for another process."""
        arrays: dict[str, Any] = {
            n: value for n, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        plain = {name: value for name, value in vars(self).items() if name not in arrays}
        np.savez(file, plain=json.dumps(plain), **arrays)

    @classmethod
    def load(cls, file: Path) -> "Task":
        """The task that `save` wrote; OSError or ValueError if it cannot be read."""
        with np.load(file) as saved:
            arrays = {name: saved[name] for name in saved.files}
        return cls(**json.loads(str(arrays.pop("plain"))), **arrays)

    @property
    def layers(self) -> list[Layer]:
        """Of a network of unpadded convolutions or of dense layers, the output last."""
        height, width, inputs = (*self.images.shape[1:], 1)[:3]
        found = []
        for filters in self.params.get("channels", ()):
            cut = self.params["kernel_size"] - 1
            height, width = height - cut, width - cut
            found.append(Layer(cut + 1, inputs, filters, height * width))
            inputs = filters
        inputs *= height * width
        for outputs in (*self.params.get("hidden_layer_sizes", ()), self.classes):
            found.append(Layer(0, inputs, outputs))
            inputs = outputs
        return found

    @property
    def operations(self) -> int:
        """Floating-point operations to train a network on one image: products and sums.

        A layer costs the same three times: forward, its weights' gradient, and its input's gradient,
        which the first layer does not need. Biases, activations and Adam are left out: under 2%. A
        contestant may need fewer (Winograd's filtering does), so that its share of the peak can be
        above what its matrix products reach.
        """
        first, *others = (layer.operations for layer in self.layers)
        return 2 * first + 3 * sum(others)

    def inputs(self, images: np.ndarray) -> np.ndarray:
        """What a network takes, float32 in 0 to 1.

        (n, height, width, channels) where there are convolutions, else (n, pixels).
        """
        scaled = images.astype(np.float32) / 255 if images.dtype == np.uint8 else images
        shape = (*images.shape[1:], 1)[:3] if self.layers[0].kernel else (prod(images.shape[1:]),)
        return scaled.reshape(-1, *shape)


class Contestant(ABC):
    """One library's way to do a task; made of the task, it builds what it needs."""

    def __init__(self, task: Task):
        self.task = task

    @abstractmethod
    def prepare(self) -> None:
        """What only the first run pays: compile, start threads. Not counted among the rounds."""

    @abstractmethod
    def train(self) -> None:
        """One round: one more epoch, or one grid search. Returns when the device has finished."""

    @abstractmethod
    def predict(self) -> np.ndarray:
        """The class of each test image, (n,)."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What else there is to say of the result, as plain values."""

    def accuracy(self) -> float:
        """On the test images."""
        return float((self.predict() == self.task.test_labels).mean())


class Network(Contestant):
    """A contestant that trains a network: Glorot-uniform weights, zero biases, Adam.

    `train` is an epoch in a new order, the last, smaller batch included.
    """

    def prepare(self) -> None:
        """The first epoch, which compiles."""
        self.train()

    @abstractmethod
    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""

    def facts(self) -> dict[str, Any]:
        """How many numbers the network learns."""
        return {"parameters": sum(array.size for array in self.weights())}
