"""Train a network for some epochs and evaluate it at the epochs that are asked for, timing each part."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from models.training import (
    EPOCHS_PER_CALL,
    ModuleType,
    TrainState,
    compile_evaluation,
    compile_training,
    initial_state,
)

INITIALISATION, SHUFFLE = 1, 2
"""Streams of random numbers, apart, so that changing one leaves the other as it was."""

SECONDS_PER_CALL = 0.5
"""How long one call of the compiled loop may last, so that progress moves and Ctrl-C is heard."""


@dataclass(frozen=True)
class Evaluation:
    """What a network says of n images after some epoch."""

    loss: float
    predicted: np.ndarray
    """(n,) uint8: the most probable class."""
    confidence: np.ndarray
    """(n,) float32: its probability."""


@dataclass
class NetworkFit:
    """A trained network and how it got there."""

    params: Any
    train_loss: list[float]
    """Mean over the epoch while the weights change, one an epoch: what Keras prints."""
    train_accuracy: list[float]
    evaluations: dict[int, Evaluation]
    """By epoch, 1 is the first."""
    times: dict[str, float] = field(default_factory=dict)
    """Seconds: compile_s, first_call_s, train_s, epoch_s (median), evaluate_s, predict_s."""


def fit_network(
    module: ModuleType,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    evaluate_at: Iterable[int] = (),
    on_epochs: Callable[[int], None] | None = None,
) -> NetworkFit:
    """Train `module` on images (n, 400) uint8 with labels (n,) 0 to 16.

    `test` images are evaluated after the epochs of `evaluate_at`, and after the last. `on_epochs` is
    told how many epochs are done. Raises FloatingPointError when the loss is no longer finite.
    """
    key = jax.random.key(seed)
    shuffle_key = jax.random.fold_in(key, SHUFFLE)
    state = initial_state(module, jax.random.fold_in(key, INITIALISATION))
    train, compile_s = _timed_compile(compile_training, module, *images.shape, batch_size)
    device_images, device_labels = _to_device(images, labels)

    def call(state: TrainState, count: int) -> tuple[TrainState, np.ndarray, float]:
        started = time.perf_counter()
        state, history = jax.block_until_ready(
            train.call(state, device_images, device_labels, shuffle_key, jnp.int32(count))
        )
        return state, np.asarray(history)[:count], time.perf_counter() - started

    state, _, first_call_s = call(state, 0)
    stops = sorted({e for e in evaluate_at if e < epochs} | {epochs})
    history: list[np.ndarray] = []
    epoch_seconds: list[float] = []
    evaluations: dict[int, Evaluation] = {}
    evaluate_seconds: list[float] = []
    evaluator = None
    if test is not None:
        evaluator = Evaluator(module, *test)
        compile_s += evaluator.compile_s
    done, per_call = 0, 1
    for stop in stops:
        while done < stop:
            count = min(per_call, stop - done)
            state, rows, seconds = call(state, count)
            if not np.isfinite(rows).all():
                first = done + 1 + int(np.argmin(np.isfinite(rows).all(axis=1)))
                raise FloatingPointError(f"the training loss is not finite in epoch {first}")
            history.append(rows)
            epoch_seconds += [seconds / count] * count
            done += count
            per_call = int(np.clip(SECONDS_PER_CALL * count / seconds, 1, EPOCHS_PER_CALL))
            if on_epochs is not None:
                on_epochs(done)
        if evaluator is not None:
            evaluations[stop], seconds = evaluator(state.params)
            evaluate_seconds.append(seconds)

    loss, accuracy = np.concatenate(history).T
    times = {
        "compile_s": compile_s,
        "first_call_s": first_call_s,
        "train_s": sum(epoch_seconds),
        "epoch_s": float(np.median(epoch_seconds)),
    }
    if evaluator is not None:
        times["evaluate_s"] = sum(evaluate_seconds)
        times["predict_s"] = evaluate_seconds[-1]
    return NetworkFit(state.params, loss.tolist(), accuracy.tolist(), evaluations, times)


class Evaluator:
    """A network's compiled evaluation on n test images that stay on the device."""

    def __init__(self, module: ModuleType, images: np.ndarray, labels: np.ndarray):
        self._program, self.compile_s = _timed_compile(compile_evaluation, module, *images.shape)
        self._arguments = _to_device(images, labels)
        self._warm = False

    def __call__(self, params: Any) -> tuple[Evaluation, float]:
        """What the network says, and the seconds it took, on the device, warmed up."""
        if not self._warm:
            jax.block_until_ready(self._program.call(params, *self._arguments))
            self._warm = True
        started = time.perf_counter()
        result = jax.block_until_ready(self._program.call(params, *self._arguments))
        seconds = time.perf_counter() - started
        loss, predicted, confidence = map(np.asarray, result)
        return Evaluation(float(loss), predicted.astype(np.uint8), confidence), seconds


def _timed_compile(compiler: Any, *shape: Any) -> tuple[Any, float]:
    """A compiled program and what compiling it cost now: nothing if this process had it already."""
    before = compiler.cache_info().misses
    compiled = compiler(*shape)
    return compiled, compiled.seconds if compiler.cache_info().misses > before else 0.0


def _to_device(images: np.ndarray, labels: np.ndarray) -> tuple[jax.Array, jax.Array]:
    return jax.block_until_ready((jnp.asarray(images, jnp.uint8), jnp.asarray(labels, jnp.int32)))
