"""A scikit-learn estimator as a file of skops, which loads types that are known alone: never a pickle."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from hexbench.files import said

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
    module = type(model).__module__
    if foreign := set(io.get_untrusted_types(file=folder / FILE)) - set(_trusted(folder, module)):
        raise ValueError(
            f"it holds {', '.join(sorted(foreign))}: skops loads only types of the libraries that it knows, "
            "and those defined in the model's own file"
        )
    try:
        load(folder, type(model))
    except Exception as error:  # whatever skops raises
        raise ValueError(f"it could not be loaded again ({said(error)})") from error


def load(folder: Path, model: type, own: bool = False) -> Any:
    """The estimator; `model` is its class, `own` says whether that is from a file of the user's.

    Raises whatever skops raises, for foreign types too.
    """
    from skops import io

    with _module_of(folder, model) if own else nullcontext(model.__module__) as module:
        return io.load(folder / FILE, trusted=_trusted(folder, module))


@contextmanager
def _module_of(folder: Path, model: type) -> Iterator[str]:
    """The name that the module of `model` had when it was saved; within, it has that name here too.

    A file of the user's is imported by its own name only where no other module has that, and may have been
    renamed.
    """
    with ZipFile(folder / FILE) as file:
        saved = json.loads(file.read("schema.json"))["__module__"]
    other = sys.modules.get(saved)
    sys.modules[saved] = sys.modules[model.__module__]
    try:
        yield saved
    finally:
        if other is None:
            del sys.modules[saved]
        else:
            sys.modules[saved] = other


def _trusted(folder: Path, module: str) -> list[str]:
    """Of the types in the file: KNOWN, and those that are defined in a module."""
    from skops import io

    found = io.get_untrusted_types(file=folder / FILE)
    return [name for name in found if name in KNOWN or name.startswith(f"{module}.")]
