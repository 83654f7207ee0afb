"""What Slurm says: which jobs there are, and how those ended that are no more."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping

from hexbench.errors import BadInput
from hexbench.files import nearest

ALIVE = frozenset(
    ("PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "RESIZING")
    + ("STOPPED", "SIGNALING", "STAGE_OUT", "SPECIAL_EXIT", "REQUEUE_FED", "RESV_DEL_HOLD", "PREEMPTED")
)
PATIENCE_S = 20


class Unreachable(Exception):
    """Slurm's controller did not answer."""


def check(partition: str | None) -> None:
    """BadInput where there is no Slurm, where it does not answer, or where it has no such partition."""
    missing = [name for name in ("sbatch", "srun", "squeue", "scontrol") if shutil.which(name) is None]
    if missing:
        raise BadInput(f"there is no Slurm here ({missing[0]} is not found): use --executor local or dask.")
    try:
        listed = _said("sinfo", "--noheader", "--format=%R").split()
    except Unreachable as error:
        raise BadInput(f"Slurm's controller does not answer: {error}.") from None
    if partition is not None and partition not in listed:
        known = ", ".join(dict.fromkeys(listed)) or "none"
        raise BadInput(f"Slurm has no partition {partition!r}{nearest(partition, listed)}: it has {known}.")


def alive(ids: Iterable[str]) -> set[str]:
    """Those of these jobs that wait or run. Raises Unreachable where nobody can tell."""
    wanted = set(ids)
    if not wanted:
        return set()
    lines = _said("squeue", "--me", "--noheader", "--array", "--format=%i|%T").splitlines()
    found = dict(line.split("|", 1) for line in lines if "|" in line)
    return {id_ for id_ in wanted if found.get(id_) in ALIVE}


def end_of(id_: str) -> str:
    """How a job ended, in Slurm's word; UNKNOWN where it has forgotten that."""
    try:
        told = _said("scontrol", "--oneliner", "show", "job", id_)
        if found := re.search(r"JobState=(\w+)", told):
            return found[1]
    except Unreachable:
        pass
    try:
        told = _said("sacct", "--noheader", "--parsable2", "--allocations", "--format=State", f"--jobs={id_}")
        return (told.split() or ["UNKNOWN"])[0]
    except (Unreachable, FileNotFoundError):
        return "UNKNOWN"


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{command[0]} took more than {PATIENCE_S} s") from None
    if done.returncode:
        raise Unreachable((done.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1])
    return done.stdout


WORDS: Mapping[str, str] = {
    "TIMEOUT": "reached its time limit",
    "CANCELLED": "was cancelled",
    "OUT_OF_MEMORY": "ran out of memory",
    "NODE_FAIL": "lost its node",
    "BOOT_FAIL": "got no node that starts",
    "DEADLINE": "reached its deadline",
}
"""How a job ended, in words."""
