"""A real Slurm of one machine: munged, slurmctld and slurmd, as root, in a folder of their own.

`python tests/executors/daemons.py start FOLDER` starts one and prints the line that makes commands use it;
`stop FOLDER` ends it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo")
WITHIN_S = 60
CONF = """
ClusterName=hexbench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
MpiDefault=none
ReturnToService=2
KillWait=5
InactiveLimit=0
MinJobAge=600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why no Slurm can be started here; empty where one can."""
    lacking = [name for name in NEEDED if _path(name) is None]
    if lacking:
        return f"{lacking[0]} is not there: apt install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "its daemons must run as root"


class Slurm:
    """The daemons, and the environment of the commands that speak to them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all three, and wait until the node takes jobs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("state", "spool"):
            (self.folder / name).mkdir(exist_ok=True)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        values = {"host": socket.gethostname(), "ports": _free_ports(2), "folder": self.folder}
        conf = CONF.format(**values, cores=os.cpu_count(), memory=int(0.9 * memory))
        (self.folder / "slurm.conf").write_text(conf)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.folder.chmod(0o755)
        self._run(
            "munged",
            "--foreground",
            "--force",
            *(f"--{name}={self.folder}/munge.{end}" for name, end in MUNGE.items()),
        )
        self.start_controller()
        self._run("slurmd", "-D")
        self.wait_for(lambda: "idle" in self.said("sinfo", "--noheader", "--format=%T"))

    def start_controller(self, *, clean: bool = True) -> None:
        """Start slurmctld; with `clean` without the jobs that it knew."""
        self._run("slurmctld", "-D", *(["-c"] if clean else []))
        self.wait_for(lambda: "UP" in self.said("scontrol", "ping"))

    def stop(self, name: str) -> None:
        """End one of the daemons."""
        process = self._processes.pop(name)
        process.terminate()
        process.wait(30)

    def stop_all(self) -> None:
        """Cancel what runs and end them all."""
        self.said("scancel", "--user=root")
        for name in ("slurmd", "slurmctld", "munged"):
            if name in self._processes:
                self.stop(name)

    def said(self, *command: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def wait_for(self, there) -> None:
        """Until it is so; the logs where it never is."""
        started = time.monotonic()
        while not there():
            if time.monotonic() - started > WITHIN_S:
                logs = [path.read_text()[-2000:] for path in self.folder.glob("*.log")]
                raise TimeoutError("\n".join(logs))
            time.sleep(0.2)

    def _run(self, name: str, *arguments: str) -> None:
        command = [_path(name) or name, *arguments]
        with (self.folder / f"{name}.out.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)


MUNGE = {
    "key-file": "key",
    "socket": "socket",
    "pid-file": "pid",
    "log-file": "log",
    "seed-file": "seed",
}
"""Options of munged, and how their files end."""


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """A running Slurm, while inside."""
    found = Slurm(folder)
    try:
        found.start()
        yield found
    finally:
        found.stop_all()


def _path(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def main(action: str, folder: Path) -> None:
    """What the command does."""
    if action == "start":
        running = Slurm(folder)
        running.start()
        sys.stdout.write(f"export SLURM_CONF={folder / 'slurm.conf'}\n")
        return
    for name in ("slurmd.pid", "slurmctld.pid", "munge.pid"):
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((folder / name).read_text()), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve())
