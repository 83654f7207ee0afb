"""Evaluates networks while they train, and chooses the epoch to test by validation images."""

from collections.abc import Sequence
from math import inf, isfinite
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from hexbench.models.base import Evaluation, Labelled, Tree
from hexbench.models.training.compile_cache import Program
from hexbench.models.training.description import Network, Weights
from hexbench.models.training.devices import Devices
from hexbench.models.training.programs import evaluation_program, padded_size

PATIENCE = 4
"""Training stops after so many times the epochs that had the lowest validation loss."""


class Evaluator:
    """A network's compiled evaluation on images (n, p) and labels (n,) that stay on the device."""

    def __init__(
        self, network: Network, images: np.ndarray, labels: np.ndarray, devices: Devices | None = None
    ):
        self._count = len(images)
        images, labels = (padded(array, devices) for array in (images, labels))
        self._type = np.min_scalar_type(network.classes - 1)
        self.program = evaluation_program(network, len(images), images.dtype, devices)
        self._data = self.program.place(*to_device(images, labels))

    def __call__(self, weights: Weights) -> tuple[Evaluation, float]:
        """What weights predict, and the seconds it took, on the device, warmed up."""
        arguments = self.program.place(*self._data, weights)
        result, seconds = self.program.timed(*arguments, warm_up=True)
        losses, predicted, confidence = (np.asarray(part)[: self._count] for part in result)
        found = Evaluation(float(losses.mean()), predicted.astype(self._type), confidence, losses)
        return found, seconds


class BestCheckpoint(NamedTuple):
    """Weights, the epoch after which they were these, and their validation loss."""

    epoch: int
    loss: float
    weights: Any
    """A `Weights`; None before the first evaluation."""


class EarlyStopping:
    """Tracks the validation loss of networks and evaluates their best weights on the test images.

    Without validation images there is nothing to choose: each evaluation is one of the test images.
    """

    def __init__(
        self,
        network: Network,
        count: int,
        test: Labelled | None,
        validation: Sequence[Labelled] | None,
        devices: Devices | None = None,
    ):
        """Of `count` networks, with a validation set for each."""
        self._tester = None if test is None else Evaluator(network, *test, devices)
        self._validators = [Evaluator(network, *held_out, devices) for held_out in validation or ()]
        self._seconds: list[float] = []
        self.best = [BestCheckpoint(0, inf, None)] * count
        self.tested: list[dict[int, Evaluation]] = [{} for _ in range(count)]
        self.validated: list[dict[int, Evaluation]] = [{} for _ in range(count)]

    @property
    def programs(self) -> list[Program]:
        """One for each evaluator."""
        return [e.program for e in (self._tester, *self._validators) if e is not None]

    def evaluate(self, networks: Sequence[Weights], epoch: int) -> None:
        """Evaluate every network, given its weights after this epoch.

        Raises FloatingPointError where a loss is not finite.
        """
        for i, weights in enumerate(networks):
            if not self._validators:
                self.best[i] = BestCheckpoint(epoch, inf, weights)
                self._test(i)
                continue
            found, seconds = self._validators[i](weights)
            self._seconds.append(seconds)
            self.validated[i][epoch] = _finite(found, "validation", epoch)
            if self.best[i].weights is None or found.loss < self.best[i].loss:
                # A copy: the next epoch overwrites the weights in place.
                self.best[i] = BestCheckpoint(epoch, found.loss, jax.tree.map(jnp.copy, weights))

    def should_stop(self, epoch: int) -> bool:
        """Whether no network's validation loss has fallen for PATIENCE times as long."""
        return bool(self._validators) and all(epoch >= PATIENCE * k.epoch for k in self.best)

    def finish(self) -> None:
        """Evaluate the weights that validation chose on the test images."""
        for i in range(len(self._validators)):
            self._test(i)

    def times(self) -> dict[str, float]:
        """Seconds a network: evaluate_s in total, predict_s of the test images, the last time."""
        if not self._seconds:
            return {}
        found = {"evaluate_s": sum(self._seconds) / len(self.best)}
        return found if self._tester is None else found | {"predict_s": self._seconds[-1]}

    def _test(self, i: int) -> None:
        if self._tester is not None:
            best = self.best[i]
            found, seconds = self._tester(best.weights)
            self.tested[i][best.epoch] = _finite(found, "test", best.epoch)
            self._seconds.append(seconds)

    def saved(self) -> Tree:
        """All that it has seen, as arrays."""
        return {
            "seconds": [np.array(seconds) for seconds in self._seconds],
            "networks": [
                {
                    "tested": _saved(tested),
                    "validated": _saved(validated),
                    # Without validation the best weights are always those to come.
                    "best": [np.array(best.epoch), np.array(best.loss), *leaves_of(best.weights)]
                    if validated
                    else [],
                }
                for tested, validated, best in zip(self.tested, self.validated, self.best, strict=True)
            ],
        }

    def restore(self, saved: Tree, weights: Weights) -> None:
        """Go on from what was `saved`; `weights` are of the same shapes."""
        self._seconds = [float(seconds) for seconds in saved["seconds"]]
        for i, one in enumerate(saved["networks"]):
            self.tested[i], self.validated[i] = (
                {int(e): Evaluation(float(v[0]), *v[1:]) for e, v in one.get(name, {}).items()}
                for name in ("tested", "validated")
            )
            if one["best"]:
                epoch, loss, *leaves = one["best"]
                self.best[i] = BestCheckpoint(int(epoch), float(loss), with_leaves(weights, leaves))


def _saved(evaluations: dict[int, Evaluation]) -> Tree:
    return {
        str(epoch): [np.array(found.loss), found.predicted, found.confidence, found.losses]
        for epoch, found in evaluations.items()
    }


def _finite(found: Evaluation, which: str, epoch: int) -> Evaluation:
    if not isfinite(found.loss):
        raise FloatingPointError(f"the {which} loss is not finite after epoch {epoch}")
    return found


def padded(array: np.ndarray, devices: Devices | None = None) -> np.ndarray:
    """Filled up with zeros along the first axis to the size that programs evaluate."""
    missing = padded_size(len(array), devices) - len(array)
    return np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))


def to_device(images: np.ndarray, labels: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Images (n, p) and labels (n,) on the device, once they are there."""
    return jax.block_until_ready((jnp.asarray(images), jnp.asarray(labels, jnp.int32)))


def leaves_of(tree: Any) -> list[np.ndarray]:
    """The numbers of a tree of JAX arrays, copied: the next epoch overwrites them in place."""
    return [np.array(jax.random.key_data(a) if _is_key(a) else a) for a in jax.tree.leaves(tree)]


def with_leaves(like: Any, leaves: list[np.ndarray]) -> Any:
    """The tree that `leaves_of` took apart; `like` is one of the same shapes."""
    old, structure = jax.tree.flatten(like)
    new = [jax.device_put(_alike(a, o), o.sharding) for a, o in zip(leaves, old, strict=True)]
    return jax.block_until_ready(jax.tree.unflatten(structure, new))


def _is_key(leaf: jax.Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _alike(numbers: np.ndarray, like: jax.Array) -> jax.Array:
    if _is_key(like):
        return jax.random.wrap_key_data(jnp.asarray(numbers), impl=jax.random.key_impl(like))
    return jnp.asarray(numbers, like.dtype).reshape(like.shape)
