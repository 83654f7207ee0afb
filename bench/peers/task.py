"""What a contestant is given to do, and what it can then be asked."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

PREDICTED_AT_ONCE = 256
"""Test images in a batch, for whoever predicts in batches; prediction is not timed."""


@dataclass(frozen=True)
class Task:
    """A model, and images to train and to test it on."""

    model: str
    """`cnn`, `mlp` or `svm`."""
    batch_size: int
    """Images of a step; an SVM has none, 0."""
    images: np.ndarray
    """(n, 400) uint8."""
    labels: np.ndarray
    """(n,) 0 to 16."""
    test_images: np.ndarray
    test_labels: np.ndarray
    seed: int = 0

    def save(self, file: Path) -> None:
        """Write the task for another process."""
        np.savez(file, **vars(self))

    @classmethod
    def load(cls, file: Path) -> "Task":
        """The task that `save` wrote; OSError or ValueError if it cannot be read."""
        with np.load(file) as saved:
            arrays = {name: saved[name] for name in saved.files}
        return cls(**{n: a if a.ndim else a.item() for n, a in arrays.items()})


class Contestant(Protocol):
    """One library's way to do a task; its class takes the task and builds what it needs."""

    def prepare(self) -> None:
        """What only the first run pays: compile, start threads. Not counted among the rounds."""

    def train(self) -> None:
        """One round: one more epoch, or one grid search. Returns when the device has finished."""

    def accuracy(self) -> float:
        """Share of the test images that are now read rightly."""

    def facts(self) -> dict[str, Any]:
        """What else there is to say of the result, as plain values."""


class Network(ABC):
    """A contestant that trains a network: Glorot-uniform weights, zero biases, Adam, last batch too."""

    def prepare(self) -> None:
        """The first epoch, which compiles."""
        self.train()

    @abstractmethod
    def train(self) -> None:
        """One epoch in a new order, to the last weight."""

    @abstractmethod
    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""

    @abstractmethod
    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""

    def __init__(self, task: Task):
        self.task = task

    def accuracy(self) -> float:
        """On the test images."""
        return float((self.predict() == self.task.test_labels).mean())

    def facts(self) -> dict[str, Any]:
        """How many numbers the network learns."""
        return {"parameters": sum(array.size for array in self.weights())}
