"""What a number depends on besides the code: machine, versions, threads, commit. Starts no JAX."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hexbench.models.machine import usable_cores
from hexbench.store.record import Environment
from hexbench.variables import recorded

PACKAGES = ("jax", "jaxlib", "flax", "optax", "scikit-learn", "numpy", "scipy", "pandas")
FLAGS = (
    *("avx", "avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni"),
    *("avx512_bf16", "avx512_fp16", "amx_tile", "asimd", "sve", "bf16"),
)
"""Of a processor: those that decide in which order XLA's and OpenBLAS's programs add."""
GIT_ANSWERS_WITHIN_S = 10.0
ROOT = Path(__file__).resolve().parents[2]


@cache
def environment() -> Environment:
    """What a number depends on besides the code."""
    return Environment(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count(),
        usable_cores=usable_cores(),
        flags=_flags(),
        memory_gb=_memory_gb(),
        hexbench=_version("hexbench"),
        commit=commit(),
        packages={name: _version(name) for name in PACKAGES},
        blas=_blas(),
        variables=recorded(),
    )


@cache
def commit() -> str | None:
    """The commit of hexbench's own working tree, with `-dirty` if tracked files differ.

    None where Git does not tell both, and where hexbench is installed rather than run from its clone: the
    repository around it, if there is one, is another project's.
    """
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != ROOT or not (ROOT / "run_benchmarks.py").is_file():
        return None
    hash_, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    if not hash_ or changes is None:
        return None
    return hash_ + ("-dirty" if changes else "")


def last_commit(file: Path) -> str | None:
    """The commit that changed a file of hexbench's own working tree last, with its date; None if unknown."""
    known = file.resolve().is_relative_to(ROOT) and commit() is not None
    return (_git("log", "-1", "--format=%h, %cs", "--", str(file.resolve())) or None) if known else None


def _git(*arguments: str) -> str | None:
    """What Git says of the folder that hexbench is in, whichever repository its variables name."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(ROOT), *arguments],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env=own | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            timeout=GIT_ANSWERS_WITHIN_S,
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
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def _flags() -> str | None:
    """Those of FLAGS that the processor has; None where the system does not tell."""
    known = _cpuinfo()
    has = known.get("flags", known.get("Features", "")).split()
    return " ".join(flag for flag in FLAGS if flag in has) if has else None


@cache
def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first core."""
    if sys.platform != "linux":
        return {}
    try:
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _blas() -> list[str]:
    """The libraries in which NumPy and SciPy multiply: version, the processor they work for, threads."""
    import scipy.linalg  # noqa: F401 - loads SciPy's own beside NumPy's
    from threadpoolctl import threadpool_info

    return sorted(
        f"{found['internal_api']} {found['version']} {found.get('architecture')}, "
        f"{found['num_threads']} threads"
        for found in threadpool_info()
        if found["user_api"] == "blas"
    )


def _memory_gb() -> float | None:
    try:
        import psutil

        return round(psutil.virtual_memory().total / 1e9, 1)
    except Exception:  # in a sandbox /proc may lack any part
        return None
