"""The Slurm executor: job arrays, which go on when this process ends.

The results folder lies on a file system that the nodes share. Each cell belongs to one job, so that no
lock is needed there. `jobs/submitted.json` says which jobs there are: the same command attaches again.
"""

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from hexbench.analyse.runs import Runs
from hexbench.analyse.timed import timed_cells
from hexbench.errors import BadInput, Stopped
from hexbench.measure.cell import SEARCH_FAILED, failed
from hexbench.plan.cell import Cell, key_of
from hexbench.plan.models import known_models
from hexbench.run import slurm_queue
from hexbench.run.arrivals import Arrivals
from hexbench.run.batches import Batch, divided
from hexbench.run.executors import Results, Work
from hexbench.run.job import read
from hexbench.run.on_node import OnNode, Probe, version
from hexbench.run.slurm_job import Live
from hexbench.run.slurm_queue import RUNNING, WAITING, Unreachable
from hexbench.run.submission import (
    SLACK_S,
    Settings,
    Submission,
    Submitted,
    read_settings,
    shares,
    write_down,
    written_down,
)
from hexbench.run.worker import CellResult
from hexbench.store.record import Done, Failed, Record
from hexbench.study import load

LOOK_EVERY_S = 2.0
FORGIVEN_S = 1_800
"""So long the controller may be silent before the run says so and ends; its jobs go on."""
APPEARS_WITHIN_S = 10
"""What a node has written is seen here by then."""
TRIES = 2
"""A cell whose job dies of something else than BY_ITSELF gets so many."""
BY_ITSELF = ("TIMEOUT", "DEADLINE", "OUT_OF_MEMORY")
"""Ends of a job that its cell has caused."""
OF_THE_CLUSTER = ("NODE_FAIL", "BOOT_FAIL", "PREEMPTED")
"""Ends that no cell has caused."""
FRUITLESS = 3
"""After so many jobs in a row that ended without a record, nothing more is submitted."""


class Slurm:
    """Has the jobs of a Slurm cluster measure."""

    def __init__(self, settings: Path | None):
        """With the settings of a file; BadInput where they or Slurm are not as they must be."""
        self._settings = read_settings(settings)
        slurm_queue.check(self._settings.partition)
        Submission(self._settings, Path())  # whether it can be had

    def carry_out(self, work: Work) -> Results:
        """As `Executor`."""
        return _Run(work, self._settings).carry_out()

    def in_use(self, folder: Path) -> bool:
        """As `Executor`."""
        try:
            return bool(slurm_queue.states(job.id for job in written_down(folder.resolve() / "jobs")))
        except Unreachable as error:
            raise BadInput(f"Slurm's controller does not answer: {error}.") from None


class _Run:
    def __init__(self, work: Work, settings: Settings):
        self._work, self._settings = work, settings
        self._folder = work.store.folder.resolve() / "jobs"
        self._submission = Submission(settings, self._folder / "logs")
        self._models = known_models(work.job.own_models)
        self._cells = {self._key(cell): cell for cell in work.job.cells}
        self._arrivals = Arrivals(work.store, self._cells, work.job.options)
        self._live: list[Live] = []
        self._deaths: Counter[str] = Counter()
        self._fruitless = 0
        self._silent_since: float | None = None

    def carry_out(self) -> Results:
        """Submit what no job measures yet, and yield every cell once it has its record."""
        with self._work.store.locks.hold("slurm") as mine:
            if not mine:
                raise BadInput(f"another command attends to the jobs of {self._work.store.folder}.")
            yield from self._carry_out()

    def _carry_out(self) -> Iterator[CellResult]:
        self._attach()
        theirs = {key for job in self._live for key in job.cells}
        missing = [cell for key, cell in self._cells.items() if key not in theirs]
        if missing:
            self._probe()
            self._submit(missing)
        failures = 0
        try:
            while self._arrivals.missing:
                for result in (*self._arrived(), *self._ended()):
                    failures += not isinstance(result.record, Done)
                    yield result
                if self._arrivals.missing:
                    time.sleep(LOOK_EVERY_S)
        except (Stopped, GeneratorExit):
            if self._live:
                self._work.listener.on_note(
                    f"{len(self._live):,} jobs go on without this process; the same command attaches to them "
                    "again, and scancel --name=hexbench ends them."
                )
            raise
        if not failures:
            self._tidy()

    def _tidy(self) -> None:
        """Remove the folder of jobs, unless one is left there that has more to do than this command."""
        for _ in range(APPEARS_WITHIN_S):
            states = self._states([job.submitted.id for job in self._live])
            if not states:
                break
            time.sleep(LOOK_EVERY_S / 2)
        if states == {}:
            shutil.rmtree(self._folder, ignore_errors=True)

    # --- Submitting ---

    def _attach(self) -> None:
        """Find the jobs of an earlier process that still wait or run."""
        known = written_down(self._folder)
        states = self._states([job.id for job in known])
        if states is None:
            raise BadInput("Slurm's controller does not answer; the jobs go on: try again later.")
        for job in known:
            if job.id in states:
                cells = {self._key(cell): cell for cell in read(self._folder / job.file).cells}
                wanted = {key: cell for key, cell in cells.items() if key in self._arrivals.missing}
                self._live.append(Live(job, wanted))
        if self._live:
            self._work.listener.on_note(f"{len(self._live):,} jobs of an earlier command wait or run.")
        self._save()

    def _probe(self) -> None:
        """A job that shows whether the nodes see the folder and have this hexbench; BadInput if not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        answer = self._folder / f"probe-{uuid4().hex}"
        (id_,) = self._submission.submit([Probe(str(answer))])
        gone_since: float | None = None
        try:
            while answer not in self._folder.iterdir():  # which asks the file server anew
                states = self._states([id_])
                if states == {}:
                    gone_since = gone_since or time.monotonic()
                    if time.monotonic() - gone_since > APPEARS_WITHIN_S:
                        break
                self._work.listener.on_status("a first job looks whether the nodes see the results folder")
                time.sleep(LOOK_EVERY_S / 2)
        except Stopped:
            slurm_queue.cancel(id_)
            raise
        if not answer.exists():
            raise BadInput(
                f"a first job {slurm_queue.in_words(slurm_queue.end_of(id_))} and wrote nothing to "
                f"{self._folder} that can be seen here: choose an --out that all nodes share; what the "
                f"job printed, if it could, is in {self._folder / 'logs'}."
            )
        theirs = answer.read_text()
        answer.unlink()
        if theirs != version():
            raise BadInput(f"the nodes have {theirs}, and here is {version()}: they must be the same.")

    def _submit(self, cells: Sequence[Cell]) -> None:
        """Arrays for the searches and all that wait for nothing, and one for those that wait for a search."""
        again = self._work.job.options.rerun_disturbed
        timed = {self._key(cell) for cell in cells} if again else set()
        if self._settings.exclusive_times:
            timed |= self._timed(cells)
        batches = divided(
            cells,
            self._models,
            self._work.expectation.seconds,
            60.0 * self._settings.minutes_expected,
            {self._cells[key].identity for key in self._arrivals.missing},
            lambda cell: self._key(cell) in timed,
        )
        groups: dict[tuple[str | None, bool], list[Batch]] = {}
        for batch in batches:  # searches first
            groups.setdefault((batch.search, batch.alone), []).append(batch)
        room = max(1, self._settings.jobs_at_once - len(self._live))
        at_once = shares(room, [len(group) for group in groups.values()])
        for ((search, alone), group), most in zip(groups.items(), at_once, strict=True):
            jobs = {cell.identity: job.submitted.id for job in self._live for cell in job.cells.values()}
            self._submit_group(group, most, alone, None if search is None else jobs[search])

    def _submit_group(self, batches: Sequence[Batch], most: int, alone: bool, after: str | None) -> None:
        size = slurm_queue.most_in_array()
        parts = [batches[i : i + size] for i in range(0, len(batches), size)]
        for part, at_once in zip(parts, shares(most, [len(part) for part in parts]), strict=True):
            self._submit_array(part, at_once, alone, after)

    def _submit_array(self, batches: Sequence[Batch], at_once: int, alone: bool, after: str | None) -> None:
        out = str(self._work.store.folder.resolve())
        ends_s = self._settings.limit_s - self._settings.warned_s - SLACK_S
        files = []
        for batch in batches:
            name = f"{self._key(batch.cells[0])[:16]}-{uuid4().hex[:8]}.json"
            self._work.job.of(batch.cells).write(self._folder / name)
            files.append(name)
        tasks = [OnNode(str(self._folder / name), out, ends_s, alone=alone) for name in files]
        with self._work.signals.deferred():
            ids = self._submission.submit(tasks, at_once=at_once, alone=alone, after=after)
            for id_, name, batch in zip(ids, files, batches, strict=True):
                cells = {self._key(cell): cell for cell in batch.cells}
                self._live.append(Live(Submitted(id_, name), cells))
            self._save()

    def _timed(self, cells: Sequence[Cell]) -> set[str]:
        """Keys of those that claims about time rest on."""
        planned = [self._failed(cell, "not measured yet") for cell in cells]
        runs = Runs.of(self._work.store.manifest(), planned, self._work.store.folder)
        return timed_cells(load(self._work.job.study).claims, runs)

    def _save(self) -> None:
        write_down(self._folder, [job.submitted for job in self._live])

    # --- Waiting ---

    def _arrived(self) -> Iterator[CellResult]:
        """The cells whose records have come."""
        for key, record in self._arrivals.new():
            self._fruitless = 0
            for job in self._live:
                if job.cells.pop(key, None) is not None:
                    job.has_measured = True
            seconds = record.times.total_s if isinstance(record, Done) else None
            yield CellResult(self._cells[key], record, seconds or 0.0)

    def _ended(self) -> Iterator[CellResult]:
        """What jobs left unmeasured that have ended: some of it has failed, the rest gets other jobs."""
        states = self._states([job.submitted.id for job in self._live])
        if states is None:
            self._work.listener.on_status("Slurm's controller does not answer; the jobs go on")
            return
        for job in self._live:
            if states.get(job.submitted.id) in WAITING:
                job.waited_at = time.monotonic()
        running = sum(state in RUNNING for state in states.values())
        self._work.listener.on_status(f"{running:,} jobs run, {len(states) - running:,} wait", running)
        ended = [job for job in self._live if job.submitted.id not in states]
        if not ended:
            return
        yield from self._arrived()  # what they stored last
        again: list[Cell] = []
        for job in ended:
            self._live.remove(job)
            yield from self._after_failed_searches(job)
            for cell in self._lost(job):
                yield self._fail(cell, f"its Slurm job {job.submitted.id} {slurm_queue.in_words(job.end())}")
                job.cells.pop(self._key(cell))
            again += job.cells.values()
        self._save()
        if again:
            self._submit(again)

    def _after_failed_searches(self, job: Live) -> Iterator[CellResult]:
        """The cells of a job whose search has failed: a job may begin before that is known."""
        for key, cell in list(job.cells.items()):
            search = None if cell.params_from is None else self._record_of(cell.params_from)
            if isinstance(search, Failed):
                yield self._fail(cell, f"{SEARCH_FAILED}: {search.error}")
                job.cells.pop(key)

    def _lost(self, job: Live) -> list[Cell]:
        """The cells that have failed with their job; BadInput where job after job measures nothing."""
        if not job.cells:
            return []
        state = job.end()
        if state == "CANCELLED":
            return list(job.cells.values())
        unsearched = {self._cells[key].identity for key in self._arrivals.missing}
        tried = [cell for cell in job.cells.values() if cell.params_from not in unsearched]
        if not tried:
            return []  # all wait for a search whose job has ended as well
        if state in BY_ITSELF:
            return [] if job.has_measured else tried[:1]
        if state not in OF_THE_CLUSTER and state != "COMPLETED":
            self._deaths[self._key(tried[0])] += 1
            if self._deaths[self._key(tried[0])] >= TRIES:
                return tried[:1]
        self._fruitless = 0 if job.has_measured else self._fruitless + 1
        if self._fruitless >= FRUITLESS:
            raise BadInput(
                f"{FRUITLESS} jobs one after another measured nothing; the last, {job.submitted.id}, "
                f"{slurm_queue.in_words(job.end())}: their logs are in {self._folder / 'logs'}. "
                "Nothing more is submitted; once this is mended the same command goes on from there."
            )
        return []

    def _fail(self, cell: Cell, why: str) -> CellResult:
        record = self._failed(cell, why)
        with self._work.signals.deferred():
            self._work.store.put(record)
        self._arrivals.forget(record.key)
        return CellResult(cell, record, 0.0)

    def _failed(self, cell: Cell, why: str) -> Failed:
        return failed(cell, self._work.data, self._models[cell.model], RuntimeError(why), elsewhere=True)

    def _record_of(self, identity: str) -> Record | None:
        return self._work.store.get(key_of(identity, self._work.job.fingerprint))

    def _states(self, ids: Sequence[str]) -> dict[str, str] | None:
        """Of those that wait or run; None while nobody can tell. BadInput once that lasts too long."""
        try:
            found = slurm_queue.states(ids)
        except Unreachable as error:
            now = time.monotonic()
            self._silent_since = self._silent_since or now
            if now - self._silent_since > FORGIVEN_S:
                raise BadInput(
                    f"Slurm's controller has been silent for {FORGIVEN_S // 60} min ({error}); the jobs go "
                    "on, and the same command attaches to them again."
                ) from None
            return None
        self._silent_since = None
        return found

    def _key(self, cell: Cell) -> str:
        return cell.key_on(self._work.job.fingerprint)
