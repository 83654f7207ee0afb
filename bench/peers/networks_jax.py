"""Networks in JAX: hexbench's own training program, and the loop of Flax's MNIST tutorial."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from bench.peers.task import Network, Task
from models import NETWORKS
from models.cnn import SIDE
from models.evaluation import Evaluator, to_device
from models.mlp import CLASSES, MLP
from models.training import LEARNING_RATE, compile_training, initial_state


class Hexbench(Network):
    """The compiled epoch that every hexbench cell trains with."""

    def __init__(self, task: Task):
        super().__init__(task)
        module = NETWORKS[task.model]
        program = compile_training(module, *task.images.shape, task.batch_size)
        self._program = program.call
        self._state, *self._data = program.place(
            initial_state(module, jax.random.key(task.seed)),
            *to_device(task.images, task.labels),
            jax.random.key(task.seed + 1),
        )

    def train(self) -> None:
        """One epoch, to the last weight."""
        state, _ = self._program(self._state, *self._data, jnp.int32(1))
        self._state = jax.block_until_ready(state)

    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""
        evaluator = Evaluator(
            NETWORKS[self.task.model], self.task.test_images, self.task.test_labels
        )
        return evaluator(self._state.params)[0].predicted

    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""
        return [np.asarray(leaf) for leaf in jax.tree.leaves(self._state.params)]


class TutorialCNN(nnx.Module):
    """The report's CNN with Flax's own layers."""

    def __init__(self, rngs: nnx.Rngs):
        glorot = nnx.initializers.glorot_uniform()
        self.first = nnx.Conv(1, 64, (3, 3), padding="VALID", kernel_init=glorot, rngs=rngs)
        self.second = nnx.Conv(64, 32, (3, 3), padding="VALID", kernel_init=glorot, rngs=rngs)
        self.output = nnx.Linear((SIDE - 4) ** 2 * 32, CLASSES, kernel_init=glorot, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """Logits (n, 17) of images (n, 20, 20, 1), float32 in 0 to 1."""
        x = nnx.relu(self.second(nnx.relu(self.first(images))))
        return self.output(x.reshape(x.shape[0], -1))


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
        rngs = nnx.Rngs(task.seed)
        self._model = TutorialCNN(rngs) if task.model == "cnn" else MLP(rngs)
        self._optimizer = nnx.Optimizer(
            self._model, optax.adam(LEARNING_RATE, eps=1e-7), wrt=nnx.Param
        )
        self._metrics = nnx.MultiMetric(
            accuracy=nnx.metrics.Accuracy(), loss=nnx.metrics.Average("loss")
        )
        self._images = self._as_input(task.images)
        self._labels = task.labels.astype(np.int32)
        self._rng = np.random.default_rng(task.seed)

    def train(self) -> None:
        """One epoch, to the last weight."""
        order = self._rng.permutation(len(self._images))
        for rows in np.split(order, range(self.task.batch_size, len(order), self.task.batch_size)):
            batch = {"image": self._images[rows], "label": self._labels[rows]}
            _train_step(self._model, self._optimizer, self._metrics, batch)
        jax.block_until_ready(nnx.state(self._model))
        self._metrics.reset()

    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""
        return np.asarray(_predict_step(self._model, self._as_input(self.task.test_images)))

    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""
        return [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(self._model, nnx.Param))]

    def _as_input(self, images: np.ndarray) -> np.ndarray:
        scaled = images.astype(np.float32) / 255
        return scaled.reshape(-1, SIDE, SIDE, 1) if self.task.model == "cnn" else scaled
