"""The training loop that every network shares: whole epochs inside one compiled program.

A network has two programs, compiled once for each shape: `compile_training` gives the one that runs
a number of epochs on images that stay on the device, `compile_evaluation` the one that answers for
test images. `models.fitting` calls them.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jax.flatten_util import ravel_pytree

from models.compiling import Compiled, compiled
from models.cores import AXIS, PART, WHOLE, on_cores, sharers

ModuleType = Callable[[nnx.Rngs], nnx.Module]
"""What makes a network from a source of random numbers: a Flax NNX class such as `models.MLP`."""

LEARNING_RATE = 1e-3
EPOCHS_PER_CALL = 256
EVALUATION_BATCH = 128


class TrainState(NamedTuple):
    """What an epoch changes: the weights, Adam's moments, and how many epochs have been trained."""

    params: Any
    optimizer: optax.OptState
    epoch: Array


class KerasAdamState(NamedTuple):
    """Steps taken, and the running first and second moments of the gradients."""

    step: Array
    mean: Any
    variance: Any


def keras_adam(
    learning_rate: float = LEARNING_RATE,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> optax.GradientTransformation:
    """Adam as Keras computes it: epsilon is added to the root of the *uncorrected* second moment.

    That is the "epsilon hat" of Kingma and Ba (2015), end of section 2. `optax.adam` corrects the
    moment first, so that its epsilon weighs up to 32 times less in the first steps.
    """

    def init(params: Any) -> KerasAdamState:
        mean, variance = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
        return KerasAdamState(jnp.zeros((), jnp.float32), mean, variance)

    def update(
        gradients: Any,
        state: KerasAdamState,
        params: Any = None,  # noqa: ARG001 - optax's signature
    ) -> tuple[Any, KerasAdamState]:
        step = state.step + 1
        mean = optax.update_moment(gradients, state.mean, beta_1, 1)
        variance = optax.update_moment(gradients, state.variance, beta_2, 2)
        rate = learning_rate * jnp.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        updates = jax.tree.map(lambda m, v: -rate * m / (jnp.sqrt(v) + epsilon), mean, variance)
        return updates, KerasAdamState(step, mean, variance)

    return optax.GradientTransformation(init, update)


def scale(images: Array) -> Array:
    """Pixels as the networks take them: uint8 0 to 255 becomes float32 0 to 1."""
    return images.astype(jnp.float32) / 255


def train_step(
    graphdef: Any,
    state: tuple[Any, optax.OptState],
    batch: tuple[Array, Array, Array],
    parts: int = 1,
    cores: int = 1,
) -> tuple[tuple[Any, optax.OptState], tuple[Array, Array]]:
    """One step of softmax cross-entropy and Adam.

    batch: images (b, 400) uint8, labels (b,), weights (b,), 0 for the padding of a last, smaller
    batch. The gradient is summed over `parts` equal parts of the batch, and over `cores` that have
    each a batch of their own: the same but for rounding. Returns the new (params, optimizer) and the
    sums of loss and of hits, both from before the update, which is what Keras's progress line adds up.
    """
    params, optimizer = state
    own = jax.lax.pcast(params, AXIS, to="varying") if cores > 1 else params

    def loss(params: Any, batch: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        images, labels, weights = batch
        logits = nnx.merge(graphdef, params)(scale(images))
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.sum(weights * losses), jnp.sum(weights * (jnp.argmax(logits, -1) == labels))

    slope = jax.value_and_grad(loss, has_aux=True)
    if parts == 1:
        sums, gradients = slope(own, batch)
    else:

        def add_part(total: Any, part: tuple[Array, Array, Array]) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, slope(own, part)), None

        divided = jax.tree.map(lambda a: a.reshape(parts, -1, *a.shape[1:]), batch)
        nothing = jax.tree.map(
            lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(slope, own, batch)
        )
        if cores > 1:
            nothing = jax.lax.pcast(nothing, AXIS, to="varying")
        (sums, gradients), _ = jax.lax.scan(add_part, nothing, divided)
    images_counted = jnp.sum(batch[2])
    if cores > 1:
        numbers, restore = ravel_pytree((sums, gradients, images_counted))
        sums, gradients, images_counted = restore(jax.lax.psum(numbers, AXIS))
    gradients = jax.tree.map(lambda g: g / images_counted, gradients)
    updates, optimizer = keras_adam().update(gradients, optimizer)
    return (optax.apply_updates(params, updates), optimizer), sums


def division_of_batch(module: ModuleType, batch_size: int) -> tuple[int, int]:
    """Among how many cores a step shares out its batch, and in how many equal parts each takes its own.

    The parts are the largest up to `images_at_once`, but not so small that they cost more than they save.
    """
    most = images_at_once(module)
    if most is None:
        return 1, 1
    cores = sharers(batch_size)
    own = batch_size // cores
    if own <= most:
        return cores, 1
    size = max(size for size in range(1, most + 1) if own % size == 0)
    return cores, own // size if 2 * size >= most else 1


def images_at_once(module: ModuleType) -> int | None:
    """How many images a network works on best at a time, those that a CPU's caches hold; None if it is all.

    A network to which that matters has the number as its attribute `images_at_once`.
    """
    return getattr(module, "images_at_once", None) if jax.default_backend() == "cpu" else None


def train_epochs(
    graphdef: Any,
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
    cores, parts = division

    def own(rows: Array) -> Array:
        """Of so many numbers as the batches have images: this core's of each, (steps, b / cores)."""
        shared = rows.reshape(steps, cores, batch_size // cores)
        return shared[:, jax.lax.axis_index(AXIS) if cores > 1 else 0]

    weights = own((jnp.arange(steps * batch_size) < n).astype(jnp.float32))

    def one_epoch(i: Array, carry: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
        state, history = carry
        order = jax.random.permutation(jax.random.fold_in(shuffle_key, state.epoch), n)
        order = own(jnp.pad(order, (0, steps * batch_size - n)))

        def step(state: Any, batch: tuple[Array, Array]) -> Any:
            rows, weights = batch
            return train_step(graphdef, state, (images[rows], labels[rows], weights), parts, cores)

        (params, optimizer), (losses, hits) = jax.lax.scan(
            step, (state.params, state.optimizer), (order, weights)
        )
        means = jnp.stack([jnp.sum(losses), jnp.sum(hits)]) / n
        return TrainState(params, optimizer, state.epoch + 1), history.at[i].set(means)

    return jax.lax.fori_loop(0, count, one_epoch, (state, jnp.zeros((EPOCHS_PER_CALL, 2))))


def evaluate_images(
    graphdef: Any, batch_size: int, images: Array, labels: Array, params: Any
) -> Any:
    """Loss (n,), predicted class (n,) and its probability (n,) of n images."""
    n = len(images)
    padding = -n % batch_size
    model = nnx.merge(graphdef, params)

    def logits_of(batch: Array) -> Array:
        return model(scale(batch))

    batches = jnp.pad(images, ((0, padding), (0, 0))).reshape(-1, batch_size, images.shape[1])
    logits = jax.lax.map(logits_of, batches).reshape(n + padding, -1)[:n]
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    probabilities = jax.nn.softmax(logits)
    return losses, jnp.argmax(logits, axis=-1), jnp.max(probabilities, axis=-1)


@cache
def compile_training(
    module: ModuleType, n: int, pixels: int, batch_size: int, together: int = 1
) -> Compiled:
    """The program that trains `module` on n images; compiled once a process for each shape.

    With `together` above 1 it trains so many networks side by side, each argument but the number of
    epochs having a first axis of that length.
    """

    def lower() -> jax.stages.Lowered:
        graphdef, _ = _structure(module)
        division = (1, 1) if together > 1 else division_of_batch(module, batch_size)

        def program(*arguments: Any) -> tuple[TrainState, Array]:
            return train_epochs(graphdef, batch_size, division, *arguments)

        if division[0] > 1:
            program = on_cores(division[0], program, WHOLE, WHOLE)
        key = jax.eval_shape(lambda: jax.random.key(0))
        state = jax.eval_shape(lambda key: initial_state(module, key), key)
        shapes = (state, *_shapes(n, pixels), key)
        if together > 1:
            program = jax.vmap(program, in_axes=(0, 0, 0, 0, None))
            shapes = jax.tree.map(lambda s: s.update(shape=(together, *s.shape)), shapes)
        count = jax.ShapeDtypeStruct((), jnp.int32)
        return jax.jit(program, donate_argnums=0).lower(*shapes, count)

    return compiled(lower)


@cache
def compile_evaluation(module: ModuleType, n: int, pixels: int) -> Compiled:
    """The program that evaluates `module` on n images; compiled once a process for each shape."""

    def lower() -> jax.stages.Lowered:
        graphdef, params = _structure(module)
        size = images_at_once(module)
        cores = 1 if size is None else sharers(n)

        def program(*arguments: Any) -> Any:
            return evaluate_images(graphdef, size or EVALUATION_BATCH, *arguments)

        if cores > 1:
            program = on_cores(cores, program, (PART, PART, WHOLE), PART)
        return jax.jit(program).lower(*_shapes(n, pixels), params)

    return compiled(lower)


def initial_state(module: ModuleType, key: Array) -> TrainState:
    """Fresh weights drawn with `key`, and Adam's moments at zero."""
    _, params = nnx.split(module(nnx.Rngs(params=key)))
    return TrainState(params, keras_adam().init(params), jnp.zeros((), jnp.int32))


def layers(module: ModuleType) -> list[dict[str, Any]]:
    """Of each layer, in the module's order: `name`, `shapes` of its weights by name, `parameters`."""
    names: list[str] = []

    def make() -> nnx.Module:
        made = module(nnx.Rngs(0))
        names.extend(vars(made))  # in order; what eval_shape returns is sorted
        return made

    shaped, described = nnx.eval_shape(make), []
    for name in names:
        part = getattr(shaped, name, None)
        shapes = {
            jax.tree_util.keystr(path, simple=True, separator="."): list(leaf.shape)
            for path, leaf in jax.tree.leaves_with_path(
                nnx.to_pure_dict(nnx.state(part, nnx.Param)) if isinstance(part, nnx.Module) else ()
            )
        }
        if shapes:
            count = sum(math.prod(shape) for shape in shapes.values())
            described.append({"name": name, "shapes": shapes, "parameters": count})
    return described


def _structure(module: ModuleType) -> tuple[Any, Any]:
    """The module's static structure and the shapes of its weights, without drawing any."""
    return nnx.split(nnx.eval_shape(lambda: module(nnx.Rngs(0))))


def _shapes(n: int, pixels: int) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    return jax.ShapeDtypeStruct((n, pixels), jnp.uint8), jax.ShapeDtypeStruct((n,), jnp.int32)
