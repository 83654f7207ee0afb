"""Compiled programs, what getting them cost, and the folder where XLA keeps them."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp

Origin = Literal["compiled", "disk", "process"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)
"""Whether a program was compiled, loaded from disk, or there in the process already."""


class Program:
    """A compiled program. Its first user is charged for the compilation, later ones are not."""

    def __init__(self, lower: Callable[[], jax.stages.Lowered]):
        """Compile what `lower` traces, or load it from disk."""
        hits: list[str] = []

        def listen(event: str, **_: Any) -> None:
            if event == "/jax/compilation_cache/cache_hits":
                hits.append(event)

        jax.monitoring.register_event_listener(listen)
        try:
            started = time.perf_counter()
            self.call = lower().compile()
            self._seconds = time.perf_counter() - started
        finally:
            jax.monitoring.unregister_event_listener(listen)
        self._origin: Origin = "disk" if hits else "compiled"
        self._is_warm = False

    def charge(self) -> tuple[Origin, float]:
        """Where the program came from for this user, and the seconds that it cost them."""
        charged = self._origin, self._seconds
        self._origin, self._seconds = "process", 0.0
        return charged

    def place(self, *arguments: Any) -> Any:
        """The program's first arguments on the devices where it wants them."""
        wanted = self.call.input_shardings[0][: len(arguments)]
        return jax.block_until_ready(jax.tree.map(_put, arguments, wanted))

    def timed(self, *arguments: Any, warm_up: bool = False) -> tuple[Any, float]:
        """The result, and the seconds until it was there.

        With `warm_up` a first call, which takes longer than others, is made twice.
        """
        if warm_up and not self._is_warm:
            jax.block_until_ready(self.call(*arguments))
        self._is_warm = True
        started = time.perf_counter()
        result = jax.block_until_ready(self.call(*arguments))
        return result, time.perf_counter() - started


def _put(array: Any, wanted: jax.sharding.Sharding | None) -> jax.Array:
    """An array on the devices that are wanted, some of which other processes may have."""
    if wanted is None:  # the program makes no use of it
        return array
    if wanted.is_fully_addressable or not jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        return jax.device_put(array, wanted)
    # JAX puts no random keys there, but the numbers that they are made of.
    return jax.random.wrap_key_data(jax.device_put(jax.random.key_data(array), wanted))


def keep_programs_in(folder: Path) -> None:
    """Let XLA keep every compiled program in a folder, and take from there what it compiled before.

    A folder that the user gave JAX (JAX_COMPILATION_CACHE_DIR) stays; without one that can be
    written, programs are compiled as ever. They are told apart by their code, options, versions and
    processor.
    """
    if jax.config.jax_compilation_cache_dir is not None:  # type: ignore[attr-defined]
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
