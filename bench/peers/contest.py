"""Contestants take turns at one setting, each in a process of its own, one at work at a time."""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measure.timing import MachineWatch
from bench.peers.process import ContestantFailed, ContestantProcess
from bench.peers.roster import PEAK, Entry
from bench.peers.task import Task
from bench.plan.cost import spoken

PAUSE_S = 0.3
"""Between turns: OpenMP's threads spin for up to 0.2 s after their last work before they sleep.

They are left to, since within an epoch that is how their library is fastest."""
PEAK_ROUNDS = 3
NAMES = {"cnn": "CNN", "mlp": "MLP", "svm": "SVM"}


@dataclass(frozen=True)
class Setting:
    """What the contestants of one contest all do."""

    model: str
    batch_size: int
    """0 for an SVM."""
    images: int
    rounds: int

    @property
    def title(self) -> str:
        """As people read it."""
        size = f"batches of {self.batch_size}" if self.batch_size else f"{self.images:,} images"
        return f"{NAMES[self.model]}, {size}"


@dataclass
class Result:
    """What one contestant showed."""

    entry: Entry
    start_s: float = 0.0
    """Building, compiling and the first run, which is not counted among the rounds."""
    seconds: list[float] = field(default_factory=list)
    """One a round."""
    accuracy: float = 0.0
    memory_mb: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    """How it failed; what it measured until then counts for nothing."""


@dataclass
class Outcome:
    """A contest that is over."""

    setting: Setting
    results: list[Result]
    """Of all that started, hexbench first."""
    tested: int
    """Test images."""
    clean: bool | None
    """Whether the machine was otherwise idle; None where the system does not say."""

    @property
    def finished(self) -> list[Result]:
        """Those that did not fail."""
        return [r for r in self.results if r.error is None]

    @property
    def ours(self) -> Result | None:
        """hexbench, unless it failed."""
        first = self.results[0]
        return first if first.error is None else None

    @property
    def peers(self) -> list[Result]:
        """The others that did not fail."""
        return [r for r in self.results[1:] if r.error is None]


def contest(
    entries: Sequence[Entry], setting: Setting, task: Task, say: Callable[[str], None]
) -> Outcome:
    """Let each contestant run once uncounted and then `rounds` times, in turn: A B C, C B A, ...

    One that fails drops out with its error, and the rest goes on.
    """
    results = [Result(entry) for entry in entries]
    # Around the processes' whole life: only then is all of their time known to be ours.
    with MachineWatch() as watch, tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        file = folder / "task.npz"
        task.save(file)
        running = []
        for result in results:
            try:
                process = stack.enter_context(ContestantProcess(result.entry, folder))
                process.wait_until_ready()
                result.start_s = process.ask("build", task=str(file))["start_s"]
            except ContestantFailed as error:
                _drop_out(result, error, say)
                continue
            say(f"{setting.title}: {result.entry.title} is ready after {spoken(result.start_s)}")
            running.append((result, process))
        started = time.perf_counter()
        for number in range(setting.rounds):
            for result, process in running if number % 2 == 0 else running[::-1]:
                if result.error is not None:
                    continue
                time.sleep(PAUSE_S)
                try:
                    result.seconds.append(process.ask("train")["seconds"])
                except ContestantFailed as error:
                    _drop_out(result, error, say)
            done = number + 1
            left = (time.perf_counter() - started) / done * (setting.rounds - done)
            say(_progress(setting, done, results, left))
        for result, process in running:
            if result.error is None:
                try:
                    answer = process.ask("finish")
                except ContestantFailed as error:
                    _drop_out(result, error, say)
                    continue
                result.accuracy = answer["accuracy"]
                result.memory_mb = answer["memory_mb"]
                result.facts = answer["facts"]
    return Outcome(setting, results, len(task.test_labels), watch.clean)


def measure_peak(task: Task) -> float:
    """Operations a second of this machine's fastest large float32 matrix product by XLA."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "task.npz"
        task.save(file)
        with ContestantProcess(PEAK, Path(name)) as process:
            process.wait_until_ready()
            process.ask("build", task=str(file))
            for _ in range(PEAK_ROUNDS):
                process.ask("train")
            return float(process.ask("finish")["facts"]["operations_per_second"])


def _drop_out(result: Result, error: ContestantFailed, say: Callable[[str], None]) -> None:
    result.error = str(error)
    say(f"{result.entry.title} FAILED: {error}")


def _progress(setting: Setting, done: int, results: list[Result], left: float) -> str:
    running = [r for r in results if r.error is None]
    times = ", ".join(f"{r.entry.title} {r.seconds[-1]:.3g} s" for r in running)
    remains = f"; {spoken(left)} left here" if done < setting.rounds else ""
    return f"{setting.title}: round {done} of {setting.rounds}: {times}{remains}"
