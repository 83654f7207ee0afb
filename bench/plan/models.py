"""Which models there are: those of hexbench, one's own from Python files, and those of installed packages."""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from hexbench.errors import BadInput
from hexbench.files import nearest, said
from hexbench.models import Entry, entries, entry_of
from hexbench.own_code import Imported, imported, source_of
from hexbench.plan.cell import frozen, is_plain

GROUP = "hexbench.models"
"""The group of entry points under which packages offer models."""


class KnownModels(Mapping[str, Entry]):
    """Models by name. One of an installed package is imported when it is asked for, and only then.

    BadInput where that cannot be done.
    """

    def __init__(self, models: Mapping[str, Entry]):
        self._models = dict(models)

    def __getitem__(self, name: str) -> Entry:
        if name not in self._models:
            self._models[name] = _installed(name)
        return self._models[name]

    def __contains__(self, name: object) -> bool:
        return name in self._models or name in _offered()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._models, *_offered())))

    def __len__(self) -> int:
        return len(self._models.keys() | _offered().keys())


def known_models(own: Sequence[str] = ()) -> Mapping[str, Entry]:
    """Hexbench's models, those that `own` names, and those of installed packages.

    `own` has FILE.py:NAME or the name of a model that is known anyway. An own model is a scikit-learn
    classifier class, or a Flax module that hexbench trains. BadInput where there is none, or one of that
    name already.
    """
    models = {name: _with_plain_defaults(entry) for name, entry in entries().items()}
    asked = []
    for reference in own:
        if _is_name(reference):
            asked.append(reference)
            continue
        entry = _of_file(reference)
        if entry.name in models:
            raise BadInput(f"--model {reference}: there is a model {entry.name!r} already.")
        if entry.name in _offered():
            raise BadInput(
                f"--model {reference}: the package {_packages(entry.name)} has a model {entry.name!r} "
                "already: give yours another name."
            )
        models[entry.name] = entry
    known = KnownModels(models)
    for name in asked:
        if name not in known:
            near = nearest(name, known)
            raise BadInput(
                f"--model {name}: there is no model of this name{near}; one's own is FILE.py:NAME."
            )
        if name in entries() and name in _offered():
            raise BadInput(
                f"--model {name}: that is a model of hexbench, and one of the package {_packages(name)}, "
                "which needs another name there."
            )
        known[name]  # so that what is wrong with it is said now
    return known


def name_of(reference: str) -> str:
    """The model's name in what `--model` takes."""
    return reference.rpartition(":")[2]


def from_anywhere(reference: str) -> str:
    """What `--model` takes, so that it means the same in another folder."""
    file, colon, name = reference.rpartition(":")
    return f"{Path(file).absolute()}:{name}" if colon else reference


def _is_name(reference: str) -> bool:
    """Whether it can only be the name of a model, and no FILE.py:NAME."""
    return reference.replace("-", "_").isidentifier()


# --- From files ---


def _of_file(reference: str) -> Entry:
    file, colon, name = reference.rpartition(":")
    if not colon or not name.isidentifier() or not file.endswith(".py"):
        raise BadInput(f"--model {reference}: write FILE.py:NAME, or the name of an installed model.")
    if not Path(file).is_file():
        raise BadInput(f"--model {reference}: there is no file {file}.")
    try:
        found = _imported(Path(file).resolve())
    except BadInput as error:
        raise BadInput(f"--model {reference}: {file} {error}.") from None
    if not hasattr(found.module, name):
        classes = [n for n, value in vars(found.module).items() if isinstance(value, type)]
        raise BadInput(f"--model {reference}: {file} has no {name!r}{nearest(name, classes)}.")
    return _entry(getattr(found.module, name), name, f"--model {reference}", found.digest)


@cache
def _imported(file: Path) -> Imported:
    """A file of models is run once in a process."""
    return imported(file)


# --- From installed packages ---


@cache
def _offered() -> Mapping[str, Sequence[EntryPoint]]:
    """The models of installed packages by name, from what the packages say of themselves."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def _packages(name: str) -> str:
    """Which packages have a model of this name."""
    return " and ".join(sorted({point.dist.name if point.dist else "unknown" for point in _offered()[name]}))


@cache
def _installed(name: str) -> Entry:
    """KeyError where no package offers such a model; BadInput where it cannot be used."""
    points = _offered()[name]
    what = f"the model {name} of the package {_packages(name)}"
    if len({point.value for point in points}) > 1:
        raise BadInput(f"{what} is ambiguous: uninstall one of the packages.")
    if not _is_name(name):
        raise BadInput(f"{what} has a name of other characters than letters, digits, _ and -.")
    try:
        model = points[0].load()
        file = Path(sys.modules[points[0].module].__file__ or "").resolve()
        package = points[0].module.partition(".")[0]
        folder = file.parents[points[0].module.count(".") + (file.name == "__init__.py")]
        source = source_of(file, folder, package)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BadInput(f"{what} cannot be imported: {said(error)}.") from None
    return _entry(model, name, what, source.digest)


# --- Classes ---


def _entry(model: Any, name: str, what: str, source: str) -> Entry:
    if isinstance(model, type):
        from flax import nnx

        try:
            if issubclass(model, nnx.Module):
                from hexbench.models.network import classifier_for

                model = classifier_for(model)
            if all(callable(getattr(model, method, None)) for method in ("fit", "predict", "get_params")):
                _check(model)
                return replace(_with_plain_defaults(entry_of(model, name=name)), source=source)
        except ValueError as error:
            raise BadInput(f"{what}: {error}.") from None
    raise BadInput(f"{what}: {name} is neither a scikit-learn classifier class nor a Flax module.")


def _check(model: type) -> None:
    """ValueError where a class cannot be constructed from its hyperparameters alone, or has no label."""
    for parameter in inspect.signature(model).parameters.values():
        name, kind = parameter.name, parameter.kind
        if kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise ValueError(f"{model.__name__}.__init__ must name all of its arguments")
        if parameter.default is parameter.empty and kind != parameter.VAR_KEYWORD:
            raise ValueError(f"{model.__name__}.__init__ must give {name} a default")
    if not isinstance(getattr(model, "label", ""), str):
        raise ValueError(f"{model.__name__}.label is no text")


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
