"""The programs of a network: train whole epochs, evaluate images, predict.

Each is compiled once for everything static: module, hyperparameters, shapes, types and batch size.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from hexbench.models.training.compile_cache import Program
from hexbench.models.training.description import Network, Weights, structure
from hexbench.models.training.devices import AXIS, REPLICATED, SHARDED, Devices, own_devices
from hexbench.models.training.recipe import Recipe
from jax import Array
from jax.flatten_util import ravel_pytree

EPOCHS_PER_CALL = 256
EVALUATION_BATCH = 128
AUGMENTATION = 3
"""Number of a random stream of each epoch."""
PROGRAMS_KEPT = 128
"""Of each kind; beyond that those unused for longest are dropped."""

Batch = tuple[Array, Array, Array, Array | None]
"""Images (b, p), labels (b,), weights (b,), 0 for the padding of a last, smaller batch, and random keys
(b,) where images are augmented."""


class TrainState(NamedTuple):
    """What an epoch changes: the weights, the optimizer's state, the number of epochs trained."""

    weights: Weights
    optimizer: optax.OptState
    epoch: Array


def initial_state(network: Network, recipe: Recipe, key: Array) -> TrainState:
    """Fresh weights drawn with `key`, and the optimizer's state before its first step."""
    rngs = nnx.Rngs(jax.random.fold_in(key, 0), params=key)
    _, *variables = nnx.split(network.build(rngs), nnx.Param, ...)
    weights = Weights(*variables)
    return TrainState(weights, recipe.transformation().init(weights.trained), jnp.zeros((), jnp.int32))


def train_step(
    network: Network,
    recipe: Recipe,
    state: tuple[Weights, optax.OptState],
    batch: Batch,
    division: tuple[int, int] = (1, 1),
) -> tuple[tuple[Weights, optax.OptState], tuple[Array, Array]]:
    """One step of softmax cross-entropy.

    `division` is (devices, parts): the gradient is summed over so many equal parts of the batch, and over
    so many devices that have each a batch of their own: the same but for rounding. Returns the new
    (weights, optimizer state) and the sums of loss and of correct predictions, both from before the
    update, as Keras's progress line adds them up.
    """
    (trained, other), optimizer_state = state
    learning, optimizer = network.learning(), recipe.transformation()
    cores, parts = division
    own = jax.lax.pcast(trained, AXIS, to="varying") if cores > 1 else trained

    def loss(trained: Any, batch: Batch) -> tuple[Array, tuple[Array, Any]]:
        images, labels, weights, keys = batch
        pixels = network.pixels(images)
        if recipe.augment is not None and keys is not None:
            pixels = jax.vmap(recipe.augment)(keys, pixels)
        logits, after = learning(Weights(trained, other), pixels)
        correct = jnp.sum(weights * (jnp.argmax(logits, -1) == labels))
        return jnp.sum(weights * recipe.losses(logits, labels)), (correct, after)

    slope = jax.value_and_grad(loss, has_aux=True)
    if parts == 1:
        (total, (correct, other)), gradients = slope(own, batch)
    else:

        def add_part(total: Any, part: Batch) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, slope(own, part)), None

        divided = jax.tree.map(lambda a: a.reshape(parts, -1, *a.shape[1:]), batch)
        shapes = jax.eval_shape(slope, own, batch)
        nothing = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes)
        if cores > 1:
            nothing = jax.lax.pcast(nothing, AXIS, to="varying")
        ((total, (correct, _)), gradients), _ = jax.lax.scan(add_part, nothing, divided)
    sums, images_counted = (total, correct), jnp.sum(batch[2])
    if cores > 1:
        numbers, restore = ravel_pytree((sums, gradients, images_counted))
        sums, gradients, images_counted = restore(jax.lax.psum(numbers, AXIS))
    gradients = jax.tree.map(lambda g: g / images_counted, gradients)
    updates, optimizer_state = optimizer.update(gradients, optimizer_state, trained)
    trained = optax.apply_updates(trained, updates)
    return (Weights(trained, other), optimizer_state), sums


def division_of_batch(network: Network, batch_size: int, devices: Devices | None = None) -> tuple[int, int]:
    """Among how many devices a step shares out its batch, and in how many equal parts each takes its.

    The parts are the largest up to `images_at_once`, but not so small that they cost more than they save.
    A network with other state than what is trained takes whole batches, as their statistics would be
    those of a part; ValueError where `devices` must share them out.
    """
    devices = devices or own_devices()
    if structure(network).is_stateful:
        if devices.divide and len(devices.members) > 1:
            raise ValueError(
                "a network with batch statistics or dropout takes whole batches: they cannot be divided "
                "among devices"
            )
        return 1, 1
    most = _images_at_once(network, devices)
    if most is None and not devices.divide:
        return 1, 1
    count = devices.shards(batch_size)
    own = -(-batch_size // count)
    if most is None or own <= most:
        return count, 1
    size = max(size for size in range(1, most + 1) if own % size == 0)
    return count, own // size if 2 * size >= most else 1


def _images_at_once(network: Network, devices: Devices) -> int | None:
    return network.images_at_once if devices.are_cores else None


def train_epochs(
    network: Network,
    recipe: Recipe,
    batch_size: int,
    division: tuple[int, int],
    state: TrainState,
    images: Array,
    labels: Array,
    shuffle_key: Array,
    count: Array,
) -> tuple[TrainState, Array]:
    """Train `count` epochs (at most EPOCHS_PER_CALL), each in a new order.

    An epoch's order depends on `shuffle_key` and the epoch's number alone, so that stopping between
    two epochs changes nothing. `division` is that of a batch, among devices and into parts. Returns the
    state and the mean loss and accuracy of each epoch, (EPOCHS_PER_CALL, 2), of which the first
    `count` rows are filled.
    """
    n = len(images)
    steps = -(-n // batch_size)
    shards = division[0]
    # Batch statistics are those of training images, also of a last batch that is filled up.
    filling: dict[str, Any] = {"mode": "wrap"} if structure(network).is_stateful else {}

    def own(rows: Array) -> Array:
        """Of numbers, one an image of each batch, those of this device: (steps, b / shards), zeros added."""
        filled = jnp.pad(rows.reshape(steps, batch_size), ((0, 0), (0, -batch_size % shards)))
        shared = filled.reshape(steps, shards, -1)
        return shared[:, jax.lax.axis_index(AXIS) if shards > 1 else 0]

    weights = own((jnp.arange(steps * batch_size) < n).astype(jnp.float32))

    def one_epoch(i: Array, carry: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
        state, history = carry
        order = jax.random.permutation(jax.random.fold_in(shuffle_key, state.epoch), n)
        order = own(jnp.pad(order, (0, steps * batch_size - n), **filling))
        augmented = jax.random.fold_in(jax.random.fold_in(shuffle_key, state.epoch), AUGMENTATION)

        def step(state: Any, batch: tuple[Array, Array]) -> Any:
            rows, weights = batch
            # Of an image and epoch: how a batch is divided changes nothing.
            keys = (
                None if recipe.augment is None else jax.vmap(lambda r: jax.random.fold_in(augmented, r))(rows)
            )
            drawn = images[rows], labels[rows], weights, keys
            return train_step(network, recipe, state, drawn, division)

        (learned, optimizer_state), (losses, correct) = jax.lax.scan(
            step, (state.weights, state.optimizer), (order, weights)
        )
        means = jnp.stack([jnp.sum(losses), jnp.sum(correct)]) / n
        return TrainState(learned, optimizer_state, state.epoch + 1), history.at[i].set(means)

    return jax.lax.fori_loop(0, count, one_epoch, (state, jnp.zeros((EPOCHS_PER_CALL, 2), jnp.float32)))


class Traceable(NamedTuple):
    """A jitted function and the shapes of its arguments."""

    function: Any
    shapes: tuple[Any, ...]

    def lower(self) -> jax.stages.Lowered:
        """The function, traced for these shapes."""
        return self.function.lower(*self.shapes)


def training(
    network: Network,
    n: int,
    dtype: np.dtype[Any],
    batch_size: int,
    recipe: Recipe,
    together: int,
    devices: Devices,
) -> Traceable:
    """What `training_program` compiles."""
    division = (1, 1) if together > 1 else division_of_batch(network, batch_size, devices)

    def program(*arguments: Any) -> tuple[TrainState, Array]:
        return train_epochs(network, recipe, batch_size, division, *arguments)

    run = program if division[0] == 1 else devices.shard(division[0], program, REPLICATED, REPLICATED)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(lambda key: initial_state(network, recipe, key), key)
    shapes = (state, *_shapes(network, n, dtype), key)
    if together > 1:
        run = jax.vmap(run, in_axes=(0, 0, 0, 0, None))
        shapes = jax.tree.map(lambda s: s.update(shape=(together, *s.shape)), shapes)
    count = jax.ShapeDtypeStruct((), jnp.int32)
    return Traceable(devices.jit(division[0], run, donate_argnums=0), (*shapes, count))


@lru_cache(maxsize=PROGRAMS_KEPT, typed=True)
def training_program(
    network: Network,
    n: int,
    dtype: np.dtype[Any],
    batch_size: int,
    recipe: Recipe,
    together: int = 1,
    devices: Devices | None = None,
) -> Program:
    """The program that trains on n images of a type, `train_epochs` from its fifth argument on.

    With `together` above 1 it trains so many networks side by side, each argument but the number of
    epochs having a first axis of that length; they are not divided among `devices`, which are this
    process's own if they are not given.
    """
    settings = network, n, dtype, batch_size, recipe, together, devices or own_devices()
    return Program(lambda: training(*settings).lower())


def evaluation(network: Network, n: int, dtype: np.dtype[Any], devices: Devices) -> Traceable:
    """What `evaluation_program` compiles."""

    def evaluate(images: Array, labels: Array, weights: Weights) -> tuple[Array, Array, Array]:
        logits = _in_batches(network, images, weights, devices)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        probabilities = jax.nn.softmax(logits)
        return losses, jnp.argmax(logits, axis=-1), jnp.max(probabilities, axis=-1)

    return _of_shared_images(network, evaluate, devices, *_shapes(network, n, dtype))


@lru_cache(maxsize=PROGRAMS_KEPT, typed=True)
def evaluation_program(
    network: Network, n: int, dtype: np.dtype[Any], devices: Devices | None = None
) -> Program:
    """The program that evaluates n images of a type.

    It takes images (n, p), labels (n,) and weights to loss, predicted class and its probability, (n,).
    """
    return Program(lambda: evaluation(network, n, dtype, devices or own_devices()).lower())


def prediction(network: Network, n: int, dtype: np.dtype[Any], devices: Devices) -> Traceable:
    """What `prediction_program` compiles."""

    def predict(images: Array, weights: Weights) -> Array:
        return _in_batches(network, images, weights, devices)

    return _of_shared_images(network, predict, devices, _shapes(network, n, dtype)[0])


@lru_cache(maxsize=PROGRAMS_KEPT, typed=True)
def prediction_program(network: Network, n: int, dtype: np.dtype[Any]) -> Program:
    """The program that takes n images (n, p) of a type, and weights, to logits (n, classes)."""
    return Program(lambda: prediction(network, n, dtype, own_devices()).lower())


def padded_size(n: int, devices: Devices | None = None) -> int:
    """How many images n are filled up to before a program evaluates them.

    Few to a power of two, many to whole batches: sets of almost one size share a program, and cores can
    share them out. Then to what can be divided among `devices`.
    """
    size = n + -n % EVALUATION_BATCH if n > 2048 else 1 << (n - 1).bit_length()
    return size if devices is None else size + -size % len(devices.members)


def _in_batches(network: Network, images: Array, weights: Weights, devices: Devices) -> Array:
    n, size = len(images), _images_at_once(network, devices) or EVALUATION_BATCH
    forward = network.forward()
    batches = jnp.pad(images, ((0, -n % size), (0, 0))).reshape(-1, size, images.shape[1])
    logits = jax.lax.map(lambda batch: forward(weights, batch), batches)
    return logits.reshape(len(batches) * size, -1)[:n]


def _of_shared_images(
    network: Network, program: Callable[..., Any], devices: Devices, *shapes: Any
) -> Traceable:
    """A program of images and weights, whose devices share out the images."""
    divided = devices.divide or _images_at_once(network, devices) is not None
    count = devices.shards(shapes[0].shape[0]) if divided else 1
    if count > 1:
        program = devices.shard(count, program, (*(SHARDED for _ in shapes), REPLICATED), SHARDED)
    return Traceable(devices.jit(count, program), (*shapes, structure(network).shapes))


def _shapes(
    network: Network, n: int, dtype: np.dtype[Any]
) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    pixels = math.prod(network.shape)
    return jax.ShapeDtypeStruct((n, pixels), dtype), jax.ShapeDtypeStruct((n,), jnp.int32)
