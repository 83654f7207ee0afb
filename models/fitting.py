"""Train a network for some epochs and evaluate it at the epochs that are asked for, timing each part."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from models.compiling import Origin, obtain
from models.evaluation import Evaluation, Examiner, Labelled, to_device
from models.progress import Checkpoint, Log, Tree, leaves_of, with_leaves
from models.training import (
    EPOCHS_PER_CALL,
    ModuleType,
    compile_training,
    initial_state,
)

INITIALISATION, SHUFFLE = 1, 2
"""Streams of random numbers, apart, so that changing one leaves the other as it was."""

SECONDS_PER_CALL = 0.5
"""How long one call of the compiled loop may last, so that progress moves and Ctrl-C is heard."""


@dataclass
class NetworkFit:
    """A trained network and how it got there."""

    params: Any
    train_loss: list[float]
    """Mean over the epoch while the weights change, one an epoch: what Keras prints."""
    train_accuracy: list[float]
    evaluations: dict[int, Evaluation]
    """Of the test images, by epoch; 1 is the first."""
    validations: dict[int, Evaluation]
    """Of the validation images, by epoch."""
    epoch: int
    """Whose weights these are: the last, or the one with the lowest validation loss."""
    times: dict[str, float] = field(default_factory=dict)
    """Seconds: compile_s, first_call_s, train_s, epoch_s (median), evaluate_s, predict_s."""
    programs: Counter[Origin] = field(default_factory=Counter)
    """How many of its programs were compiled, came from disk, or were there in the process."""
    earlier_s: float = 0.0
    """Seconds that earlier processes worked on it until the checkpoint from which this one went on."""

    @property
    def parameters(self) -> int:
        """How many numbers the network learned."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.params))


def fit_network(
    module: ModuleType,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    test: Labelled | None = None,
    validation: Labelled | None = None,
    evaluate_at: Iterable[int] = (),
    on_epochs: Callable[[int], None] | None = None,
) -> NetworkFit:
    """Train `module` on images (n, 400) uint8 with labels (n,) 0 to 16.

    `test` images are evaluated after the epochs of `evaluate_at`, and after the last. With
    `validation` images it is those that are evaluated then; the weights with the lowest validation
    loss are kept, and they alone are shown the test images; training ends before `epochs` where that
    loss has not fallen for `evaluation.PATIENCE` times as long. `on_epochs` is told how many epochs
    are done. Raises FloatingPointError when the loss is no longer finite.
    """
    return fit_networks(
        module, images[None], labels[None], epochs=epochs, batch_size=batch_size, seeds=[seed],
        test=test, validation=None if validation is None else [validation],
        evaluate_at=evaluate_at, on_epochs=on_epochs,
    )[0]  # fmt: skip


def fit_networks(
    module: ModuleType,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    seeds: Sequence[int],
    test: Labelled | None = None,
    validation: Sequence[Labelled] | None = None,
    evaluate_at: Iterable[int] = (),
    on_epochs: Callable[[int], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[NetworkFit]:
    """Train one network for each seed, all in one program, on images (s, n, 400) and labels (s, n).

    Each gets an equal share of the seconds that they took together; what was compiled is the
    first's. There is a validation set for each seed. A run that finds what another process left in
    `checkpoint` goes on from there, and ends with the very same numbers; an epoch's order depends on
    its number alone. Otherwise as `fit_network`.
    """
    started = time.perf_counter()
    networks = _Networks(module, images, labels, batch_size, seeds)
    examiner = Examiner(module, len(seeds), test, validation)
    log = Log()
    saved = None if checkpoint is None else checkpoint.load()
    if saved is not None:
        networks.restore(saved["networks"])
        examiner.restore(saved["examiner"], networks.params(0))
        log = Log.restored(saved["log"])
    log.add_programs([networks.program, *examiner.programs])
    log.first_call_s += networks.advance(0)[1]
    per_call = 1
    for stop in sorted({e for e in evaluate_at if log.epochs < e < epochs} | {epochs}):
        while log.epochs < stop:
            if checkpoint is not None and log.epochs and checkpoint.is_due():
                elapsed = time.perf_counter() - started
                checkpoint.save(
                    log.epochs,
                    {
                        "networks": networks.saved(),
                        "examiner": examiner.saved(),
                        "log": log.saved(elapsed),
                    },
                )
            count = min(per_call, stop - log.epochs)
            rows, seconds = networks.advance(count)
            log.add(rows, seconds)
            per_call = int(np.clip(SECONDS_PER_CALL * count / seconds, 1, EPOCHS_PER_CALL))
            if on_epochs is not None:
                on_epochs(log.epochs)
        examiner.examine(networks, stop)
        if examiner.is_settled(stop):
            break
    examiner.finish()
    return _fits(log, examiner)


def _fits(log: Log, examiner: Examiner) -> list[NetworkFit]:
    """One for each network, which has an equal share of the seconds."""
    history = np.concatenate(log.rows, axis=1)
    seconds = [second / len(history) for second in log.seconds]
    times = {
        "compile_s": 0.0,
        "first_call_s": log.first_call_s / len(history),
        "train_s": sum(seconds),
        "epoch_s": float(np.median(seconds)),
        **examiner.times(),
    }
    reused: Counter[Origin] = Counter({"process": log.programs.total()})
    fits = []
    for i, rows in enumerate(history):
        loss, accuracy = rows.T.tolist()
        kept = examiner.kept[i]
        tested, validated = examiner.tested[i], examiner.validated[i]
        fits.append(
            NetworkFit(
                kept.params, loss, accuracy, tested, validated, kept.epoch, dict(times), reused,
                log.earlier_s,
            )
        )  # fmt: skip
    fits[0].times["compile_s"] = log.compile_s
    fits[0].programs = log.programs
    return fits


class _Networks:
    """One network or several side by side, with their images, on the device."""

    def __init__(
        self,
        module: ModuleType,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        seeds: Sequence[int],
    ):
        keys = [jax.random.key(seed) for seed in seeds]
        states = [initial_state(module, jax.random.fold_in(key, INITIALISATION)) for key in keys]
        shuffle = jnp.stack([jax.random.fold_in(key, SHUFFLE) for key in keys])
        self.program = obtain(compile_training, module, *images.shape[1:], batch_size, len(seeds))
        self._together = len(seeds)
        state = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        values = self._alone((state, *to_device(images, labels), shuffle))
        self._state, *self._data = self.program.place(*values)

    def advance(self, count: int) -> tuple[np.ndarray, float]:
        """Train `count` epochs; loss and accuracy (s, count, 2) and the seconds they took."""
        started = time.perf_counter()
        self._state, history = jax.block_until_ready(
            self.program.call(self._state, *self._data, jnp.int32(count))
        )
        seconds = time.perf_counter() - started
        return np.asarray(history).reshape(self._together, -1, 2)[:, :count], seconds

    def params(self, place: int) -> Any:
        """The weights of one of them."""
        params = self._state.params
        return jax.tree.map(lambda a: a[place], params) if self._together > 1 else params

    def saved(self) -> Tree:
        """What an epoch changes, as arrays."""
        return leaves_of(self._state)

    def restore(self, saved: Tree) -> None:
        """Go on from what was `saved`."""
        self._state = with_leaves(self._state, saved)

    def _alone(self, values: Any) -> Any:
        """The values as the program wants them: without a first axis where there is one network."""
        return jax.tree.map(lambda a: a[0], values) if self._together == 1 else values
