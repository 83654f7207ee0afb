"""What networks say of images: test images, or validation images that choose which weights are tested."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from models.compiling import Compiled, obtain
from models.progress import Tree, leaves_of, with_leaves
from models.training import EVALUATION_BATCH, ModuleType, compile_evaluation

Labelled = tuple[np.ndarray, np.ndarray]
"""Images (n, 400) uint8 and labels (n,) 0 to 16."""

FEW = 2048
PATIENCE = 4
"""Training is over once it has gone on for so many times the epochs that had the lowest loss."""

_warm: set[Any] = set()
"""Programs that this process has called: the first call of one takes longer than the others."""


@dataclass(frozen=True)
class Evaluation:
    """What a network says of n images after some epoch."""

    loss: float
    predicted: np.ndarray
    """(n,) uint8: the most probable class."""
    confidence: np.ndarray
    """(n,) float32: its probability."""

    def saved(self) -> Tree:
        """The same as arrays."""
        return [np.array(self.loss), self.predicted, self.confidence]

    @classmethod
    def restored(cls, saved: Tree) -> "Evaluation":
        """What was `saved`."""
        loss, predicted, confidence = saved
        return cls(float(loss), predicted, confidence)


class Evaluator:
    """A network's compiled evaluation on n images that stay on the device.

    They are filled up with empty ones, few to a power of two, many to whole batches: sets of almost one
    size share a program, and cores can share them out.
    """

    def __init__(self, module: ModuleType, images: np.ndarray, labels: np.ndarray):
        self._count = n = len(images)
        size = n + -n % EVALUATION_BATCH if n > FEW else 1 << (n - 1).bit_length()
        filled = np.pad(images, ((0, size - n), (0, 0))), np.pad(labels, (0, size - n))
        self.program = obtain(compile_evaluation, module, *filled[0].shape)
        self._images = self.program.place(*to_device(*filled))

    def __call__(self, params: Any) -> tuple[Evaluation, float]:
        """What the network says, and the seconds it took, on the device, warmed up."""
        arguments = self.program.place(*self._images, params)
        if self.program.call not in _warm:
            jax.block_until_ready(self.program.call(*arguments))
            _warm.add(self.program.call)
        started = time.perf_counter()
        result = jax.block_until_ready(self.program.call(*arguments))
        seconds = time.perf_counter() - started
        losses, predicted, confidence = (np.asarray(part)[: self._count] for part in result)
        return Evaluation(float(losses.mean()), predicted.astype(np.uint8), confidence), seconds


class Trained(Protocol):
    """Networks that are being trained."""

    def params(self, place: int) -> Any:
        """The weights of one of them."""


class Kept(NamedTuple):
    """Weights, the epoch after which they were these, and their validation loss."""

    epoch: int
    loss: float
    params: Any


class Examiner:
    """Shows networks their test images, or their validation images and the best of them the test's."""

    def __init__(
        self,
        module: ModuleType,
        count: int,
        test: Labelled | None,
        validation: Sequence[Labelled] | None,
    ):
        self._tester = None if test is None else Evaluator(module, *test)
        self._validators = [Evaluator(module, *held_out) for held_out in validation or ()]
        self._seconds: list[float] = []
        self.kept = [Kept(0, inf, None)] * count
        self.tested: list[dict[int, Evaluation]] = [{} for _ in range(count)]
        self.validated: list[dict[int, Evaluation]] = [{} for _ in range(count)]

    @property
    def programs(self) -> list[Compiled]:
        """One for each evaluator."""
        return [e.program for e in (self._tester, *self._validators) if e is not None]

    def examine(self, networks: Trained, epoch: int) -> None:
        """Evaluate every network as it is after this epoch.

        Raises FloatingPointError where a loss is not finite.
        """
        for i in range(len(self.kept)):
            params = networks.params(i)
            if not self._validators:
                self.kept[i] = Kept(epoch, inf, params)
                self._test(i)
                continue
            found, seconds = self._validators[i](params)
            self._seconds.append(seconds)
            self.validated[i][epoch] = _finite(found, "validation", epoch)
            if self.kept[i].params is None or found.loss < self.kept[i].loss:
                # A copy: the next epoch overwrites the weights in place.
                self.kept[i] = Kept(epoch, found.loss, jax.tree.map(jnp.copy, params))

    def is_settled(self, epoch: int) -> bool:
        """Whether validation has seen enough: no network's loss has fallen for PATIENCE times as long."""
        return bool(self._validators) and all(epoch >= PATIENCE * k.epoch for k in self.kept)

    def finish(self) -> None:
        """Show the test images to the networks that validation chose."""
        for i in range(len(self._validators)):
            self._test(i)

    def times(self) -> dict[str, float]:
        """Seconds a network: evaluate_s of all evaluations, predict_s of the last of test images."""
        if not self._seconds:
            return {}
        found = {"evaluate_s": sum(self._seconds) / len(self.kept)}
        return found if self._tester is None else found | {"predict_s": self._seconds[-1]}

    def _test(self, i: int) -> None:
        if self._tester is not None:
            kept = self.kept[i]
            found, seconds = self._tester(kept.params)
            self.tested[i][kept.epoch] = _finite(found, "test", kept.epoch)
            self._seconds.append(seconds)

    def saved(self) -> Tree:
        """All that it has seen, as arrays."""
        return {
            "seconds": [np.array(seconds) for seconds in self._seconds],
            "networks": [
                {
                    "tested": {str(epoch): found.saved() for epoch, found in tested.items()},
                    "validated": {str(epoch): found.saved() for epoch, found in validated.items()},
                    # Without validation the weights to keep are always those to come.
                    "kept": [np.array(kept.epoch), np.array(kept.loss), *leaves_of(kept.params)]
                    if validated
                    else [],
                }
                for tested, validated, kept in zip(
                    self.tested, self.validated, self.kept, strict=True
                )
            ],
        }

    def restore(self, saved: Tree, params: Any) -> None:
        """Go on from what was `saved`; `params` are weights of the same shapes."""
        self._seconds = [float(seconds) for seconds in saved["seconds"]]
        for i, one in enumerate(saved["networks"]):
            self.tested[i], self.validated[i] = (
                {int(e): Evaluation.restored(found) for e, found in one.get(name, {}).items()}
                for name in ("tested", "validated")
            )
            if one["kept"]:
                epoch, loss, *leaves = one["kept"]
                self.kept[i] = Kept(int(epoch), float(loss), with_leaves(params, leaves))


def _finite(found: Evaluation, which: str, epoch: int) -> Evaluation:
    if not isfinite(found.loss):
        raise FloatingPointError(f"the {which} loss is not finite after epoch {epoch}")
    return found


def to_device(images: np.ndarray, labels: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Images (n, 400) and labels (n,) where the programs want them, once they are there."""
    return jax.block_until_ready((jnp.asarray(images, jnp.uint8), jnp.asarray(labels, jnp.int32)))
