"""How many cores of the machine this process may use: the one place where that is asked."""

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path, PurePosixPath

GROUPS, MOUNTS = Path("/proc/self/cgroup"), Path("/proc/self/mountinfo")
QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"
"""Files of a control group of version 1; version 2 has both numbers in `cpu.max`."""


def usable_cores() -> int:
    """How many cores this process may use: of its affinity, as far as its processor quota goes.

    A container started with `--cpus=2` sees all cores of its machine and gets the time of two.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = processor_quota()
    return allowed if quota is None else min(allowed, max(1, ceil(quota)))


def processor_quota() -> float | None:
    """The least quota of the process's control groups, in cores; None where there is none (Linux only).

    See https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max, and
    https://docs.kernel.org/scheduler/sched-bwc.html.
    """
    quotas = [quota for folder in _group_folders() if (quota := _quota_in(folder)) is not None]
    return min(quotas, default=None)


def _group_folders() -> Iterator[Path]:
    """The folders of the process's control groups for processor time, and of the groups around them."""
    try:
        groups = [line.split(":", 2) for line in GROUPS.read_text().splitlines()]
        mounts = [line.split() for line in MOUNTS.read_text().splitlines()]
    except OSError:
        return
    for fields in mounts:
        # ID, parent, device, root, mount point, options, optional fields, "-", type, source, options.
        kind, options = fields[fields.index("-") + 1], fields[-1].split(",")
        if kind != "cgroup2" and (kind != "cgroup" or "cpu" not in options):
            continue
        root, point = PurePosixPath(fields[3]), Path(fields[4].replace("\\040", " "))
        for _, controllers, name in groups:
            wanted = "" if kind == "cgroup2" else "cpu"
            if wanted not in controllers.split(","):
                continue
            # In a container the mount may show another part of the tree: then its root is the group.
            inside = PurePosixPath(name)
            inside = inside.relative_to(root) if inside.is_relative_to(root) else PurePosixPath()
            yield from (point / part for part in (inside, *inside.parents))


def _quota_in(folder: Path) -> float | None:
    try:
        both = folder / "cpu.max"
        if both.is_file():
            quota, period = both.read_text().split()
        else:
            quota, period = (folder / QUOTA).read_text(), (folder / PERIOD).read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or `max`
        return None
