"""Random changes of training images that leave their class as it is."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.ndimage import map_coordinates


@dataclass(frozen=True)
class Augmentation:
    """An affine map of an image, resampled bilinearly, and noise; each is drawn uniformly, or normally.

    Pixels beyond the edge are the edge's. What is drawn is in the order of the image's directions: down,
    then to the right.
    """

    shift: float = 0.0
    """At most so much of the side, in each direction."""
    scale: float = 0.0
    """A factor of at most e to this power, or its inverse, in each direction."""
    rotation: float = 0.0
    """At most so many radians, either way."""
    shear: float = 0.0
    """To the right, at most so many pixels a pixel down."""
    noise: float = 0.0
    """Standard deviation of what is added to each pixel, of white; the result is cut off at 0 and 1."""

    def __call__(self, key: Array, image: Array) -> Array:
        """The image (height, width[, channels]), 0 to 1, changed as `key` says."""
        drawn = jax.random.uniform(key, (6,), minval=-1.0, maxval=1.0)
        height, width = image.shape[:2]
        angle, slant = self.rotation * drawn[0], self.shear * drawn[1]
        factors, offsets = jnp.exp(self.scale * drawn[2:4]), self.shift * drawn[4:6]
        cosine, sine = jnp.cos(angle), jnp.sin(angle)
        turned = jnp.array([[cosine, -sine], [sine, cosine]])
        matrix = turned @ jnp.array([[1.0, 0.0], [slant, 1.0]]) * factors
        centre = jnp.array([(height - 1) / 2, (width - 1) / 2])
        grid = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), axis=-1)
        places = (grid - centre) @ matrix.T + centre + offsets * jnp.array([height, width])
        planes = image.reshape(height, width, -1)
        moved = jax.vmap(
            lambda plane: map_coordinates(plane, [places[..., 0], places[..., 1]], 1, "nearest"), -1, -1
        )(planes)
        if self.noise:
            grain = jax.random.normal(jax.random.fold_in(key, 1), moved.shape)
            moved = jnp.clip(moved + self.noise * grain, 0.0, 1.0)
        return moved.reshape(image.shape)
