"""The programs of a network: train whole epochs, evaluate images, predict.

Each is compiled once for everything static: module, hyperparameters, shapes, types and batch size.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from hexbench.models.training.compile_cache import Program
from hexbench.models.training.devices import AXIS, REPLICATED, SHARDED, num_shards, over_shards
from hexbench.models.training.optimizers import keras_adam
from jax import Array
from jax.flatten_util import ravel_pytree

EPOCHS_PER_CALL = 256
EVALUATION_BATCH = 128
PROGRAMS_KEPT = 128
"""Of each kind; beyond that those unused for longest are dropped."""

Batch = tuple[Array, Array, Array]
"""Images (b, p), labels (b,) and weights (b,), 0 for the padding of a last, smaller batch."""
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


@lru_cache(maxsize=PROGRAMS_KEPT)
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


class TrainState(NamedTuple):
    """What an epoch changes: the weights, the optimizer's state, the number of epochs trained."""

    params: Any
    optimizer: optax.OptState
    epoch: Array


def initial_state(network: Network, key: Array) -> TrainState:
    """Fresh weights drawn with `key`, and the optimizer's state before its first step."""
    rngs = nnx.Rngs(jax.random.fold_in(key, 0), params=key)
    params = nnx.state(network.build(rngs), nnx.Param)
    return TrainState(params, keras_adam(0.0).init(params), jnp.zeros((), jnp.int32))


def train_step(
    forward: Forward,
    optimizer: optax.GradientTransformation,
    state: tuple[Any, optax.OptState],
    batch: Batch,
    division: tuple[int, int] = (1, 1),
) -> tuple[tuple[Any, optax.OptState], tuple[Array, Array]]:
    """One step of softmax cross-entropy.

    `division` is (cores, parts): the gradient is summed over so many equal parts of the batch, and over
    so many cores that have each a batch of their own: the same but for rounding. Returns the new
    (params, optimizer state) and the sums of loss and of correct predictions, both from before the
    update, as Keras's progress line adds them up.
    """
    params, optimizer_state = state
    cores, parts = division
    own = jax.lax.pcast(params, AXIS, to="varying") if cores > 1 else params

    def loss(params: Any, batch: Batch) -> tuple[Array, Array]:
        images, labels, weights = batch
        logits = forward(params, images)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.sum(weights * losses), jnp.sum(weights * (jnp.argmax(logits, -1) == labels))

    slope = jax.value_and_grad(loss, has_aux=True)
    if parts == 1:
        sums, gradients = slope(own, batch)
    else:

        def add_part(total: Any, part: Batch) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, slope(own, part)), None

        divided = jax.tree.map(lambda a: a.reshape(parts, -1, *a.shape[1:]), batch)
        shapes = jax.eval_shape(slope, own, batch)
        nothing = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes)
        if cores > 1:
            nothing = jax.lax.pcast(nothing, AXIS, to="varying")
        (sums, gradients), _ = jax.lax.scan(add_part, nothing, divided)
    images_counted = jnp.sum(batch[2])
    if cores > 1:
        numbers, restore = ravel_pytree((sums, gradients, images_counted))
        sums, gradients, images_counted = restore(jax.lax.psum(numbers, AXIS))
    gradients = jax.tree.map(lambda g: g / images_counted, gradients)
    updates, optimizer_state = optimizer.update(gradients, optimizer_state)
    return (optax.apply_updates(params, updates), optimizer_state), sums


def division_of_batch(network: Network, batch_size: int) -> tuple[int, int]:
    """Among how many cores a step shares out its batch, and in how many equal parts each takes its.

    The parts are the largest up to `images_at_once`, but not so small that they cost more than they save.
    """
    most = _images_at_once(network)
    if most is None:
        return 1, 1
    cores = num_shards(batch_size)
    own = batch_size // cores
    if own <= most:
        return cores, 1
    size = max(size for size in range(1, most + 1) if own % size == 0)
    return cores, own // size if 2 * size >= most else 1


def _images_at_once(network: Network) -> int | None:
    return network.images_at_once if jax.default_backend() == "cpu" else None


def train_epochs(
    forward: Forward,
    optimizer: optax.GradientTransformation,
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
    two epochs changes nothing. `division` is that of a batch, among cores and into parts. Returns the
    state and the mean loss and accuracy of each epoch, (EPOCHS_PER_CALL, 2), of which the first
    `count` rows are filled.
    """
    n = len(images)
    steps = -(-n // batch_size)
    cores = division[0]

    def own(rows: Array) -> Array:
        """Of numbers, one an image of each batch, those of this core: (steps, b / cores)."""
        shared = rows.reshape(steps, cores, batch_size // cores)
        return shared[:, jax.lax.axis_index(AXIS) if cores > 1 else 0]

    weights = own((jnp.arange(steps * batch_size) < n).astype(jnp.float32))

    def one_epoch(i: Array, carry: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
        state, history = carry
        order = jax.random.permutation(jax.random.fold_in(shuffle_key, state.epoch), n)
        order = own(jnp.pad(order, (0, steps * batch_size - n)))

        def step(state: Any, batch: tuple[Array, Array]) -> Any:
            rows, weights = batch
            drawn = images[rows], labels[rows], weights
            return train_step(forward, optimizer, state, drawn, division)

        (params, optimizer_state), (losses, correct) = jax.lax.scan(
            step, (state.params, state.optimizer), (order, weights)
        )
        means = jnp.stack([jnp.sum(losses), jnp.sum(correct)]) / n
        return TrainState(params, optimizer_state, state.epoch + 1), history.at[i].set(means)

    return jax.lax.fori_loop(0, count, one_epoch, (state, jnp.zeros((EPOCHS_PER_CALL, 2))))


@lru_cache(maxsize=PROGRAMS_KEPT, typed=True)
def training_program(
    network: Network,
    n: int,
    dtype: np.dtype[Any],
    batch_size: int,
    learning_rate: float,
    together: int = 1,
) -> Program:
    """The program that trains on n images of a type, `train_epochs` from its fifth argument on.

    With `together` above 1 it trains so many networks side by side, each argument but the number of
    epochs having a first axis of that length.
    """

    def lower() -> jax.stages.Lowered:
        forward, optimizer = network.forward(), keras_adam(learning_rate)
        division = (1, 1) if together > 1 else division_of_batch(network, batch_size)

        def program(*arguments: Any) -> tuple[TrainState, Array]:
            return train_epochs(forward, optimizer, batch_size, division, *arguments)

        if division[0] > 1:
            program = over_shards(division[0], program, REPLICATED, REPLICATED)
        key = jax.eval_shape(lambda: jax.random.key(0))
        state = jax.eval_shape(lambda key: initial_state(network, key), key)
        shapes = (state, *_shapes(network, n, dtype), key)
        if together > 1:
            program = jax.vmap(program, in_axes=(0, 0, 0, 0, None))
            shapes = jax.tree.map(lambda s: s.update(shape=(together, *s.shape)), shapes)
        count = jax.ShapeDtypeStruct((), jnp.int32)
        return jax.jit(program, donate_argnums=0).lower(*shapes, count)

    return Program(lower)


@lru_cache(maxsize=PROGRAMS_KEPT, typed=True)
def evaluation_program(network: Network, n: int, dtype: np.dtype[Any]) -> Program:
    """The program that evaluates n images of a type.

    It takes images (n, p), labels (n,) and weights to loss, predicted class and its probability, (n,).
    """

    def evaluate(images: Array, labels: Array, params: Any) -> tuple[Array, Array, Array]:
        logits = _in_batches(network, images, params)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        probabilities = jax.nn.softmax(logits)
        return losses, jnp.argmax(logits, axis=-1), jnp.max(probabilities, axis=-1)

    return Program(lambda: _lower_sharded(network, evaluate, *_shapes(network, n, dtype)))


@lru_cache(maxsize=PROGRAMS_KEPT, typed=True)
def prediction_program(network: Network, n: int, dtype: np.dtype[Any]) -> Program:
    """The program that takes n images (n, p) of a type, and weights, to logits (n, classes)."""

    def predict(images: Array, params: Any) -> Array:
        return _in_batches(network, images, params)

    return Program(lambda: _lower_sharded(network, predict, _shapes(network, n, dtype)[0]))


def padded_size(n: int) -> int:
    """How many images n are filled up to before a program evaluates them.

    Few to a power of two, many to whole batches: sets of almost one size share a program, and cores can
    share them out.
    """
    return n + -n % EVALUATION_BATCH if n > 2048 else 1 << (n - 1).bit_length()


def _in_batches(network: Network, images: Array, params: Any) -> Array:
    n, size = len(images), _images_at_once(network) or EVALUATION_BATCH
    forward = network.forward()
    batches = jnp.pad(images, ((0, -n % size), (0, 0))).reshape(-1, size, images.shape[1])
    logits = jax.lax.map(lambda batch: forward(params, batch), batches)
    return logits.reshape(len(batches) * size, -1)[:n]


def _lower_sharded(network: Network, program: Callable[..., Any], *shapes: Any) -> Any:
    """Lower a program of images and weights, whose cores share out the images."""
    cores = 1 if _images_at_once(network) is None else num_shards(shapes[0].shape[0])
    if cores > 1:
        specs = (*(SHARDED for _ in shapes), REPLICATED)
        program = over_shards(cores, program, specs, SHARDED)
    return jax.jit(program).lower(*shapes, structure(network)[1])


def _shapes(
    network: Network, n: int, dtype: np.dtype[Any]
) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    pixels = math.prod(network.shape)
    return jax.ShapeDtypeStruct((n, pixels), dtype), jax.ShapeDtypeStruct((n,), jnp.int32)
