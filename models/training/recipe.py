"""How a network learns: its optimizer, and what is done to its images and labels while it is trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import optax
from hexbench.models.training.description import static
from jax import Array

Augment = Callable[[Array, Array], Array]
"""From a random key and pixels (height, width[, channels]) to others of that shape; hashable."""


@dataclass(frozen=True)
class Recipe:
    """Equal ones share their programs."""

    optimizer: Callable[..., optax.GradientTransformation]
    arguments: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Of the optimizer, by name."""
    augment: Augment | None = None
    """What is done to each training image, anew in each epoch."""
    smoothing: float = 0.0
    """Label smoothing: so much of each label is shared out among all classes (Szegedy et al. 2016)."""
    _key: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", static(dict(self.arguments)))

    def transformation(self) -> optax.GradientTransformation:
        """The optimizer."""
        return self.optimizer(**self.arguments)

    def losses(self, logits: Array, labels: Array) -> Array:
        """Softmax cross-entropy (b,) of logits (b, classes) and labels (b,)."""
        if not self.smoothing:
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        wanted = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), self.smoothing)
        return optax.softmax_cross_entropy(logits, wanted)
