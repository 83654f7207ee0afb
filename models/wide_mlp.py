"""A wider multilayer perceptron, with ReLUs."""

from collections.abc import Sequence
from typing import Any, ClassVar

from hexbench.models.mlp import MLPClassifier


class WideMLPClassifier(MLPClassifier):
    """`MLPClassifier` with two hidden layers of 256 ReLUs, in batches of 64."""

    name = "wide_mlp"
    label = "Wide MLP"
    cost: ClassVar = {"fixed": 0.5, "step": 1.5e-3, "pixel": 3.5e-9, "tested_pixel": 2.5e-9}
    stops_after = 200

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        activation: str = "relu",
        learning_rate: float = 0.001,
        batch_size: int = 64,
        epochs: int = 20,
        random_state: Any = None,
    ):
        super().__init__(hidden_layer_sizes, activation, learning_rate, batch_size, epochs, random_state)
