"""Optimizers as optax gradient transformations."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array


class KerasAdamState(NamedTuple):
    """Steps taken, and the running first and second moments of the gradients."""

    step: Array
    mean: Any
    variance: Any


def keras_adam(
    learning_rate: float, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
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


def one_cycle_adamw(steps: int, peak: float, weight_decay: float) -> optax.GradientTransformation:
    """AdamW whose learning rate rises to `peak` in the first 30% of so many steps, then falls to 0.

    Smith and Topin (2018), as `optax.cosine_onecycle_schedule` has it. Biases and the scales of
    normalisations, which have one dimension, do not decay.
    """
    schedule = optax.cosine_onecycle_schedule(steps, peak)
    return optax.adamw(
        schedule, weight_decay=weight_decay, mask=lambda params: jax.tree.map(lambda p: p.ndim > 1, params)
    )
