"""How much arithmetic an epoch is, and how fast this machine multiplies matrices.

JAX waits inside the contestant: the page needs the arithmetic alone.
"""

import time
from typing import Any

from bench.peers.task import Task

SIDE = 4096
PRODUCTS = 5


def operations_per_image(model: str) -> int:
    """Floating-point operations to train on one image: products and sums, by the plain definition.

    A layer costs the same three times: forward, its weights' gradient, and its input's gradient,
    which the first layer does not need. Biases, activations and Adam are left out: under 2%. A
    contestant may need fewer (Winograd's filtering does), so that its share of the peak can be
    above what its matrix products reach.
    """
    if model == "cnn":
        forward = [2 * 18**2 * 9 * 64, 2 * 16**2 * 9 * 64 * 32, 2 * 8192 * 17]
    else:
        forward = [2 * 400 * 10, 2 * 10 * 17]
    return 2 * forward[0] + 3 * sum(forward[1:])


class MatrixProduct:
    """A contestant of its own: XLA's product of two large float32 matrices."""

    def __init__(self, task: Task):
        import jax
        import jax.numpy as jnp

        left, right = jax.random.split(jax.random.key(task.seed))
        self._matrices = [
            jax.random.normal(key, (SIDE, SIDE), jnp.float32) for key in (left, right)
        ]
        product = jax.jit(jnp.matmul)
        self._multiply = lambda: jax.block_until_ready(product(*self._matrices))
        self._best = 0.0

    def prepare(self) -> None:
        """Compile, and one product."""
        self._multiply()

    def train(self) -> None:
        """Some products, of which the fastest counts."""
        for _ in range(PRODUCTS):
            started = time.perf_counter()
            self._multiply()
            seconds = time.perf_counter() - started
            self._best = max(self._best, 2 * SIDE**3 / seconds)

    def accuracy(self) -> float:
        """It reads no images."""
        return 0.0

    def facts(self) -> dict[str, Any]:
        """Operations a second of the fastest product."""
        return {"operations_per_second": self._best}
