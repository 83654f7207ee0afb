"""Networks in JAX: hexbench's own training program, and the loop of Flax's MNIST tutorial."""

from typing import Any

import jax
import numpy as np
import optax
from flax import nnx
from hexbench.models import entries
from hexbench.models.training.devices import expose_cpu_devices
from hexbench.models.training.early_stopping import Evaluator
from hexbench.models.training.trainer import Trainer
from hexbench.peers.task import Network, Task


class Hexbench(Network):
    """The compiled epoch that every hexbench cell trains with."""

    def __init__(self, task: Task):
        super().__init__(task)
        expose_cpu_devices()
        classifier = entries()[task.model].load()(**task.params)
        self._network = classifier.describe(task.images.shape[1:], task.classes)
        data, recipe = (_flat(task.images), task.labels), classifier.recipe(len(task.images))
        self._trainer = Trainer(
            self._network, [data], [task.seed], [task.seed], task.params["batch_size"], recipe
        )

    def train(self) -> None:
        """One epoch, to the last weight."""
        self._trainer.advance(1)

    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""
        evaluator = Evaluator(self._network, _flat(self.task.test_images), self.task.test_labels)
        return evaluator(self._trainer.weights[0])[0].predicted

    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""
        return [np.asarray(leaf) for leaf in jax.tree.leaves(self._trainer.weights[0])]


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


class TutorialNetwork(nnx.Module):
    """The task's network with Flax's own layers."""

    def __init__(self, task: Task, rngs: nnx.Rngs):
        self._kernels = tuple(layer.kernel for layer in task.layers)
        self._activation = getattr(nnx, task.params["activation"])
        glorot = nnx.initializers.glorot_uniform()
        for number, (kernel, inputs, outputs, _) in enumerate(task.layers):
            layer: nnx.Module
            if kernel:
                size = (kernel, kernel)
                layer = nnx.Conv(inputs, outputs, size, padding="VALID", kernel_init=glorot, rngs=rngs)
            else:
                layer = nnx.Linear(inputs, outputs, kernel_init=glorot, rngs=rngs)
            setattr(self, f"layer{number}", layer)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Logits (n, classes) of `Task.inputs`."""
        for number, kernel in enumerate(self._kernels):
            x = x if kernel else x.reshape(x.shape[0], -1)
            x = getattr(self, f"layer{number}")(x)
            x = x if number == len(self._kernels) - 1 else self._activation(x)
        return x


def _loss(model: Any, batch: dict[str, Any]) -> tuple[jax.Array, jax.Array]:
    logits = model(batch["image"])
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"])
    return losses.mean(), logits


@nnx.jit
def _train_step(model: Any, optimizer: Any, metrics: Any, batch: dict[str, Any]) -> None:
    (loss, logits), gradients = nnx.value_and_grad(_loss, has_aux=True)(model, batch)
    metrics.update(loss=loss, logits=logits, labels=batch["label"])
    optimizer.update(model, gradients)


@nnx.jit
def _predict_step(model: Any, images: Any) -> jax.Array:
    return model(images).argmax(axis=1)


class FlaxTutorial(Network):
    """One `nnx.jit` call a step, `nnx.Optimizer` and metrics, as Flax's MNIST tutorial has it.

    Its Adam is optax's, which adds epsilon after correcting the second moment.
    """

    def __init__(self, task: Task):
        super().__init__(task)
        self._model = TutorialNetwork(task, nnx.Rngs(task.seed))
        adam = optax.adam(task.params["learning_rate"], eps=1e-7)
        self._optimizer = nnx.Optimizer(self._model, adam, wrt=nnx.Param)
        self._metrics = nnx.MultiMetric(accuracy=nnx.metrics.Accuracy(), loss=nnx.metrics.Average("loss"))
        self._images, self._labels = task.inputs(task.images), task.labels.astype(np.int32)
        self._rng = np.random.default_rng(task.seed)

    def train(self) -> None:
        """One epoch, to the last weight."""
        order, size = self._rng.permutation(len(self._images)), self.task.params["batch_size"]
        for rows in np.split(order, range(size, len(order), size)):
            batch = {"image": self._images[rows], "label": self._labels[rows]}
            _train_step(self._model, self._optimizer, self._metrics, batch)
        jax.block_until_ready(nnx.state(self._model))
        self._metrics.reset()

    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""
        return np.asarray(_predict_step(self._model, self.task.inputs(self.task.test_images)))

    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""
        return [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(self._model, nnx.Param))]
