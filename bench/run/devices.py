"""Which devices there are, and how many of them the user wants."""

import subprocess
import sys
from typing import NamedTuple

from hexbench.errors import BadInput

ASK = (
    "from hexbench.measure.environment import start_jax; jax = start_jax(); "
    "print(jax.default_backend(), jax.local_device_count())"
)


class Found(NamedTuple):
    """JAX's devices on this machine."""

    platform: str
    """Such as `cpu`, `gpu` or `tpu`."""
    count: int

    def wanted(self, option: str) -> int:
        """How many `--devices` asks for, a number or `all`; BadInput where there are fewer."""
        if option == "all":
            return self.count
        number = given(option)
        if number > self.count:
            raise BadInput(f"--devices {option}: JAX has {self.count} here ({self.platform}).")
        return number


def found() -> Found:
    """Asked in a process of its own, which ends and leaves them free."""
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it does not say why"])[-1].rstrip(".")
        raise BadInput(f"JAX finds no device: {said}.")
    platform, count = done.stdout.split()[-2:]
    return Found(platform, int(count))


def given(option: str) -> int:
    """The number of devices that an option names; BadInput for anything but a number from 1 on."""
    if not option.isdecimal() or int(option) < 1:
        raise BadInput(f"--devices {option}: give a number from 1 on, or all.")
    return int(option)


def divided_among(executor: str, option: str | None) -> int:
    """Among how many devices `--shard-batch` divides each batch."""
    if executor == "local":
        return found().wanted(option or "all")
    if option in (None, "all"):
        raise BadInput(f"--shard-batch with --executor {executor} needs --devices N: how many each job has.")
    return given(option or "")
