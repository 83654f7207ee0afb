"""The registry of models: every class in this folder with a class attribute `name` is one.

Names, labels and default hyperparameters are read from the source files, so that planning a run
imports neither JAX nor scikit-learn; `Entry.load` imports the class. The classes themselves are
attributes of this package: `from hexbench.models import NAME`.
"""

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NOT_HYPERPARAMETERS = ("self", "random_state", "n_jobs", "verbose")
"""Constructor arguments that are no part of what is measured."""


@dataclass(frozen=True)
class Entry:
    """What is known of a model without importing it: see `hexbench.models.base`."""

    name: str
    label: str
    defaults: Mapping[str, Any]
    """Hyperparameters with their default values, in the order of the constructor."""
    load: Callable[[], type] = field(compare=False)
    learning_curve: bool = False
    deterministic: bool = False
    searches: tuple[str, ...] = ()
    longer_contains_shorter: bool = False
    accelerated: bool = False
    takes_images: bool = False
    probabilities: bool = True
    may_be_number: tuple[str, ...] | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    stops_after: int | None = None
    checks_labels: bool = False
    source: str = ""
    """sha256 of the source of a model that is not hexbench's own."""


ATTRIBUTES = tuple(name for name in Entry.__dataclass_fields__ if name not in ("defaults", "load", "source"))


@cache
def entries() -> Mapping[str, Entry]:
    """The models in this folder, by name."""
    found = (entry for path in sorted(FOLDER.glob("*.py")) for entry in _entries_in(path))
    return {entry.name: entry for entry in found}


def entry_of(model: type, **attributes: Any) -> Entry:
    """The entry of a class that is not in this folder; `attributes` replace those it lacks."""
    known = {name: getattr(model, name) for name in ATTRIBUTES if hasattr(model, name)}
    known = {"name": model.__name__, "label": model.__name__} | known | attributes
    return Entry(defaults=_defaults_of(model), load=lambda: model, **known)


def __getattr__(name: str) -> Any:
    """The class of this name; importing it takes as long as JAX or scikit-learn does."""
    for path in sorted(FOLDER.glob("*.py")):
        if any(definition.name == name for definition in _classes(path)):
            return getattr(_module(path), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _entries_in(path: Path) -> Iterator[Entry]:
    for definition in _classes(path):
        if isinstance(_literals(definition).get("name"), str):
            attributes = _with_inherited(definition, path)
            known = {name: attributes[name] for name in ATTRIBUTES if name in attributes}
            load = _loader(path, definition.name)
            defaults = _literal_defaults(definition)
            yield Entry(defaults=_defaults_of(load()) if defaults is None else defaults, load=load, **known)


def _loader(path: Path, name: str) -> Callable[[], type]:
    return lambda: getattr(_module(path), name)


def _module(path: Path) -> Any:
    return importlib.import_module(f"{__name__}.{path.stem}")


@cache
def _body(path: Path) -> Sequence[ast.stmt]:
    return [] if path.name == "__init__.py" else ast.parse(path.read_text(encoding="utf-8")).body


def _classes(path: Path) -> tuple[ast.ClassDef, ...]:
    return tuple(node for node in _body(path) if isinstance(node, ast.ClassDef))


def _with_inherited(definition: ast.ClassDef, path: Path) -> dict[str, Any]:
    """The class attributes whose values are written out, those of base classes in this folder too."""
    found: dict[str, Any] = {}
    for base in reversed(definition.bases):
        name = base.id if isinstance(base, ast.Name) else ""
        for place in (path, *_imported_from(name, path)):
            same = (node for node in _classes(place) if node.name == name)
            found |= next((_with_inherited(node, place) for node in same), {})
    own = _literals(definition)
    return found | ({"label": own["name"]} if "name" in own else {}) | own


def _imported_from(name: str, path: Path) -> Iterator[Path]:
    """The file of this folder that another has a name from."""
    for node in _body(path):
        if not isinstance(node, ast.ImportFrom):
            continue
        module, names = node.module or "", [alias.asname or alias.name for alias in node.names]
        if module.startswith(f"{__name__}.") and name in names:
            yield FOLDER / f"{module.rpartition('.')[2]}.py"


def _literals(definition: ast.ClassDef) -> dict[str, Any]:
    """The class attributes whose values are written out."""
    found: dict[str, Any] = {}
    for node in definition.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) and node.value else targets
        for target in targets:
            if isinstance(target, ast.Name):
                value = _literal(node.value)  # type: ignore[attr-defined]
                found |= {} if value is _NONE else {target.id: value}
    return found


_NONE = object()


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return _NONE


def _literal_defaults(definition: ast.ClassDef) -> dict[str, Any] | None:
    """The defaults of the constructor's arguments; None unless all of them are written out here."""
    constructors = [n for n in definition.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    if not constructors:
        return None
    arguments = constructors[0].args
    positional = arguments.posonlyargs + arguments.args
    padding: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    pairs = [
        *zip(positional, padding + list(arguments.defaults), strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    values = {
        argument.arg: _NONE if default is None else _literal(default)
        for argument, default in pairs
        if argument.arg not in NOT_HYPERPARAMETERS
    }
    return None if _NONE in values.values() else values


def _defaults_of(model: type) -> dict[str, Any]:
    parameters = inspect.signature(model).parameters.values()
    return {
        p.name: p.default
        for p in parameters
        if p.name not in NOT_HYPERPARAMETERS and p.default is not inspect.Parameter.empty
    }
