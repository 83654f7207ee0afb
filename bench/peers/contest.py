"""Contestants take turns at one setting, each in a process of its own, one at work at a time."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hexbench.measure.timing import MachineWatch
from hexbench.models import entries
from hexbench.peers.process import ContestantFailed, ContestantProcess
from hexbench.peers.roster import CPU, Entry
from hexbench.peers.task import Task
from hexbench.plan.cost import format_duration

PAUSE_S = 0.3
"""Between turns: OpenMP's threads spin for up to 0.2 s after their last work before they sleep.

They are left to, since within an epoch that is how their library is fastest."""


@dataclass(frozen=True)
class Setting:
    """What the contestants of one contest all do."""

    model: str
    """`cnn`, `mlp` or `svm`."""
    batch_size: int
    """0 for an SVM."""
    train_size: int
    rounds: int
    device: str = CPU

    @property
    def title(self) -> str:
        """As people read it."""
        size = f"batches of {self.batch_size}" if self.batch_size else f"{self.train_size:,} images"
        return f"{entries()[self.model].label}, {size}"


@dataclass
class Result:
    """What one contestant reached."""

    entry: Entry
    start_s: float = 0.0
    """Building, compiling and the first run, which is not counted among the rounds."""
    seconds: list[float] = field(default_factory=list)
    """One a round."""
    accuracy: float = 0.0
    memory_mb: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    """How it failed; what it measured until then is not used."""


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
    operations: int | None = None
    """To train a network on one image; None for an SVM."""

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
        """The others that did not fail and compute in the same precision."""
        return [r for r in self.finished if r is not self.results[0] and self.is_equal(r)]

    def is_equal(self, result: Result) -> bool:
        """Whether a contestant computes in hexbench's precision."""
        return result.entry.precision == self.results[0].entry.precision


def contest(entries: Sequence[Entry], setting: Setting, task: Task, say: Callable[[str], None]) -> Outcome:
    """Let each contestant run once uncounted and then `rounds` times, in turn: A B C, C B A, ...

    One that fails drops out with its error, and the rest goes on.
    """
    results = [Result(entry) for entry in entries]
    # Around the processes' whole life: only then is all of their time known to be ours.
    with MachineWatch() as watch, tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        file = Path(name) / "task.npz"
        task.save(file)
        processes: dict[str, ContestantProcess] = {}
        for result in results:
            with _dropping_out(result, say):
                process = stack.enter_context(ContestantProcess(result.entry, Path(name), task.device))
                process.answer()
                result.start_s = process.ask(str(file))["start_s"]
                say(f"{setting.title}: {result.entry.title} is ready in {format_duration(result.start_s)}")
                processes[result.entry.name] = process
        started = time.perf_counter()
        for done in range(1, setting.rounds + 1):
            for result in results if done % 2 else results[::-1]:
                if result.error is None:
                    time.sleep(PAUSE_S)
                    with _dropping_out(result, say):
                        result.seconds.append(processes[result.entry.name].ask("train")["seconds"])
            left = (time.perf_counter() - started) / done * (setting.rounds - done)
            say(_progress(setting, done, results, left))
        for result in results:
            if result.error is None:
                with _dropping_out(result, say):
                    answer = processes[result.entry.name].ask("finish")
                    result.accuracy, result.memory_mb = answer["accuracy"], answer["memory_mb"]
                    result.facts = answer["facts"]
    operations = task.operations if setting.batch_size else None
    return Outcome(setting, results, len(task.test_labels), watch.clean, operations)


@contextmanager
def _dropping_out(result: Result, say: Callable[[str], None]) -> Iterator[None]:
    try:
        yield
    except ContestantFailed as error:
        result.error = str(error)
        say(f"{result.entry.title} FAILED: {error}")


def _progress(setting: Setting, done: int, results: list[Result], left: float) -> str:
    running = [r for r in results if r.error is None]
    times = ", ".join(f"{r.entry.title} {r.seconds[-1]:.3g} s" for r in running)
    remains = f"; {format_duration(left)} left here" if done < setting.rounds else ""
    return f"{setting.title}: round {done} of {setting.rounds}: {times}{remains}"
