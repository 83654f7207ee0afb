"""A network to be trained: a Flax NNX module, its arguments, its structure and its layers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

KEPT = 128
"""Structures that are remembered."""

Forward = Callable[[Any, Array], Array]
"""From weights and images (b, p) to logits (b, classes)."""


def _static(value: Any) -> Any:
    """A hashable value that equals another's only if type and value do; a list is as a tuple."""
    if isinstance(value, list | tuple):
        return tuple(_static(part) for part in value)
    if isinstance(value, dict):
        return tuple((name, _static(value[name])) for name in sorted(value))
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
        object.__setattr__(self, "_key", _static(dict(self.arguments)))

    def build(self, rngs: nnx.Rngs) -> nnx.Module:
        """The module with fresh weights."""
        return self.module(self.shape, self.classes, rngs, **self.arguments)

    def forward(self) -> Forward:
        """Logits of images (b, p): uint8 is divided by 255, floats are taken as they are."""
        graphdef, _ = structure(self)

        def logits(params: Any, images: Array) -> Array:
            scaled = images.astype(jnp.float32) / 255 if images.dtype == jnp.uint8 else images
            found: Array = nnx.merge(graphdef, params)(scaled.reshape(-1, *self.shape))
            if found.shape != (len(images), self.classes):
                wanted = (len(images), self.classes)
                raise ValueError(f"the module returns logits of shape {found.shape}, not {wanted}")
            return found

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
def structure(network: Network) -> tuple[Any, Any]:
    """A module's static structure and the shapes of its weights, without drawing any.

    Raises ValueError for a module that has other state, such as running means.
    """
    graphdef, params = nnx.split(nnx.eval_shape(lambda: network.build(nnx.Rngs(0))))
    variables = jax.tree.leaves(params, is_leaf=lambda leaf: isinstance(leaf, nnx.Variable))
    if others := sorted({type(v).__name__ for v in variables if not isinstance(v, nnx.Param)}):
        name = getattr(network.module, "__name__", str(network.module))
        raise ValueError(f"{name} has state of type {', '.join(others)}: only nnx.Param can be trained here")
    return graphdef, params
