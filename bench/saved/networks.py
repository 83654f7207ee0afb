"""A network's weights as files, and a network from them: all that the engine asks of one to keep it.

A fitted network has `weights_`, a tree of arrays, and `classes_`; its class has `describe(shape, classes)`,
which says what `weights_` is a tree of. Random keys, of dropout, are not kept: predictions have no use for
them.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = "weights"


def save(model: Any, folder: Path) -> None:
    """Write the weights of a fitted network into `folder/weights`, by orbax."""
    import jax
    import orbax.checkpoint as ocp

    logging.getLogger("absl").setLevel(logging.CRITICAL)  # its threads print what they raise besides
    kept = {path: leaf for path, leaf in _leaves(model.weights_) if not _is_key(leaf)}
    leaves = {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in kept.items()}
    ocp.PyTreeCheckpointer().save((folder / FOLDER).absolute(), leaves)


def load(model: Any, folder: Path, shape: tuple[int, ...], classes: Sequence[int], scale: int | None) -> Any:
    """The unfitted network `model` with the weights in `folder/weights`, for images of this shape.

    Raises ValueError where they are not those of such a network, and whatever orbax raises.
    """
    import jax
    import orbax.checkpoint as ocp
    from hexbench.models.training.description import structure

    logging.getLogger("absl").setLevel(logging.CRITICAL)
    found = ocp.PyTreeCheckpointer().restore((folder / FOLDER).absolute())
    network = model.describe(shape, len(classes))
    template = structure(network).shapes
    leaves = []
    for path, leaf in _leaves(template):
        if _is_key(leaf):
            leaves.append(jax.random.key(0))
            continue
        name = jax.tree_util.keystr(path)
        array = found.pop(name, None)
        if array is None or array.shape != leaf.shape or array.dtype != leaf.dtype:
            raise ValueError(f"the weights {name} are not {leaf.dtype} {leaf.shape}")
        leaves.append(jax.numpy.asarray(array))
    if found:
        raise ValueError(f"there are weights that the model does not have: {', '.join(sorted(found))}")
    weights = jax.tree.unflatten(jax.tree.structure(template), leaves)
    model.keep(network, weights, np.asarray(classes), scale)
    return model


def _leaves(tree: Any) -> Any:
    import jax

    return jax.tree.leaves_with_path(tree)


def _is_key(leaf: Any) -> bool:
    import jax

    return bool(jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key))
