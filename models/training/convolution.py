"""Convolution in the form that each kind of device runs fastest.

On a GPU or TPU that is XLA's own convolution. On a CPU XLA falls back to a slow routine inside a
loop body (jax issue 12868: 46 s an epoch where the same step outside a loop takes 2.6 s), and the
training loop is one `lax.scan`. So there the convolution is written as matrix products.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array


def convolve(images: Array, kernel: Array) -> Array:
    """Unpadded cross-correlation with stride 1, as Keras's `Conv2D` computes it.

    images (n, height, width, channels), kernel (rows, columns, channels, filters), both float32;
    returns (n, height - rows + 1, width - columns + 1, filters).
    """
    _, columns, channels, _ = kernel.shape
    winograd = columns == len(KERNEL[0]) and channels >= MIN_CHANNELS
    return jax.lax.platform_dependent(
        images,
        kernel,
        cpu=_winograd_along_rows if winograd else _product_of_patches,
        default=_xla_convolution,
    )


def _xla_convolution(images: Array, kernel: Array) -> Array:
    return jax.lax.conv_general_dilated(
        images, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _product_of_patches(images: Array, kernel: Array) -> Array:
    """One product with every tap's pixels side by side: cheap to copy while channels are few."""
    rows, columns, channels, filters = kernel.shape
    n, height, width, _ = images.shape
    out_height, out_width = height - rows + 1, width - columns + 1
    patches = jnp.concatenate(
        [
            images[:, row : row + out_height, column : column + out_width]
            for row in range(rows)
            for column in range(columns)
        ],
        axis=-1,
    )
    product = patches.reshape(-1, rows * columns * channels) @ kernel.reshape(-1, filters)
    return product.reshape(n, out_height, out_width, filters)


# Winograd's minimal filtering F(4, 3): four outputs of a filter with three taps from six products
# instead of twelve. Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), 4.3.
TILE = 4
MIN_CHANNELS = 4
"""With fewer, copying every tap's pixels costs less than the transforms."""
TO_PRODUCTS = (  # six inputs to the six left factors
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL = (  # three taps to the six right factors
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
TO_OUTPUTS = (  # six products to the four outputs
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


def _winograd_along_rows(images: Array, kernel: Array) -> Array:
    """Winograd's filtering along each row of pixels, all kernel rows in one product.

    Half the multiplications of the plain sum, and half its copying: the six factors of a tile hold
    one and a half times the image's numbers, the shifted columns of a plain product three times.
    """
    rows, columns, _, filters = kernel.shape
    n, height, width, _ = images.shape
    out_height, out_width = height - rows + 1, width - columns + 1
    tiles = -(-out_width // TILE)
    images = jnp.pad(images, ((0, 0), (0, 0), (0, tiles * TILE - out_width), (0, 0)))
    pixels = [images[:, :, i : i + TILE * (tiles - 1) + 1 : TILE] for i in range(TILE + 2)]
    taps = [kernel[:, column].transpose(0, 2, 1) for column in range(columns)]
    products = [
        _convolve_columns(_combine(to_product, pixels), _combine(to_kernel, taps))
        for to_product, to_kernel in zip(TO_PRODUCTS, KERNEL, strict=True)
    ]
    outputs = jnp.stack([_combine(row, products) for row in TO_OUTPUTS], axis=3)
    return outputs.reshape(n, out_height, tiles * TILE, filters)[:, :, :out_width]


@jax.custom_vjp
def _convolve_columns(left: Array, right: Array) -> Array:
    """Unpadded cross-correlation down the columns alone, as one product for all kernel rows.

    left (n, height, tiles, channels), right (rows, filters, channels); returns
    (n, height - rows + 1, tiles, filters). The gradients are written out because the transpose that
    JAX derives pads and adds each kernel row's errors anew; here their rows are put side by side
    once, for both gradients. The filters stand first, so that the kernel's gradient is
    `errors.T @ left`: up to three times faster than `left.T @ errors`, the same transposed.
    """
    n, height, tiles, channels = left.shape
    rows, filters, _ = right.shape
    product = jnp.einsum("pc,fc->pf", left.reshape(-1, channels), right.reshape(-1, channels))
    product = product.reshape(n, height, tiles, rows, filters)
    shifted = [product[:, row : row + height - rows + 1, :, row] for row in range(rows)]
    return _combine((1,) * rows, shifted)


def _keep_factors(left: Array, right: Array) -> tuple[Array, tuple[Array, Array]]:
    return _convolve_columns(left, right), (left, right)


def _gradients_of_columns(factors: tuple[Array, Array], errors: Array) -> tuple[Array, Array]:
    left, right = factors
    height, (rows, filters, channels) = left.shape[1], right.shape
    errors = jnp.pad(errors, ((0, 0), (rows - 1, rows - 1), (0, 0), (0, 0)))
    shifted = [errors[:, rows - 1 - row : rows - 1 - row + height] for row in range(rows)]
    errors = jnp.concatenate(shifted, axis=-1).reshape(-1, rows * filters)
    of_left = errors @ right.reshape(-1, channels)
    of_right = jnp.einsum("pf,pc->fc", errors, left.reshape(-1, channels))
    return of_left.reshape(left.shape), of_right.reshape(right.shape)


_convolve_columns.defvjp(_keep_factors, _gradients_of_columns)


def _combine(coefficients: Sequence[float], arrays: Sequence[Array]) -> Array:
    """The sum of the arrays, each times its coefficient; XLA fuses it into one pass."""
    terms = [c * a if c != 1 else a for c, a in zip(coefficients, arrays, strict=True) if c]
    return sum(terms[1:], start=terms[0])
