"""Networks in PyTorch, eager and on the CPU, as its users write them."""

from contextlib import nullcontext
from typing import Any

import joblib
import numpy as np
import torch
from hexbench.peers.task import PREDICTED_AT_ONCE, Network, Task
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class PyTorch(Network):
    """A step at a time, on every core."""

    def __init__(self, task: Task, layout: Any = torch.contiguous_format, reduced: bool = False):
        """`reduced`: products and convolutions in bfloat16, as `torch.autocast` chooses them."""
        super().__init__(task)
        self._reduced = reduced
        torch.manual_seed(task.seed)
        torch.set_num_threads(joblib.cpu_count())
        self._images = self._as_input(task.images)
        self._labels = torch.tensor(task.labels, dtype=torch.long)
        self._layout = layout
        self._network = _network(task).to(memory_format=layout)
        for name, parameter in self._network.named_parameters():
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        learning_rate = task.params["learning_rate"]
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=learning_rate, eps=1e-7)
        self._loss = nn.CrossEntropyLoss()

    def train(self) -> None:
        """One epoch, to the last weight."""
        for rows in torch.randperm(len(self._images)).split(self.task.params["batch_size"]):
            self._optimizer.zero_grad()
            batch = self._images[rows].contiguous(memory_format=self._layout)
            with torch.autocast("cpu", torch.bfloat16) if self._reduced else nullcontext():
                loss = self._loss(self._network(batch), self._labels[rows])
            loss.backward()
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
        """(n, channels, height, width) or (n, pixels), contiguous with the usual strides."""
        found = self.task.inputs(images)
        found = np.moveaxis(found, -1, 1) if found.ndim == 4 else found
        # By way of one axis: strides of a single channel may be taken for another layout.
        return torch.tensor(found.ravel()).reshape(found.shape)


def channels_last(task: Task) -> PyTorch:
    """PyTorch with channels innermost in memory, its faster layout on a CPU."""
    return PyTorch(task, torch.channels_last)


def bfloat16(task: Task) -> PyTorch:
    """PyTorch with autocast, which some processors compute twice as fast."""
    return PyTorch(task, reduced=True)


def _network(task: Task) -> Any:
    *hidden, output = task.layers
    activation = ACTIVATIONS[task.params["activation"]]
    parts: list[Any] = []
    for kernel, inputs, outputs, _ in hidden:
        layer = nn.Conv2d(inputs, outputs, kernel) if kernel else nn.Linear(inputs, outputs)
        parts += [layer, activation()]
    if hidden and hidden[-1].kernel:
        parts.append(nn.Flatten())
    return nn.Sequential(*parts, nn.Linear(output.inputs, output.outputs))
