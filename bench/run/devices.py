"""Which devices this machine has, how many of them the user wants, and how a process sees one of them."""

import os
from dataclasses import dataclass
from typing import NamedTuple

from hexbench.errors import BadInput
from hexbench.measure.start import ask

VISIBLE = {"gpu": "CUDA_VISIBLE_DEVICES", "rocm": "ROCR_VISIBLE_DEVICES", "tpu": "TPU_VISIBLE_CHIPS"}
"""The variable that says which devices a process sees."""
ONE_CHIP = {"TPU_CHIPS_PER_PROCESS_BOUNDS": "1,1,1", "TPU_PROCESS_BOUNDS": "1,1,1"}
"""What libtpu must be told besides."""
ONE_THREAD = {"NPROC": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Place(NamedTuple):
    """Where a process works."""

    variables: dict[str, str]
    """Of its environment."""
    core: int | None = None
    """The only one that it runs on; None: any."""


@dataclass(frozen=True)
class Found:
    """JAX's devices on this machine."""

    kind: str
    """`cpu`, `gpu` (of NVIDIA), `rocm` or `tpu`."""
    count: int

    def wanted(self, option: str) -> int:
        """How many `--devices` asks for, a number or `all`; BadInput where there are fewer."""
        if option == "all":
            return self.count
        number = given(option)
        if number > self.count:
            raise BadInput(f"--devices {option}: JAX has {self.count} here ({self.kind}).")
        return number

    def places(self) -> list[Place]:
        """One for each device; of a CPU each core is one."""
        if self.kind == "cpu":
            pinned = hasattr(os, "sched_setaffinity")
            cores = sorted(os.sched_getaffinity(0)) if pinned else []
            return [Place(ONE_THREAD, cores[i % len(cores)] if cores else None) for i in range(self.count)]
        variable = VISIBLE[self.kind]
        seen = os.environ.get(variable)
        names = seen.split(",") if seen else [str(i) for i in range(self.count)]
        return [Place({variable: name} | (ONE_CHIP if self.kind == "tpu" else {})) for name in names]


def found() -> Found:
    """Asked in a process of its own; BadInput where JAX does not start."""
    kind, count, _ = ask()
    return Found(kind, count)


def given(option: str) -> int:
    """The number of devices that an option names; BadInput for anything but a number from 1 on."""
    if not option.isdecimal() or int(option) < 1:
        raise BadInput(f"--devices {option}: give a number from 1 on, or all.")
    return int(option)


def divided_among(executor: str, option: str | None) -> int:
    """Among how many devices `--shard-batch` divides each batch."""
    if executor == "local":
        return found().wanted(option or "all")
    if option is None or option == "all":
        raise BadInput(f"--shard-batch with --executor {executor} needs --devices N: how many each job has.")
    return given(option)
