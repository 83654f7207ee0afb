"""The contestants: hexbench's own training program, and PyTorch as its users would write it."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from bench.peers.contest import Split
from models import NETWORKS
from models.fitting import Evaluator
from models.training import compile_training, initial_state


class Hexbench:
    """The compiled epoch that every hexbench cell trains with."""

    name = "hexbench"

    def __init__(self, split: Split, batch_size: int, seed: int):
        images, labels, test_images, self.test_labels = split
        self.program = compile_training(NETWORKS["cnn"], *images.shape, batch_size).call
        self.state = initial_state(NETWORKS["cnn"], jax.random.key(seed))
        self.data = jnp.asarray(images), jnp.asarray(labels, jnp.int32), jax.random.key(seed + 1)
        self.evaluator = Evaluator(NETWORKS["cnn"], test_images, self.test_labels)

    def train_epoch(self) -> None:
        """One epoch, to the last weight."""
        state, _ = self.program(self.state, *self.data, jnp.int32(1))
        self.state = jax.block_until_ready(state)

    def test_accuracy(self) -> float:
        """On the test images."""
        found, _ = self.evaluator(self.state.params)
        return float((found.predicted == self.test_labels).mean())


class PyTorch:
    """Eager PyTorch on the CPU, a step at a time."""

    name = "PyTorch"
    layout = torch.contiguous_format

    def __init__(self, split: Split, batch_size: int, seed: int):
        torch.manual_seed(seed)
        torch.set_num_threads(os.cpu_count() or 1)
        images, labels, test_images, self.test_labels = split
        self.images, self.test_images = self._as_input(images), self._as_input(test_images)
        self.labels = torch.tensor(labels, dtype=torch.long)
        self.batch_size = batch_size
        network: Any = nn.Sequential(
            nn.Conv2d(1, 64, 3), nn.ReLU(), nn.Conv2d(64, 32, 3), nn.ReLU(), nn.Flatten(),
            nn.Linear(8192, 17),
        )  # fmt: skip
        self.network = network.to(memory_format=self.layout)
        for name, parameter in self.network.named_parameters():
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, eps=1e-7)
        self.loss = nn.CrossEntropyLoss()

    def train_epoch(self) -> None:
        """One epoch in a new order, the last, smaller batch included."""
        for rows in torch.randperm(len(self.images)).split(self.batch_size):
            self.optimizer.zero_grad()
            batch = self.images[rows].contiguous(memory_format=self.layout)
            self.loss(self.network(batch), self.labels[rows]).backward()
            self.optimizer.step()

    def test_accuracy(self) -> float:
        """On the test images."""
        with torch.no_grad():
            parts = [self.network(batch).argmax(dim=1) for batch in self.test_images.split(256)]
        return float((torch.cat(parts).numpy() == self.test_labels).mean())

    def _as_input(self, images: np.ndarray) -> torch.Tensor:
        return torch.tensor(images).float().div(255).reshape(-1, 1, 20, 20)


class PyTorchChannelsLast(PyTorch):
    """PyTorch with channels innermost in memory, its faster layout on a CPU."""

    name = "PyTorch, channels last"
    layout = torch.channels_last
