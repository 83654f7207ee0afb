"""The Slurm executor: job arrays by submitit, whose jobs go on when this process ends.

The results folder lies on a file system that the nodes share. Each cell belongs to one job, so that no
lock is needed there. `jobs/submitted.json` says which jobs there are: the same command attaches again.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from hexbench.analyse.runs import Runs
from hexbench.analyse.timed import timed_cells
from hexbench.errors import BadInput, Stopped
from hexbench.files import read_toml, reason, write_whole
from hexbench.measure.cell import failed
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.run import cluster
from hexbench.run.batches import Batch, divided
from hexbench.run.cluster import Unreachable
from hexbench.run.executors import Executor, Work
from hexbench.run.on_node import OnNode, Probe
from hexbench.run.worker import CellResult
from hexbench.store.record import Done
from hexbench.study import load
from msgspec import Meta, Struct

LOOK_EVERY_S = 2.0
FORGIVEN_S = 1_800
"""So long the controller may be silent before the run says so and ends; its jobs go on."""
APPEARS_WITHIN_S = 60
"""A file that a node has written must be seen here."""
Positive = Annotated[int, Meta(ge=1)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The section `[slurm]` of the file that --cluster names; all of it is optional."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    minutes: Positive = 60
    """After so long a job is ended, and the cell that it measured has failed."""
    minutes_expected: Positive = 15
    """Cells are put together into jobs that are expected to take so long."""
    jobs_at_once: Positive = 64
    cores: Positive | None = None
    """For each job; of jobs with a node to themselves all."""
    gpus: Annotated[int, Meta(ge=0)] = 0
    memory_gb: Annotated[float, Meta(gt=0)] | None = None
    setup: list[str] = []
    """Lines of shell before each job."""
    exclusive_times: bool = True
    """Whether cells that claims about time rest on get a node to themselves."""


class Submitted(Struct, frozen=True):
    """A job that Slurm has."""

    id: str
    file: str
    """Of its cells, in `jobs/`."""


def slurm(settings: Path | None) -> Executor:
    """The executor with the settings of a file; BadInput where it or Slurm is not as it must be."""
    found = _settings(settings)
    try:
        import submitit  # noqa: F401
    except ImportError:
        raise BadInput('--executor slurm needs submitit: pip install "hexbench[slurm]".') from None
    cluster.check(found.partition)

    def executor(work: Work) -> Iterator[CellResult]:
        return _Run(work, found).carry_out()

    return executor


def _settings(file: Path | None) -> Settings:
    if file is None:
        return Settings()
    try:
        return msgspec.convert(read_toml(file).get("slurm", {}), Settings)
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be used: {reason(error)}.") from None


@dataclass
class _Live:
    """A job that was not seen to end, and its cells that have no record yet."""

    submitted: Submitted
    cells: list[Cell]


class _Run:
    def __init__(self, work: Work, settings: Settings):
        self._work, self._settings = work, settings
        self._folder = work.store.folder.resolve() / "jobs"
        self._models = known_models(work.job.own_models)
        self._file = self._folder / "submitted.json"
        self._live: list[_Live] = []
        self._left = {self._key(cell): cell for cell in work.job.cells}
        self._silent_since: float | None = None
        self._before = {key: work.store.get(key) for key in self._left}

    def carry_out(self) -> Iterator[CellResult]:
        """Submit what no job measures yet, and yield every cell once it has its record."""
        self._attach()
        running = {self._key(cell) for job in self._live for cell in job.cells}
        missing = [cell for key, cell in self._left.items() if key not in running]
        if missing:
            self._probe()
            self._submit(missing)
        try:
            while self._left:
                yield from self._arrived()
                if self._left:
                    yield from self._ended()
                    time.sleep(LOOK_EVERY_S)
        except Stopped:
            self._work.listener.on_detached(len(self._live))
            raise

    # --- Submitting ---

    def _attach(self) -> None:
        """Find the jobs of an earlier process that still wait or run."""
        known: list[Submitted] = []
        with suppress(FileNotFoundError):
            known = msgspec.json.decode(self._file.read_bytes(), type=list[Submitted])
        alive = self._alive([job.id for job in known])
        if alive is None:
            raise BadInput("Slurm's controller does not answer: its jobs go on; try again later.")
        from hexbench.run.job import read

        for job in known:
            if job.id in alive:
                cells = [c for c in read(self._folder / job.file).cells if self._key(c) in self._left]
                self._live.append(_Live(job, cells))
        self._save()

    def _probe(self) -> None:
        """A job that shows whether the nodes see the folder and have this hexbench; BadInput if not."""
        name = f"probe-{uuid4().hex}"
        answer = self._folder / name
        self._folder.mkdir(parents=True, exist_ok=True)
        executor = self._executor({})
        job = self._submitted(lambda: executor.submit(Probe(str(answer))))
        while job.job_id in (self._alive([job.job_id]) or {job.job_id}) and not answer.exists():
            time.sleep(LOOK_EVERY_S)
        waited = time.perf_counter()
        while not answer.exists() and time.perf_counter() - waited < APPEARS_WITHIN_S / 6:
            time.sleep(LOOK_EVERY_S / 4)
        if not answer.exists():
            raise BadInput(
                f"a first job wrote nothing to {self._folder} that can be seen here ({self._end(job.job_id)}): "
                f"choose an --out that the nodes share; its log is in {self._folder / 'logs'}."
            )
        theirs = answer.read_text()
        answer.unlink()
        ours = Probe.version()
        if theirs != ours:
            raise BadInput(f"the nodes have {theirs}, and here is {ours}: every node needs the same hexbench.")

    def _submit(self, cells: Sequence[Cell]) -> None:
        """One array for the searches and all that wait for nothing, and one for those that wait for a search."""
        timed = self._timed(cells) if self._settings.exclusive_times else set()
        batches = divided(
            cells,
            self._models,
            self._work.expectation.seconds,
            60.0 * self._settings.minutes_expected,
            lambda cell: self._key(cell) in timed,
        )
        searches: dict[str, str] = {
            cell.identity: job.submitted.id for job in self._live for cell in job.cells
        }
        arrays: dict[tuple[str | None, bool], list[Batch]] = {}
        for batch in batches:
            arrays.setdefault((batch.search, batch.alone), []).append(batch)
        for search, alone in sorted(arrays, key=lambda key: key[0] is not None):
            group = arrays[search, alone]
            wait = {} if search is None else {"dependency": f"afterany:{searches[search]}"}
            for batch, id_ in zip(group, self._submit_array(group, alone, wait), strict=True):
                searches |= {cell.identity: id_ for cell in batch.cells}

    def _timed(self, cells: Sequence[Cell]) -> set[str]:
        """Keys of those that claims about time rest on."""
        planned = [
            failed(cell, self._work.data, self._models[cell.model], RuntimeError("not measured yet"))
            for cell in cells
        ]
        runs = Runs.of(self._work.store.manifest(), planned, self._work.store.folder)
        return timed_cells(load(self._work.job.study).claims, runs)

    def _submit_array(self, batches: Sequence[Batch], alone: bool, wait: dict[str, str]) -> list[str]:
        files = []
        for batch in batches:
            name = f"{self._key(batch.cells[0])[:16]}-{uuid4().hex[:8]}.json"
            self._work.job.of(batch.cells).write(self._folder / name)
            files.append(name)
        executor = self._executor(wait, alone=alone)
        out, limit = self._work.store.folder.resolve(), 60.0 * self._settings.minutes
        tasks = [OnNode(str(self._folder / name), str(out), limit) for name in files]
        with self._work.signals.deferred():
            jobs = self._submitted(lambda: executor.map_array(_call, tasks))
            for job, name, batch in zip(jobs, files, batches, strict=True):
                self._live.append(_Live(Submitted(job.job_id, name), list(batch.cells)))
            self._save()
        return [job.job_id for job in jobs]

    def _executor(self, additional: dict[str, str], *, alone: bool = False) -> Any:
        import submitit

        chosen = self._settings
        executor = submitit.SlurmExecutor(folder=self._folder / "logs" / "%j", max_num_timeout=0)
        wanted: dict[str, Any] = {
            "job_name": "hexbench",
            "partition": chosen.partition,
            "account": chosen.account,
            "qos": chosen.qos,
            "time": chosen.minutes,
            "mem": None if chosen.memory_gb is None else f"{round(1024 * chosen.memory_gb)}M",
            "cpus_per_task": None if alone else chosen.cores,
            "gpus_per_node": chosen.gpus or None,
            "exclusive": True if alone else None,
            "setup": chosen.setup or None,
            "array_parallelism": chosen.jobs_at_once,
            "additional_parameters": {"requeue": True, **additional},
        }
        executor.update_parameters(**{name: value for name, value in wanted.items() if value is not None})
        return executor

    def _submitted(self, submit: Any) -> Any:
        import submitit

        try:
            return submit()
        except submitit.core.utils.FailedJobError as error:
            said = str(error).strip().splitlines()[-1]
            raise BadInput(f"Slurm does not take the jobs: {said}.") from None

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._file, msgspec.json.encode([job.submitted for job in self._live]))

    # --- Waiting ---

    def _arrived(self) -> Iterator[CellResult]:
        """The cells whose records are there now."""
        for key, cell in list(self._left.items()):
            record = self._work.store.get(key)
            if record is not None and record != self._before[key]:
                del self._left[key]
                for job in self._live:
                    job.cells = [one for one in job.cells if self._key(one) != key]
                seconds = record.times.total_s if isinstance(record, Done) else None
                yield CellResult(cell, record, seconds or 0.0)

    def _ended(self) -> Iterator[CellResult]:
        """Of jobs that ended with cells unmeasured the first has failed; the others get another job."""
        alive = self._alive([job.submitted.id for job in self._live])
        if alive is None:
            return
        ended = [job for job in self._live if job.submitted.id not in alive]
        if not ended:
            return
        yield from self._arrived()  # what they stored last
        again: list[Cell] = []
        for job in ended:
            if job.cells:
                state = cluster.end_of(job.submitted.id)
                lost = job.cells if state.startswith("CANCELLED") else job.cells[:1]
                for cell in lost:
                    yield self._fail(cell, f"its Slurm job {job.submitted.id} {self._end(job.submitted.id)}")
                again += job.cells[len(lost) :]
            self._live.remove(job)
        self._save()
        if again:
            self._submit(again)

    def _fail(self, cell: Cell, why: str) -> CellResult:
        record = failed(cell, self._work.data, self._models[cell.model], RuntimeError(why))
        with self._work.signals.deferred():
            self._work.store.put(record)
        self._left.pop(self._key(cell), None)
        return CellResult(cell, record, 0.0)

    def _end(self, id_: str) -> str:
        state = cluster.end_of(id_)
        return cluster.WORDS.get(state.split("+")[0], f"ended as {state}")

    def _alive(self, ids: Sequence[str]) -> set[str] | None:
        """Those that wait or run; None while nobody can tell. BadInput once that lasts too long."""
        try:
            found = cluster.alive(ids)
        except Unreachable as error:
            now = time.perf_counter()
            self._silent_since = self._silent_since or now
            if now - self._silent_since > FORGIVEN_S:
                raise BadInput(
                    f"Slurm's controller has been silent for {FORGIVEN_S // 60} min ({error}); the jobs go on, "
                    "and the same command attaches to them again."
                ) from None
            return None
        self._silent_since = None
        return found

    def _key(self, cell: Cell) -> str:
        return cell.key_on(self._work.job.fingerprint)


def _call(task: OnNode) -> None:
    task()

