"""A network to be trained: a Flax NNX module, its arguments, its structure and its layers.

A module's variables are what is trained, `nnx.Param`, and other state that training carries along: the
running means of `nnx.BatchNorm`, the random stream of `nnx.Dropout`. It is trained in the mode of
`module.train()` and evaluated in that of `module.eval()`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

KEPT = 128
"""Structures that are remembered."""


class Weights(NamedTuple):
    """The variables of a module."""

    trained: Any
    """`nnx.State` of its `nnx.Param`."""
    other: Any
    """`nnx.State` of the rest; most modules have none."""


class Structure(NamedTuple):
    """A module without the values of its variables."""

    in_training: nnx.GraphDef[Any]
    in_evaluation: nnx.GraphDef[Any]
    shapes: Weights
    """Of its variables."""

    @property
    def is_stateful(self) -> bool:
        """Whether training carries along other state than what is trained."""
        return bool(jax.tree.leaves(self.shapes.other))


Forward = Callable[[Weights, Array], Array]
"""From weights and images (b, p) to logits (b, classes)."""
Learning = Callable[[Weights, Array], tuple[Array, Any]]
"""From weights and pixels (b, *shape) to logits (b, classes) and the other state after that."""


def static(value: Any) -> Any:
    """A hashable value that equals another's only if type and value do; a list is as a tuple."""
    if isinstance(value, list | tuple):
        return tuple(static(part) for part in value)
    if isinstance(value, dict):
        return tuple((name, static(value[name])) for name in sorted(value))
    return type(value), value


@dataclass(frozen=True)
class Network:
    """A Flax NNX module, all that its constructor is given but random numbers, and how it is run.

    Equal ones share their programs. `images_at_once` is how many images a CPU's core works on best at
    a time, if that matters: its cores then share out a batch, and take larger shares in parts.
    """

    module: Callable[..., nnx.Module]
    shape: tuple[int, ...]
    classes: int
    arguments: Mapping[str, Any] = field(default_factory=dict, compare=False)
    images_at_once: int | None = None
    _key: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", static(dict(self.arguments)))

    def build(self, rngs: nnx.Rngs) -> nnx.Module:
        """The module with fresh weights."""
        return self.module(shape=self.shape, classes=self.classes, rngs=rngs, **self.arguments)

    def pixels(self, images: Array) -> Array:
        """Images (b, p) as the module takes them, (b, *shape): uint8 divided by 255, floats as they are."""
        scaled = images.astype(jnp.float32) / 255 if images.dtype == jnp.uint8 else images
        return scaled.reshape(-1, *self.shape)

    def forward(self) -> Forward:
        """The module in evaluation."""
        graph = structure(self).in_evaluation

        def logits(weights: Weights, images: Array) -> Array:
            return self._checked(nnx.merge(graph, *weights)(self.pixels(images)), images)

        return logits

    def learning(self) -> Learning:
        """The module in training."""
        graph = structure(self).in_training

        def logits(weights: Weights, pixels: Array) -> tuple[Array, Any]:
            module = nnx.merge(graph, *weights, copy=True)
            found = self._checked(module(pixels), pixels)
            return found, nnx.state(module, nnx.Not(nnx.Param))

        return logits

    def _checked(self, logits: Array, images: Array) -> Array:
        wanted = (len(images), self.classes)
        if logits.shape != wanted:
            raise ValueError(f"the module returns logits of shape {logits.shape}, not {wanted}")
        return logits

    def layers(self) -> list[dict[str, Any]]:
        """Of each layer, in order: `name`, `shapes` of its weights by name, `parameters`."""
        names: list[str] = []

        def make() -> nnx.Module:
            made = self.build(nnx.Rngs(0))
            names.extend(vars(made))  # in order; what eval_shape returns is sorted
            return made

        weights, described = nnx.to_pure_dict(nnx.state(nnx.eval_shape(make), nnx.Param)), []
        for name in (name for name in names if name in weights):
            shapes = {
                jax.tree_util.keystr(path, simple=True, separator="."): list(leaf.shape)
                for path, leaf in jax.tree.leaves_with_path(weights[name])
            }
            count = sum(math.prod(shape) for shape in shapes.values())
            described.append({"name": name, "shapes": shapes, "parameters": count})
        return described


@lru_cache(maxsize=KEPT)
def structure(network: Network) -> Structure:
    """A module's static structure and the shapes of its variables, without drawing any."""
    module = nnx.eval_shape(lambda: network.build(nnx.Rngs(0)))
    module.train()
    in_training, *shapes = nnx.split(module, nnx.Param, ...)
    module.eval()
    in_evaluation, *_ = nnx.split(module, nnx.Param, ...)
    return Structure(in_training, in_evaluation, Weights(*shapes))
