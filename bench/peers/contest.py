"""Times one epoch of the report's CNN by several libraries in turn, on the same images."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

import numpy as np

from bench.analyse.tables import Table
from bench.measure.timing import MachineWatch

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Training images (n, 400) uint8 and labels, test images and labels."""


class Contestant(Protocol):
    """One library's way to train the CNN: Glorot weights, Adam as Keras has it, last batch included."""

    name: str

    def train_epoch(self) -> None:
        """One more epoch; returns when the device has finished."""

    def test_accuracy(self) -> float:
        """Share of the test images that the network now reads rightly."""


Maker = Callable[[Split, int, int], Contestant]
"""Makes a contestant from images, batch size and seed."""


@dataclass
class Result:
    """What one contestant showed."""

    name: str
    first_s: float
    """Building, compiling and the first epoch, which is not counted."""
    seconds: list[float] = field(default_factory=list)
    accuracy: float = 0.0


def contest(
    makers: list[Maker],
    split: Split,
    batch_size: int,
    rounds: int,
    say: Callable[[str], None],
) -> tuple[list[Result], bool | None]:
    """Let each contestant train `rounds` epochs after a first one, in turn: A B C, A B C, ...

    Also returns whether the machine was otherwise idle.
    """
    contestants, results = [], []
    for maker in makers:
        started = time.perf_counter()
        contestant = maker(split, batch_size, 0)
        contestant.train_epoch()
        contestants.append(contestant)
        results.append(Result(contestant.name, time.perf_counter() - started))
    with MachineWatch() as watch:
        for number in range(rounds):
            for contestant, result in zip(contestants, results, strict=True):
                started = time.perf_counter()
                contestant.train_epoch()
                result.seconds.append(time.perf_counter() - started)
            times = ", ".join(f"{r.name} {r.seconds[-1]:.2f} s" for r in results)
            say(f"round {number + 1} of {rounds}: {times}")
    for contestant, result in zip(contestants, results, strict=True):
        result.accuracy = contestant.test_accuracy()
    return results, watch.clean


def time_beside(one: Result, other: Result) -> float:
    """Median over the rounds of one contestant's time as a multiple of the other's."""
    # Round by round, so that a slow moment of the machine weighs on both sides.
    return median(a / b for a, b in zip(one.seconds, other.seconds, strict=True))


def table(results: list[Result], images: int, batch_size: int, clean: bool | None) -> Table:
    """Ratios to hexbench, which stands first."""
    ours = results[0]
    lines = []
    for r in results:
        ratios = [a / b for a, b in zip(r.seconds, ours.seconds, strict=True)]
        lines.append(
            (
                r.name,
                f"{time_beside(r, ours):.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
                f"{images / median(r.seconds):,.0f}",
                f"{r.first_s / median(r.seconds):.1f}",
                f"{100 * r.accuracy:.1f}",
            )
        )
    epochs = len(ours.seconds) + 1
    idle = {True: "was otherwise idle", False: "was not otherwise idle", None: "may have been busy"}
    return Table(
        "One CNN epoch beside PyTorch",
        f"On a CPU: {images:,} training images, batches of {batch_size}, "
        f"{len(ours.seconds)} rounds in turn on a machine that {idle[clean]}. "
        "Time is the median of each round's ratio to hexbench; "
        "start-up (building, compiling and the first epoch) is counted in that library's own epochs. "
        f"Accuracy is on the test images after {epochs} epochs.",
        (
            "model",
            "time, hexbench = 1",
            "range",
            "images / s",
            "start-up, epochs",
            "test accuracy %",
        ),
        lines,
    )
