"""Which models there are: those of hexbench, and one's own from Python files."""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hexbench.errors import BadInput
from hexbench.files import nearest, reason, short
from hexbench.models import Entry, entries, entry_of
from hexbench.plan.cell import frozen, is_plain


def known_models(own: Sequence[str] = ()) -> Mapping[str, Entry]:
    """Hexbench's models and those that `own` names as FILE.py:NAME, by name.

    An own model is a scikit-learn classifier class, or a Flax module that hexbench trains. BadInput
    where there is none, or one of that name already.
    """
    models = {name: _with_plain_defaults(entry) for name, entry in entries().items()}
    for reference in own:
        entry = _own(reference)
        if entry.name in models:
            raise BadInput(f"--model {reference}: there is a model {entry.name!r} already.")
        models[entry.name] = entry
    return models


def _own(reference: str) -> Entry:
    file, colon, name = reference.rpartition(":")
    if not colon or not name.isidentifier() or not file.endswith(".py"):
        raise BadInput(f"--model {reference}: write FILE.py:NAME.")
    module = _imported(Path(file), reference)
    if not hasattr(module, name):
        classes = [n for n, value in vars(module).items() if isinstance(value, type)]
        raise BadInput(f"--model {reference}: {file} has no {name!r}{nearest(name, classes)}.")
    return _entry(getattr(module, name), name, reference)


def _entry(model: Any, name: str, reference: str) -> Entry:
    if isinstance(model, type):
        from flax import nnx

        if issubclass(model, nnx.Module):
            from hexbench.models.network import classifier_for

            try:
                model = classifier_for(model)
            except ValueError as error:
                raise BadInput(f"--model {reference}: {error}.") from None
        if all(callable(getattr(model, method, None)) for method in ("fit", "predict", "get_params")):
            try:
                return _with_plain_defaults(entry_of(model, name=name))
            except ValueError as error:
                raise BadInput(f"--model {reference}: {error}.") from None
    raise BadInput(
        f"--model {reference}: {name} is neither a scikit-learn classifier class nor a Flax module."
    )


def _with_plain_defaults(entry: Entry) -> Entry:
    """The entry with tuples for lists; ValueError for a default that no record can hold."""
    defaults = {name: frozen(value) for name, value in entry.defaults.items()}
    for name, value in defaults.items():
        if not is_plain(value):
            kind = type(value).__name__
            raise ValueError(
                f"the default of {name} is of type {kind}, not a finite number, a word or a list of those"
            )
    return replace(entry, defaults=defaults)


def _imported(file: Path, reference: str) -> ModuleType:
    if not file.is_file():
        raise BadInput(f"--model {reference}: there is no file {file}.")
    spec = importlib.util.spec_from_file_location(f"hexbench_own_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look a class's module up there
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        said = short(f"{type(error).__name__}: {reason(error)}")
        raise BadInput(f"--model {reference}: {file} cannot be imported: {said}.") from None
    return module
