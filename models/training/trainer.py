"""The training loop: compiled epochs, evaluations between them, times and checkpoints."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from hexbench.models.base import Checkpoint, Labelled, LearningCurve, Tree
from hexbench.models.training.compile_cache import ORIGINS, Origin, Program
from hexbench.models.training.description import Network, Weights
from hexbench.models.training.devices import Devices, first_devices
from hexbench.models.training.early_stopping import (
    EarlyStopping,
    leaves_of,
    to_device,
    with_leaves,
)
from hexbench.models.training.programs import (
    EPOCHS_PER_CALL,
    initial_state,
    training_program,
)
from hexbench.models.training.recipe import Recipe

INITIALISATION, SHUFFLE = 1, 2
"""Streams of random numbers, apart, so that changing one leaves the other as it was."""

SECONDS_PER_CALL = 0.5
"""How long one call of the compiled loop may last, so that progress moves and Ctrl-C is noticed."""


@dataclass(frozen=True)
class Fit:
    """A trained network and how it got there."""

    weights: Weights
    curve: LearningCurve
    times: dict[str, float]
    """Seconds: compile_s, first_call_s, train_s, epoch_s (median), evaluate_s, predict_s."""
    programs: dict[str, int]
    """How many of its programs were compiled, came from disk, or were there in the process."""
    earlier_s: float
    """Seconds that earlier processes worked until the checkpoint that this one went on from."""


class Trainer:
    """Networks that are trained side by side, with their images, on the device."""

    def __init__(
        self,
        network: Network,
        data: Sequence[Labelled],
        seeds: Sequence[int],
        initial: Sequence[int],
        batch_size: int,
        recipe: Recipe,
        devices: Devices | None = None,
    ):
        """One for each seed, on images (n, p) uint8 or float32 and labels (n,) of its own.

        `initial` are the seeds of the first weights; `devices` share out every batch.
        """
        self.count = len(seeds)
        images = data[0][0]
        self.program = training_program(
            network, len(images), images.dtype, batch_size, recipe, self.count, devices
        )
        keys = [
            (jax.random.key(seed), jax.random.key(first)) for seed, first in zip(seeds, initial, strict=True)
        ]
        each = [
            (
                initial_state(network, recipe, jax.random.fold_in(first, INITIALISATION)),
                *to_device(*own),
                jax.random.fold_in(key, SHUFFLE),
            )
            for (key, first), own in zip(keys, data, strict=True)
        ]
        # One alone has no first axis.
        values = each[0] if self.count == 1 else jax.tree.map(lambda *a: jnp.stack(a), *each)
        self._state, *self._data = self.program.place(*values)

    def advance(self, count: int) -> tuple[np.ndarray, float]:
        """Train `count` epochs; loss and accuracy (s, count, 2) and the seconds they took."""
        arguments = (self._state, *self._data, jnp.int32(count))
        (self._state, history), seconds = self.program.timed(*arguments)
        return np.asarray(history).reshape(self.count, -1, 2)[:, :count], seconds

    @property
    def weights(self) -> list[Weights]:
        """Of each, until the next call of `advance`."""
        weights = self._state.weights
        if self.count == 1:
            return [weights]
        return [jax.tree.map(lambda a, i=i: a[i], weights) for i in range(self.count)]

    def saved(self) -> Tree:
        """What an epoch changes, as arrays."""
        return leaves_of(self._state)

    def restore(self, saved: Tree) -> None:
        """Go on from what was `saved`."""
        self._state = with_leaves(self._state, saved)


@dataclass
class Log:
    """What training has cost and shown so far, in this process and those before it."""

    rows: list[np.ndarray] = field(default_factory=list)
    """Loss and accuracy of each epoch, in arrays (s, epochs, 2)."""
    seconds: list[float] = field(default_factory=list)
    """Of each epoch, of all networks together."""
    first_call_s: float = 0.0
    compile_s: float = 0.0
    earlier_s: float = 0.0
    programs: Counter[Origin] = field(default_factory=Counter)

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.seconds)

    def add(self, rows: np.ndarray, seconds: float) -> None:
        """Add epochs that took so long together; FloatingPointError where a loss is not finite."""
        finite = np.isfinite(rows).all(axis=(0, 2))
        if not finite.all():
            first = self.epochs + 1 + int(np.argmin(finite))
            raise FloatingPointError(f"the training loss is not finite in epoch {first}")
        count = rows.shape[1]
        self.rows.append(rows)
        self.seconds += [seconds / count] * count

    def add_programs(self, programs: Sequence[Program]) -> None:
        """Count the programs that this process had to get."""
        for origin, seconds in (program.charge() for program in programs):
            self.programs[origin] += 1
            self.compile_s += seconds

    def saved(self, elapsed: float) -> Tree:
        """The same as arrays; this process has taken `elapsed` seconds."""
        costs = [self.first_call_s, self.compile_s, self.earlier_s + elapsed]
        return {
            "rows": np.concatenate(self.rows, axis=1),
            "seconds": np.array(self.seconds),
            "costs": np.array(costs),
            "programs": np.array([self.programs[origin] for origin in ORIGINS]),
        }

    @classmethod
    def restored(cls, saved: Tree) -> "Log":
        """What was `saved`."""
        programs = Counter(dict(zip(ORIGINS, saved["programs"].tolist(), strict=True)))
        first_call_s, compile_s, earlier_s = saved["costs"].tolist()
        seconds = saved["seconds"].tolist()
        return cls([saved["rows"]], seconds, first_call_s, compile_s, earlier_s, programs)


def train(
    network: Network,
    data: Sequence[Labelled],
    seeds: Sequence[int],
    initial: Sequence[int] | None = None,
    *,
    epochs: int,
    batch_size: int,
    recipe: Recipe,
    test: Labelled | None = None,
    validation: Sequence[Labelled] | None = None,
    evaluate_at: Iterable[int] = (),
    on_epochs: Callable[[int], None] | None = None,
    checkpoint: Checkpoint | None = None,
    devices: int | None = None,
) -> list[Fit]:
    """Train a network for each seed, all in one program; the options are `NetworkClassifier.fit`'s.

    `initial` are other seeds for the first weights.

    Each gets an equal share of the seconds that they took together; what was compiled is the first's.
    """
    started = time.perf_counter()
    on = first_devices(devices)
    trainer = Trainer(network, data, seeds, initial or seeds, batch_size, recipe, on)
    stopping = EarlyStopping(network, len(seeds), test, validation, on)
    log = Log()
    saved = None if checkpoint is None else checkpoint.load()
    if saved is not None:
        trainer.restore(saved["networks"])
        stopping.restore(saved["evaluations"], trainer.weights[0])
        log = Log.restored(saved["log"])
    log.add_programs([trainer.program, *stopping.programs])
    log.first_call_s += trainer.advance(0)[1]
    per_call = 1
    for stop in sorted({e for e in evaluate_at if log.epochs < e < epochs} | {epochs}):
        while log.epochs < stop:
            if checkpoint is not None and log.epochs and checkpoint.is_due():
                progress = {
                    "networks": trainer.saved(),
                    "evaluations": stopping.saved(),
                    "log": log.saved(time.perf_counter() - started),
                }
                checkpoint.save(log.epochs, progress)
            count = min(per_call, stop - log.epochs)
            rows, seconds = trainer.advance(count)
            log.add(rows, seconds)
            per_call = int(np.clip(SECONDS_PER_CALL * count / seconds, 1, EPOCHS_PER_CALL))
            if on_epochs is not None:
                on_epochs(log.epochs)
        stopping.evaluate(trainer.weights, stop)
        if stopping.should_stop(stop):
            break
    stopping.finish()
    return _fits(log, stopping)


def _fits(log: Log, stopping: EarlyStopping) -> list[Fit]:
    """One for each network."""
    history = np.concatenate(log.rows, axis=1)
    seconds = [second / len(history) for second in log.seconds]
    times = {
        "compile_s": 0.0,
        "first_call_s": log.first_call_s / len(history),
        "train_s": sum(seconds),
        "epoch_s": float(np.median(seconds)),
        **stopping.times(),
    }
    fits = []
    for i, rows in enumerate(history):
        loss, accuracy = rows.T.tolist()
        best = stopping.best[i]
        curve = LearningCurve(loss, accuracy, stopping.tested[i], stopping.validated[i], best.epoch)
        programs = log.programs if i == 0 else {"process": log.programs.total()}
        counts: dict[str, int] = {origin: programs.get(origin, 0) for origin in ORIGINS}
        compile_s = log.compile_s if i == 0 else 0.0
        own = times | {"compile_s": compile_s}
        weights = jax.tree.map(_here, best.weights)
        fits.append(Fit(weights, curve, own, counts, log.earlier_s))
    return fits


def _here(leaf: jax.Array) -> jax.Array:
    """Weights that this process can read, of those that several processes have."""
    return leaf if leaf.is_fully_addressable else leaf.addressable_data(0)
