"""Networks in PyTorch, eager and on the CPU, as its users write them."""

from typing import Any

import joblib
import numpy as np
import torch
from torch import nn

from bench.peers.task import PREDICTED_AT_ONCE, Network, Task


class PyTorch(Network):
    """A step at a time, on every core."""

    layout = torch.contiguous_format

    def __init__(self, task: Task):
        super().__init__(task)
        torch.manual_seed(task.seed)
        torch.set_num_threads(joblib.cpu_count())
        self._images = self._as_input(task.images)
        self._labels = torch.tensor(task.labels, dtype=torch.long)
        self._network = _network(task.model).to(memory_format=self.layout)
        for name, parameter in self._network.named_parameters():
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=1e-3, eps=1e-7)
        self._loss = nn.CrossEntropyLoss()

    def train(self) -> None:
        """One epoch in a new order, the last, smaller batch included."""
        for rows in torch.randperm(len(self._images)).split(self.task.batch_size):
            self._optimizer.zero_grad()
            batch = self._in_layout(self._images[rows])
            self._loss(self._network(batch), self._labels[rows]).backward()
            self._optimizer.step()

    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""
        with torch.no_grad():
            batches = self._as_input(self.task.test_images).split(PREDICTED_AT_ONCE)
            parts = [self._network(batch).argmax(dim=1) for batch in batches]
        return np.asarray(torch.cat(parts))

    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""
        return [p.detach().numpy().copy() for p in self._network.parameters()]

    def _as_input(self, images: np.ndarray) -> Any:
        scaled = torch.tensor(images).float().div(255)
        return scaled.reshape(-1, 1, 20, 20) if self.task.model == "cnn" else scaled

    def _in_layout(self, batch: Any) -> Any:
        return batch


class PyTorchChannelsLast(PyTorch):
    """PyTorch with channels innermost in memory, its faster layout on a CPU."""

    layout = torch.channels_last

    def _in_layout(self, batch: Any) -> Any:
        return batch.contiguous(memory_format=self.layout)


def _network(model: str) -> Any:
    if model == "mlp":
        return nn.Sequential(nn.Linear(400, 10), nn.Sigmoid(), nn.Linear(10, 17))
    return nn.Sequential(
        nn.Conv2d(1, 64, 3), nn.ReLU(), nn.Conv2d(64, 32, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(8192, 17),
    )  # fmt: skip
