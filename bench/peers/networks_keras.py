"""Networks in Keras, whose backend the process was started for: see `roster.py`.

Keras's defaults are the report's: Glorot-uniform weights, zero biases, Adam at 1e-3 with epsilon 1e-7.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from bench.peers.task import PREDICTED_AT_ONCE, Network, Task


class Keras(Network):
    """`model.fit`, an epoch at a time."""

    def __init__(self, task: Task):
        super().__init__(task)
        keras.utils.set_random_seed(task.seed)
        self._model = _network(task.model)
        self._model.compile(
            optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        self._images = self._as_input(task.images)
        self._labels = task.labels.astype(np.int32)

    def train(self) -> None:
        """One epoch in a new order, the last, smaller batch included."""
        self._model.fit(self._images, self._labels, batch_size=self.task.batch_size, verbose=0)
        # JAX answers before it has finished; reading a weight waits.
        keras.ops.convert_to_numpy(self._model.trainable_variables[-1])

    def predict(self) -> np.ndarray:
        """The most probable class of each test image, (n,)."""
        images = self._as_input(self.task.test_images)
        return self._model.predict(images, batch_size=PREDICTED_AT_ONCE, verbose=0).argmax(axis=1)

    def weights(self) -> list[np.ndarray]:
        """Every array that the network learns."""
        return [np.asarray(array) for array in self._model.get_weights()]

    def _as_input(self, images: np.ndarray) -> np.ndarray:
        scaled = images.astype(np.float32) / 255
        return scaled.reshape(-1, 20, 20, 1) if self.task.model == "cnn" else scaled


def _network(model: str) -> Any:
    if model == "mlp":
        parts = [keras.Input((400,)), layers.Dense(10, activation="sigmoid")]
    else:
        parts = [
            keras.Input((20, 20, 1)),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
        ]
    return keras.Sequential([*parts, layers.Dense(17, activation="softmax")])
