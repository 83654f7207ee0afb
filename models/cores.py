"""A CPU's cores as devices that share out the images of a batch between them.

XLA spreads each single operation of a program over the cores and waits for all of them after each. A
network of small operations is faster where every core goes through the whole step with its own images,
and they meet once, to add their gradients up. On a GPU or TPU there is nothing to share out.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Axes

AXIS = "cores"
FEWEST_IMAGES = 8
"""Of a step, for a core: fewer take about as long."""


def offer_cores() -> None:
    """Let JAX see each core that this process may run on as a device, unless the user has said how many.

    That has to be before JAX computes anything; after it, there are as many as there are.
    """
    asked = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if asked or jax.config.jax_num_cpu_devices != -1:  # type: ignore[attr-defined]
        return
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("NPROC", "")  # of XLA, where the user has said how many
    most = int(threads) if threads.isdecimal() else usable or 1
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", max(1, min(most, usable or 1)))


def sharers(images: int) -> int:
    """How many cores share out the images of a step, in equal parts of FEWEST_IMAGES or more."""
    if jax.default_backend() != "cpu":
        return 1
    most = min(jax.local_device_count(), images // FEWEST_IMAGES)
    return max((count for count in range(1, most + 1) if images % count == 0), default=1)


def on_cores(
    count: int, program: Callable[..., Any], shared: Any, result: Any
) -> Callable[..., Any]:
    """The program, run by `count` cores, each with its part of what `shared` and `result` say is shared out.

    These are `jax.shard_map`'s `in_specs` and `out_specs`.
    """
    mesh = Mesh(jax.local_devices()[:count], (AXIS,))
    return jax.shard_map(program, mesh=mesh, in_specs=shared, out_specs=result)


WHOLE, PART = Axes(), Axes(AXIS)
"""What every core has, and what each has a part of, along the first axis."""
