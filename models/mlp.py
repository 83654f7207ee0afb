"""Multilayer perceptrons. The report's, 400-10(sigmoid)-17, has 4,197 parameters."""

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

from flax import nnx
from hexbench.models.network import NetworkClassifier, activation_function, counts
from jax import Array


class MLP(nnx.Module):
    """Dense hidden layers and an output; Glorot-uniform weights and zero biases, as in Keras."""

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        rngs: nnx.Rngs,
        hidden_layer_sizes: Sequence[int] = (10,),
        activation: str = "sigmoid",
    ):
        glorot = nnx.initializers.glorot_uniform()
        self._activation, self._depth = activation, len(hidden_layer_sizes)
        inputs = prod(shape)
        for number, size in enumerate(hidden_layer_sizes, 1):
            layer = nnx.Linear(inputs, size, kernel_init=glorot, rngs=rngs)
            setattr(self, f"hidden{number}", layer)
            inputs = size
        self.output = nnx.Linear(inputs, classes, kernel_init=glorot, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        """Logits (n, classes) of images (n, *shape), float32."""
        x = x.reshape(len(x), -1)
        for number in range(1, self._depth + 1):
            x = activation_function(self._activation)(getattr(self, f"hidden{number}")(x))
        return self.output(x)


class MLPClassifier(NetworkClassifier):
    """A multilayer perceptron; `NetworkClassifier` says how it is trained and what it offers.

    `hidden_layer_sizes` may be empty: that is multinomial logistic regression. `activation` is one of
    `network.ACTIVATIONS`.
    """

    name = "mlp"
    label = "MLP"
    may_be_number = ()
    cost: ClassVar = {"fixed": 0.5, "step": 2e-5, "pixel": 3.5e-9, "tested_pixel": 2.5e-9}
    stops_after = 2000

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (10,),
        activation: str = "sigmoid",
        learning_rate: float = 0.001,
        batch_size: int = 16,
        epochs: int = 50,
        random_state: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state

    def network(self) -> tuple[type[nnx.Module], dict[str, Any]]:
        """The module class and its own arguments."""
        activation_function(self.activation)
        sizes = counts("hidden_layer_sizes", self.hidden_layer_sizes)
        return MLP, {"hidden_layer_sizes": sizes, "activation": self.activation}
