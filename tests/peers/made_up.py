"""Contestants and outcomes that are not measured, with known answers."""

import os
import sys
from pathlib import Path

from conftest import ROOT, blobs
from hexbench.models import entries
from hexbench.peers.contest import Outcome, Result, Setting
from hexbench.peers.roster import Entry, contestants
from hexbench.peers.task import Task

TESTED = 2951


class Polite:
    """Writes its name into a log at each turn, and prints where only answers belong."""

    def __init__(self, task):
        self.name = os.environ["MADE_UP_NAME"]
        self.log = Path(os.environ["MADE_UP_LOG"])
        self.turns = 0

    def prepare(self):
        sys.stdout.write("a library says hello\n")
        self.write("first")

    def train(self):
        self.turns += 1
        self.write("turn")

    def accuracy(self):
        return 0.9

    def facts(self):
        return {"turns": self.turns}

    def write(self, what):
        with self.log.open("a") as log:
            log.write(f"{self.name} {what}\n")


class RaisesInTurnTwo(Polite):
    def train(self):
        super().train()
        if self.turns == 2:
            raise ArithmeticError("the numbers\nran out")


class DiesWhenBuilt(Polite):
    def prepare(self):
        sys.stderr.write("out of paper\n")
        sys.stderr.flush()
        os._exit(7)


def entry(name, maker, log):
    environment = {"MADE_UP_NAME": name, "MADE_UP_LOG": str(log), "PYTHONPATH": str(ROOT / "tests")}
    return Entry(name, name, f"peers.made_up:{maker}", ("mlp",), (), environment=environment)


def task(model="mlp", count=240, trained=170, **params):
    images, labels = blobs(count)
    images = images.reshape(-1, 20, 20)
    parts = images[:trained], labels[:trained], images[trained:], labels[trained:]
    return Task(model, {**entries()[model].defaults, **params}, 17, *parts)


def outcome(model, seconds, accuracies=None, batch_size=16, images=6883, rounds=None, failed=()):
    """A contest in which contestants took `seconds` {name: [one a round]}, and reached 90%."""
    results = []
    for number, (name, times) in enumerate(seconds.items()):
        found = next(e for e in contestants(model) if e.name == name)
        facts = {"chosen": "C=1", "cross_validation": 0.9} if model == "svm" else {"parameters": 1}
        accuracy = (accuracies or {}).get(name, 0.9)
        error = "MemoryError: no message" if name in failed else None
        results.append(Result(found, 2.0 + number, list(times), accuracy, 300.0, facts, error))
    rounds = rounds or len(next(iter(seconds.values())))
    setting = Setting(model, 0 if model == "svm" else batch_size, images, rounds)
    operations = None if model == "svm" else task(model).operations
    return Outcome(setting, results, TESTED, clean=True, operations=operations)
