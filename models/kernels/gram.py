"""Kernel matrices of images whose values libsvm cannot tell from those that it computes itself.

Owns where a matrix product must agree with libsvm's loop over pairs of images. libsvm works with
kernel values rounded to 32 bits, and with those of the diagonal in all 64. A product of matrices sums
in another order and strays in the last bits, which rounding nearly always removes: the few values
that lie so near to a border between two numbers of 32 bits that it might not are computed again, one
by one as in `Kernel::kernel_rbf` and `kernel_poly` of libsvm's `svm.cpp`.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import ddot  # the one that scikit-learn's libsvm calls

Floats = NDArray[np.float64]

ROWS = 64
"""Of a matrix that are computed at once: a few, so that they stay in the cache."""


def inner_products(images: Floats) -> Floats:
    """The inner products (n, n) of images (n, pixels), on the diagonal exactly libsvm's."""
    products: Floats = images @ images.T
    np.fill_diagonal(products, [ddot(image, image) for image in images])
    return products


def fill(
    gram: Floats,
    images: Floats,
    products: Floats,
    kernel: str,
    gamma: float,
    threads: ThreadPoolExecutor,
) -> float:
    """Fill `gram` (n, n) with the values of a kernel, from the images' inner products (n, n).

    The kernel is rbf, exp(-gamma |x - y|^2), or poly, (gamma x.y)^3. Raises ValueError for another. Returns
    how far, as a part of itself, a value strays from libsvm's at most.
    """
    if not is_bounded(kernel, images):
        raise ValueError(f"no kernel matrix of these images for the kernel {kernel!r}")
    squares = products.diagonal().copy()
    astray = error(images, squares, kernel, gamma)

    def fill_rows(start: int) -> None:
        out = gram[start : start + ROWS]
        np.multiply(products[start : start + ROWS], gamma if kernel == "poly" else -2, out=out)
        if kernel == "rbf":
            out += squares[start : start + ROWS, None] + squares
            out *= -gamma
            np.exp(out, out=out)
        else:
            out *= out * out
        unsure = (out * (1 - astray)).astype(np.float32) != (out * (1 + astray)).astype(np.float32)
        for row, j in np.argwhere(unsure):
            i = start + row
            out[row, j] = value(kernel, gamma, squares[i], squares[j], ddot(images[i], images[j]))

    list(threads.map(fill_rows, range(0, len(gram), ROWS)))  # list: so that errors are raised
    return astray


def is_bounded(kernel: str, images: Floats) -> bool:
    """Whether `error` holds: for rbf, and for poly unless negative products may cancel out."""
    return kernel == "rbf" or (kernel == "poly" and float(images.min()) >= 0)


def error(images: Floats, squares: Floats, kernel: str, gamma: float) -> float:
    """A bound on the error of a kernel value, as a part of itself.

    Two sums of m products that are not negative differ by at most m rounding errors of 2^-52 of
    themselves (Higham, Accuracy and Stability of Numerical Algorithms, 3.1); the cube triples that,
    and the exponent of rbf holds twice a product, whose summands add up to no more than the larger
    square, whatever their signs. Four leaves room for the few other roundings.
    """
    summed = images.shape[1] * float(np.finfo(np.float64).eps)
    return 4 * summed * (max(1.0, gamma * float(squares.max())) if kernel == "rbf" else 1.0)


def value(kernel: str, gamma: float, square_x: float, square_y: float, product: float) -> float:
    """One kernel value, operation by operation as libsvm computes it."""
    if kernel == "rbf":
        return math.exp(-gamma * (square_x + square_y - 2 * product))
    base = gamma * product
    return base * (base * base)
