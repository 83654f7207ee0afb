"""How fast a device multiplies matrices: `python -m hexbench.peers.peak` prints that and its name as JSON.

The rate is in float32 operations a second, of XLA's fastest product of two large matrices.
"""

import json
import sys
import time

SIDE = 4096
PRODUCTS = 15


def measure() -> tuple[float, str]:
    """Operations a second of the fastest of PRODUCTS products, and what the device is called."""
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(jax.random.key(0))
    left, right = (jax.random.normal(key, (SIDE, SIDE), jnp.float32) for key in keys)
    product = jax.jit(jnp.matmul)
    product(left, right).block_until_ready()  # compiles
    best = 0.0
    for _ in range(PRODUCTS):
        started = time.perf_counter()
        product(left, right).block_until_ready()
        best = max(best, 2 * SIDE**3 / (time.perf_counter() - started))
    return best, jax.devices()[0].device_kind


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()))
