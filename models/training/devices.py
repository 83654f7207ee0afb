"""A CPU's cores as devices that share out the images of a batch.

XLA spreads each single operation of a program over the cores and waits for all of them after each. A
network of small operations is faster where every core takes the whole step with its own images, and
they meet once, to add up their gradients. On a GPU or TPU there is nothing to share out.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
from jax.sharding import Mesh, PartitionSpec

AXIS = "cores"
MIN_SHARD_SIZE = 8
"""Images of a step for a core; smaller shards are not faster."""
REPLICATED, SHARDED = PartitionSpec(), PartitionSpec(AXIS)
"""What every core has, and what each has a part of, along the first axis."""


def expose_cpu_devices() -> None:
    """Make each core that this process may use a JAX device, unless the user has set their number.

    Must be called before JAX computes anything; after that it changes nothing.
    """
    asked = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if asked or jax.config.jax_num_cpu_devices != -1:  # type: ignore[attr-defined]
        return
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("NPROC", "")  # XLA's own number of threads
    most = int(threads) if threads.isdecimal() else usable or 1
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", max(1, min(most, usable or 1)))


def num_shards(images: int) -> int:
    """Among how many cores images are divided, in equal shards of MIN_SHARD_SIZE or more."""
    if jax.default_backend() != "cpu":
        return 1
    most = min(jax.local_device_count(), images // MIN_SHARD_SIZE)
    return max((count for count in range(1, most + 1) if images % count == 0), default=1)


def over_shards(count: int, program: Callable[..., Any], in_specs: Any, out_specs: Any) -> Callable[..., Any]:
    """The program on `count` cores, each with its shard; the specs are `jax.shard_map`'s."""
    mesh = Mesh(jax.local_devices()[:count], (AXIS,))
    return jax.shard_map(program, mesh=mesh, in_specs=in_specs, out_specs=out_specs)
