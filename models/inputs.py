"""Images and labels as people give them to a classifier, in the form that models take."""

import warnings
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

WHITE = 255
"""The highest pixel of uint8."""


class Inputs(NamedTuple):
    """Checked images, or features."""

    flat: np.ndarray
    """(n, p), of the type that was given."""
    shape: tuple[int, ...]
    """(height, width[, channels]) of an image: squares where p is a square number; else (p,)."""


def checked(model: BaseEstimator, X: Any, *, fitting: bool = False) -> Inputs:
    """`X` (n, height, width[, channels]) or (n, p), which may be a table with named columns.

    While `fitting` the model keeps `n_features_in_` and `feature_names_in_`; otherwise X must agree with
    them. Raises ValueError or TypeError, in scikit-learn's words, for what is not finite numbers.
    """
    array = check_array(X, allow_nd=True, estimator=model)
    flat = array.reshape(len(array), -1)
    named = X if hasattr(X, "columns") else flat
    validate_data(model, named, reset=fitting, skip_check_array=True)
    shape = array.shape[1:]
    if len(shape) == 1:
        side = isqrt(shape[0])
        shape = (side, side) if side * side == shape[0] else shape
    return Inputs(flat, shape)


def scale_of(flat: np.ndarray) -> int:
    """What stands for 1: WHITE for bytes, else 1."""
    return WHITE if flat.dtype == np.uint8 else 1


def labels_of(model: BaseEstimator, y: Any) -> np.ndarray:
    """Labels (n,) of classes, numbers or text. Raises ValueError for what cannot be that."""
    if y is None:
        raise ValueError(f"{type(model).__name__} requires y to be passed, but the target y is None")
    labels = column_or_1d(y, warn=True)
    with warnings.catch_warnings():
        # Few images of many classes are no regression.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        check_classification_targets(labels)
    return labels


def places_of(labels: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """The place of each of `count` labels in `classes`, (n,); ValueError where that cannot be."""
    if len(labels) != count:
        raise ValueError(f"there are {count} images, but {len(labels)} labels")
    places = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    if (unknown := classes[places] != labels).any():
        raise ValueError(f"the label {labels[unknown][0]} is not among the classes")
    return places
