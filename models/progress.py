"""What a training run has so far, and how it is kept so that another process can go on from there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from models.compiling import ORIGINS, Compiled, Origin

Tree = Any
"""NumPy arrays, none of them empty, in dicts with strings for keys and in lists."""


class Checkpoint(Protocol):
    """Where a training run leaves what it has, every so often."""

    def load(self) -> Tree | None:
        """What was saved last; None where there is nothing to go on from."""

    def is_due(self) -> bool:
        """Whether it is time to save."""

    def save(self, epoch: int, progress: Tree) -> None:
        """Keep the progress that a run has made after so many epochs, in place of what was kept before."""


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

    def add_programs(self, programs: Sequence[Compiled]) -> None:
        """Count the programs that this process had to get."""
        self.compile_s += sum(program.seconds for program in programs)
        self.programs.update(program.origin for program in programs)

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


def leaves_of(tree: Any) -> list[np.ndarray]:
    """The numbers of a tree of JAX arrays, copied: the next epoch overwrites them in place."""
    return [np.array(leaf) for leaf in jax.tree.leaves(tree)]


def with_leaves(like: Any, leaves: list[np.ndarray]) -> Any:
    """The tree that `leaves_of` took apart; `like` is one of the same shapes."""
    old, structure = jax.tree.flatten(like)
    new = [
        jax.device_put(jnp.asarray(a, o.dtype).reshape(o.shape), o.sharding)
        for a, o in zip(leaves, old, strict=True)
    ]
    return jax.block_until_ready(jax.tree.unflatten(structure, new))
