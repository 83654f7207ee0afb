"""The 3x3 convolution of the CNN, in the form that each kind of device runs fastest.

On a GPU or TPU that is XLA's own convolution. On a CPU XLA falls back to a slow routine inside a
loop body (jax issue 12868: 46 s an epoch where the same step outside a loop takes 2.6 s), and our
training loop is one `lax.scan`. So there the convolution is written as matrix products.
"""

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
        cpu=_product_of_patches if few_channels else _products_of_shifted_columns,
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


def _products_of_shifted_columns(images: Array, kernel: Array) -> Array:
    """Copy only the column shifts, multiply by all kernel rows at once, add the shifted rows.

    Copying costs more than multiplying here: three copies instead of nine outweigh the
    out_height + rows - 1 product rows, of which rows - 1 are only partly used. The kernel stands
    with its filters first, so that its gradient is `errors.T @ columns`: up to three times faster
    than `columns.T @ errors`, the same product transposed.
    """
    rows, columns, channels, filters = kernel.shape
    n, height, width, _ = images.shape
    out_height, out_width = height - rows + 1, width - columns + 1
    shifted = jnp.concatenate(
        [images[:, :, column : column + out_width] for column in range(columns)], axis=-1
    )
    by_row = kernel.transpose(0, 3, 1, 2).reshape(rows * filters, columns * channels)
    products = jnp.einsum("pc,fc->pf", shifted.reshape(-1, columns * channels), by_row)
    products = products.reshape(n, height, out_width, rows, filters)
    return sum(
        (products[:, row : row + out_height, :, row] for row in range(1, rows)),
        start=products[:, :out_height, :, 0],
    )
