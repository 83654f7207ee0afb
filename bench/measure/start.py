"""Starts JAX on the device that the environment asks for, and says which that is."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from hexbench.errors import BadInput
from hexbench.files import reason, short

PLATFORMS = "JAX_PLATFORMS"
ENDS_THE_PROCESS = ("XLA_FLAGS", "LIBTPU_INIT_ARGS")
"""Variables with which XLA ends the process instead of raising an error."""
READ_AT_ONCE = ("JAX_DEFAULT_MATMUL_PRECISION", "JAX_LOGGING_LEVEL", "CUDA_VISIBLE_DEVICES")
"""Others that can keep JAX from starting."""
ENDING = re.compile(r"[EF][0-9]{4} ")
"""How a line begins in which XLA says why it ends the process."""
PROCESSOR = Path("/proc/cpuinfo")
ANSWER_WITHIN_S = 120
ASK = """
from hexbench.measure.start import start_jax
jax = start_jax()
first = jax.local_devices()[0]
rocm = first.platform == "gpu" and "rocm" in first.client.platform_version.lower()
print("rocm" if rocm else first.platform, jax.local_device_count(), first.device_kind)
"""


def load_jax() -> Any:
    """JAX before it has started, which sees each core of a CPU as a device; BadInput as `start_jax`."""
    try:
        import jax
        from hexbench.models.training.devices import expose_cpu_devices

        expose_cpu_devices()
    except Exception as error:
        raise BadInput(_fault(reason(error))) from None
    return jax


def start_jax() -> Any:
    """JAX with its devices.

    BadInput names the variable where JAX does not start as the environment asks. A device that was asked
    for and is not there is never replaced by a CPU.
    """
    jax = load_jax()
    try:
        started = jax.default_backend()
    except Exception as error:
        raise BadInput(_fault(reason(error) if str(error) else "there is no such device")) from None
    first = os.environ.get(PLATFORMS, "").split(",")[0].strip()
    if started == "cpu" and first not in ("", "cpu"):
        raise BadInput(_fault(f"there is no {first}"))
    return jax


def check_jax() -> None:
    """BadInput, as `start_jax`, where JAX does not start; also where XLA would end the process."""
    if sys.platform == "linux" and not PROCESSOR.exists():
        raise BadInput(f"JAX does not start: {PROCESSOR} is not there, so that it cannot tell the processor.")
    if any(os.environ.get(name) for name in ENDS_THE_PROCESS):
        ask()
    start_jax()


def ask() -> tuple[str, int, str]:
    """What JAX finds, asked in a process of its own, which ends and leaves the devices free.

    `cpu`, `gpu` (of NVIDIA), `rocm` or `tpu`; how many devices; their kind. BadInput as `check_jax`.
    """
    command = [sys.executable, "-c", ASK]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
            encoding="utf-8",
            errors="replace",
            timeout=ANSWER_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadInput(_fault(f"it has not started within {ANSWER_WITHIN_S} s")) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it does not say why"]
        said = next((line for line in lines if ENDING.match(line)), lines[-1])
        raise BadInput(_fault(said.rpartition("] ")[2].rpartition("BadInput: ")[2].rstrip(".")))
    platform, count, kind = done.stdout.strip().splitlines()[-1].split(maxsplit=2)
    return platform, int(count), kind


def _fault(what: str) -> str:
    """Why JAX does not start, in a sentence that names the variables that may be the reason."""
    if what.startswith("JAX does not start"):
        return f"{what}."
    asked = [
        f"{name}={short(os.environ[name])}"
        for name in (PLATFORMS, *ENDS_THE_PROCESS, *READ_AT_ONCE)
        if os.environ.get(name)
    ]
    because = f" with {', '.join(asked)}" if asked else ""
    remedy = ": unset the variable, or set it to what is here" if asked else ""
    return f"JAX does not start{because} ({short(what)}){remedy}."


def device(used: int | None = None) -> str:
    """What JAX computes on, such as `cpu` or `gpu: NVIDIA A100 (1 of 8)`. Starts JAX.

    `used` devices share out each batch; without it a network has one, or the cores of the CPU.
    """
    jax = start_jax()
    return described(jax.devices()[0].platform, len(jax.devices()), jax.devices()[0].device_kind, used)


def described(platform: str, count: int, kind: str, used: int | None = None) -> str:
    """A device in words, as `device` gives them."""
    name = "cpu" if platform == "cpu" else f"{platform}: {kind}"
    if used is None and platform == "cpu":
        return name
    return f"{name} ({used or 1} of {count})" if count > 1 else name


def has_accelerator() -> bool:
    """Whether JAX computes on something other than a CPU. Starts JAX."""
    return bool(start_jax().default_backend() != "cpu")


def are_several() -> bool:
    """Whether this process trains together with others, on their machines or this one."""
    return bool(start_jax().process_count() > 1)
