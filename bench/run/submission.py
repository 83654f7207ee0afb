"""Submits jobs to Slurm by submitit, as the section `[slurm]` of a TOML file says."""

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import msgspec
from hexbench.errors import BadInput, LacksExtra
from hexbench.files import read_toml, reason, write_whole
from hexbench.run.on_node import BEGAN_AT
from msgspec import Meta, Struct

SUBMITTED = "submitted.json"
WARNED_S = 90
"""So long before a job is ended it is told, if it is long enough."""
SLACK_S = 60
"""Slurm tells it up to so much earlier."""
Positive = Annotated[int, Meta(ge=1)]
NEVER = 10**6
"""submitit would count how often a job reached its time limit: here its task decides what that means."""
BEGAN = f"export {BEGAN_AT}=$(cut -d' ' -f1 /proc/uptime)"
CORES = "export SLURM_CPUS_PER_TASK=${SLURM_CPUS_ON_NODE} SRUN_CPUS_PER_TASK=${SLURM_CPUS_ON_NODE}"
"""In a job: its one task has all cores of the job; by default srun may give it a single one."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The section `[slurm]` of the file that --cluster names; all of it is optional."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    minutes: Positive = 60
    """After so long a job is ended, and the cell that it measured has failed."""
    minutes_expected: Annotated[float, Meta(gt=0)] = 15
    """Cells are put together into jobs that are expected to take so long."""
    jobs_at_once: Positive = 64
    cores: Positive | None = None
    """Of each job; one with a node to itself has all of them."""
    gpus: Annotated[int, Meta(ge=0)] = 0
    memory_gb: Annotated[float, Meta(gt=0)] | None = None
    setup: list[str] = []
    """Lines of shell before each job."""
    exclusive_times: bool = True
    """Whether cells that claims about time rest on get a node to themselves."""

    @property
    def limit_s(self) -> float:
        """How long a job may take."""
        return 60.0 * self.minutes

    @property
    def warned_s(self) -> int:
        """How long before its end a job is told, at the latest."""
        return min(WARNED_S, round(self.limit_s / 4))


def read_settings(file: Path | None) -> Settings:
    """The settings in a file; BadInput where they are wrong."""
    if file is None:
        return Settings()
    try:
        found = msgspec.convert(read_toml(file).get("slurm", {}), Settings)
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be used: {reason(error)}.") from None
    if found.minutes_expected > found.minutes:
        raise BadInput(f"{file}: minutes_expected of a job cannot be more than the minutes it may take.")
    return found


class Submitted(Struct):
    """A job that Slurm has."""

    id: str
    file: str
    """Of its cells, in the folder of jobs."""


def written_down(folder: Path) -> list[Submitted]:
    """The jobs that were written down in a folder last."""
    try:
        return msgspec.json.decode((folder / SUBMITTED).read_bytes(), type=list[Submitted])
    except FileNotFoundError:
        return []
    except msgspec.DecodeError as error:
        raise BadInput(f"{folder / SUBMITTED} cannot be read: {error}.") from None


def write_down(folder: Path, jobs: Sequence[Submitted]) -> None:
    """Write the jobs down, so that another process finds them."""
    write_whole(folder / SUBMITTED, msgspec.json.encode(list(jobs)))


class Submission:
    """Submits callables as jobs that write their logs into a folder."""

    def __init__(self, settings: Settings, logs: Path):
        """BadInput where submitit is missing."""
        try:
            import submitit
        except ImportError:
            raise LacksExtra("--executor slurm", "submitit", "slurm") from None
        logging.getLogger("submitit").setLevel(logging.CRITICAL)  # what it raises is said by us
        self._submitit, self._settings, self._logs = submitit, settings, logs

    def submit(
        self,
        tasks: Sequence[Callable[[], Any]],
        *,
        at_once: int = 1,
        alone: bool = False,
        after: str | None = None,
    ) -> list[str]:
        """Submit a job for each task, together as one array if there are several; the ids of the jobs.

        At most `at_once` run at a time. `alone` asks for a node for each. `after` is a job that has to
        end first, however it ends. BadInput where Slurm refuses them.
        """
        errors = self._submitit.core.utils
        executor = self._submitit.SlurmExecutor(folder=self._logs, max_num_timeout=NEVER)
        executor.update_parameters(**self._parameters(at_once, alone, after))
        jobs = []
        try:
            # It prints what sbatch says besides raising it.
            with _undisturbed(), redirect_stderr(StringIO()), executor.batch():
                jobs += [executor.submit(task) for task in tasks]
        except (errors.FailedJobError, errors.FailedSubmissionError) as error:
            said = (str(error).strip().splitlines() or ["it does not say why"])[-1].rstrip(".")
            raise BadInput(f"Slurm does not take the jobs: {said}.") from None
        return [job.job_id for job in jobs]

    def _parameters(self, at_once: int, alone: bool, after: str | None) -> dict[str, Any]:
        chosen = self._settings
        wanted: dict[str, Any] = {
            "job_name": "hexbench",
            "partition": chosen.partition,
            "account": chosen.account,
            "qos": chosen.qos,
            "time": chosen.minutes,
            "signal_delay_s": chosen.warned_s,
            "mem": None if chosen.memory_gb is None else f"{round(1024 * chosen.memory_gb)}M",
            "cpus_per_task": None if alone else chosen.cores,
            "gpus_per_node": chosen.gpus or None,
            "exclusive": alone or None,
            "setup": [BEGAN, CORES, *chosen.setup],
            "dependency": None if after is None else f"afterany:{after}",
            "array_parallelism": at_once,
            "additional_parameters": {"requeue": True},
        }
        return {name: value for name, value in wanted.items() if value is not None}


def shares(most: int, sizes: Sequence[int]) -> list[int]:
    """How many of each group may run at once, so that together it is `most`; each may run one."""
    total = sum(sizes)
    found = [max(1, most * size // total) for size in sizes]
    for i in sorted(range(len(sizes)), key=lambda i: found[i] - most * sizes[i] / total):
        if sum(found) >= most:
            break
        found[i] += 1
    return found


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep Ctrl-C and SIGTERM, also from sbatch, until a job is submitted and its id is known."""
    signals = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
