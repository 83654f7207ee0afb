"""How libsvm's classes vote: from what each class's support vectors say to the class that wins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def count_votes(
    sums: Floats, intercept: Floats, classes: NDArray[Any], error: float, summands: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The winning class (n,) of each image, and whether rounding could change it (n,).

    `sums` (k, k - 1, n) is what the support vectors of each of the k classes, `summands` at most, add
    to its decisions against the others; `intercept` and the coefficients in the sums are as in
    scikit-learn's `SVC`. Each pair of classes votes, and the first of those with most votes wins, as
    in libsvm's `svm_predict_values`.

    A decision value may have another sign than libsvm's where it is nearer to zero than the errors,
    its own and libsvm's, of kernel values, `error` of themselves, and of their sums.
    """
    count = len(classes)
    sign = -1 if count == 2 else 1  # scikit-learn turns both round for two classes
    i, j = np.triu_indices(count, 1)
    for_i, for_j = sign * sums[i, j - 1], sign * sums[j, i]
    constant = sign * intercept[:, None]
    decision = for_i + for_j + constant
    size = np.abs(for_i) + np.abs(for_j) + np.abs(constant)
    doubt = 2 * (error + summands * np.finfo(np.float64).eps)
    unsure = np.any(np.abs(decision) <= doubt * size, axis=0)
    winner = np.where(decision > 0, i[:, None], j[:, None])
    votes = np.array([np.sum(winner == number, axis=0) for number in range(count)])
    return classes[votes.argmax(axis=0)], unsure
