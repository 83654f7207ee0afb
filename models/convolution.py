"""The 3x3 convolution of the CNN, in the form that each kind of device runs fastest.

On a GPU or TPU that is XLA's own convolution. On a CPU XLA falls back to a slow routine inside a
loop body (jax issue 12868: 46 s an epoch where the same step outside a loop takes 2.6 s), and our
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
    few_channels = kernel.shape[2] == 1
    return jax.lax.platform_dependent(
        images,
        kernel,
        cpu=_product_of_patches if few_channels else _winograd_along_rows,
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
    The kernel stands with its filters first, so that its gradient is `errors.T @ factors`: up to
    three times faster than `factors.T @ errors`, the same product transposed.
    """
    rows, columns, channels, filters = kernel.shape
    assert columns == len(KERNEL[0]), "F(4, 3) is for kernels three columns wide"
    n, height, width, _ = images.shape
    out_height, out_width = height - rows + 1, width - columns + 1
    tiles = -(-out_width // TILE)
    images = jnp.pad(images, ((0, 0), (0, 0), (0, tiles * TILE - out_width), (0, 0)))
    pixels = [images[:, :, i : i + TILE * (tiles - 1) + 1 : TILE] for i in range(TILE + 2)]
    taps = [kernel[:, column].transpose(0, 2, 1) for column in range(columns)]
    products = []
    for to_product, to_kernel in zip(TO_PRODUCTS, KERNEL, strict=True):
        left = _combine(to_product, pixels).reshape(-1, channels)
        right = _combine(to_kernel, taps).reshape(rows * filters, channels)
        product = jnp.einsum("pc,fc->pf", left, right).reshape(n, height, tiles, rows, filters)
        shifted = [product[:, row : row + out_height, :, row] for row in range(rows)]
        products.append(_combine((1,) * rows, shifted))
    outputs = jnp.stack([_combine(row, products) for row in TO_OUTPUTS], axis=3)
    return outputs.reshape(n, out_height, tiles * TILE, filters)[:, :, :out_width]


def _combine(coefficients: Sequence[float], arrays: Sequence[Array]) -> Array:
    """The sum of the arrays, each times its coefficient; XLA fuses it into one pass."""
    terms = [c * a if c != 1 else a for c, a in zip(coefficients, arrays, strict=True) if c]
    return sum(terms[1:], start=terms[0])
