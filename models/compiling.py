"""Where compiled programs come from: this process, the cache on disk, or the compiler."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import jax

Origin = Literal["compiled", "disk", "process"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)
_from_disk = 0


class Compiled(NamedTuple):
    """A compiled program, the seconds that tracing and compiling or loading it took, and its origin."""

    call: Any
    seconds: float
    origin: Origin

    def place(self, *arguments: Any) -> Any:
        """The program's first arguments on the devices where it wants them."""
        wanted = self.call.input_shardings[0][: len(arguments)]
        return jax.block_until_ready(jax.device_put(arguments, wanted))


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


def compiled(lower: Callable[[], jax.stages.Lowered]) -> Compiled:
    """Compile what `lower` traces, or load it."""
    before, started = _from_disk, time.perf_counter()
    call = lower().compile()
    seconds = time.perf_counter() - started
    return Compiled(call, seconds, "disk" if _from_disk > before else "compiled")


def obtain(compiler: Any, *shape: Any) -> Compiled:
    """The program that a cached `compiler` has for a shape, with what it cost now.

    That is nothing if this process had it already.
    """
    before = compiler.cache_info().misses
    program: Compiled = compiler(*shape)
    if compiler.cache_info().misses == before:
        program = program._replace(seconds=0.0, origin="process")
    return program


def _count(event: str, **_: Any) -> None:
    global _from_disk  # noqa: PLW0603 - JAX tells listeners, not callers
    _from_disk += event == "/jax/compilation_cache/cache_hits"


jax.monitoring.register_event_listener(_count)
