"""The devices that a program runs on, and how they share out the images of a batch.

A CPU's cores are devices too. XLA spreads each single operation of a program over the cores and waits
for all of them after each. A network of small operations is faster where every core takes the whole step
with its own images, and they meet once, to add up their gradients. On a GPU or TPU one device takes the
whole batch, unless the user divides it among several.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import jax
from hexbench.models.machine import usable_cores
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "devices"
MIN_SHARD_SIZE = 8
"""Images of a step for a core; smaller shards are not faster."""
REPLICATED, SHARDED = PartitionSpec(), PartitionSpec(AXIS)
"""What every device has, and what each has a part of, along the first axis."""


def expose_cpu_devices() -> None:
    """Make each core that this process may use a JAX device, unless the user has set their number.

    Must be called before JAX computes anything; after that it changes nothing.
    """
    asked = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if asked or jax.config.jax_num_cpu_devices != -1:  # type: ignore[attr-defined]
        return
    usable = usable_cores()
    threads = os.environ.get("NPROC", "")  # XLA's own number of threads
    most = int(threads) if threads.isdecimal() else usable
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", max(1, min(most, usable)))


class Devices(NamedTuple):
    """Devices of one kind."""

    members: tuple[jax.Device, ...]
    divide: bool = False
    """Whether all of them share out every batch; else only where that is faster, on a CPU."""
    are_cores: bool = False
    """Whether they are a CPU's."""

    def shards(self, images: int) -> int:
        """Among how many of them a batch is divided: equal shards, but for padding if `divide` is set."""
        if self.divide:
            return len(self.members)
        most = min(len(self.members), images // MIN_SHARD_SIZE) if self.are_cores else 1
        return max((count for count in range(1, most + 1) if images % count == 0), default=1)

    def shard(self, count: int, program: Callable[..., Any], in_specs: Any, out_specs: Any) -> Any:
        """The program on `count` of them, each with its shard; the specs are `jax.shard_map`'s."""
        return jax.shard_map(program, mesh=self._mesh(count), in_specs=in_specs, out_specs=out_specs)

    def jit(self, count: int, program: Callable[..., Any], **options: Any) -> Any:
        """`jax.jit` of a program on `count` of them, which may be devices that are not here.

        Where they share out every batch each has all arguments and all results, so that every process of
        several gives the one and can read the other.
        """
        whole = NamedSharding(self._mesh(count), REPLICATED)
        if self.divide:
            options |= {"in_shardings": whole, "out_shardings": whole}
        elif count == 1 and self.members[0] not in jax.local_devices():
            options |= {"in_shardings": whole}
        return jax.jit(program, **options)

    def _mesh(self, count: int) -> Mesh:
        return Mesh(self.members[:count], (AXIS,))


def own_devices() -> Devices:
    """Those of this process: a batch is divided where that is faster."""
    return Devices(tuple(jax.local_devices()), are_cores=jax.default_backend() == "cpu")


def first_devices(count: int | None) -> Devices | None:
    """So many, of all processes that work together, to share out every batch; None for None.

    ValueError where there are fewer.
    """
    if count is None:
        return None
    there: Sequence[jax.Device] = jax.devices()
    if not 1 <= count <= len(there):
        raise ValueError(f"a batch cannot be divided among {count} devices: JAX has {len(there)}")
    return Devices(tuple(there[:count]), divide=True, are_cores=jax.default_backend() == "cpu")
