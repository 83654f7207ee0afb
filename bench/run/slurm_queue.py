"""What Slurm says: which jobs there are, and how those ended that are no more."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress

from hexbench.errors import BadInput
from hexbench.files import nearest

RUNNING = frozenset(("RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING"))
WAITING = (
    *("PENDING", "SUSPENDED", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESIZING"),
    *("STOPPED", "SPECIAL_EXIT", "RESV_DEL_HOLD", "PREEMPTED"),
)
WORDS = {
    "TIMEOUT": "reached its time limit",
    "CANCELLED": "was cancelled",
    "OUT_OF_MEMORY": "ran out of memory",
    "NODE_FAIL": "lost its node",
    "BOOT_FAIL": "got no node that starts",
    "DEADLINE": "reached its deadline",
}
UNKNOWN = "UNKNOWN"
PATIENCE_S = 20
ARRAY_SIZE = 1001
"""Slurm's default of MaxArraySize."""


class Unreachable(Exception):
    """Slurm's controller did not answer."""


def check(partition: str | None) -> None:
    """BadInput where there is no Slurm, where it does not answer, or where it has no such partition."""
    missing = [
        name for name in ("sbatch", "srun", "squeue", "scontrol", "sinfo") if shutil.which(name) is None
    ]
    if missing:
        raise BadInput(f"there is no Slurm here ({missing[0]} is not found): use --executor local or dask.")
    try:
        listed = _said("sinfo", "--noheader", "--format=%R").split()
    except Unreachable as error:
        raise BadInput(f"Slurm's controller does not answer: {error}.") from None
    if partition is not None and partition not in listed:
        known = ", ".join(dict.fromkeys(listed)) or "none"
        raise BadInput(f"Slurm has no partition {partition!r}{nearest(partition, listed)}: it has {known}.")


def states(ids: Iterable[str]) -> dict[str, str]:
    """The states of those of these jobs that wait or run. Raises Unreachable where nobody can tell."""
    wanted = set(ids)
    if not wanted:
        return {}
    lines = _said("squeue", "--me", "--noheader", "--array", "--format=%i|%T").splitlines()
    pairs = (line.strip().split("|", 1) for line in lines if "|" in line)
    return {id_: state for id_, state in pairs if id_ in wanted and (state in RUNNING or state in WAITING)}


def end_of(id_: str) -> str:
    """How a job ended, in Slurm's word; UNKNOWN where it has forgotten that."""
    for command, pattern in (
        (("scontrol", "--oneliner", "show", "job", id_), r"JobState=(\w+)"),
        (("sacct", "--noheader", "--allocations", "--format=State%30", f"--jobs={id_}"), r"(\w+)"),
    ):
        try:
            if found := re.search(pattern, _said(*command)):
                return found[1]
        except Unreachable:
            continue
    return UNKNOWN


def in_words(state: str) -> str:
    """How a job ended, as part of a sentence."""
    return WORDS.get(state, f"ended as {state}")


def cancel(id_: str) -> None:
    """End a job, if it is there."""
    with suppress(Unreachable):
        _said("scancel", id_)


def most_in_array() -> int:
    """How many jobs one array may have here."""
    try:
        found = re.search(r"MaxArraySize\s*=\s*(\d+)", _said("scontrol", "show", "config"))
    except Unreachable:
        found = None
    return max(1, int(found[1]) if found else ARRAY_SIZE)


def _said(*command: str) -> str:
    try:
        # A session of its own: Ctrl-C is for hexbench alone.
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, start_new_session=True
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{command[0]} took more than {PATIENCE_S} s") from None
    except OSError as error:
        raise Unreachable(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        raise Unreachable((done.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1].rstrip("."))
    return done.stdout
