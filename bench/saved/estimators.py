"""A scikit-learn estimator as a file of skops, which loads types that are known alone: never a pickle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

FILE = "model.skops"


def save(model: Any, folder: Path) -> None:
    """Write a fitted estimator; ValueError where it holds types that could not be loaded again."""
    from skops import io

    io.dump(model, folder / FILE)
    foreign = unknown(folder, type(model))
    if foreign:
        raise ValueError(f"it holds {', '.join(foreign)}, which skops does not know")


def load(folder: Path, model: type) -> Any:
    """The estimator; `model` is its class. Raises whatever skops raises, for foreign types too."""
    from skops import io

    return io.load(folder / FILE, trusted=_own(folder, model))


def unknown(folder: Path, model: type) -> Sequence[str]:
    """The types in the file that neither skops nor the file of the class `model` knows."""
    from skops import io

    own = _own(folder, model)
    return [name for name in io.get_untrusted_types(file=folder / FILE) if name not in own]


def _own(folder: Path, model: type) -> list[str]:
    """The types in the file that are defined where `model` is."""
    from skops import io

    found = io.get_untrusted_types(file=folder / FILE)
    return [name for name in found if name.startswith(f"{model.__module__}.")]
