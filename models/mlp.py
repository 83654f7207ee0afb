"""The report's small neural network: 400-10(sigmoid)-17, 4,197 parameters."""

from flax import nnx
from jax import Array

PIXELS = 400
CLASSES = 17


class MLP(nnx.Module):
    """One hidden layer of 10 sigmoid units; Glorot-uniform weights and zero biases, as in Keras."""

    def __init__(self, rngs: nnx.Rngs, hidden: int = 10):
        glorot = nnx.initializers.glorot_uniform()
        self.hidden = nnx.Linear(PIXELS, hidden, kernel_init=glorot, rngs=rngs)
        self.output = nnx.Linear(hidden, CLASSES, kernel_init=glorot, rngs=rngs)

    def __call__(self, images: Array) -> Array:
        """Logits (n, 17) of images (n, 400), float32 in 0 to 1."""
        return self.output(nnx.sigmoid(self.hidden(images)))
