"""Networks in PyTorch, eager, as its users write them: on the CPU, or on a GPU that holds the images."""

from contextlib import nullcontext
from typing import Any

import joblib
import numpy as np
import torch
from hexbench.peers.roster import GPU
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
        self._device = torch.device("cuda" if task.device == GPU else "cpu")
        if task.device == GPU:  # TF32 for products too, as JAX has it
            torch.set_float32_matmul_precision("high")
        self._images = self._as_input(task.images)
        self._labels = torch.tensor(task.labels, dtype=torch.long, device=self._device)
        self._layout = layout
        self._network = _network(task).to(self._device, memory_format=layout)
        for name, parameter in self._network.named_parameters():
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        self._optimizer = self._adam()
        self._loss = nn.CrossEntropyLoss()

    def _adam(self, **options: Any) -> Any:
        learning_rate = self.task.params["learning_rate"]
        return torch.optim.Adam(self._network.parameters(), lr=learning_rate, eps=1e-7, **options)

    def train(self) -> None:
        """One epoch, to the last weight."""
        order = torch.randperm(len(self._images), device=self._device)
        for rows in order.split(self.task.params["batch_size"]):
            self._take(rows)
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def _take(self, rows: Any) -> None:
        """A step on the images of these rows."""
        self._step(self._images[rows].contiguous(memory_format=self._layout), self._labels[rows])

    def _step(self, batch: Any, labels: Any) -> None:
        self._optimizer.zero_grad()
        with torch.autocast(self._device.type, torch.bfloat16) if self._reduced else nullcontext():
            loss = self._loss(self._network(batch), labels)
        loss.backward()
        self._optimizer.step()

    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""
        with torch.no_grad():
            batches = self._as_input(self.task.test_images).split(PREDICTED_AT_ONCE)
            parts = [self._network(batch).argmax(dim=1) for batch in batches]
        return np.asarray(torch.cat(parts).cpu())

    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""
        return [p.detach().cpu().numpy().copy() for p in self._network.parameters()]

    def _as_input(self, images: np.ndarray) -> Any:
        """(n, channels, height, width) or (n, pixels), contiguous with the usual strides."""
        found = self.task.inputs(images)
        found = np.moveaxis(found, -1, 1) if found.ndim == 4 else found
        # By way of one axis: strides of a single channel may be taken for another layout.
        return torch.tensor(found.ravel(), device=self._device).reshape(found.shape)


class Graphed(PyTorch):
    """A step recorded once as a CUDA graph and then replayed: no time goes to launching each kernel.

    As PyTorch's documentation records whole steps; the last, smaller batch is a step like any other.
    """

    WARM_UP = 3
    """Steps before recording, which the documentation asks for; on the first batch."""

    def __init__(self, task: Task):
        super().__init__(task)
        self._optimizer = self._adam(capturable=True)
        size = task.params["batch_size"]
        self._batch, self._wanted = self._images[:size].clone(), self._labels[:size].clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(self.WARM_UP):
                self._step(self._batch, self._wanted)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._step(self._batch, self._wanted)

    def _take(self, rows: Any) -> None:
        if len(rows) < len(self._batch):
            super()._take(rows)
            return
        torch.index_select(self._images, 0, rows, out=self._batch)
        torch.index_select(self._labels, 0, rows, out=self._wanted)
        self._graph.replay()


def channels_last(task: Task) -> PyTorch:
    """PyTorch with channels innermost in memory, on some devices its faster layout."""
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
