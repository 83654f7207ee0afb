"""Environment variables: what a run lets them change, what it records, and what it puts aside.

A run gives the same numbers whatever a shell, a notebook or a container has set, but for the variables
that choose devices, threads and precision: those are recorded.
"""

import os
import re
import sys
import warnings
from collections.abc import Mapping
from fnmatch import fnmatchcase

from hexbench.errors import BadInput
from hexbench.files import short
from hexbench.models.machine import processor_quota, usable_cores

HONOURED = (
    *("JAX_PLATFORMS", "JAX_NUM_CPU_DEVICES", "JAX_DEFAULT_MATMUL_PRECISION", "JAX_*_VISIBLE_DEVICES"),
    *("JAX_COMPILATION_CACHE_*", "JAX_PERSISTENT_CACHE_*", "JAX_ENABLE_COMPILATION_CACHE"),
    *("JAX_COORDINATOR_*", "JAX_LOCAL_DEVICE_IDS", "JAX_PARTITION_INDEX", "JAX_SLICE_INDEX"),
    *("JAX_CPU_COLLECTIVES_IMPLEMENTATION", "JAX_CPU_GET_*", "JAX_CROSS_HOST_*", "JAX_DISTRIBUTED_DEBUG"),
    *("JAX_LOG*", "JAX_DEBUG_LOG_MODULES", "JAX_EXPLAIN_CACHE_MISSES", "JAX_TRACEBACK_*", "JAX_DUMP_*"),
    *("JAX_PJRT_*", "JAX_SHARE_BINARY_*", "JAX_CHECK_PROXY_ENVS"),
)
"""JAX's settings that do not change what a program computes, or are recorded. All others are put aside:
64-bit numbers, other random generators or programs that are not compiled are another measurement."""
RECORDED = (
    *("JAX_*", "XLA_*", "TF_XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE", "CUDA_DEVICE_*"),
    *("*_VISIBLE_DEVICES", "TPU_VISIBLE_CHIPS", "CUDA_CACHE_*", "CUDA_LAUNCH_BLOCKING", "CUBLAS_*", "NCCL_*"),
    *("NPROC", "LOKY_MAX_CPU_COUNT", "OMP_*", "KMP_*", "GOMP_*", "OPENBLAS_*", "GOTO_*", "MKL_*", "BLIS_*"),
    *(
        "VECLIB_*",
        "NPY_*",
        "NUMEXPR_*",
        "SKLEARN_*",
        "SCIPY_ARRAY_API",
        "ONEDNN_*",
        "DNNL_*",
        "PYTHONOPTIMIZE",
    ),
    *("MALLOC_*", "GLIBC_TUNABLES", "LD_PRELOAD"),
)
"""Variables on which numbers, threads or memory can depend."""
CORES = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Threads of XLA and of the libraries in which NumPy and SciPy multiply."""
COUNT = re.compile(r"[1-9][0-9]{0,5}")
COUNTED = (*CORES, "LOKY_MAX_CPU_COUNT", "JAX_NUM_CPU_DEVICES")


def settle() -> list[str]:
    """Make this process's environment one in which a run can be measured; the names that are put aside.

    Must be called before JAX, NumPy or matplotlib is imported. BadInput names a variable that cannot be
    understood.
    """
    aside = [name for name in os.environ if name.startswith("JAX") and not _is_one_of(name, HONOURED)]
    for name in aside:
        del os.environ[name]
    if any(option.split(":")[0] in ("error", "e") for option in sys.warnoptions):
        # A warning of a library is no failure of a run. Processes that this one starts get no option either.
        sys.warnoptions.clear()
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)  # Python's own default
        aside += ["PYTHONWARNINGS"] if os.environ.pop("PYTHONWARNINGS", None) else []
    # A notebook's kernel names a backend that other environments lack; figures go to files alone.
    os.environ["MPLBACKEND"] = "agg"
    for name in COUNTED:
        value = os.environ.get(name, "").strip()
        levels = value.split(",") if name.startswith("OMP") else [value]  # of nested parallel regions
        if value and not all(COUNT.fullmatch(level.strip()) for level in levels):
            raise BadInput(
                f"the environment variable {name} is {short(value)!r}: set it to a whole number above 0, or "
                "unset it."
            )
        if not value:
            os.environ.pop(name, None)
    if processor_quota() is not None:
        for name in CORES:
            os.environ.setdefault(name, str(usable_cores()))
    return sorted(aside)


def recorded(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those on which numbers, threads or memory can depend, with their values."""
    return {name: environment[name] for name in sorted(environment) if _is_one_of(name, RECORDED)}


def _is_one_of(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
