"""What a number depends on besides the code: machine, versions, threads, commit. Imports no JAX."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("jax", "jaxlib", "flax", "optax", "scikit-learn", "numpy", "scipy", "pandas")
VARIABLES = (
    "XLA_FLAGS",
    "JAX_PLATFORMS",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
ROOT = Path(__file__).parents[2]


def describe() -> dict[str, Any]:
    """The environment as plain values: python, packages, machine, variables, commit."""
    return {
        "hexbench": _version("hexbench"),
        "commit": commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def device() -> str:
    """The device that JAX computes on, such as `cpu` or `gpu: NVIDIA A100`. Imports JAX."""
    import jax

    first = jax.devices()[0]
    count = len(jax.devices())
    kind = "" if first.platform == "cpu" else f": {first.device_kind}"
    return f"{first.platform}{kind}" + (f" (1 of {count})" if count > 1 else "")


def has_accelerator() -> bool:
    """Whether JAX computes on something other than a CPU. Imports JAX."""
    import jax

    return bool(jax.default_backend() != "cpu")


@cache
def machine() -> str:
    """The processor and its cores: times of different machines must not be pooled."""
    return f"{_processor()}, {os.cpu_count()} cores"


@cache
def commit() -> str | None:
    """The commit of the working tree, with `-dirty` if tracked files differ; None outside git."""
    hash_ = _git("rev-parse", "HEAD")
    if hash_ is None:
        return None
    return hash_ + ("-dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    if sys.platform == "linux":
        try:
            for line in Path("/proc/cpuinfo").read_text().splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    try:
        import psutil

        return round(psutil.virtual_memory().total / 1e9, 1)
    except (ImportError, OSError):
        return None
