"""Networks in Keras, whose backend the process was started for: see `roster.py`.

Keras's defaults are the report's: Glorot-uniform weights, zero biases, Adam with epsilon 1e-7.
"""

from typing import Any

import keras
import numpy as np
from hexbench.peers.task import PREDICTED_AT_ONCE, Network, Task
from keras import layers


class Keras(Network):
    """`model.fit`, an epoch at a time."""

    def __init__(self, task: Task):
        super().__init__(task)
        keras.utils.set_random_seed(task.seed)
        self._model = _network(task)
        self._model.compile(
            optimizer=keras.optimizers.Adam(task.params["learning_rate"]),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        self._images, self._labels = task.inputs(task.images), task.labels.astype(np.int32)

    def train(self) -> None:
        """One epoch, to the last weight."""
        batch_size = self.task.params["batch_size"]
        self._model.fit(self._images, self._labels, batch_size=batch_size, verbose=0)
        # JAX answers before it has finished; reading a weight waits.
        keras.ops.convert_to_numpy(self._model.trainable_variables[-1])

    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""
        images = self.task.inputs(self.task.test_images)
        return self._model.predict(images, batch_size=PREDICTED_AT_ONCE, verbose=0).argmax(axis=1)

    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""
        return [np.asarray(array) for array in self._model.get_weights()]


def _network(task: Task) -> Any:
    *hidden, output = task.layers
    parts = [keras.Input(task.inputs(task.images[:1]).shape[1:])]
    activation = task.params["activation"]
    for kernel, _, outputs, _ in hidden:
        if kernel:
            parts.append(layers.Conv2D(outputs, kernel, activation=activation))
        else:
            parts.append(layers.Dense(outputs, activation=activation))
    if hidden and hidden[-1].kernel:
        parts.append(layers.Flatten())
    return keras.Sequential([*parts, layers.Dense(output.outputs, activation="softmax")])
