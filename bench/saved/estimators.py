"""A scikit-learn estimator as a file of skops, which loads types that are known alone: never a pickle."""

from pathlib import Path
from typing import Any

FILE = "model.skops"
KNOWN = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)
"""Types of scikit-learn that hold numbers alone, which skops leaves to its users to trust."""


def save(model: Any, folder: Path) -> None:
    """Write a fitted estimator; ValueError where it holds types that could not be loaded again."""
    from skops import io

    io.dump(model, folder / FILE)
    trusted = _trusted(folder, type(model))
    if foreign := [name for name in io.get_untrusted_types(file=folder / FILE) if name not in trusted]:
        raise ValueError(f"it holds {', '.join(foreign)}, which skops does not know")


def load(folder: Path, model: type) -> Any:
    """The estimator; `model` is its class. Raises whatever skops raises, for foreign types too."""
    from skops import io

    return io.load(folder / FILE, trusted=_trusted(folder, model))


def _trusted(folder: Path, model: type) -> list[str]:
    """Of the types in the file: KNOWN, and those that are defined where `model` is."""
    from skops import io

    found = io.get_untrusted_types(file=folder / FILE)
    return [name for name in found if name in KNOWN or name.startswith(f"{model.__module__}.")]
